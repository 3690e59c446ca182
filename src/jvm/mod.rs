//! What the JVM calls and hears.

pub mod events;
pub mod jni;
pub mod logger;
pub mod registry;
pub mod report;
