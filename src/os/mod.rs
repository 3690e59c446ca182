//! What the kernel gives: processes and their memory, files to wait for, time.

pub mod deadline;
pub(crate) mod family;
pub(crate) mod idle_timer;
pub(crate) mod load;
pub(crate) mod lock;
pub(crate) mod mapped;
pub(crate) mod namespace;
pub(crate) mod oom;
pub mod process;
pub mod spawn;
pub mod supervisor;
