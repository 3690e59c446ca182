//! The talk with one zygote: has it fork workers, and keeps spares ready.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::debug;
use nix::fcntl::OFlag;
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use nix::unistd::pipe2;

use super::inventory::Shadow;
use super::key::{Binding, ZygoteKey};
use super::learning::Learning;
use super::message::{self, Request};
use super::spares::Spare;
use super::state::{Fork, Phase, Shortage, State};
use super::surroundings::Holdings;
use crate::error::{Error, Step};
use crate::host::{Host, Stream};
use crate::launch::socket::pair;
use crate::os::deadline::{Deadline, set_nonblocking};
use crate::os::idle_timer::{EndsWhenIdle, IdleTimer};
use crate::os::lock::{locked, relocked};
use crate::os::supervisor::later;
use crate::process::death::{Death, LastWords};
use crate::process::output::Output;
use crate::spec::{FactorySpec, Transport};

/// From a hand-out until its replacement is asked for, so that the fork does not run beside the task's first steps.
const REFILL_DELAY: Duration = Duration::from_millis(2);

/// One end of the socket to a zygote, and what is known of that zygote.
pub(super) struct Talk {
    control: OwnedFd,
    host: Arc<dyn Host>,
    pub(super) keeper: i32,
    transport: Transport,
    pub(super) learning: Learning,
    pub(super) idle_timer: IdleTimer,
    pub(super) preload_timeout: Duration,
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

    pub(super) fn ask(&self) -> impl Fn(&Request<'_>) -> io::Result<()> + '_ {
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
            if let Some(error) = state.failures.pop_front() {
                break Err(error); // it could not even be asked for: nobody would tell
            }
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
    pub(super) fn fill(&self, state: &mut State) {
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
