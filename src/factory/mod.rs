//! Spark's operations on one factory: create, release, stop a worker, stop all. The whole policy is here and in the pool.

mod breaker;
mod departed;
mod ending;
pub mod outdone;
mod pool;
pub mod worker;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use log::{debug, trace, warn};
use serde::Serialize;

use crate::error::{Error, Step};
use crate::host::{Host, WorkerId};
use crate::launch::ahead::AheadLauncher;
use crate::launch::daemon::DaemonLauncher;
use crate::launch::simple::SimpleLauncher;
use crate::launch::zygote::ZygoteLauncher;
use crate::launch::{Launched, Launcher};
use crate::metrics::{Count, Waiting};
use crate::os::deadline::Deadline;
use crate::os::family::Family;
use crate::os::lock::locked;
use crate::os::oom;
use crate::os::supervisor::TimerId;
use crate::spec::FactorySpec;
use breaker::Breaker;
use departed::Departed;
pub(crate) use departed::{DeathReport, last_deaths};
use pool::Pool;
use worker::{Worker, WorkerReport};

/// A session and its workers, as they are reported.
#[derive(Debug, Serialize)]
pub(crate) struct SessionReport {
    session: String,
    python: String,
    /// Its workers.
    pub(crate) workers: Vec<WorkerReport>,
}

/// What `create` gives.
#[derive(Debug)]
pub struct Handout {
    /// The new worker.
    pub worker: Arc<Worker>,
    /// Its connected, blocking socket.
    pub socket: OwnedFd,
}

/// What `take` gives.
#[derive(Debug)]
pub enum Taken {
    /// An idle worker, whose socket the caller has already.
    Idle(Arc<Worker>),
    /// A new worker that was made ready ahead.
    Ready(Handout),
}

/// The way this factory's workers come to be.
fn launcher(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>) -> Box<dyn Launcher> {
    if !spec.use_daemon {
        let module = spec.worker_module.clone();
        let simple = SimpleLauncher::new(spec.clone(), host.clone(), module);
        return Box::new(AheadLauncher::new(spec, Box::new(simple)));
    }
    let daemon = Box::new(DaemonLauncher::new(spec.clone(), host.clone()));
    if spec.may_use_zygote() {
        return Box::new(ZygoteLauncher::new(spec, host, daemon));
    }
    Box::new(AheadLauncher::new(spec, daemon))
}

struct State {
    workers: BTreeMap<WorkerId, Arc<Worker>>,
    pool: Pool<Arc<Worker>>,
    departed: Departed,
    reaper: Option<TimerId>,
    /// Those whose connection has ended, and when they are killed if they do not end, too.
    leaving: HashMap<WorkerId, TimerId>,
    /// Workers that may have to give way to better ones; see `outdone`.
    poor: HashSet<WorkerId>,
    /// Whether the timer that looks at these is set.
    looks_at_poor: bool,
    /// When the factory was last asked for a worker, or lost one.
    last_use: Instant,
    stopped: bool,
}

/// A factory: workers of one interpreter, modules and environment.
pub struct Factory {
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    launcher: Box<dyn Launcher>,
    breaker: Breaker,
    state: Mutex<State>,
}

impl Factory {
    /// Makes a factory. Starts no process.
    pub fn new(spec: FactorySpec, host: Arc<dyn Host>) -> Arc<Self> {
        let spec = Arc::new(spec);
        let launcher = launcher(&spec, &host);
        oom::watch();
        let state = Mutex::new(State {
            workers: BTreeMap::new(),
            pool: Pool::new(spec.settings.max_idle, spec.settings.idle_timeout),
            departed: Departed::default(),
            reaper: None,
            leaving: HashMap::new(),
            poor: HashSet::new(),
            looks_at_poor: false,
            last_use: Instant::now(),
            stopped: false,
        });
        Arc::new(Self {
            spec,
            host,
            launcher,
            breaker: Breaker::default(),
            state,
        })
    }

    /// A worker that nobody has to wait for: an idle one, else one that was made ready ahead. `None` where there is neither;
    /// then [`Self::create`] has one.
    pub fn take(self: &Arc<Self>) -> Result<Option<Taken>, Error> {
        match self.take_idle() {
            Some(idle) => Ok(Some(Taken::Idle(idle))),
            None => Ok(self.take_ready()?.map(Taken::Ready)),
        }
    }

    fn take_idle(self: &Arc<Self>) -> Option<Arc<Worker>> {
        loop {
            let mut state = self.lock();
            let now = Instant::now();
            state.last_use = now;
            let idle = state.pool.take(now)?;
            drop(state);
            if let Err(why) = self.launcher.still_fits(idle.worker.origin()) {
                self.replace(&idle.worker, &why, Count::EndedReplaced);
                continue;
            }
            if idle.worker.is_quiet() {
                let worker = idle.worker;
                worker.begin_task();
                Count::CreatedIdle.increment();
                trace!(
                    "Handing out {worker}, idle for {} ms",
                    idle.since.elapsed().as_millis()
                );
                return Some(worker);
            }
            if idle.worker.is_alive() {
                warn!(
                    "Idle {} sent data or closed its connection; discarding it.",
                    idle.worker
                );
            } else {
                warn!(
                    "Worker {} process from idle queue is dead, discarding.",
                    idle.worker
                );
            }
            Count::EndedDirty.increment();
            self.discard(&idle, "dead or dirty");
        }
    }

    fn take_ready(self: &Arc<Self>) -> Result<Option<Handout>, Error> {
        self.check_running()?;
        let started = Instant::now();
        let ready = self.launcher.take_ready();
        ready
            .map(|ready| self.hand_out(ready, started, Count::CreatedSpare))
            .transpose()
    }

    /// A new worker, for when [`Self::take`] has none. Blocks while it starts; other calls go on meanwhile.
    pub fn create(self: &Arc<Self>) -> Result<Handout, Error> {
        self.launch(&*self.launcher)
    }

    /// A worker of its own, which is never pooled; `None` runs the factory's worker module.
    pub fn create_simple(
        self: &Arc<Self>,
        worker_module: Option<String>,
    ) -> Result<Handout, Error> {
        let module = worker_module.unwrap_or_else(|| self.spec.worker_module.clone());
        self.launch(&SimpleLauncher::new(
            self.spec.clone(),
            self.host.clone(),
            module,
        ))
    }

    /// Puts a worker into the pool. One that can't be pooled, or not any more, is given back by [`Host::close`].
    pub fn release(self: &Arc<Self>, id: WorkerId) {
        let mut state = self.lock();
        let Some(worker) = state.workers.get(&id).cloned().filter(|_| !state.stopped) else {
            drop(state);
            return self.host.close(id);
        };
        trace!("Released {worker}");
        Count::Released.increment();
        if !self.spec.use_daemon {
            drop(state);
            // Its task is done. It ends when it has done what it has left to do, as on stock.
            worker.disconnect();
            return self.host.close(id);
        }
        state.pool.remove(id); // released twice
        if let Some(why) = worker.worn_out(&self.spec.settings) {
            drop(state);
            return self.replace(&worker, &why, Count::EndedReplaced);
        }
        let evicted = state.pool.put(id, worker.clone(), Instant::now());
        self.arm_reaper(&mut state);
        drop(state);
        self.note_poor(&worker);
        if let Some(evicted) = evicted {
            Count::EndedEvicted.increment();
            self.discard(&evicted, "evicted: the pool is full");
        }
    }

    /// Whether a worker's process runs.
    pub fn is_alive(&self, id: WorkerId) -> bool {
        let worker = self.lock().workers.get(&id).cloned();
        worker.is_some_and(|worker| worker.is_alive())
    }

    /// How many workers it has launched ahead, for itself alone.
    pub fn spares(&self) -> usize {
        self.launcher.spares()
    }

    /// Its session and its workers, as they are now.
    pub(crate) fn report(&self, family: &Family) -> SessionReport {
        let state = self.lock();
        let workers: Vec<_> = state.workers.values().cloned().collect();
        let idle: HashMap<_, _> = state.pool.iter().map(|i| (i.id, i.since)).collect();
        drop(state);
        let workers = workers
            .iter()
            .map(|worker| worker.report(idle.get(&worker.id()).copied(), family));
        SessionReport {
            session: self.spec.session().to_owned(),
            python: self.spec.python_exec.clone(),
            workers: workers.collect(),
        }
    }

    /// Whether it has no worker, and nobody has asked it for one for the time after which unused zygotes end, too.
    pub fn is_unused(&self) -> bool {
        let state = self.lock();
        let limit = self.spec.settings.zygote_idle_timeout;
        state.workers.is_empty() && state.last_use.elapsed() >= limit
    }

    /// The caller has closed a worker's socket by itself.
    pub fn socket_closed(self: &Arc<Self>, id: WorkerId) {
        let mut state = self.lock();
        let pooled = state.pool.remove(id).is_some();
        let worker = state.workers.get(&id).cloned();
        drop(state);
        if let Some(worker) = worker {
            trace!(
                "The socket of {worker} was closed{}",
                if pooled { " while idle" } else { "" }
            );
            self.close_connection(&worker);
        }
    }

    fn launch(self: &Arc<Self>, launcher: &dyn Launcher) -> Result<Handout, Error> {
        self.check_running()?;
        let deadline = Deadline::after(self.spec.settings.start_timeout);
        let waiting = Waiting::begin();
        self.breaker.await_turn(deadline)?;
        self.check_running()?;
        let started = Instant::now();
        let attempt = launcher.launch(deadline);
        drop(waiting);
        self.breaker.note(started, Instant::now(), &attempt);
        let new = attempt.inspect_err(|_| Count::CreatedFailed.increment())?;
        let count = new.origin.count();
        self.hand_out(new, started, count)
    }

    fn hand_out(
        self: &Arc<Self>,
        new: Launched,
        started: Instant,
        count: Count,
    ) -> Result<Handout, Error> {
        let handout = self.enter(new)?;
        handout.worker.begin_task();
        count.increment();
        debug!(
            "Created {} in {} ms",
            handout.worker,
            started.elapsed().as_millis()
        );
        Ok(handout)
    }

    /// Takes a new worker into the books, and watches for its end.
    fn enter(self: &Arc<Self>, launched: Launched) -> Result<Handout, Error> {
        static LAST_ID: AtomicI64 = AtomicI64::new(0);
        let id = WorkerId(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1);
        let failed = Error::io(Step::Spawn, self.spec.settings.start_timeout);
        let ours = launched.socket.try_clone().map_err(failed)?;
        let (worker, socket) = Worker::new(id, launched, ours);
        let worker = Arc::new(worker);
        // Into the books first: its end takes it out of them.
        let mut state = self.lock();
        let stopped = state.stopped;
        state.workers.insert(id, worker.clone());
        drop(state);
        let failed = Error::io(Step::Spawn, self.spec.settings.start_timeout);
        let watched = self.watch_exit(&worker).map_err(failed);
        if stopped || watched.is_err() {
            self.stop_worker(id);
            watched?;
            return Err(self.stopped());
        }
        Ok(Handout { worker, socket })
    }

    fn check_running(&self) -> Result<(), Error> {
        if self.lock().stopped {
            return Err(self.stopped());
        }
        Ok(())
    }

    fn stopped(&self) -> Error {
        Error::Stopped {
            python_exec: self.spec.python_exec.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}
