//! Native Python Worker: the component of Apache Spark that gives tasks their Python processes, in Rust.
//!
//! [`factory`] and [`pool`] hold the policy, [`launch`] the ways a worker comes to be, [`supervisor`] the one native thread.
//! Only [`jni_bridge`] knows the JVM; all the rest is used and tested without one.

mod breaker;
pub mod deadline;
pub mod death;
mod departed;
pub mod error;
pub mod events;
pub mod factory;
mod family;
pub mod host;
pub mod jni_bridge;
pub mod launch;
mod load;
pub mod logger;
mod memory;
pub mod metrics;
pub mod output;
pub mod pool;
pub mod process;
pub mod protocol;
pub mod registry;
pub mod report;
pub mod settings;
pub mod spawn;
pub mod spec;
pub mod supervisor;
pub mod worker;
