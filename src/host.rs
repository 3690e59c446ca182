//! What a factory asks of the program it lives in: to take its processes' output, and to close sockets it no longer pools.

use std::fmt;

/// A worker's number, unique in this process and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub i64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which of a process's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Whether the host took what it was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It did.
    Yes,
    /// It has no room; it calls `Supervisor::resume` when it has.
    NotNow,
}

/// A factory's surroundings: in Spark the JVM, in tests the test. Called on native threads; must not block.
pub trait Host: Send + Sync {
    /// Takes bytes that Python processes wrote.
    fn output(&self, stream: Stream, bytes: &[u8]) -> Accepted;

    /// An idle worker has left the pool for good: close your end of its socket.
    fn close(&self, worker: WorkerId);
}
