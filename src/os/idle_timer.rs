//! Ends what nobody has used for a time: one timer for each owner, looked at again only when it is due.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use log::debug;

use super::supervisor::{TimerId, cancel, later};
use crate::os::lock::locked;

/// What goes, or lets go of something, when nobody has used it for a time.
pub(crate) trait EndsWhenIdle: Send + Sync + Sized + 'static {
    /// What it is called in the log.
    const NAME: &'static str;

    /// Its timer.
    fn idle_timer(&self) -> &IdleTimer;

    /// How long nobody has used it; `None` where there is nothing to end.
    fn idle_for(&self) -> Option<Duration>;

    /// Called on the supervisor's thread when that is as long as the timer's limit. Must not block.
    fn end_idle(&self);
}

/// The timer of one owner. Holds it weakly.
#[derive(Debug)]
pub(crate) struct IdleTimer {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Off,
    Armed(TimerId),
    /// For good.
    Stopped,
}

impl IdleTimer {
    /// Has its owner end when it was idle for `limit`. It is not armed yet.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            state: Mutex::new(State::Off),
        }
    }

    /// Sees to it that `owner` ends if nobody uses it from now on. To be called when there is something to end again.
    pub(crate) fn arm<T: EndsWhenIdle>(owner: &Arc<T>) {
        let Some(idle) = owner.idle_for() else {
            return;
        };
        let timer = owner.idle_timer();
        let mut state = timer.lock();
        if !matches!(*state, State::Off) {
            return;
        }
        match later(owner, timer.limit.saturating_sub(idle), Self::look) {
            Ok(id) => *state = State::Armed(id),
            Err(error) => debug!(
                "Can't set the timer that ends {} when unused: {error}",
                T::NAME
            ),
        }
    }

    /// Takes it back, for good.
    pub(crate) fn stop(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Stopped);
        if let State::Armed(id) = before {
            cancel(Some(id));
        }
    }

    fn look<T: EndsWhenIdle>(owner: &Arc<T>) {
        let timer = owner.idle_timer();
        let mut state = timer.lock();
        if matches!(*state, State::Stopped) {
            return;
        }
        *state = State::Off;
        drop(state);
        match owner.idle_for() {
            Some(idle) if idle >= timer.limit => owner.end_idle(),
            _ => Self::arm(owner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(10);

    struct Used {
        timer: IdleTimer,
        last_use: Mutex<Option<Instant>>,
        ended: Mutex<Sender<Instant>>,
    }

    impl Used {
        fn new() -> (Arc<Self>, Receiver<Instant>) {
            let (ended, ends) = channel();
            let used = Self {
                timer: IdleTimer::new(LIMIT),
                last_use: Mutex::default(),
                ended: Mutex::new(ended),
            };
            (Arc::new(used), ends)
        }

        fn touch(self: &Arc<Self>) -> Instant {
            let now = Instant::now();
            *self.last_use.lock().unwrap() = Some(now);
            IdleTimer::arm(self);
            now
        }
    }

    impl EndsWhenIdle for Used {
        const NAME: &'static str = "a thing of the test";

        fn idle_timer(&self) -> &IdleTimer {
            &self.timer
        }

        fn idle_for(&self) -> Option<Duration> {
            let last_use = *self.last_use.lock().unwrap();
            Some(last_use?.elapsed())
        }

        fn end_idle(&self) {
            *self.last_use.lock().unwrap() = None;
            let _ = self.ended.lock().unwrap().send(Instant::now());
        }
    }

    #[test]
    fn it_ends_once_it_was_unused_for_the_whole_limit_and_again_after_another_use() {
        let (used, ends) = Used::new();
        for _ in 0..2 {
            used.touch();
            let last_use = used.touch(); // the timer that the first has armed is due before this is old enough
            let end = ends.recv_timeout(PATIENCE).unwrap();
            assert!(end - last_use >= LIMIT);
            assert!(used.idle_for().is_none());
        }
    }

    #[test]
    fn it_does_not_keep_its_owner_and_a_stopped_one_is_not_armed_again() {
        let (used, ends) = Used::new();
        used.touch();
        drop(used);
        assert!(ends.recv_timeout(PATIENCE).is_err()); // disconnected
        let (used, ends) = Used::new();
        used.touch();
        used.timer.stop();
        used.touch();
        let (other, other_ends) = Used::new();
        other.touch();
        other_ends.recv_timeout(PATIENCE).unwrap(); // later than the stopped one would have ended
        assert!(ends.try_recv().is_err());
    }
}
