//! One Python worker: its id, its process, and what must live as long as it does.

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::socket::{Shutdown, shutdown};
use serde::Serialize;

use crate::host::WorkerId;
use crate::launch::{Launched, Origin, is_quiet};
use crate::os::deadline::millis;
use crate::os::family::{Family, MemoryReport};
use crate::os::lock::locked;
use crate::os::process::Process;
use crate::process::death::Death;
use crate::spec::Settings;

/// What a worker is and has done, as it is reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerReport {
    id: i64,
    pid: i32,
    /// The name of its origin.
    from: &'static str,
    age_millis: u64,
    tasks: u64,
    /// `busy` or `idle`.
    state: &'static str,
    idle_millis: Option<u64>,
    #[serde(flatten)]
    memory: MemoryReport,
}

impl WorkerReport {
    /// Whether it waits for its next task.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle_millis.is_some()
    }
}

/// A worker that the factory has handed out or keeps idle.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    process: Process,
    death: Arc<Death>,
    /// A duplicate of the user's socket, to look at while the worker is idle. It goes when the user's goes: Python must see the
    /// end of the connection then.
    socket: Mutex<Option<OwnedFd>>,
    origin: Arc<dyn Origin>,
    born: Instant,
    tasks: AtomicU64,
}

impl Worker {
    /// `socket` is a duplicate of that of `launched`, which is given back.
    pub(crate) fn new(id: WorkerId, launched: Launched, socket: OwnedFd) -> (Self, OwnedFd) {
        let worker = Self {
            id,
            process: launched.process,
            death: launched.death,
            socket: Mutex::new(Some(socket)),
            origin: launched.origin,
            born: Instant::now(),
            tasks: AtomicU64::new(0),
        };
        (worker, launched.socket)
    }

    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Its process's pid, as the worker itself gave it.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Where it comes from.
    pub fn origin(&self) -> &dyn Origin {
        &*self.origin
    }

    /// How it ended, or will end.
    pub fn death(&self) -> &Arc<Death> {
        &self.death
    }

    /// Since when it exists.
    pub fn born(&self) -> Instant {
        self.born
    }

    /// Counts a task that it is handed out to.
    pub fn begin_task(&self) {
        self.tasks.fetch_add(1, Ordering::Relaxed);
    }

    /// How many tasks it was handed out to.
    pub fn tasks(&self) -> u64 {
        self.tasks.load(Ordering::Relaxed)
    }

    /// What it is and has done, and since when it is idle, if it is.
    pub(crate) fn report(&self, idle_since: Option<Instant>, family: &Family) -> WorkerReport {
        WorkerReport {
            id: self.id.0,
            pid: self.pid(),
            from: self.origin.name(),
            age_millis: millis(self.born.elapsed()),
            tasks: self.tasks(),
            state: idle_since.map_or("busy", |_| "idle"),
            idle_millis: idle_since.map(|since| millis(since.elapsed())),
            memory: family.memory(self.pid()).report(),
        }
    }

    /// Why it should serve no further task, if it should not.
    pub fn worn_out(&self, settings: &Settings) -> Option<String> {
        const MIB: u64 = 1024 * 1024;
        let tasks = self.tasks();
        if settings.max_tasks.is_some_and(|most| tasks >= most) {
            return Some(format!("it has served {tasks} tasks"));
        }
        let resident = settings.max_rss.and_then(|_| self.process.resident())?;
        settings
            .max_rss
            .filter(|most| resident > *most)
            .map(|most| {
                let (resident, most) = (resident / MIB, most / MIB);
                format!("it has {resident} MiB resident, more than {most} MiB")
            })
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether its process runs.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Whether it runs, is connected, and has sent nothing that a next task would take for its own.
    pub fn is_quiet(&self) -> bool {
        let socket = self.lock();
        socket
            .as_ref()
            .is_some_and(|socket| is_quiet(socket, &self.process))
    }

    /// Whether nobody has ended the connection from this side.
    pub fn is_connected(&self) -> bool {
        self.lock().is_some()
    }

    /// Ends the connection, whoever else holds a descriptor of it; the worker exits when it sees that.
    pub fn disconnect(&self) {
        if let Some(socket) = self.lock().take() {
            let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        locked(&self.socket)
    }

    /// Tells it that its factory ends; false where it has already ended.
    pub fn dismiss(&self) -> bool {
        self.signal(self.origin.farewell())
    }

    /// Asks it to end; false where it has already.
    pub fn terminate(&self) -> bool {
        self.signal(Signal::SIGTERM)
    }

    /// Kills it; false where it has already ended.
    pub fn kill(&self) -> bool {
        self.signal(Signal::SIGKILL)
    }

    fn signal(&self, signal: Signal) -> bool {
        self.origin.signal(signal, &self.process)
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (pid {})", self.id, self.pid())
    }
}
