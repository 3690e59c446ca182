//! Idle workers that give way to better ones: forked before the zygote had loaded everything, they have imported the rest by
//! themselves, and share nothing of it.
//!
//! They are looked at a while after their task, a few at a time, for a look costs about a millisecond; one gives way at a time.

use std::sync::Arc;
use std::time::Duration;

use log::debug;

use super::worker::Worker;
use super::{Factory, State};
use crate::host::WorkerId;
use crate::launch::Standing;
use crate::metrics::Count;
use crate::os::supervisor::later;

/// From when a worker is given back until it is looked at, and between two looks.
pub const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// How many workers one look takes in.
const AT_A_LOOK: usize = 4;

impl Factory {
    /// Notes a worker that was just put into the pool for the next look, if it may have to give way.
    pub(super) fn note_poor(self: &Arc<Self>, worker: &Worker) {
        if self.launcher.is_poor(worker.origin(), worker.pid()) {
            let mut state = self.lock();
            state.poor.insert(worker.id());
            self.look_later(&mut state);
        }
    }

    fn look_later(self: &Arc<Self>, state: &mut State) {
        if state.looks_at_poor {
            return;
        }
        match later(self, LOOK_PAUSE, Self::look) {
            Ok(_) => state.looks_at_poor = true,
            Err(error) => debug!("Can't set the timer that replaces workers: {error}"),
        }
    }

    fn look(self: &Arc<Self>) {
        let mut one_gave_way = false;
        for worker in self.poor_and_idle() {
            match self.launcher.standing(worker.origin(), worker.pid()) {
                Standing::Good => {}
                Standing::Outdone if !one_gave_way => one_gave_way = self.give_way(worker.id()),
                Standing::Poor | Standing::Outdone => drop(self.lock().poor.insert(worker.id())),
            }
        }
        let mut state = self.lock();
        state.looks_at_poor = false;
        if !state.poor.is_empty() {
            self.look_later(&mut state);
        }
    }

    /// Takes the next few of those noted; who is at work is noted again after the task.
    fn poor_and_idle(&self) -> Vec<Arc<Worker>> {
        let state = &mut *self.lock();
        let idle = state.pool.iter().map(|idle| &idle.worker);
        let poor = idle.filter(|worker| state.poor.contains(&worker.id()));
        let looked_at: Vec<_> = poor.take(AT_A_LOOK).cloned().collect();
        if looked_at.len() < AT_A_LOOK {
            state.poor.clear();
        }
        for worker in &looked_at {
            state.poor.remove(&worker.id());
        }
        looked_at
    }

    /// Unless it was handed out meanwhile.
    fn give_way(self: &Arc<Self>, id: WorkerId) -> bool {
        let idle = self.lock().pool.remove(id);
        if let Some(idle) = &idle {
            let why = "it had to import by itself what others have loaded ahead";
            self.replace(&idle.worker, why, Count::EndedOutdone);
        }
        idle.is_some()
    }
}
