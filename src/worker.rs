//! One Python worker: its id, its process, and what must live as long as it does.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use crate::launch::daemon::Daemon;
use crate::launch::simple::SimpleProcess;
use crate::process::Process;

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
    /// Forked by a daemon.
    Daemon(Arc<Daemon>),
    /// A process of its own.
    Simple(SimpleProcess),
}

/// A worker that has just come to be, and its socket.
#[derive(Debug)]
pub struct Launched {
    /// The connected, blocking socket.
    pub socket: OwnedFd,
    /// The worker's process.
    pub process: Process,
    /// Where it comes from.
    pub origin: Origin,
}

/// A worker that the factory has handed out or keeps idle.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    process: Process,
    origin: Origin,
    born: Instant,
}

impl Worker {
    pub(crate) fn new(id: WorkerId, process: Process, origin: Origin) -> Self {
        Self {
            id,
            process,
            origin,
            born: Instant::now(),
        }
    }

    /// Its number.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Its process's pid, as the worker itself gave it.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Since when it exists.
    pub fn born(&self) -> Instant {
        self.born
    }

    /// A second handle on its process.
    pub fn process(&self) -> io::Result<Process> {
        self.process.try_clone()
    }

    /// Whether its process runs.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Asks it to end; false where it has already.
    pub fn terminate(&self) -> bool {
        self.signal(nix::sys::signal::Signal::SIGTERM)
    }

    /// Kills it; false where it has already ended.
    pub fn kill(&self) -> bool {
        self.signal(nix::sys::signal::Signal::SIGKILL)
    }

    fn signal(&self, signal: nix::sys::signal::Signal) -> bool {
        if let Origin::Simple(process) = &self.origin {
            process.signal(signal);
        }
        self.process.signal(signal)
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (pid {})", self.id, self.pid())
    }
}
