//! Workers forked from an interpreter of ours that has loaded PySpark's worker and what it needs.
//!
//! A worker's socket is passed to the zygote, so there is no port and no secret. Workers are forked ahead, for no one in
//! particular; such a spare becomes a session's worker when it is handed out, by one frame on its own socket.

mod key;
mod message;
mod process;
mod spares;
mod stand_in;
mod state;
mod talk;
mod zygotes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::debug;
use serde_json::{Value, json};

use super::Launcher;
use crate::deadline::Deadline;
use crate::error::{Error, Step};
use crate::host::Host;
use crate::spec::{FactorySpec, SINGLE_THREADED, SparkVersion};
use crate::worker::Launched;
use key::Binding;
pub use process::Zygote;
use stand_in::StandIn;
use zygotes::Zygotes;
pub use zygotes::cool;
pub(crate) use zygotes::reports;

/// Starts the zygote that the factories of `spec` will use, in the background, if they may use one.
pub fn prewarm(spec: FactorySpec, host: &Arc<dyn Host>) {
    if spec.use_daemon && spec.may_use_zygote() {
        Zygotes::shared(&Arc::new(spec), host).warm();
    }
}

/// What zygotes of this Spark load by default, and the environment that they load it under; for tools that look at a machine.
pub fn loaded_ahead(spark: &str) -> Value {
    let spark = SparkVersion::parse(spark);
    let environment = key::ALLOCATOR_VARIABLES.into_iter();
    let environment: HashMap<_, _> = environment.chain([SINGLE_THREADED]).collect();
    json!({
        "modules": spark.map(SparkVersion::loaded_ahead).unwrap_or_default(),
        "environment": environment,
    })
}

/// Has workers forked by a zygote, and by Spark's daemon where no zygote can be had.
pub struct ZygoteLauncher {
    binding: Binding,
    zygotes: Mutex<Option<Arc<Zygotes>>>,
    stand_in: Arc<StandIn>,
}

impl ZygoteLauncher {
    /// Starts nothing yet.
    pub fn new(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>, daemon: Box<dyn Launcher>) -> Self {
        Self {
            binding: Binding::of(spec, host),
            zygotes: Mutex::new(Some(Zygotes::shared(spec, host))),
            stand_in: StandIn::new(daemon, spec.settings.zygote_idle_timeout),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Zygotes>>> {
        self.zygotes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for ZygoteLauncher {
    fn take_ready(&self) -> Option<Launched> {
        let zygotes = self.lock().clone()?;
        zygotes.take_ready(&self.binding)
    }

    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        let Some(zygotes) = self.lock().clone() else {
            return self.stand_in.daemon.launch(deadline);
        };
        match zygotes.launch(&self.binding, deadline) {
            Err(
                late @ Error::Timeout {
                    step: Step::Fork | Step::Daemon,
                    ..
                },
            ) => {
                debug!("Spark's daemon forks a worker: {late}");
                self.stand_in.launch(deadline)
            }
            Err(Error::Unfit { .. }) => {
                drop(self.lock().take());
                self.stand_in.daemon.launch(deadline)
            }
            result => {
                if result.is_ok() {
                    self.stand_in.rest();
                }
                result
            }
        }
    }

    fn spares(&self) -> usize {
        self.stand_in.daemon.spares()
    }

    fn stop(&self) {
        let zygotes = self.lock().take();
        drop(zygotes);
        self.stand_in.daemon.stop();
    }
}
