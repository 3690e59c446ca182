//! The talk with one zygote: has it fork workers, hears what it says, and keeps spares ready.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::{debug, info, trace, warn};
use nix::fcntl::OFlag;
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use nix::unistd::pipe2;

use super::inventory::Shadow;
use super::key::{Binding, ZygoteKey};
use super::learning::Learning;
use super::message::{self, Message, Request};
use super::spares::Spare;
use super::state::{Fork, LeftOut, Phase, Shortage, State};
use super::surroundings::Holdings;
use crate::error::{Error, Step, describe_exit};
use crate::host::{Host, Stream};
use crate::launch::socket::pair;
use crate::metrics::Count;
use crate::os::deadline::{Deadline, set_nonblocking};
use crate::os::idle_timer::{EndsWhenIdle, IdleTimer};
use crate::os::lock::{locked, relocked};
use crate::os::mapped::libraries;
use crate::os::process::Process;
use crate::os::supervisor::later;
use crate::process::death::{Cause, Death, LastWords};
use crate::process::output::Output;
use crate::spec::{FactorySpec, Transport};

/// From a hand-out until its replacement is asked for, so that the fork does not run beside the task's first steps.
const REFILL_DELAY: Duration = Duration::from_millis(2);

/// One end of the socket to a zygote, and what is known of that zygote.
pub(super) struct Talk {
    control: OwnedFd,
    host: Arc<dyn Host>,
    keeper: i32,
    transport: Transport,
    pub(super) learning: Learning,
    pub(super) idle_timer: IdleTimer,
    preload_timeout: Duration,
    pub(super) start_timeout: Duration,
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

impl Talk {
    /// With the zygote whose keeper has this pid.
    pub(super) fn new(
        control: OwnedFd,
        keeper: i32,
        key: &ZygoteKey,
        spec: &FactorySpec,
        host: Arc<dyn Host>,
        state: State,
    ) -> Self {
        Self {
            control,
            host,
            keeper,
            transport: key.transport.clone(),
            learning: Learning::of(key),
            idle_timer: IdleTimer::new(spec.settings.idle_timeout),
            preload_timeout: spec.settings.preload_timeout,
            start_timeout: spec.settings.start_timeout,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Nobody is left at the other end.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.lose();
    }

    pub(super) fn tell(&self, bytes: &[u8]) -> io::Result<()> {
        send(self.control.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    fn ask(&self) -> impl Fn(&Request<'_>) -> io::Result<()> + '_ {
        |request| self.tell(&message::bytes(request))
    }

    /// By its keeper's word, or because nobody is left who could say so.
    pub(super) fn zygote_has_ended(&self) -> bool {
        self.lock().ended
    }

    /// What the session has another file of, of all that is loaded.
    pub(super) fn shadow(&self, holdings: &Holdings) -> Option<Shadow> {
        let inventory = self.lock().inventory.clone();
        locked(&inventory).shadowed_by(holdings)
    }

    /// The next spare, which is about to be bound; has one forked where there is none. Does not wait for long: a worker can be
    /// had in another way.
    pub(super) fn take(&self, binding: &Binding, deadline: Deadline) -> Result<Spare, Error> {
        let mut asked = None;
        let mut state = self.lock();
        state.begin_to_wait();
        let result = loop {
            if let Some(spare) = state.spares.take(binding) {
                break Ok(spare);
            }
            // First: another fork, asked for in vain, would fail the next caller.
            if let Some(error) = state.failures.pop_front() {
                break Err(error);
            }
            self.fill(&mut state); // others will want workers too: fork ahead for them
            if state.phase != Phase::Serving {
                break Err(Error::Eof { step: Step::Fork });
            }
            let held = state.held_for();
            let limit = state.patience();
            let left = if held.is_zero() {
                limit.saturating_sub(asked.get_or_insert_with(Instant::now).elapsed())
            } else {
                held
            };
            let left = left.min(deadline.remaining());
            if left.is_zero() {
                let step = Step::Fork;
                break Err(match &state.shortage {
                    Some(shortage) => Error::Fork {
                        errno: shortage.errno,
                    },
                    None => Error::Timeout { step, limit },
                });
            }
            let pause = state.shortage.as_ref().map(Shortage::left);
            let left = pause.filter(|p| !p.is_zero()).map_or(left, |p| left.min(p));
            let wait = self.changed.wait_timeout(state, left);
            state = relocked(wait);
        };
        state.waiting -= 1;
        if state.waiting == 0 {
            state.failures.clear(); // they are nobody's any more
        }
        result
    }

    /// Asks for as many forks as there are callers waiting, and for the spares that there should be beyond them.
    fn fill(&self, state: &mut State) {
        let short = |shortage: &Shortage| !shortage.left().is_zero();
        if state.phase != Phase::Serving || state.shortage.as_ref().is_some_and(short) {
            return;
        }
        // Until then each would have to import by itself what is missing.
        let wanted = if state.complete {
            state.spares.wanted()
        } else {
            0
        };
        let due = if state.held_for().is_zero() {
            state.waiting
        } else {
            0
        };
        while state.spares.len() + state.forks.len() < due + wanted {
            let number = state.last_number + 1;
            match self.ask_for_fork(number) {
                Ok(fork) => {
                    state.last_number = number;
                    state.forks.insert(number, fork);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    let failed = Error::io(Step::Fork, self.start_timeout);
                    return state.fail(failed(error));
                }
            }
        }
    }

    fn ask_for_fork(&self, number: u64) -> io::Result<Fork> {
        let (socket, theirs) = pair(&self.transport)?;
        let (stderr, their_stderr) = pipe2(OFlag::O_CLOEXEC)?;
        set_nonblocking(stderr.as_fd(), true)?;
        let stderr = Output::drain(stderr, Stream::Stderr, self.host.clone())?;
        let request = message::bytes(&Request::Fork { number });
        let fds = [theirs.as_raw_fd(), their_stderr.as_raw_fd()];
        sendmsg::<()>(
            self.control.as_raw_fd(),
            &[IoSlice::new(&request)],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        let whose = "its";
        let death = Death::to_come(Some(LastWords { stderr, whose }));
        Ok(Fork { socket, death })
    }

    /// What the zygote has just said.
    pub(super) fn hear(self: &Arc<Self>, message: Message) {
        let mut state = self.lock();
        match message {
            Message::Ready { pid, files } => {
                locked(&state.inventory).begin(files);
                state.phase = Phase::Serving;
                state.pid = Some(pid);
                self.fill(&mut state);
                drop(state);
                IdleTimer::arm(self);
            }
            Message::Unfit {
                reason,
                of_interpreter,
            } => {
                state.phase = Phase::Unfit {
                    reason,
                    of_interpreter,
                }
            }
            Message::Loading { module } => {
                state.loading = Some(module.clone());
                drop(state);
                self.give_up_later(module);
            }
            Message::Loaded {
                module,
                millis,
                files,
            } => {
                state.loading = None;
                locked(&state.inventory).add(&module, files);
                Count::ZygotePreloadMillis.add(millis);
                debug!("The zygote has loaded {module} in {millis} ms");
                state.loaded.push((module, millis));
            }
            Message::LeftOut {
                module,
                missing,
                reason: why,
            } => {
                state.loading = None;
                if missing {
                    debug!("Not loaded ahead, for it is not installed: {module} ({why})");
                } else {
                    warn!("Module {module} is not loaded ahead, for its import failed: {why}");
                    state.left_out.push(LeftOut {
                        module,
                        why,
                        files: Vec::new(),
                    });
                }
            }
            Message::Imported { .. } | Message::Tried { .. } | Message::GivenUp { .. } => {
                self.learning.hear(&mut state, message, &self.ask());
            }
            Message::Spoiled { module, why, files } => state.spoil(module, why, files),
            Message::Outdated { file } => {
                info!("{file} has changed, so another zygote takes over");
                state.phase = Phase::Outdated;
                let old = state.spares.take_all();
                drop(state);
                drop(old); // a spare ends with its socket
            }
            Message::Complete {} => {
                self.renew_spares(state);
                IdleTimer::arm(self);
            }
            Message::Forked { number, pid } => self.enter(&mut state, number, pid),
            Message::Failed { number, errno } => {
                state.forks.remove(&number);
                state.fail_fork(errno);
                // Without an error number: it forks no more, whyever that was not told or not understood.
                if errno == 0 && state.phase == Phase::Serving {
                    state.phase = Phase::Outdated;
                }
            }
            Message::Gone { status } => {
                state.ended = true;
                state.end(ExitStatus::from_raw(status));
                drop(state);
                self.lose();
            }
            Message::Exited { pid, status } => {
                state.spares.forget(pid);
                state.poor.remove(&pid);
                let death = state.deaths.remove(&pid);
                let status = ExitStatus::from_raw(status);
                drop(state); // whoever hears of a death may do anything
                debug!("Python worker {pid} {}", describe_exit(status));
                if let Some(death) = death {
                    death.settle(Cause::Exit(status));
                }
            }
        }
        self.changed.notify_all();
    }

    /// Takes a worker that was forked among the spares.
    fn enter(&self, state: &mut State, number: u64, pid: i32) {
        state.shortage = None;
        let Some(Fork { socket, death }) = state.forks.remove(&number) else {
            return;
        };
        state.deaths.insert(pid, death.clone());
        if !state.complete {
            state.poor.insert(pid, libraries(pid));
        }
        match Process::open(pid) {
            Ok(process) if process.descends_from(self.keeper) => {
                trace!("Forked a spare worker (pid {pid})");
                state.spares.put(Spare {
                    socket,
                    process,
                    death,
                });
            }
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                state.fail(Error::io(Step::Fork, self.start_timeout)(error));
            }
            // It has ended since, and its number may be another's.
            _ => state.fail(Error::LaunchGone {
                sender: "Python zygote",
                pid,
            }),
        }
    }

    /// An import that does not end must not keep tasks waiting: then another zygote does without the module.
    fn give_up_later(self: &Arc<Self>, module: String) {
        let limit = self.preload_timeout;
        let timed = later(self, limit, move |talk| {
            let mut state = talk.lock();
            if state.loading.as_ref() == Some(&module) {
                let why = format!("takes more than {} ms to import", limit.as_millis());
                state.spoil(module, why, Vec::new());
                talk.changed.notify_all();
            }
        });
        if let Err(error) = timed {
            debug!("Can't set the timer for an import in the zygote: {error}");
        }
    }

    /// Replaces the spares that were forked before everything was loaded.
    fn renew_spares(&self, mut state: MutexGuard<'_, State>) {
        state.complete = true;
        self.learning.go_on(&mut state, &self.ask());
        let poor = state.spares.take_all();
        self.fill(&mut state);
        drop(state);
        drop(poor); // a spare ends with its socket
    }

    pub(super) fn refill_later(self: &Arc<Self>) {
        if std::mem::replace(&mut self.lock().refilling, true) {
            return;
        }
        if later(self, REFILL_DELAY, Self::refill).is_err() {
            self.lock().refilling = false;
        }
    }

    fn refill(self: &Arc<Self>) {
        let mut state = self.lock();
        state.refilling = false;
        self.fill(&mut state);
        drop(state);
        IdleTimer::arm(self);
    }

    pub(super) fn lose(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Unfit { .. } | Phase::Spoiled(_)) {
            state.phase = Phase::Gone;
        }
        self.learning.give_up_trial(&mut state);
        let spares = state.spares.take_all();
        state.forks.clear();
        let on_loss = state.on_loss.take();
        drop(state);
        drop(spares);
        self.changed.notify_all();
        if let Some(on_loss) = on_loss {
            on_loss();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// Spares that nobody has wanted for the idle time go away; the next hand-out brings them back.
impl EndsWhenIdle for Talk {
    const NAME: &'static str = "spare workers";

    fn idle_timer(&self) -> &IdleTimer {
        &self.idle_timer
    }

    fn idle_for(&self) -> Option<Duration> {
        Some(self.lock().spares.unused_for())
    }

    fn end_idle(&self) {
        let unused = self.lock().spares.take_unused();
        debug!("Ending {} spare workers that nobody wants", unused.len());
    }
}
