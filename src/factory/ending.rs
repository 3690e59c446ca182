//! How workers leave their factory: ended by it, at Spark's wish or its own, or found to have ended by themselves.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};
use std::time::Instant;

use log::{debug, info, warn};
use nix::sys::signal::Signal;

use super::departed::record_death;
use super::pool::Idle;
use super::worker::Worker;
use super::{Factory, State};
use crate::host::WorkerId;
use crate::metrics::Count;
use crate::os::deadline::Deadline;
use crate::os::process::Process;
use crate::os::supervisor::{Next, Observer, cancel, later, supervisor};
use crate::process::death::{Cause, TOLD_WITHIN};

impl Factory {
    /// Kills a worker. Does nothing if it is gone.
    pub fn stop_worker(&self, id: WorkerId) {
        if let Some(worker) = self.take_out(id) {
            debug!(
                "Killing {worker}, {} ms old",
                worker.born().elapsed().as_millis()
            );
            Count::EndedKilled.increment();
            worker
                .death()
                .settle(Cause::Ended("was ended because Spark asked for it"));
            if self.spec.use_daemon {
                worker.kill()
            } else {
                worker.terminate()
            };
        }
    }

    /// Asks a worker to end (`SIGTERM`); false where it has already.
    pub fn terminate_worker(&self, id: WorkerId) -> bool {
        let worker = self.lock().workers.get(&id).cloned();
        worker.is_some_and(|worker| {
            let death = worker.death();
            death.settle(Cause::Ended(
                "was asked to end (SIGTERM), as Spark wanted it",
            ));
            worker.terminate()
        })
    }

    /// How a worker whose connection has ended has ended itself, in a sentence; `None` where Spark has wanted it, or where
    /// nobody knows, which takes a second to find out.
    pub fn why_ended(&self, id: WorkerId) -> Option<String> {
        let state = self.lock();
        let (pid, death) = match state.workers.get(&id) {
            Some(worker) => (worker.pid(), worker.death().clone()),
            None => state.departed.find(id)?,
        };
        drop(state);
        let account = death.wait(Deadline::after(TOLD_WITHIN))?;
        (!account.ours).then(|| format!("Python worker {id} (pid {pid}) {account}"))
    }

    /// Ends a worker between two tasks; the next task gets a new one.
    pub(super) fn replace(self: &Arc<Self>, worker: &Worker, why: &str, count: Count) {
        info!("Replacing {worker}: {why}");
        count.increment();
        worker
            .death()
            .settle(Cause::Ended("was replaced between two tasks"));
        self.close_connection(worker);
        self.host.close(worker.id());
    }

    /// Ends all workers and whatever forks them. May be called twice; afterwards `create` fails.
    pub fn stop(self: &Arc<Self>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.stopped, true) {
            return;
        }
        let idle = state.pool.drain();
        let workers: Vec<_> = state.workers.values().cloned().collect();
        let reaper = state.reaper.take();
        let leaving = std::mem::take(&mut state.leaving);
        drop(state);
        self.breaker.reset(); // who waits is to hear of this
        cancel(reaper);
        leaving.into_values().map(Some).for_each(cancel);
        debug!(
            "Stopping the factory for {}: {} workers, {} of them idle",
            self.spec.python_exec,
            workers.len(),
            idle.len()
        );
        for pooled in idle {
            self.discard(&pooled, "the factory stops");
        }
        self.launcher.stop();
        for worker in &workers {
            worker
                .death()
                .settle(Cause::Ended("was ended with its factory"));
            worker.dismiss();
        }
        self.kill_later(&workers);
    }

    /// Kills the workers that still run when the time to end by themselves is over. Holds nothing but their processes: what they
    /// come from ends with them.
    fn kill_later(&self, workers: &[Arc<Worker>]) {
        let processes: Vec<_> = workers.iter().map(|w| w.process().clone()).collect();
        if processes.is_empty() {
            return;
        }
        let kill = move || {
            for process in processes.iter().filter(|p| p.signal(Signal::SIGKILL)) {
                debug!(
                    "Killed worker process {}, which outlived its factory",
                    process.pid()
                );
            }
        };
        let _ = supervisor().and_then(|s| s.after(self.spec.settings.stop_timeout, kill));
    }

    pub(super) fn watch_exit(self: &Arc<Self>, worker: &Worker) -> io::Result<()> {
        supervisor()?.watch(Arc::new(WorkerExit {
            process: worker.process().clone(),
            id: worker.id(),
            factory: Arc::downgrade(self),
        }))
    }

    /// A worker's process has ended.
    fn forget(&self, id: WorkerId) {
        let Some(worker) = self.take_out(id) else {
            return;
        };
        debug!(
            "Ended: {worker}, {} ms old",
            worker.born().elapsed().as_millis()
        );
        record_death(&worker, self.spec.session());
    }

    /// Takes a worker out of the books, and out of the pool if it is idle.
    fn take_out(&self, id: WorkerId) -> Option<Arc<Worker>> {
        let mut state = self.lock();
        let pooled = state.pool.remove(id);
        let worker = state.workers.remove(&id);
        let timer = state.leaving.remove(&id);
        if let Some(worker) = &worker {
            state.departed.add(worker);
        }
        state.last_use = Instant::now();
        drop(state);
        cancel(timer);
        if pooled.is_some() {
            self.host.close(id);
        }
        worker
    }

    /// Ends a worker that has left the pool: it exits when its socket ends.
    pub(super) fn discard(self: &Arc<Self>, idle: &Idle<Arc<Worker>>, why: &str) {
        debug!(
            "Ending {} after {} ms idle ({why})",
            idle.worker,
            idle.since.elapsed().as_millis()
        );
        self.close_connection(&idle.worker);
        self.host.close(idle.id);
    }

    /// Ends the connection of a worker that nobody needs any more. It exits when it sees that; one that is too busy to see it is
    /// killed after a while.
    pub(super) fn close_connection(self: &Arc<Self>, worker: &Worker) {
        worker.disconnect();
        let id = worker.id();
        let mut state = self.lock();
        let gone = state.stopped || !state.workers.contains_key(&id);
        if gone || state.leaving.contains_key(&id) {
            return;
        }
        let timeout = self.spec.settings.close_timeout;
        match later(self, timeout, move |factory| factory.kill_lingering(id)) {
            Ok(timer) => drop(state.leaving.insert(id, timer)),
            Err(error) => warn!(
                "Can't set the timer that kills {worker} if it ignores the end of its connection: {error}"
            ),
        }
    }

    fn kill_lingering(&self, id: WorkerId) {
        let Some(worker) = self.take_out(id) else {
            return;
        };
        warn!(
            "Killing {worker}: it still runs {} s after its connection was closed",
            self.spec.settings.close_timeout.as_secs_f64()
        );
        Count::EndedLingering.increment();
        worker.death().settle(Cause::Ended(
            "was killed because it went on after its connection was closed",
        ));
        worker.kill();
    }

    /// Sees to it that the next worker to expire is looked at in time.
    pub(super) fn arm_reaper(self: &Arc<Self>, state: &mut State) {
        let Some(expiry) = state.pool.next_expiry().filter(|_| state.reaper.is_none()) else {
            return;
        };
        let delay = expiry.saturating_duration_since(Instant::now());
        match later(self, delay, Self::reap) {
            Ok(timer) => state.reaper = Some(timer),
            Err(error) => warn!("Can't set the timer that ends idle Python workers: {error}"),
        }
    }

    fn reap(self: &Arc<Self>) {
        let mut state = self.lock();
        state.reaper = None;
        let expired = state.pool.take_expired(Instant::now());
        self.arm_reaper(&mut state);
        drop(state);
        for idle in expired {
            Count::EndedIdle.increment();
            self.discard(&idle, "idle for too long");
        }
    }
}

/// Takes a worker out of the books when its process ends, however it does.
struct WorkerExit {
    process: Process,
    id: WorkerId,
    factory: Weak<Factory>,
}

impl Observer for WorkerExit {
    fn fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    fn ready(&self) -> Next {
        if let Some(factory) = self.factory.upgrade() {
            factory.forget(self.id);
        }
        Next::Remove
    }
}
