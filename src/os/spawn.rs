//! The one way a process is started: `std::process::Command`, with none of the JVM's file descriptors in the child.
//!
//! A JVM's descriptors are mostly not close-on-exec, so a child would keep sockets and other children's pipes open. Closing
//! them between `fork` and `exec` needs a real `fork`, which copies the page tables of the whole JVM. Instead a short-lived
//! thread takes a private copy of the descriptor table (`CLOSE_RANGE_UNSHARE`), marks that copy close-on-exec, and starts the
//! child by `posix_spawn`; the JVM's own table is never touched.
//!
//! On kernels before 5.11 the call fails, and the child marks its own table between `fork` and `exec`.
//!
//! The program is looked up in `PATH` as Java's `ProcessBuilder` does. The environment is the JVM's, then the key's
//! variables, then the factory's own; a name or value that no process can have is an error.
//!
//! The child gets no session or process group of its own: `pyspark.daemon` calls `setpgid` itself and would fail.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::SigSet;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::pipe2;

use crate::error::{Error, Step};
use crate::os::deadline::set_nonblocking;
use crate::os::process::Child;

/// What to start.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// The program as the user named it; found through our `PATH` where it has no slash, as Java's `ProcessBuilder` does.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables laid over this process's environment; a later one wins.
    pub environment: Vec<(String, String)>,
    /// Where it runs; `None` inherits.
    pub directory: Option<PathBuf>,
}

/// The two ends of a process's standard input.
#[derive(Debug)]
pub struct Stdin {
    /// What the process reads.
    pub theirs: OwnedFd,
    /// What we hold.
    pub ours: OwnedFd,
}

impl Stdin {
    /// A pipe.
    pub fn pipe() -> io::Result<Self> {
        let (theirs, ours) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { theirs, ours })
    }

    /// A connected pair of sockets that keep messages apart.
    pub fn messages() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (theirs, ours) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        set_nonblocking(ours.as_fd(), true)?;
        Ok(Self { theirs, ours })
    }
}

impl CommandLine {
    /// Program and arguments, as Spark shows a command.
    pub fn shown(&self) -> String {
        let mut words = vec![self.program.as_str()];
        words.extend(self.arguments.iter().map(String::as_str));
        words.join(" ")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg0(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    fn exec_error(&self, source: io::Error) -> Error {
        Error::Exec {
            program: self.program.clone(),
            directory: self.directory.clone(),
            source: Arc::new(source),
        }
    }
}

/// A process just started, and our ends of its standard streams.
#[derive(Debug)]
pub struct Spawned {
    /// The process.
    pub child: Child,
    /// Where its standard input comes from.
    pub stdin: OwnedFd,
    /// Its standard output, non-blocking.
    pub stdout: OwnedFd,
    /// Its standard error, non-blocking.
    pub stderr: OwnedFd,
}

/// Starts a process. Fails with [`Error::Exec`] where the program can't be executed.
pub fn spawn(line: &CommandLine, stdin: io::Result<Stdin>) -> Result<Spawned, Error> {
    check_environment(line)?;
    let program = resolve(&line.program).map_err(|e| line.exec_error(e))?;
    let pipes = stdin.and_then(Pipes::new).map_err(|e| line.exec_error(e))?;
    let child = thread::scope(|scope| {
        thread::Builder::new()
            .name("npw-spawn".to_owned())
            .spawn_scoped(scope, || start(line.command(&program), &pipes.theirs))?
            .join()
            .map_err(|_| io::Error::other("the spawning thread panicked"))?
    })
    .map_err(|e| line.exec_error(e))?;
    Ok(Spawned {
        child: Child::adopt(child).map_err(Error::io(Step::Spawn, std::time::Duration::ZERO))?,
        stdin: pipes.stdin,
        stdout: pipes.stdout,
        stderr: pipes.stderr,
    })
}

/// Runs on a thread of its own, whose descriptor table it makes private.
fn start(mut command: Command, theirs: &[OwnedFd; 3]) -> io::Result<std::process::Child> {
    // The JVM's threads block SIGQUIT; a child inherits that.
    SigSet::empty().thread_set_mask()?;
    let private = MAY_BE_PRIVATE
        && (close_range(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC).is_ok()
            || take_private_table().is_ok());
    let [stdin, stdout, stderr] = theirs;
    command
        .stdin(Stdio::from(stdin.try_clone()?))
        .stdout(Stdio::from(stdout.try_clone()?))
        .stderr(Stdio::from(stderr.try_clone()?));
    if !private {
        // SAFETY: runs between fork and exec, where only async-signal-safe calls are allowed: `mark_close_on_exec` makes
        // plain system calls on numbers and neither allocates nor locks.
        unsafe { command.pre_exec(mark_close_on_exec) };
    }
    command.spawn()
}

/// The thread sanitizer knows one descriptor table only, and takes what a thread closes in its own for a race.
const MAY_BE_PRIVATE: bool = !cfg!(thread_sanitizer);
const FIRST_FOREIGN_FD: libc::c_uint = 3;
const CLOSE_RANGE_UNSHARE: libc::c_uint = 1 << 1;
const CLOSE_RANGE_CLOEXEC: libc::c_uint = 1 << 2;

fn close_range(flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call closes nothing and takes numbers only.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_FOREIGN_FD,
            libc::c_uint::MAX,
            flags,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The same for kernels before 5.11, in more steps.
fn take_private_table() -> io::Result<()> {
    unshare(CloneFlags::CLONE_FILES)?;
    for entry in fs::read_dir("/proc/thread-self/fd")? {
        let name = entry?.file_name();
        let fd: Option<libc::c_int> = name.to_str().and_then(|name| name.parse().ok());
        if let Some(fd) = fd.filter(|fd| *fd >= 3) {
            // SAFETY: F_SETFD takes a number; for one that is not open it fails with EBADF and nothing happens.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// Where neither is allowed: in the forked child, whose table is its own.
fn mark_close_on_exec() -> io::Result<()> {
    const MOST_FDS: libc::c_int = 1 << 20;
    if close_range(CLOSE_RANGE_CLOEXEC).is_ok() {
        return Ok(());
    }
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live rlimit to be filled.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let limit = libc::c_int::try_from(limit.rlim_cur).unwrap_or(MOST_FDS);
    for fd in 3..limit.min(MOST_FDS) {
        // SAFETY: F_SETFD takes a number; for one that is not open it fails with EBADF and nothing happens.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

struct Pipes {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    theirs: [OwnedFd; 3],
}

impl Pipes {
    fn new(stdin: Stdin) -> io::Result<Self> {
        let (stdout, their_stdout) = pipe2(OFlag::O_CLOEXEC)?;
        let (stderr, their_stderr) = pipe2(OFlag::O_CLOEXEC)?;
        for ours in [&stdout, &stderr] {
            set_nonblocking(ours.as_fd(), true)?;
        }
        Ok(Self {
            stdin: stdin.ours,
            stdout,
            stderr,
            theirs: [stdin.theirs, their_stdout, their_stderr],
        })
    }
}

/// `ProcessBuilder` refuses such names and values too; the C library would cut them off in silence.
fn check_environment(line: &CommandLine) -> Result<(), Error> {
    let bad = |(name, value): &&(String, String)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    };
    match line.environment.iter().find(bad) {
        Some((name, _)) => Err(Error::Environment { name: name.clone() }),
        None => Ok(()),
    }
}

/// Whether a program is a script, which may run another one, chosen by whatever is around it.
pub fn is_script(program: &str) -> bool {
    let mut start = [0; 2];
    let read = resolve(program).and_then(|file| File::open(file)?.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

/// Finds a program as `execvp` would, through this process's `PATH`.
fn resolve(program: &str) -> io::Result<PathBuf> {
    if program.contains('/') {
        return Ok(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let mut failure = io::Error::from_raw_os_error(libc::ENOENT);
    for directory in std::env::split_paths(&path) {
        let candidate = directory.join(program);
        match fs::metadata(&candidate) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {
                return Ok(candidate);
            }
            Ok(_) => failure = io::Error::from_raw_os_error(libc::EACCES),
            Err(_) => {}
        }
    }
    if program.is_empty() {
        failure = io::Error::from_raw_os_error(libc::ENOENT);
    }
    Err(failure)
}

#[cfg(all(test, not(thread_sanitizer)))]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, fcntl};

    #[test]
    fn on_older_kernels_a_thread_marks_a_table_of_its_own() {
        let (inherited, _writer) = nix::unistd::pipe().unwrap();
        let flags = || fcntl(&inherited, FcntlArg::F_GETFD).unwrap();
        let marked = thread::scope(|scope| {
            let starting = scope.spawn(|| {
                take_private_table().unwrap();
                flags()
            });
            starting.join().unwrap()
        });
        assert_eq!((marked, flags()), (libc::FD_CLOEXEC, 0));
    }
}
