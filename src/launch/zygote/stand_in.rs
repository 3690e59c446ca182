//! Spark's daemon in the place of a zygote that has no time: it goes when nobody needs it any more.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::launch::{Launched, Launcher};
use crate::os::deadline::Deadline;
use crate::os::idle_timer::{EndsWhenIdle, IdleTimer};
use crate::os::lock::locked;

/// Spark's daemon, used while no zygote serves.
pub(super) struct StandIn {
    /// What starts the daemon, and has it fork workers.
    pub(super) daemon: Box<dyn Launcher>,
    idle_timer: IdleTimer,
    /// Since when nobody has asked it for a worker; `None` while there is no daemon.
    last_use: Mutex<Option<Instant>>,
}

impl StandIn {
    pub(super) fn new(daemon: Box<dyn Launcher>, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            daemon,
            idle_timer: IdleTimer::new(idle_timeout),
            last_use: Mutex::default(),
        })
    }

    /// A worker, for this once.
    pub(super) fn launch(self: &Arc<Self>, deadline: Deadline) -> Result<Launched, Error> {
        let result = self.daemon.launch(deadline);
        *self.lock() = Some(Instant::now());
        IdleTimer::arm(self);
        result
    }

    /// The daemon ends with its last worker.
    pub(super) fn rest(&self) {
        if self.lock().take().is_some() {
            self.daemon.rest();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        locked(&self.last_use)
    }
}

impl EndsWhenIdle for StandIn {
    const NAME: &'static str = "Spark's daemon";

    fn idle_timer(&self) -> &IdleTimer {
        &self.idle_timer
    }

    fn idle_for(&self) -> Option<Duration> {
        let last_use = *self.lock();
        last_use.map(|at| at.elapsed())
    }

    fn end_idle(&self) {
        self.rest();
    }
}
