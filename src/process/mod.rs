//! A Python process started by us: its output drained, its end noticed and collected, its errors told.

pub mod death;
pub mod output;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use log::{debug, warn};
use nix::sys::signal::Signal;
use nix::sys::socket::{Shutdown, shutdown};

use crate::error::{Error, Step, describe_exit};
use crate::host::{Host, Stream};
use crate::os::deadline::Deadline;
use crate::os::lock::locked;
use crate::os::oom;
use crate::os::process::{Child, Process};
use crate::os::spawn::{CommandLine, Stdin, spawn};
use crate::os::supervisor::{Next, Observer, supervisor};
use crate::spec::FactorySpec;
use death::{Cause, Death, LastWords};
use output::Output;

/// How long a process whose start failed may take to end by itself (Spark's `PROCESS_WAIT_TIMEOUT_MS`).
const EXIT_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long its children may hold its standard error open after its end.
const STDERR_AFTER_EXIT: Duration = Duration::from_secs(1);

/// All that were started and are still held by somebody.
static STARTED: Mutex<Started> = Mutex::new(Started {
    running: Vec::new(),
    ends: 0,
});

struct Started {
    running: Vec<Weak<Running>>,
    /// How often all were asked to end: who has begun to start one before and enters it after is too late.
    ends: u64,
}

fn started() -> MutexGuard<'static, Started> {
    locked(&STARTED)
}

/// The pids of all that run, as far as they are known by now.
pub(crate) fn started_pids() -> Vec<i32> {
    let started = started();
    let running = started.running.iter().filter_map(Weak::upgrade);
    running.map(|one| one.child.process().pid()).collect()
}

/// Asks all processes to end: those too that are still being started, and would outlive this process.
pub(crate) fn terminate_all() {
    let mut started = started();
    started.ends += 1;
    for running in started.running.iter().filter_map(Weak::upgrade) {
        running.ask_to_end();
    }
}

/// Enters a process whose start had begun when `ends` was what it was.
fn enter(running: &Arc<Running>, ends: u64) {
    let mut started = started();
    started.running.retain(|known| known.strong_count() > 0);
    started.running.push(Arc::downgrade(running));
    if started.ends != ends {
        running.ask_to_end();
    }
}

struct Running {
    child: Arc<Child>,
    /// A daemon or zygote takes its end as the order to exit, so it stays open as long as the process is wanted.
    stdin: OwnedFd,
}

impl Running {
    /// False where it has ended already. A zygote takes a signal for the order to end only where its socket tells the same:
    /// any task could have sent it.
    fn ask_to_end(&self) -> bool {
        let _ = shutdown(self.stdin.as_raw_fd(), Shutdown::Both); // fails for a pipe
        self.child.process().signal(Signal::SIGTERM)
    }
}

/// Ends the process when dropped.
pub(crate) struct PythonProcess {
    running: Arc<Running>,
    stderr: Arc<Output>,
    death: Arc<Death>,
    host: Arc<dyn Host>,
    python_path: String,
    stop_timeout: Duration,
    oom_score_adj: Option<i32>,
    /// How often all had been asked to end when it was started.
    ends: u64,
}

impl PythonProcess {
    /// Starts a process; also gives its standard output, not drained yet.
    pub(crate) fn start(
        line: &CommandLine,
        stdin: io::Result<Stdin>,
        spec: &FactorySpec,
        host: &Arc<dyn Host>,
    ) -> Result<(Self, OwnedFd), Error> {
        spec.make_working_directory();
        let ends = started().ends;
        let started = Instant::now();
        let spawned = spawn(line, stdin)?;
        let child = Arc::new(spawned.child);
        let running = Arc::new(Running {
            child: child.clone(),
            stdin: spawned.stdin,
        });
        enter(&running, ends);
        let pid = child.process().pid();
        debug!(
            "Started {} (pid {pid}) in {} ms",
            line.shown(),
            started.elapsed().as_millis()
        );
        let supervised = || {
            let stderr = Output::drain(spawned.stderr, Stream::Stderr, host.clone())?;
            let death = Death::to_come(Some(LastWords {
                stderr: stderr.clone(),
                whose: "its",
            }));
            supervisor()?.watch(Arc::new(Exit {
                child: child.clone(),
                death: death.clone(),
                started,
            }))?;
            Ok((stderr, death))
        };
        let (stderr, death) = supervised().map_err(|error: io::Error| {
            child.signal_group(Signal::SIGKILL);
            child.reap(Deadline::after(EXIT_AFTER_FAILURE)); // nobody else does
            Error::io(Step::Spawn, spec.settings.start_timeout)(error)
        })?;
        let process = Self {
            running,
            stderr,
            death,
            host: host.clone(),
            python_path: spec.python_path.clone(),
            stop_timeout: spec.settings.stop_timeout,
            oom_score_adj: spec.settings.oom_score_adj,
            ends,
        };
        Ok((process, spawned.stdout))
    }

    /// Hands the rest of standard output to the host, as output of this stream.
    pub(crate) fn drain_stdout(&self, stdout: OwnedFd, stream: Stream) -> Result<(), Error> {
        Output::drain(stdout, stream, self.host.clone())
            .map(drop)
            .map_err(Error::io(Step::Spawn, Duration::ZERO))
    }

    /// How it ended, or will end.
    pub(crate) fn death(&self) -> &Arc<Death> {
        &self.death
    }

    /// Whether all were asked to end since its start.
    pub(crate) fn was_asked_to_end(&self) -> bool {
        started().ends != self.ends
    }

    /// What it writes to its standard error.
    pub(crate) fn stderr(&self) -> &Arc<Output> {
        &self.stderr
    }

    /// Has the kernel kill it, and the workers it forks, before us where memory runs out.
    pub(crate) fn offer_to_oom_killer(&self) {
        self.running
            .child
            .while_uncollected(|pid| oom::offer(pid, self.oom_score_adj));
    }

    pub(crate) fn process(&self) -> &Process {
        self.running.child.process()
    }

    /// A second handle on our end of its standard input.
    pub(crate) fn stdin(&self) -> io::Result<OwnedFd> {
        self.running.stdin.try_clone()
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.process().is_alive()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process().pid()
    }

    /// Collects the exit status, waiting for the end until the deadline.
    pub(crate) fn exit_status(&self, deadline: Deadline) -> Option<ExitStatus> {
        self.running.child.reap(deadline)
    }

    /// Waits a while for the process to end after a failed start: its standard error is whole only then.
    pub(crate) fn exit_after_failure(&self) -> Option<ExitStatus> {
        self.exit_status(Deadline::after(EXIT_AFTER_FAILURE))
    }

    /// Adds what an ended process wrote to its standard error to the error that its start failed with.
    pub(crate) fn explain(&self, cause: Error) -> Error {
        if self.process().is_alive() {
            return cause;
        }
        self.stderr.wait_end(Deadline::after(STDERR_AFTER_EXIT));
        let stderr = self.stderr.tail();
        if stderr.is_empty() {
            return cause;
        }
        Error::Start {
            stderr,
            python_path: self.python_path.clone(),
            cause: Box::new(cause),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process().signal(signal);
    }

    /// Asks the process to end, and kills it with its group if it does not in time. Does not wait.
    pub(crate) fn terminate(&self) {
        if !self.running.ask_to_end() {
            return;
        }
        let child = self.running.child.clone();
        let kill = move || {
            if child.try_reap().is_none() {
                warn!(
                    "Python process {} did not end when asked to; killing it",
                    child.process().pid()
                );
                child.signal_group(Signal::SIGKILL);
            }
        };
        if supervisor()
            .and_then(|s| s.after(self.stop_timeout, kill))
            .is_err()
        {
            self.running.child.signal_group(Signal::SIGKILL);
        }
    }
}

impl Drop for PythonProcess {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl std::fmt::Debug for PythonProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PythonProcess({})", self.pid())
    }
}

/// Collects a child as soon as it ends, so that no zombie is left.
struct Exit {
    child: Arc<Child>,
    death: Arc<Death>,
    started: Instant,
}

impl Observer for Exit {
    fn fd(&self) -> BorrowedFd<'_> {
        self.child.process().as_fd()
    }

    fn ready(&self) -> Next {
        let Some(status) = self.child.try_reap() else {
            return Next::Keep;
        };
        debug!(
            "Python process {} {} after {} ms",
            self.child.process().pid(),
            describe_exit(status),
            self.started.elapsed().as_millis()
        );
        self.death.settle(Cause::Exit(status));
        Next::Remove
    }
}
