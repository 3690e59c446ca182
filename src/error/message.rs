//! What an error says: Spark's words where Spark has some.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::{BadAddress, Error, Step, describe_exit};

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
