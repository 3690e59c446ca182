//! Workers launched ahead, for the ways that have no zygote: connected and authenticated before a task asks.
//!
//! As many are kept ready as were handed out lately, so that one task does not start an interpreter for every slot.
//!
//! With a daemon module of the user's, with `zygote.enabled=false`, and without a daemon, `ahead.rs` launches workers by the
//! same launchers, connected and authenticated, on a thread of its own. An interpreter for each slot would be much for one
//! task, so it keeps as many ready as were handed out in the last five seconds, up to `spares`; and one where workers stay
//! for the next task.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::Launcher;
use crate::error::Error;
use crate::launch::Launched;
use crate::os::deadline::Deadline;
use crate::os::idle_timer::{EndsWhenIdle, IdleTimer};
use crate::os::lock::locked;
use crate::spec::FactorySpec;

/// Hand-outs of this time are the demand.
const LATELY: Duration = Duration::from_secs(5);

/// Launches workers by another launcher, some of them ahead.
pub struct AheadLauncher(Arc<Ahead>);

struct Ahead {
    inner: Box<dyn Launcher>,
    most: usize,
    idle_timer: IdleTimer,
    start_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Launched>,
    /// When the last workers were handed out, at most `most` of them.
    handouts: VecDeque<Instant>,
    launching: bool,
    stopped: bool,
}

impl State {
    fn note_handout(&mut self, most: usize) {
        self.handouts.push_back(Instant::now());
        while self.handouts.len() > most {
            self.handouts.pop_front();
        }
    }

    fn demand(&self) -> usize {
        let lately = |handout: &&Instant| handout.elapsed() < LATELY;
        self.handouts.iter().filter(lately).count()
    }
}

impl AheadLauncher {
    /// Starts nothing yet. `spares` of the settings is the bound; a worker that stays for the next task needs one successor only.
    pub fn new(spec: &FactorySpec, inner: Box<dyn Launcher>) -> Self {
        let spares = spec.settings.spares;
        let most = if spec.reuses_workers() {
            spares.min(1)
        } else {
            spares
        };
        Self(Arc::new(Ahead {
            inner,
            most,
            idle_timer: IdleTimer::new(spec.settings.idle_timeout),
            start_timeout: spec.settings.start_timeout,
            state: Mutex::default(),
        }))
    }
}

impl Launcher for AheadLauncher {
    fn take_ready(&self) -> Option<Launched> {
        let ready = self.0.take()?;
        self.0.refill_later();
        Some(ready)
    }

    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        let launched = self.0.inner.launch(deadline)?;
        self.0.refill_later();
        Ok(launched)
    }

    fn spares(&self) -> usize {
        self.0.lock().ready.len()
    }

    fn stop(&self) {
        let mut state = self.0.lock();
        state.stopped = true;
        let unused = std::mem::take(&mut state.ready);
        drop(state);
        drop(unused);
        self.0.idle_timer.stop();
        self.0.inner.stop();
    }
}

impl Ahead {
    fn take(&self) -> Option<Launched> {
        loop {
            let ready = self.lock().ready.pop_front()?;
            if ready.is_quiet() {
                return Some(ready);
            }
            debug!("Spare worker (pid {}) has ended", ready.process.pid());
        }
    }

    fn refill_later(self: &Arc<Self>) {
        let mut state = self.lock();
        state.note_handout(self.most);
        if self.most == 0 || std::mem::replace(&mut state.launching, true) {
            return;
        }
        drop(state);
        let ahead = self.clone();
        let launching = thread::Builder::new()
            .name("npw-ahead".to_owned())
            .spawn(move || ahead.refill());
        if let Err(error) = launching {
            warn!("Can't launch workers ahead: {error}");
            self.lock().launching = false;
        }
    }

    /// Runs on a thread of its own, until enough workers are ready.
    fn refill(self: &Arc<Self>) {
        while self.is_short() {
            match self.inner.launch(Deadline::after(self.start_timeout)) {
                Ok(launched) => self.put(launched),
                Err(error) => {
                    // The next task sees for itself.
                    debug!("Failed to launch a worker ahead: {error}");
                    self.lock().launching = false;
                    break;
                }
            }
        }
        IdleTimer::arm(self);
    }

    /// Whether another worker is to be launched; where not, the launching is over.
    fn is_short(&self) -> bool {
        let mut state = self.lock();
        state.launching = !state.stopped && state.ready.len() < state.demand();
        state.launching
    }

    fn put(&self, launched: Launched) {
        debug!("Worker (pid {}) was launched ahead", launched.process.pid());
        let mut state = self.lock();
        if state.stopped {
            drop(state);
            drop(launched); // it may do anything, so not under the lock
        } else {
            state.ready.push_back(launched);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// Spares that nobody has wanted for the idle time go away.
impl EndsWhenIdle for Ahead {
    const NAME: &'static str = "spare workers";

    fn idle_timer(&self) -> &IdleTimer {
        &self.idle_timer
    }

    fn idle_for(&self) -> Option<Duration> {
        let state = self.lock();
        let last = state.handouts.back().filter(|_| !state.ready.is_empty());
        last.map(Instant::elapsed)
    }

    fn end_idle(&self) {
        let unused = std::mem::take(&mut self.lock().ready);
        debug!("Ending {} spare workers that nobody wants", unused.len());
    }
}
