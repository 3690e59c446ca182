//! The steps of a start, for errors to name.

use std::fmt;

/// What the factory was doing when a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Making pipes, sockets and the process itself.
    Spawn,
    /// Waiting for the daemon to say where it listens.
    Announce,
    /// Connecting to the daemon.
    Connect,
    /// Waiting for a worker process to connect to us.
    ConnectBack,
    /// Waiting for the worker's process id.
    Pid,
    /// Exchanging the secret.
    Authenticate,
    /// Waiting for another task that starts the same process.
    Daemon,
    /// Waiting for the zygote to load PySpark's worker.
    Zygote,
    /// Waiting for the zygote to fork a worker.
    Fork,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spawn => "starting the process",
            Self::Announce => "waiting for the daemon to announce its address",
            Self::Connect => "connecting to the daemon",
            Self::ConnectBack => "waiting for the worker to connect",
            Self::Pid => "waiting for the worker's pid",
            Self::Authenticate => "authenticating the worker",
            Self::Daemon => {
                "waiting for another task to start the Python process that forks workers"
            }
            Self::Zygote => "waiting for the zygote to load PySpark's worker",
            Self::Fork => "waiting for the zygote to fork a worker",
        })
    }
}
