//! Workers forked from an interpreter of ours that has loaded PySpark's worker and what it needs.
//!
//! A worker's socket is passed to the zygote, so there is no port and no secret. Workers are forked ahead, for no one in
//! particular; such a spare becomes a session's worker when it is handed out, by one frame on its own socket.

mod key;
mod message;
mod process;
mod spares;
mod talk;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use log::{debug, warn};

use super::Launcher;
use super::current::Current;
use crate::deadline::Deadline;
use crate::error::{Error, Step};
use crate::host::Host;
use crate::spec::FactorySpec;
use crate::worker::{Launched, Origin};
use key::{Binding, ZygoteKey};
pub use process::Zygote;
use spares::Spare;

/// How many zygotes may be spoiled or lost in one attempt to get a worker.
const ATTEMPTS: usize = 8;

/// The zygote for one key, replaced when it is spoiled or lost, and what its successors must not load.
struct Zygotes {
    key: ZygoteKey,
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    current: Current<Zygote>,
    left_out: Mutex<Vec<String>>,
}

impl Zygotes {
    /// Those for a key are shared by all factories that have it.
    fn shared(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>) -> Arc<Self> {
        static ALL: LazyLock<Mutex<HashMap<ZygoteKey, Weak<Zygotes>>>> =
            LazyLock::new(Mutex::default);
        let key = ZygoteKey::of(spec);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, zygotes| zygotes.strong_count() > 0);
        if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Self {
            key: key.clone(),
            spec: spec.clone(),
            host: host.clone(),
            current: Current::new(spec),
            left_out: Mutex::default(),
        });
        all.insert(key, Arc::downgrade(&new));
        new
    }

    fn zygote(&self, deadline: Deadline) -> Result<Arc<Zygote>, Error> {
        let start = || {
            let left_out = self.left_out().clone(); // the lock is not held while the process starts
            Zygote::start(&self.key, &self.spec, &self.host, &left_out, deadline)
        };
        self.current.get(deadline, start)
    }

    fn take_ready(&self, binding: &Binding) -> Option<Launched> {
        let zygote = self.current.serving()?;
        let spare = zygote.take_ready(binding)?;
        Some(launched(spare, zygote))
    }

    fn launch(&self, binding: &Binding, deadline: Deadline) -> Result<Launched, Error> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let zygote = self.zygote(deadline)?;
            match zygote.take(binding, deadline) {
                Ok(spare) => return Ok(launched(spare, zygote)),
                Err(error) if zygote.is_at_fault(&error) => {
                    debug!("The zygote is replaced: {error}");
                    self.left_out().extend(zygote.spoiled_by());
                    self.current.retire(&zygote);
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(Error::Eof { step: Step::Fork }))
    }

    fn left_out(&self) -> MutexGuard<'_, Vec<String>> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn launched(spare: Spare, zygote: Arc<Zygote>) -> Launched {
    let (socket, process) = spare.into_parts();
    let origin = Origin::Zygote(zygote);
    Launched {
        socket,
        process,
        origin,
    }
}

/// Has workers forked by a zygote, and by `fallback` where no zygote can be had.
pub struct ZygoteLauncher {
    binding: Binding,
    spec: Arc<FactorySpec>,
    zygotes: Mutex<Option<Arc<Zygotes>>>,
    fallback: Box<dyn Launcher>,
}

impl ZygoteLauncher {
    /// Starts nothing yet.
    pub fn new(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>, fallback: Box<dyn Launcher>) -> Self {
        Self {
            binding: Binding::of(spec),
            spec: spec.clone(),
            zygotes: Mutex::new(Some(Zygotes::shared(spec, host))),
            fallback,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Zygotes>>> {
        self.zygotes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher for ZygoteLauncher {
    fn take_ready(&self) -> Option<Launched> {
        let zygotes = self.lock().clone()?;
        self.spec.make_working_directory();
        zygotes.take_ready(&self.binding)
    }

    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        let Some(zygotes) = self.lock().clone() else {
            return self.fallback.launch(deadline);
        };
        self.spec.make_working_directory();
        match zygotes.launch(&self.binding, deadline) {
            Err(Error::Timeout {
                step: Step::Fork,
                limit,
            }) => {
                debug!("No worker was forked within {} ms", limit.as_millis());
                self.fallback.launch(deadline)
            }
            Err(Error::Unfit { reason }) => {
                let first = self.lock().take().is_some();
                if first {
                    warn!(
                        "Python workers are forked by Spark's daemon, not by the zygote: {reason}"
                    );
                }
                self.fallback.launch(deadline)
            }
            result => result,
        }
    }

    fn stop(&self) {
        let zygotes = self.lock().take();
        drop(zygotes);
        self.fallback.stop();
    }
}
