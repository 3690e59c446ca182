//! The one error type. Its texts are Spark's where Spark has one, and name step, value and cause where it has none.
//!
//! `error/` has one enum. `Display` gives Spark's text where Spark has one; `java_type` gives the class. Both are next to
//! each other and nowhere else. `throw.rs` makes the exception. It tells Spark's callers apart by class:
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
mod step;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use exit::describe_exit;
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

/// The Java exception an [`Error`] becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JavaType {
    /// `java.io.IOException`
    Io,
    /// `java.io.EOFException`
    Eof,
    /// `java.net.SocketTimeoutException`
    SocketTimeout,
    /// `java.lang.IllegalArgumentException`
    IllegalArgument,
    /// `java.lang.IllegalStateException`
    IllegalState,
    /// `org.apache.spark.SparkException`
    Spark,
}

impl JavaType {
    /// The class's binary name with dots.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Io => "java.io.IOException",
            Self::Eof => "java.io.EOFException",
            Self::SocketTimeout => "java.net.SocketTimeoutException",
            Self::IllegalArgument => "java.lang.IllegalArgumentException",
            Self::IllegalState => "java.lang.IllegalStateException",
            Self::Spark => "org.apache.spark.SparkException",
        }
    }
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken {
                cause,
                failures,
                pause,
            } => write!(
                f,
                "{cause}\n({failures} starts in a row have failed; the next attempt is in {} ms at the earliest.)",
                pause.as_millis()
            ),
            Self::Setting {
                key,
                value,
                expected,
            } => {
                write!(f, "{key} should be {expected}, but was '{value}'")
            }
            Self::Environment { name } => write!(
                f,
                "Environment variable {name:?} can't be passed to a Python process: its name is empty or has '=' or NUL in it, or its value has NUL in it"
            ),
            Self::Exec {
                program,
                directory,
                source,
            } => exec(f, program, directory.as_ref(), source),
            Self::AnnounceEof { module, exit } => announce_eof(f, module, *exit),
            Self::BadAddress(bad) => bad.fmt(f),
            Self::Start {
                stderr,
                python_path,
                cause,
            } => write!(
                f,
                "\nError from python worker:\n  {}\nPYTHONPATH was:\n  {python_path}\n{}",
                stderr.replace('\n', "\n  "),
                cause.java_string()
            ),
            Self::LaunchCode { sender, code } => launch_code(f, sender, *code),
            Self::Fork { errno } => launch_code(f, "Python zygote", *errno),
            Self::Unfit { reason, .. } => {
                write!(f, "This Python can't have a zygote: {reason}")
            }
            Self::Shadowed => {
                f.write_str("The session brings its own copy of a module that is loaded ahead.")
            }
            Self::LaunchGone { sender, pid } => write!(
                f,
                "{sender} failed to launch worker. Process {pid} ended right after its start."
            ),
            Self::ConnectBack { .. } => f.write_str("Python worker failed to connect back."),
            Self::Died { step, exit } => {
                write!(
                    f,
                    "The Python process ended while {step}: {}",
                    describe_exit(*exit)
                )
            }
            Self::Authentication => f.write_str("Authentication failed."),
            Self::Timeout {
                step: Step::Pid | Step::ConnectBack,
                limit,
            } => write!(
                f,
                "Timed out while waiting for the Python worker to connect back after {} ms",
                limit.as_millis()
            ),
            Self::Timeout { step, limit } => {
                write!(f, "Timed out while {step} after {} ms", limit.as_millis())
            }
            Self::Eof { step } => {
                write!(f, "The Python process closed the connection while {step}")
            }
            Self::Io { step, source } => write!(f, "Failed while {step}: {source}"),
            Self::Stopped { python_exec } => {
                write!(f, "The Python worker factory for {python_exec} is stopped")
            }
            Self::NoFactory(id) => write!(f, "Python worker factory {id} is stopped"),
            Self::Unsupported(what) => f.write_str(what),
        }
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

/// `java.lang.ProcessBuilder.start`'s words.
fn exec(
    f: &mut fmt::Formatter<'_>,
    program: &str,
    directory: Option<&PathBuf>,
    source: &io::Error,
) -> fmt::Result {
    write!(f, "Cannot run program \"{program}\"")?;
    if let Some(directory) = directory {
        write!(f, " (in directory \"{}\")", directory.display())?;
    }
    match source.raw_os_error() {
        Some(code) => write!(
            f,
            ": error={code}, {}",
            nix::errno::Errno::from_raw(code).desc()
        ),
        None => write!(f, ": {source}"),
    }
}

/// `SparkCoreErrors.eofExceptionWhileReadPortNumberError` and its twin for a daemon that still runs.
fn announce_eof(f: &mut fmt::Formatter<'_>, module: &str, exit: Option<ExitStatus>) -> fmt::Result {
    write!(
        f,
        "EOFException occurred while reading the port number from {module}'s stdout"
    )?;
    match exit {
        None => f.write_str("."),
        Some(exit) => match exit.code() {
            Some(code) => write!(f, " and terminated with code: {code}."),
            None => write!(f, " and {}.", describe_exit(exit)),
        },
    }
}

/// Spark's sentence; an error number (the daemon sends it as it is where `fork` fails) with its meaning.
fn launch_code(f: &mut fmt::Formatter<'_>, sender: &str, code: i32) -> fmt::Result {
    write!(f, "{sender} failed to launch worker with code {code}")?;
    let errno = nix::errno::Errno::from_raw(code.saturating_abs());
    if errno != nix::errno::Errno::UnknownErrno {
        write!(f, " ({errno})")?;
    }
    Ok(())
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.knows_paths {
            "port number/socket path"
        } else {
            "port number"
        };
        write!(
            f,
            "\nBad data in {}'s standard output. Invalid {what}:\n  {}\n\
             Python command to execute the daemon was:\n  {}\n\
             Check that you don't have any unexpected modules or libraries in\nyour PYTHONPATH:\n  {}\n\
             Also, check if you have a sitecustomize.py module in your python path,\n\
             or in your python installation, that is printing to standard output",
            self.module, self.shown, self.command, self.python_path
        )
    }
}
