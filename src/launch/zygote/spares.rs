//! The talk with one zygote, and the spares that come of it: asked for ahead, taken, refilled, trimmed.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use log::{debug, trace, warn};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use serde_json::json;

use super::key::{Binding, ZygoteKey};
use super::message::Message;
use crate::deadline::Deadline;
use crate::error::{Error, Step};
use crate::launch::socket::pair;
use crate::process::{Process, describe_exit};
use crate::spec::FactorySpec;
use crate::supervisor::{Next, Observer, TimerId, supervisor};

const MAX_MESSAGE: usize = 64 * 1024;
/// From a hand-out until its replacement is asked for, so that the fork does not run beside the task's first steps.
const REFILL_DELAY: Duration = Duration::from_millis(2);

/// A worker forked ahead.
#[derive(Debug)]
pub(super) struct Spare {
    socket: OwnedFd,
    pub(super) process: Process,
}

impl Spare {
    pub(super) fn into_parts(self) -> (OwnedFd, Process) {
        (self.socket, self.process)
    }

    /// Makes it a session's worker. The frame is far smaller than the socket's buffer, so this never waits.
    pub(super) fn bind(&self, binding: &Binding) -> io::Result<()> {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        let sent = send(self.socket.as_raw_fd(), binding.frame(), flags)?;
        if sent == binding.frame().len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Serving,
    Unfit(String),
    /// A module has started a thread.
    Spoiled(String),
    Gone,
}

pub(super) struct State {
    pub(super) phase: Phase,
    /// What is being imported, and since when.
    loading: Option<(String, Instant)>,
    spares: VecDeque<Spare>,
    /// Our ends of the sockets of workers that are being forked.
    forks: HashMap<u64, OwnedFd>,
    failures: VecDeque<i32>,
    last_number: u64,
    waiting: usize,
    wanted_spares: usize,
    last_take: Instant,
    refilling: bool,
    pub(super) trimmer: Option<TimerId>,
}

impl State {
    /// Takes a worker that was forked among the spares.
    fn enter(&mut self, number: u64, pid: i32) {
        let Some(socket) = self.forks.remove(&number) else {
            return;
        };
        match Process::open(pid) {
            Ok(process) => {
                trace!("Forked a spare worker (pid {pid})");
                self.spares.push_back(Spare { socket, process });
            }
            // Its end has just been told, or is about to be.
            Err(_) => self.failures.push_back(Errno::ESRCH as i32),
        }
    }
}

/// See the module's description.
pub(super) struct Talk {
    control: OwnedFd,
    key: ZygoteKey,
    idle_timeout: Duration,
    pub(super) start_timeout: Duration,
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

impl Talk {
    pub(super) fn new(control: OwnedFd, key: ZygoteKey, spec: &FactorySpec) -> Self {
        Self {
            control,
            key,
            idle_timeout: spec.settings.idle_timeout,
            start_timeout: spec.settings.start_timeout,
            state: Mutex::new(State {
                phase: Phase::Starting,
                loading: None,
                spares: VecDeque::new(),
                forks: HashMap::new(),
                failures: VecDeque::new(),
                last_number: 0,
                waiting: 0,
                wanted_spares: spec.settings.spares,
                last_take: Instant::now(),
                refilling: false,
                trimmer: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn tell(&self, bytes: &[u8]) -> io::Result<()> {
        send(self.control.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// The next spare; has one forked where there is none.
    pub(super) fn take(&self, deadline: Deadline) -> Result<Spare, Error> {
        let mut state = self.lock();
        state.last_take = Instant::now();
        if let Some(spare) = state.spares.pop_front() {
            return Ok(spare);
        }
        state.waiting += 1;
        let result = loop {
            self.ask_for_forks(&mut state, 0);
            if let Some(spare) = state.spares.pop_front() {
                break Ok(spare);
            }
            if let Some(errno) = state.failures.pop_front() {
                break Err(Error::Fork { errno });
            }
            if state.phase != Phase::Serving {
                break Err(Error::Eof { step: Step::Fork });
            }
            if deadline.has_passed() {
                break Err(Error::Timeout {
                    step: Step::Fork,
                    limit: self.start_timeout,
                });
            }
            let wait = self.changed.wait_timeout(state, deadline.remaining());
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting -= 1;
        result
    }

    /// Asks for as many forks as there are callers waiting, and for `spares` beyond them.
    fn ask_for_forks(&self, state: &mut State, spares: usize) {
        if state.phase != Phase::Serving {
            return;
        }
        while state.spares.len() + state.forks.len() < state.waiting + spares {
            let number = state.last_number + 1;
            match self.ask_for_fork(number) {
                Ok(ours) => {
                    state.last_number = number;
                    state.forks.insert(number, ours);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    state.failures.push_back(error.raw_os_error().unwrap_or(0));
                    return;
                }
            }
        }
    }

    fn ask_for_fork(&self, number: u64) -> io::Result<OwnedFd> {
        let (ours, theirs) = pair(&self.key.transport)?;
        let text = json!({ "fork": number }).to_string();
        let fds = [theirs.as_raw_fd()];
        sendmsg::<()>(
            self.control.as_raw_fd(),
            &[IoSlice::new(text.as_bytes())],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(ours)
    }

    fn hear(self: &Arc<Self>, message: Message) {
        let mut state = self.lock();
        match message {
            Message::Ready => {
                state.phase = Phase::Serving;
                let spares = state.wanted_spares;
                self.ask_for_forks(&mut state, spares);
            }
            Message::Unfit(reason) => state.phase = Phase::Unfit(reason),
            Message::Loading(module) => state.loading = Some((module, Instant::now())),
            Message::Loaded { module, millis } => {
                debug!("The zygote has loaded {module} in {millis} ms");
            }
            Message::LeftOut {
                module,
                missing: true,
                reason,
            } => debug!("The zygote has no {module}: {reason}"),
            Message::LeftOut { module, reason, .. } => {
                warn!("The zygote does without module {module}: {reason}");
            }
            Message::Spoiled(module) => {
                warn!(
                    "Module {module} starts threads when it is imported, so it is not loaded ahead any more"
                );
                state.phase = Phase::Spoiled(module);
            }
            Message::Complete => {
                self.renew_spares(state);
                self.trim_later();
            }
            Message::Forked { number, pid } => state.enter(number, pid),
            Message::Failed { number, errno } => {
                state.forks.remove(&number);
                state.failures.push_back(errno);
            }
            Message::Exited { pid, status } => {
                debug!(
                    "Python worker {pid} {}",
                    describe_exit(ExitStatus::from_raw(status))
                );
            }
        }
        self.changed.notify_all();
    }

    /// Replaces the spares that were forked before everything was loaded.
    fn renew_spares(&self, mut state: MutexGuard<'_, State>) {
        let poor = std::mem::take(&mut state.spares);
        let spares = state.wanted_spares;
        self.ask_for_forks(&mut state, spares);
        drop(state);
        drop(poor); // a spare ends with its socket
    }

    pub(super) fn refill_later(self: &Arc<Self>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.refilling, true) {
            return;
        }
        drop(state);
        let talk = Arc::downgrade(self);
        let refill = move || {
            if let Some(talk) = Weak::upgrade(&talk) {
                talk.refill();
            }
        };
        if supervisor()
            .and_then(|s| s.after(REFILL_DELAY, refill))
            .is_err()
        {
            self.lock().refilling = false;
        }
    }

    fn refill(self: &Arc<Self>) {
        let mut state = self.lock();
        state.refilling = false;
        let spares = state.wanted_spares;
        self.ask_for_forks(&mut state, spares);
        drop(state);
        self.trim_later();
    }

    /// Spares that nobody has wanted for the idle time go away; the next hand-out brings them back.
    fn trim_later(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.trimmer.is_some() {
            return;
        }
        let talk = Arc::downgrade(self);
        let trim = move || {
            if let Some(talk) = Weak::upgrade(&talk) {
                talk.trim();
            }
        };
        let unused_for = state.last_take.elapsed();
        let delay = self.idle_timeout.saturating_sub(unused_for);
        state.trimmer = supervisor().and_then(|s| s.after(delay, trim)).ok();
    }

    fn trim(self: &Arc<Self>) {
        let mut state = self.lock();
        state.trimmer = None;
        if state.last_take.elapsed() < self.idle_timeout {
            drop(state);
            return self.trim_later();
        }
        let unused = std::mem::take(&mut state.spares);
        drop(state);
        debug!("Ending {} spare workers that nobody wants", unused.len());
    }

    pub(super) fn lose(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Unfit(_)) {
            state.phase = Phase::Gone;
        }
        let spares = std::mem::take(&mut state.spares);
        state.forks.clear();
        drop(state);
        drop(spares);
        self.changed.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the supervisor hear what the zygote says.
pub(super) struct Control(pub(super) Arc<Talk>);

impl Observer for Control {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.control.as_fd()
    }

    fn ready(&self) -> Next {
        let mut buffer = vec![0; MAX_MESSAGE];
        match nix::unistd::read(&self.0.control, &mut buffer) {
            Ok(0) => {
                self.0.lose();
                Next::Remove
            }
            Ok(count) => {
                match Message::parse(&buffer[..count]) {
                    Some(message) => self.0.hear(message),
                    None => warn!("The zygote sent something that is no message"),
                }
                Next::Keep
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Next::Keep,
            Err(_) => {
                self.0.lose();
                Next::Remove
            }
        }
    }
}
