//! Keeps a broken Python environment from costing an interpreter start for each attempt of each task, and a glitch of some
//! seconds from costing the job.
//!
//! After a start in vain there is a pause, longer each time, in which tasks wait; then they try again, and a success mends all.
//!
//! After a start that has failed tasks wait before the next one (`breaker.rs`), 1 s and twice as long each time, up to 30 s: an
//! interpreter is not started for each attempt of each task, and the four attempts that Spark makes are not spent on a glitch of two
//! seconds. A success lets all go on. A program that cannot be executed fails at once, as it costs nothing.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::warn;

use crate::error::Error;
use crate::os::deadline::Deadline;
use crate::os::lock::{locked, relocked};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A job has as many attempts by default (`spark.task.maxFailures`), all of which may have been made by then.
const WORTH_A_WARNING: u32 = 3;

#[derive(Default)]
struct State {
    /// Starts that have failed one after the other.
    failures: u32,
    /// When the last of them had failed: attempts that were under way by then say nothing new.
    last: Option<(Instant, Error)>,
}

impl State {
    /// When the next start may be made, and what the last one has failed with.
    fn closed_until(&self) -> Option<(Instant, &Error)> {
        let (last, error) = self.last.as_ref()?;
        Some((*last + pause(self.failures), error))
    }
}

/// Counts starts that failed in a row, and pauses before the next one.
#[derive(Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    mended: Condvar,
}

impl Breaker {
    /// Waits until a start is worth trying; the caller then [`note`](Self::note)s what comes of it. Fails where that is not
    /// before the deadline.
    pub(crate) fn await_turn(&self, deadline: Deadline) -> Result<(), Error> {
        let mut state = self.lock();
        while let Some((until, error)) = state.closed_until() {
            let pause = until.saturating_duration_since(Instant::now());
            if pause.is_zero() {
                break;
            }
            if pause > deadline.remaining() {
                return Err(Error::Broken {
                    cause: Box::new(error.clone()),
                    failures: state.failures,
                    pause,
                });
            }
            let wait = self.mended.wait_timeout(state, pause);
            state = relocked(wait);
        }
        Ok(())
    }

    /// Lets all who wait go on.
    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
        self.mended.notify_all();
    }

    /// Takes note of how an attempt has gone that was begun at `started`.
    pub(crate) fn note<T>(&self, started: Instant, now: Instant, result: &Result<T, Error>) {
        let error = match result {
            Ok(_) => return self.reset(),
            Err(error) if error.is_environments() => error,
            Err(_) => return,
        };
        let mut state = self.lock();
        if state.last.as_ref().is_some_and(|(last, _)| started < *last) {
            return;
        }
        state.failures += 1;
        state.last = Some((now, error.clone()));
        if state.failures >= WORTH_A_WARNING {
            warn!(
                "{} starts of Python workers in a row have failed; the next attempt is in {} s",
                state.failures,
                pause(state.failures).as_secs()
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(5);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> Result<(), Error> {
        Err(Error::BadAddress(Box::new(crate::error::BadAddress {
            module: "pyspark.daemon".to_owned(),
            shown: "0".to_owned(),
            knows_paths: true,
            command: String::new(),
            python_path: String::new(),
        })))
    }

    /// No test is so slow that this has come.
    fn much_later() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    fn refuses(breaker: &Breaker) -> bool {
        breaker.await_turn(Deadline::now()).is_err()
    }

    #[test]
    fn after_each_failure_there_is_a_pause_that_grows() {
        for (failures, seconds) in (1..).zip([1, 2, 4, 8, 16, 30, 30]) {
            assert_eq!(pause(failures), Duration::from_secs(seconds));
        }
        let (breaker, then) = (Breaker::default(), much_later());
        assert!(!refuses(&breaker));
        breaker.note(then, then, &broken());
        assert!(refuses(&breaker));
    }

    #[test]
    fn the_error_goes_on_to_name_its_cause() {
        let (breaker, then) = (Breaker::default(), much_later());
        breaker.note(then, then, &broken());
        let refused = breaker.await_turn(Deadline::now()).unwrap_err();
        let cause = broken().unwrap_err();
        assert!(refused.to_string().contains(&cause.to_string()));
        assert_eq!(refused.java_type(), cause.java_type());
    }

    #[test]
    fn one_start_that_many_have_waited_for_is_one_failure() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            breaker.note(now, now + Duration::from_secs(1), &broken());
        }
        assert_eq!(breaker.lock().failures, 1);
    }

    #[test]
    fn one_success_mends_all_and_other_failures_do_no_harm() {
        let (breaker, then) = (Breaker::default(), much_later());
        breaker.note(then, then, &broken());
        breaker.note(then, then, &Ok(()));
        assert!(!refuses(&breaker));
        for _ in 0..100 {
            breaker.note::<()>(then, then, &Err(Error::Fork { errno: 11 }));
        }
        assert!(!refuses(&breaker));
    }

    #[test]
    fn who_waits_goes_on_when_a_start_succeeds() {
        let (breaker, then) = (Breaker::default(), much_later());
        breaker.note(then, then, &broken());
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| breaker.await_turn(Deadline::after(Duration::from_secs(7200))));
            while !waiting.is_finished() {
                breaker.reset(); // more than once, as it may not wait yet
                std::thread::yield_now();
            }
            assert!(waiting.join().unwrap().is_ok());
        });
    }
}
