//! How a worker comes to be: one module a way.

use crate::deadline::Deadline;
use crate::error::Error;
use crate::worker::{Launched, Worker};

pub mod ahead;
mod current;
pub mod daemon;
mod python_process;
pub mod simple;
mod socket;
pub mod zygote;

pub(crate) use python_process::{started_pids, terminate_all};

/// A way to get a new worker.
pub trait Launcher: Send + Sync {
    /// A worker that was made ready ahead, if there is one. Never waits.
    fn take_ready(&self) -> Option<Launched> {
        None
    }

    /// Starts a worker and connects to it. Blocks, at most until about the deadline.
    fn launch(&self, deadline: Deadline) -> Result<Launched, Error>;

    /// Whether a worker of its own may serve another task, or why not. Called for each; does not wait.
    fn still_fits(&self, _worker: &Worker) -> Result<(), String> {
        Ok(())
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
