//! Keeps a broken Python environment from costing an interpreter start for each attempt of each task.
//!
//! As many starts are made in vain as Spark makes attempts of a task, but one. After that there is a pause, longer each time,
//! in which the same error is given at once; then one caller tries again, and a success mends all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::warn;

use crate::error::Error;

/// `spark.task.maxFailures` is 4 by default: a job is not lost to a glitch that it would survive with stock Spark.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct State {
    /// Starts that have failed one after the other.
    failures: u32,
    /// When the last of them had failed: attempts that were under way by then say nothing new.
    last: Option<(Instant, Error)>,
    closed_from: Option<Instant>,
}

/// See the module's description.
#[derive(Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

impl Breaker {
    /// Fails where a start now would be in vain; else the caller may try, and [`note`](Self::note)s what comes of it.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Error> {
        let mut state = self.lock();
        let Some(closed_from) = state.closed_from else {
            return Ok(());
        };
        if now >= closed_from {
            // Who comes while this caller tries need not try as well.
            state.closed_from = Some(now + pause(state.failures));
            return Ok(());
        }
        let Some((_, cause)) = &state.last else {
            return Ok(());
        };
        Err(Error::Broken {
            cause: Box::new(cause.clone()),
            failures: state.failures,
            pause: closed_from - now,
        })
    }

    /// Takes note of how an attempt has gone that was begun at `started`.
    pub(crate) fn note<T>(&self, started: Instant, now: Instant, result: &Result<T, Error>) {
        let mut state = self.lock();
        let error = match result {
            Ok(_) => {
                *state = State::default();
                return;
            }
            Err(error) if error.is_environments() => error,
            Err(_) => return,
        };
        if state.last.as_ref().is_some_and(|(last, _)| started < *last) {
            return;
        }
        state.failures += 1;
        state.last = Some((now, error.clone()));
        if state.failures >= TRIES {
            let pause = pause(state.failures);
            state.closed_from = Some(now + pause);
            warn!(
                "{} starts of a Python worker have failed one after the other; the next one is made in {} s at the earliest",
                state.failures,
                pause.as_secs()
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(TRIES).min(5);
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

    /// Makes attempts that fail, a millisecond each, until one is refused; how many there were, and when that is.
    fn fail_until_refused(breaker: &Breaker, mut now: Instant) -> (u32, Instant) {
        let mut tries = 0;
        while breaker.check(now).is_ok() {
            let started = now;
            now += Duration::from_millis(1);
            breaker.note(started, now, &broken());
            tries += 1;
        }
        (tries, now)
    }

    #[test]
    fn after_some_failures_there_is_a_pause_that_grows() {
        let breaker = Breaker::default();
        let (tries, mut now) = fail_until_refused(&breaker, Instant::now());
        assert_eq!(tries, TRIES);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            now += Duration::from_secs(seconds);
            let (tries, refused) = fail_until_refused(&breaker, now);
            assert_eq!(tries, 1, "after {seconds} s");
            now = refused;
        }
    }

    #[test]
    fn the_error_goes_on_to_name_its_cause() {
        let breaker = Breaker::default();
        let (_, now) = fail_until_refused(&breaker, Instant::now());
        let refused = breaker.check(now).unwrap_err();
        let cause = broken().unwrap_err();
        assert!(refused.to_string().contains(&cause.to_string()));
        assert_eq!(refused.java_type(), cause.java_type());
    }

    #[test]
    fn one_start_that_many_have_waited_for_is_one_failure() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            assert!(breaker.check(now).is_ok());
        }
        for _ in 0..100 {
            breaker.note(now, now + Duration::from_secs(1), &broken());
        }
        assert!(breaker.check(now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn one_success_mends_all_and_other_failures_do_no_harm() {
        let breaker = Breaker::default();
        let (_, now) = fail_until_refused(&breaker, Instant::now());
        breaker.note(now, now, &Ok(()));
        assert!(breaker.check(now).is_ok());
        for _ in 0..100 {
            breaker.note::<()>(now, now, &Err(Error::Fork { errno: 11 }));
        }
        assert!(breaker.check(now).is_ok());
    }

    #[test]
    fn while_one_tries_again_the_others_need_not() {
        let breaker = Breaker::default();
        let (_, refused) = fail_until_refused(&breaker, Instant::now());
        let now = refused + Duration::from_secs(1);
        assert!(breaker.check(now).is_ok());
        assert!(breaker.check(now).is_err());
    }
}
