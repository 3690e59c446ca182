//! The boundary to the JVM: all that knows `Env` is here, and nothing here decides anything.
//!
//! One symbol is exported, `NativePythonWorkerFactory.initialize`; it binds the classes of the loader that asked, and
//! registers all other natives. A native enters, calls what lies beneath, and has its error turned into Spark's exception.

mod channel;
mod convert;
mod event;
mod natives;
mod throw;
