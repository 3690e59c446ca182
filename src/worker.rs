//! One Python worker: its id, its process, and what must live as long as it does.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::Signal;
use nix::sys::socket::{Shutdown, shutdown};
use serde_json::{Value, json};

use crate::deadline::{Deadline, poll_any};
use crate::death::Death;
use crate::departed::millis;
use crate::family::Family;
use crate::launch::daemon::Daemon;
use crate::launch::simple::SimpleProcess;
use crate::launch::zygote::Zygote;
use crate::metrics::Count;
use crate::process::Process;
use crate::settings::Settings;

/// A worker's number, unique in this process and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub i64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a worker comes from. Holding it keeps the origin alive: a daemon that was replaced ends with its last worker.
#[derive(Debug)]
pub enum Origin {
    /// Forked by a zygote.
    Zygote(Arc<Zygote>),
    /// Forked by a daemon.
    Daemon(Arc<Daemon>),
    /// A process of its own.
    Simple(SimpleProcess),
}

impl Origin {
    /// The name of the way.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Zygote(_) => "zygote",
            Self::Daemon(_) => "daemon",
            Self::Simple(_) => "process",
        }
    }

    /// What a worker of this origin counts as that a task has waited for.
    pub fn count(&self) -> Count {
        match self {
            Self::Zygote(_) => Count::CreatedFork,
            Self::Daemon(_) => Count::CreatedDaemon,
            Self::Simple(_) => Count::CreatedProcess,
        }
    }
}

/// A worker that has just come to be, and its socket.
#[derive(Debug)]
pub struct Launched {
    /// The connected, blocking socket.
    pub socket: OwnedFd,
    /// The worker's process.
    pub process: Process,
    /// How it will end.
    pub death: Arc<Death>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Launched {
    /// See [`Worker::is_quiet`].
    pub fn is_quiet(&self) -> bool {
        is_quiet(&self.socket, &self.process)
    }
}

fn is_quiet(socket: &OwnedFd, process: &Process) -> bool {
    let watched = [socket.as_fd(), process.as_fd()];
    let mut fds = watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    matches!(poll_any(&mut fds, Deadline::now()), Ok(false))
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
    origin: Origin,
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
    pub fn origin(&self) -> &Origin {
        &self.origin
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

    /// What it is and has done.
    pub(crate) fn report(&self, family: &Family) -> Value {
        let memory = family.of(self.pid());
        json!({
            "id": self.id.0,
            "pid": self.pid(),
            "from": self.origin.name(),
            "ageMillis": millis(self.born.elapsed()),
            "tasks": self.tasks(),
            "resident": memory.resident,
            "proportional": memory.proportional.map(|one| one.bytes),
            "proportionalAgeMillis": memory.proportional.map(|one| millis(one.age)),
        })
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
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells it that its factory ends, as Spark's daemon does: `SIGHUP`, or `SIGTERM` to a process of its own.
    pub fn dismiss(&self) -> bool {
        match self.origin {
            Origin::Simple(_) => self.terminate(),
            _ => self.signal(Signal::SIGHUP),
        }
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
        match &self.origin {
            Origin::Simple(process) => process.signal(signal, &self.process),
            _ => self.process.signal(signal),
        }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (pid {})", self.id, self.pid())
    }
}
