//! Idle workers that give way to better ones: forked before the zygote had loaded everything, they have imported the rest by
//! themselves, and share nothing of it.

use std::sync::Arc;
use std::time::Duration;

use log::debug;

use super::Factory;
use super::worker::Worker;
use crate::host::WorkerId;
use crate::launch::Standing;
use crate::metrics::Count;
use crate::os::supervisor::later;

/// Until idle workers are looked at again that nobody is ready to replace.
const PAUSE: Duration = Duration::from_millis(100);

impl Factory {
    /// Has a worker that was just put into the pool give way, now or when there is a better one.
    pub(super) fn look_at_standing(self: &Arc<Self>, worker: &Worker) {
        match self.launcher.standing(worker.origin(), worker.pid()) {
            Standing::Good => {}
            Standing::Poor => self.look_again_later(),
            Standing::Outdone => self.give_way(worker.id()),
        }
    }

    fn look_again_later(self: &Arc<Self>) {
        if std::mem::replace(&mut self.lock().looks_at_poor, true) {
            return;
        }
        if let Err(error) = later(self, PAUSE, Self::look_at_idle) {
            debug!("Can't set the timer that replaces workers: {error}");
            self.lock().looks_at_poor = false;
        }
    }

    fn look_at_idle(self: &Arc<Self>) {
        let mut state = self.lock();
        state.looks_at_poor = false;
        let idle: Vec<_> = state.pool.iter().map(|idle| idle.worker.clone()).collect();
        drop(state);
        for worker in idle {
            self.look_at_standing(&worker);
        }
    }

    /// Unless it was handed out meanwhile.
    fn give_way(self: &Arc<Self>, id: WorkerId) {
        let idle = self.lock().pool.remove(id);
        if let Some(idle) = idle {
            let why = "it had to import by itself what others have loaded ahead";
            self.replace(&idle.worker, why, Count::EndedOutdone);
        }
    }
}
