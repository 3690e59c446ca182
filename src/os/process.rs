//! A process by its identity: a pidfd, so that no signal ever reaches a stranger that got the same pid later.
//!
//! A pid names a process only as long as that process is not collected, and PySpark's daemon has its children collected by
//! the kernel. So a pidfd is opened as soon as a worker has sent its pid, and everything after that (is it alive, signal,
//! wait) uses it. It becomes readable when the process ends, which is how the supervisor knows.
//!
//! The daemon sends the error number of a failed `fork` where the pid should be, with no sign to tell them apart. A
//! number up to 4095 counts as a pid only if that process descends from the daemon. A larger one is taken as it is. In
//! the short time between a worker's death and `pidfd_open` its pid could be another's; nothing can be done about that
//! here.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use rustix::process::{Pid, PidfdFlags};

use crate::error::Error;
use crate::os::deadline::{Deadline, poll_one};
use crate::os::lock::locked;

/// A process, whether or not it is a child of ours. Clones share one descriptor.
#[derive(Debug, Clone)]
pub struct Process {
    pid: i32,
    pidfd: Arc<OwnedFd>,
}

impl Process {
    /// The process that has this pid now. Fails with `ESRCH` where there is none.
    pub fn open(pid: i32) -> io::Result<Self> {
        let number = (pid > 0).then(|| Pid::from_raw(pid)).flatten();
        let number = number.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
        let pidfd = rustix::process::pidfd_open(number, PidfdFlags::empty())?;
        let pidfd = Arc::new(pidfd);
        Ok(Self { pid, pidfd })
    }

    /// The same process by a descriptor of its own, for the supervisor watches each only once.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            pid: self.pid,
            pidfd: Arc::new(self.pidfd.try_clone()?),
        })
    }

    /// Its pid; good for showing, not for signalling.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        !self.wait(Deadline::now())
    }

    /// Waits for its end; false where the deadline came first.
    pub fn wait(&self, deadline: Deadline) -> bool {
        poll_one(self.pidfd.as_fd(), PollFlags::POLLIN, deadline).unwrap_or(false)
    }

    /// Sends a signal; false where the process is gone.
    pub fn signal(&self, signal: Signal) -> bool {
        let number = rustix::process::Signal::from_named_raw(signal as i32);
        self.is_alive()
            && number.is_some_and(|n| rustix::process::pidfd_send_signal(&self.pidfd, n).is_ok())
    }

    /// How many bytes of memory it has resident, shared ones included.
    pub fn resident(&self) -> Option<u64> {
        let bytes = resident(self.pid)?;
        // Read before it was seen to live: else the number might be another's.
        self.is_alive().then_some(bytes)
    }

    /// Whether `ancestor` is among its parents.
    pub fn descends_from(&self, ancestor: i32) -> bool {
        let mut pid = self.pid;
        while let Some(parent) = parent_of(pid) {
            if parent == ancestor {
                return true;
            }
            pid = parent;
        }
        false
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// What tells a process from a later one that has its pid: when it was started, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pid: i32,
    started: u64,
}

impl Identity {
    /// Of the process that has this pid now, if there is one.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let started = stat(pid, 22)?;
        Some(Self { pid, started })
    }

    #[cfg(test)]
    pub(crate) fn named(pid: i32, started: u64) -> Self {
        Self { pid, started }
    }

    pub(crate) fn pid(self) -> i32 {
        self.pid
    }
}

/// How many bytes of memory the process of this pid has resident, shared ones included (`/proc/<pid>/statm`).
pub(crate) fn resident(pid: i32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The parent's pid.
pub(crate) fn parent_of(pid: i32) -> Option<i32> {
    stat(pid, 4).filter(|parent| *parent > 0)
}

/// A field of `/proc/<pid>/stat`, as `man proc` numbers them, behind field 2: this one, the name, may hold anything.
fn stat<T: std::str::FromStr>(pid: i32, field: usize) -> Option<T> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(field - 3)?.parse().ok()
}

/// A child of ours. Its exit status is collected once; nothing else in this process may wait for it.
#[derive(Debug)]
pub struct Child {
    process: Process,
    handle: Mutex<std::process::Child>,
    status: OnceLock<ExitStatus>,
}

impl Child {
    /// Takes over a child just started. It has not been waited for, so its pid is still its own.
    pub(crate) fn adopt(mut child: std::process::Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        match Process::open(pid) {
            Ok(process) => Ok(Self {
                process,
                handle: Mutex::new(child),
                status: OnceLock::new(),
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Collects the exit status if the process has ended.
    pub fn try_reap(&self) -> Option<ExitStatus> {
        if let Some(status) = self.status.get() {
            return Some(*status);
        }
        let status = match self.lock().try_wait() {
            Ok(status) => status?,
            // Someone else in this JVM ignores or collects SIGCHLD: the end is known, the status is lost.
            Err(_) => ExitStatus::from_raw(0),
        };
        Some(*self.status.get_or_init(|| status))
    }

    /// Waits for the end and collects it; `None` where the deadline came first.
    pub fn reap(&self, deadline: Deadline) -> Option<ExitStatus> {
        if self.process.wait(deadline) {
            self.try_reap()
        } else {
            None
        }
    }

    /// Signals the process and all of its process group. Sound against reuse of the number, because an uncollected child
    /// keeps its pid, and with it the group's.
    pub fn signal_group(&self, signal: Signal) {
        self.while_uncollected(|pid| {
            let group = nix::unistd::Pid::from_raw(pid);
            if nix::sys::signal::killpg(group, signal).is_err() {
                self.process.signal(signal);
            }
        });
    }

    /// Does something with its pid, which is no other's meanwhile; nothing where it has been collected.
    pub(crate) fn while_uncollected(&self, act: impl FnOnce(i32)) {
        let _not_reaped_meanwhile = self.lock();
        if self.status.get().is_none() {
            act(self.process.pid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, std::process::Child> {
        locked(&self.handle)
    }
}

/// Fails where the kernel lacks pidfds (Linux before 5.3, or a seccomp filter that hides them).
pub fn check_kernel() -> Result<(), Error> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    Process::open(own).map(drop).map_err(|error| {
        Error::Unsupported(format!(
            "this system has no pidfd_open ({error}); Linux 5.3 or later is needed"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_that_name_no_single_process_are_refused() {
        for pid in [0, -1, i32::MIN] {
            assert!(Process::open(pid).is_err(), "{pid}");
        }
    }

    #[test]
    fn a_process_is_told_from_others_by_pid_and_start() {
        let own = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.started > 0 && Some(own) == Identity::of(own.pid));
        assert!(resident(own.pid) > Some(0));
        assert_eq!(Identity::of(-1), None);
    }
}
