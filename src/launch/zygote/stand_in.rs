//! Spark's daemon in the place of a zygote that has no time: it goes when nobody needs it any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::debug;

use crate::error::Error;
use crate::launch::{Launched, Launcher};
use crate::os::deadline::Deadline;
use crate::os::supervisor::later;

/// Spark's daemon, used while no zygote serves.
pub(super) struct StandIn {
    /// What starts the daemon, and has it fork workers.
    pub(super) daemon: Box<dyn Launcher>,
    idle_timeout: Duration,
    /// Since when nobody has asked it for a worker; `None` while there is no daemon.
    last_use: Mutex<Option<Instant>>,
}

impl StandIn {
    pub(super) fn new(daemon: Box<dyn Launcher>, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            daemon,
            idle_timeout,
            last_use: Mutex::default(),
        })
    }

    /// A worker, for this once.
    pub(super) fn launch(self: &Arc<Self>, deadline: Deadline) -> Result<Launched, Error> {
        let result = self.daemon.launch(deadline);
        let before = self.lock().replace(Instant::now());
        if before.is_none() {
            self.rest_later(self.idle_timeout);
        }
        result
    }

    /// The daemon ends with its last worker.
    pub(super) fn rest(&self) {
        if self.lock().take().is_some() {
            self.daemon.rest();
        }
    }

    fn rest_later(self: &Arc<Self>, delay: Duration) {
        let timed = later(self, delay, |stand_in| {
            let last_use = *stand_in.lock();
            let Some(last_use) = last_use else { return };
            match stand_in.idle_timeout.checked_sub(last_use.elapsed()) {
                Some(left) => stand_in.rest_later(left),
                None => stand_in.rest(),
            }
        });
        if let Err(error) = timed {
            debug!("The daemon in the zygote's place stays: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
