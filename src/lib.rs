//! Native Python Worker: the component of Apache Spark that gives tasks their Python processes, in Rust.
//!
//! Each module rests only on those below it: [`jvm`] is what the JVM calls and hears, [`factory`] holds all policy, [`launch`] the
//! ways a worker comes to be, [`process`] a Python process of ours, [`spec`] what a factory is made for, [`os`] what the kernel
//! gives. Only [`jvm::jni`] knows the JVM; all the rest is used and tested without one.

pub mod error;
pub mod factory;
pub mod host;
pub mod jvm;
pub mod launch;
pub mod metrics;
pub mod os;
pub mod process;
pub mod spec;
