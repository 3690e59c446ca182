//! How a worker comes to be: one module a way.

pub mod ahead;
mod current;
pub mod daemon;
mod protocol;
pub mod simple;
mod socket;
pub mod zygote;

use std::any::Any;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::Signal;

use crate::error::Error;
use crate::metrics::Count;
use crate::os::deadline::{Deadline, poll_any};
use crate::os::process::Process;
use crate::process::death::Death;

/// What a worker comes from. Holding it keeps it: a daemon that was replaced ends with its last worker.
pub trait Origin: Any + fmt::Debug + Send + Sync {
    /// The name of the way.
    fn name(&self) -> &'static str;

    /// What a worker of this origin counts as that a task has waited for.
    fn count(&self) -> Count;

    /// Whether it tells how its workers end.
    fn tells_ends(&self) -> bool {
        true
    }

    /// The signal that tells a worker that its factory ends: that of Spark's daemon.
    fn farewell(&self) -> Signal {
        Signal::SIGHUP
    }

    /// Signals a worker of this origin; false where it has already ended.
    fn signal(&self, signal: Signal, worker: &Process) -> bool {
        worker.signal(signal)
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
    pub origin: Arc<dyn Origin>,
}

impl Launched {
    /// Whether it runs, is connected, and has sent nothing yet.
    pub fn is_quiet(&self) -> bool {
        is_quiet(&self.socket, &self.process)
    }
}

/// Whether the process runs, and nothing has come by the socket: neither bytes nor its end.
pub(crate) fn is_quiet(socket: &OwnedFd, process: &Process) -> bool {
    let watched = [socket.as_fd(), process.as_fd()];
    let mut fds = watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    matches!(poll_any(&mut fds, Deadline::now()), Ok(false))
}

/// How an idle worker compares with those that its launcher could give now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It shares what others share.
    Good,
    /// It has imported by itself what others have loaded ahead, or are about to have.
    Poor,
    /// The same, and one of those is ready to take its place.
    Outdone,
}

/// A way to get a new worker.
pub trait Launcher: Send + Sync {
    /// A worker that was made ready ahead, if there is one. Never waits.
    fn take_ready(&self) -> Option<Launched> {
        None
    }

    /// Starts a worker and connects to it. Blocks, at most until about the deadline.
    fn launch(&self, deadline: Deadline) -> Result<Launched, Error>;

    /// Whether a worker of this origin may serve another task, or why not. Called for each; does not wait.
    fn still_fits(&self, _origin: &dyn Origin) -> Result<(), String> {
        Ok(())
    }

    /// Whether a worker was made before all was loaded that is loaded ahead. Called for each that is given back; does not wait.
    fn is_poor(&self, _origin: &dyn Origin, _pid: i32) -> bool {
        false
    }

    /// How such a worker, idle, compares with those that could be had now.
    fn standing(&self, _origin: &dyn Origin, _pid: i32) -> Standing {
        Standing::Good
    }

    /// How many workers it keeps ready for this factory alone.
    fn spares(&self) -> usize {
        0
    }

    /// Lets go of what the launcher keeps running for itself; the next launch starts it anew.
    fn rest(&self) {}

    /// Ends what the launcher keeps running for itself, if it does. No launch is asked for any more.
    fn stop(&self) {}
}
