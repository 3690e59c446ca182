//! The factories by the numbers that Java knows them by. A stale number finds nothing, and harms nobody.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::Error;
use crate::factory::Factory;
use crate::host::Host;
use crate::jvm::events::JavaHost;
use crate::launch::zygote;
use crate::os::lock::locked;
use crate::process::terminate_all;
use crate::spec::FactorySpec;

static FACTORIES: Mutex<BTreeMap<i64, Arc<Factory>>> = Mutex::new(BTreeMap::new());

/// Makes a factory and gives its number.
pub fn open(spec: FactorySpec) -> i64 {
    static LAST_ID: AtomicI64 = AtomicI64::new(0);
    let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
    let factory = Factory::new(spec, Arc::new(JavaHost { factory: id }));
    factories().insert(id, factory);
    id
}

/// Starts the zygote that factories like this one will use; see [`zygote::prewarm`]. What it writes belongs to none of them.
pub fn prewarm(spec: FactorySpec, when_idle: bool) {
    const NONE: i64 = 0;
    let host: Arc<dyn Host> = Arc::new(JavaHost { factory: NONE });
    zygote::prewarm(spec, &host, when_idle);
}

/// The factory with this number; [`Error::NoFactory`] where it was stopped or never was.
pub fn find(id: i64) -> Result<Arc<Factory>, Error> {
    factories().get(&id).cloned().ok_or(Error::NoFactory(id))
}

/// All factories.
pub fn all() -> Vec<Arc<Factory>> {
    factories().values().cloned().collect()
}

/// Stops a factory and forgets its number. With the last one end all processes, also those that are still starting: the JVM
/// may end next, and would leave them behind. Not while something is started ahead of the first task: then there are more
/// factories to come.
pub fn stop(id: i64) {
    let mut factories = factories();
    let factory = factories.remove(&id);
    let was_last = factories.is_empty();
    drop(factories);
    if let Some(factory) = factory {
        factory.stop();
        if was_last && !zygote::is_prewarmed() {
            terminate_all();
        }
    }
}

fn factories() -> MutexGuard<'static, BTreeMap<i64, Arc<Factory>>> {
    locked(&FACTORIES)
}
