//! The one native thread: it watches the file descriptors of all factories and runs their timers.
//!
//! It starts with the first thing to watch and ends with the last. It never blocks on anything but its own `epoll`, never
//! holds its lock while it runs an observer, and is never attached to the JVM.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use log::error;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::SigSet;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use once_cell::sync::OnceCell;

use crate::os::lock::locked;

/// What the supervisor does with an observer it has just called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on watching.
    Keep,
    /// Watch no more until [`Supervisor::resume`].
    Pause,
    /// Forget it.
    Remove,
}

/// Something with a file descriptor that may become readable.
pub trait Observer: Send + Sync {
    /// The descriptor, which stays open as long as the observer lives.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Called on the supervisor's thread when the descriptor is readable or closed. Must not block.
    fn ready(&self) -> Next;
}

type Timer = Box<dyn FnOnce() + Send>;

/// A timer that has been set, for taking it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerId(Instant, u64);

#[derive(Default)]
struct State {
    observers: HashMap<u64, Arc<dyn Observer>>,
    paused: Vec<u64>,
    resumed: Vec<u64>,
    /// Counts the calls of `resume`, for one that comes while an observer is about to be paused.
    resumes: u64,
    timers: BTreeMap<(Instant, u64), Timer>,
    last_token: u64,
    running: bool,
}

impl State {
    fn next_token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    fn has_work(&self) -> bool {
        !(self.observers.is_empty() && self.timers.is_empty())
    }

    fn take_due_timer(&mut self) -> Option<Timer> {
        let due = self.timers.first_entry()?;
        (due.key().0 <= Instant::now()).then(|| due.remove())
    }
}

/// The one native thread that lasts: it watches descriptors and runs timers.
pub struct Supervisor {
    epoll: Epoll,
    waker: EventFd,
    /// Goes off with the first timer: setting one wakes nobody before it is due.
    clock: TimerFd,
    state: Mutex<State>,
}

const WAKE: u64 = 0;
const CLOCK: u64 = 1;
const LAST_OWN_TOKEN: u64 = CLOCK;

/// The process's supervisor. Fails where the kernel gives no more descriptors; a later call tries again.
pub fn supervisor() -> io::Result<&'static Supervisor> {
    static SUPERVISOR: OnceCell<Supervisor> = OnceCell::new();
    SUPERVISOR.get_or_try_init(Supervisor::new)
}

/// Does something with `owner` after `delay`, if it is still there then; as [`Supervisor::after`] runs it.
pub fn later<T: Send + Sync + 'static>(
    owner: &Arc<T>,
    delay: Duration,
    act: impl FnOnce(&Arc<T>) + Send + 'static,
) -> io::Result<TimerId> {
    let owner = Arc::downgrade(owner);
    supervisor()?.after(delay, move || {
        if let Some(owner) = owner.upgrade() {
            act(&owner);
        }
    })
}

/// Takes a timer back, if there is one and it has not run yet.
pub fn cancel(timer: Option<TimerId>) {
    if let (Some(timer), Ok(supervisor)) = (timer, supervisor()) {
        supervisor.cancel(timer);
    }
}

impl Supervisor {
    fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let waker = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(&waker, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let clock = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        epoll.add(&clock, EpollEvent::new(EpollFlags::EPOLLIN, CLOCK))?;
        let state = State {
            last_token: LAST_OWN_TOKEN,
            ..State::default()
        };
        Ok(Self {
            epoll,
            waker,
            clock,
            state: Mutex::new(state),
        })
    }

    /// Watches an observer until it asks to be removed.
    pub fn watch(&'static self, observer: Arc<dyn Observer>) -> io::Result<()> {
        let mut state = self.lock();
        self.ensure_running(&mut state)?;
        let token = state.next_token();
        self.epoll
            .add(observer.fd(), EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        state.observers.insert(token, observer);
        Ok(())
    }

    /// Runs `timer` on the supervisor's thread after `delay`. It must not block.
    pub fn after(
        &'static self,
        delay: Duration,
        timer: impl FnOnce() + Send + 'static,
    ) -> io::Result<TimerId> {
        let mut state = self.lock();
        self.ensure_running(&mut state)?;
        let id = TimerId(Instant::now() + delay, state.next_token());
        state.timers.insert((id.0, id.1), Box::new(timer));
        self.set_clock(&state)?;
        Ok(id)
    }

    fn cancel(&self, id: TimerId) {
        let timer = self.lock().timers.remove(&(id.0, id.1));
        drop(timer); // its destructor may do anything, so not under the lock
        self.wake();
    }

    /// Calls the paused observers, and watches them again. One that has still no room for what it reads pauses again.
    pub fn resume(&self) {
        let mut state = self.lock();
        let mut paused = std::mem::take(&mut state.paused);
        state.resumed.append(&mut paused);
        state.resumes += 1;
        drop(state);
        self.wake();
    }

    fn ensure_running(&'static self, state: &mut State) -> io::Result<()> {
        if !state.running {
            thread::Builder::new()
                .name("npw-supervisor".to_owned())
                .spawn(|| while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {})?;
            state.running = true;
        }
        Ok(())
    }

    /// Should it ever panic, as in a destructor of what was removed, it is called again: nobody else reaps or reads.
    fn run(&self) {
        // Signals are the JVM's business; none is to be handled on this thread.
        let _ = SigSet::all().thread_block();
        while self.has_work() {
            let mut events = [EpollEvent::empty(); 64];
            match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => events
                    .iter()
                    .take(count)
                    .for_each(|e| self.dispatch(e.data())),
                Err(Errno::EINTR) => {}
                Err(error) => error!("The supervisor can't wait for its processes: {error}"),
            }
            self.watch_resumed();
            self.run_due_timers();
        }
    }

    fn watch_resumed(&self) {
        let resumed = std::mem::take(&mut self.lock().resumed);
        for token in resumed {
            let Some(observer) = self.lock().observers.get(&token).cloned() else {
                continue;
            };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, token);
            match self.epoll.add(observer.fd(), event) {
                Ok(()) => self.dispatch(token),
                Err(error) => {
                    error!("Can't go on reading a Python process's output: {error}");
                    let lost = self.lock().observers.remove(&token);
                    drop(lost); // not under the lock
                }
            }
        }
    }

    /// Where nothing is left to do, `running` is false from then on.
    fn has_work(&self) -> bool {
        let mut state = self.lock();
        state.running = state.has_work();
        state.running
    }

    /// Has the clock go off when the first timer is due.
    fn set_clock(&self, state: &State) -> io::Result<()> {
        let Some(((first, _), _)) = state.timers.first_key_value() else {
            return Ok(self.clock.unset()?);
        };
        let delay = first.saturating_duration_since(Instant::now());
        let delay = delay.max(Duration::from_nanos(1)); // none would stop it
        let expiration = Expiration::OneShot(TimeSpec::from_duration(delay));
        Ok(self.clock.set(expiration, TimerSetTimeFlags::empty())?)
    }

    fn dispatch(&self, token: u64) {
        if token <= LAST_OWN_TOKEN {
            let mut count = [0; 8]; // both give eight bytes, or nothing
            let _ = match token {
                WAKE => nix::unistd::read(&self.waker, &mut count),
                _ => nix::unistd::read(&self.clock, &mut count),
            };
            return;
        }
        let state = self.lock();
        let resumes = state.resumes;
        let Some(observer) = state.observers.get(&token).cloned() else {
            return;
        };
        drop(state);
        let next = catch_unwind(AssertUnwindSafe(|| observer.ready())).unwrap_or_else(|_| {
            error!("An observer of the supervisor panicked and is no longer watched");
            Next::Remove
        });
        if next == Next::Keep {
            return;
        }
        let _ = self.epoll.delete(observer.fd());
        let mut state = self.lock();
        let removed = match next {
            Next::Pause if state.resumes == resumes => {
                state.paused.push(token);
                None
            }
            Next::Pause => {
                state.resumed.push(token);
                self.wake();
                None
            }
            _ => state.observers.remove(&token),
        };
        drop(state);
        drop(removed); // its destructor may do anything, so not under the lock
    }

    fn run_due_timers(&self) {
        loop {
            let mut state = self.lock();
            let Some(timer) = state.take_due_timer() else {
                if let Err(error) = self.set_clock(&state) {
                    error!("The supervisor can't set its clock, so its timers don't run: {error}");
                }
                return;
            };
            drop(state);
            if catch_unwind(AssertUnwindSafe(timer)).is_err() {
                error!("A timer of the supervisor panicked");
            }
        }
    }

    fn wake(&self) {
        let _ = self.waker.write(1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}
