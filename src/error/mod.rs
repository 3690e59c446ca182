//! The one error type. Its texts are Spark's where Spark has one, and name step, value and cause where it has none.
//!
//! `message.rs` has the texts, `java_type.rs` the classes. `throw.rs` makes the exception. It tells Spark's callers apart by class:
//!
//! | class | when |
//! |---|---|
//! | `SparkException` | no address or junk from the daemon; a simple worker did not connect back |
//! | `IOException` | the program cannot be executed; the system refused something |
//! | `EOFException` | the other side hung up |
//! | `SocketTimeoutException` | a deadline passed; the step is named |
//! | `IllegalArgumentException` | a bad setting or variable; the secret was wrong |
//! | `IllegalStateException` | an error number for a pid; stopped factory; a panic |
//!
//! If the process has ended, what it wrote to standard error (the last 64 KiB) is in the message. After a failed start up
//! to 10 s are spent on waiting for that end, as in stock Spark.
//!
//! `is_daemons_fault` in `daemon.rs` decides what is worth another daemon: lost or refused connections, an end of stream, a
//! timeout. An error number from a healthy daemon or a lack of descriptors in the JVM is not.

mod exit;
mod java_type;
mod message;
mod step;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use exit::describe_exit;
pub use java_type::JavaType;
pub use step::Step;

/// Why something could not be done. Cheap to clone: several tasks may wait for one start and share its failure.
#[derive(Debug, Clone)]
pub enum Error {
    /// A setting's value is of no use.
    Setting {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// An environment variable can't be passed to a process.
    Environment {
        /// The variable's name.
        name: String,
    },
    /// The interpreter could not be executed (`ProcessBuilder.start`'s words).
    Exec {
        /// The program as the user named it.
        program: String,
        /// The directory it was to run in.
        directory: Option<PathBuf>,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// The daemon's standard output ended before its address came (contract of `startDaemon`).
    AnnounceEof {
        /// The daemon module.
        module: String,
        /// How it ended, if it did.
        exit: Option<ExitStatus>,
    },
    /// The daemon's first output is no address.
    BadAddress(Box<BadAddress>),
    /// A start failed and the process had written to its standard error.
    Start {
        /// What it wrote.
        stderr: String,
        /// The module search path it ran with.
        python_path: String,
        /// The failure itself.
        cause: Box<Error>,
    },
    /// An error number came instead of a pid.
    LaunchCode {
        /// Who sent it, in Spark's words: `Python daemon` or `Python`.
        sender: &'static str,
        /// The number as it came.
        code: i32,
    },
    /// The zygote's fork failed.
    Fork {
        /// The operating system's error number.
        errno: i32,
    },
    /// There can be no zygote for this interpreter; Spark's daemon may do.
    Unfit {
        /// Why.
        reason: String,
        /// Whether it is the interpreter, whatever the session.
        of_interpreter: bool,
    },
    /// The zygote has loaded something that the session has a file of its own of.
    Shadowed,
    /// The worker's process was gone before it could be used.
    LaunchGone {
        /// Who sent it, in Spark's words.
        sender: &'static str,
        /// The pid it had given.
        pid: i32,
    },
    /// A worker that runs on its own did not come to us.
    ConnectBack {
        /// Why.
        cause: Box<Error>,
    },
    /// A process ended while a step waited for it.
    Died {
        /// The step.
        step: Step,
        /// How it ended.
        exit: ExitStatus,
    },
    /// The other side did not know the secret.
    Authentication,
    /// A step did not come to its end in time.
    Timeout {
        /// The step.
        step: Step,
        /// How long the whole attempt was allowed to take.
        limit: Duration,
    },
    /// The other side closed the connection in the middle of a step.
    Eof {
        /// The step.
        step: Step,
    },
    /// The operating system refused something.
    Io {
        /// The step.
        step: Step,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// Starts have failed one after the other, so this one was not tried.
    Broken {
        /// What the last one has failed with.
        cause: Box<Error>,
        /// How many there were.
        failures: u32,
        /// How long none will be tried.
        pause: Duration,
    },
    /// The factory was stopped.
    Stopped {
        /// The factory's interpreter.
        python_exec: String,
    },
    /// There is no such factory, or no more.
    NoFactory(i64),
    /// This kernel lacks something the library is built on.
    Unsupported(String),
}

/// The parts of Spark's message on a daemon whose output is no port.
#[derive(Debug, Clone)]
pub struct BadAddress {
    /// The daemon module.
    pub module: String,
    /// The number or path as Spark shows it.
    pub shown: String,
    /// Whether this Spark knows sockets with a path (4.1 and later).
    pub knows_paths: bool,
    /// The command line.
    pub command: String,
    /// The module search path.
    pub python_path: String,
}

impl Error {
    pub(crate) fn setting(key: &str, value: &str, expected: &'static str) -> Self {
        Self::Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        }
    }

    /// Names the step an I/O error happened in.
    pub(crate) fn io(step: Step, limit: Duration) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::TimedOut => Self::Timeout { step, limit },
            io::ErrorKind::UnexpectedEof => Self::Eof { step },
            _ => Self::Io {
                step,
                source: Arc::new(source),
            },
        }
    }

    /// Whether the interpreter or its modules are to blame, so that another start would fail like this one.
    pub(crate) fn is_environments(&self) -> bool {
        match self {
            Self::AnnounceEof { .. } | Self::BadAddress(_) | Self::Died { .. } => true,
            Self::Start { cause, .. } | Self::ConnectBack { cause } => cause.is_environments(),
            Self::Timeout { step, .. } => matches!(step, Step::Announce | Step::ConnectBack),
            _ => false,
        }
    }

    /// The exception type Spark's callers expect.
    pub fn java_type(&self) -> JavaType {
        match self {
            Self::Broken { cause, .. } => cause.java_type(),
            Self::Setting { .. } | Self::Environment { .. } | Self::Authentication => {
                JavaType::IllegalArgument
            }
            Self::Exec { .. } | Self::Io { .. } => JavaType::Io,
            Self::AnnounceEof { .. }
            | Self::BadAddress(_)
            | Self::Start { .. }
            | Self::ConnectBack { .. }
            | Self::Died { .. } => JavaType::Spark,
            Self::LaunchCode { .. }
            | Self::Fork { .. }
            | Self::Unfit { .. }
            | Self::Shadowed
            | Self::LaunchGone { .. }
            | Self::Stopped { .. }
            | Self::NoFactory(_)
            | Self::Unsupported(_) => JavaType::IllegalState,
            Self::Timeout { .. } => JavaType::SocketTimeout,
            Self::Eof { .. } => JavaType::Eof,
        }
    }

    /// The error that becomes the exception's `getCause()`.
    pub fn cause(&self) -> Option<&Self> {
        match self {
            Self::ConnectBack { cause } => Some(cause),
            Self::Broken { cause, .. } => cause.cause(),
            _ => None,
        }
    }

    /// What Java's `toString` would show.
    fn java_string(&self) -> String {
        format!("{}: {self}", self.java_type().class_name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exec { source, .. } | Self::Io { source, .. } => Some(&**source),
            Self::Start { cause, .. } | Self::ConnectBack { cause } => Some(&**cause),
            _ => None,
        }
    }
}
