//! Idle workers: who is handed out next, who has been idle too long, and how many there may be.
//!
//! Plain data without time, locks or I/O of its own. The worker used last is handed out first, so that the workers of a past
//! burst grow old and go away while the warm ones stay. But one that has just come back waits for its turn: a job of as many
//! tasks as there are idle workers has all of them, as with Spark's queue, though some of its tasks end before others begin.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::host::WorkerId;

/// How long a worker that has come back waits while others are idle.
const TURN: Duration = Duration::from_millis(100);

/// A worker in the pool.
#[derive(Debug)]
pub(crate) struct Idle<W> {
    /// Its number.
    pub id: WorkerId,
    /// Since when it is idle.
    pub since: Instant,
    /// The worker.
    pub worker: W,
}

/// The idle workers of one factory.
#[derive(Debug)]
pub(crate) struct Pool<W> {
    /// Oldest first.
    idle: VecDeque<Idle<W>>,
    capacity: Option<usize>,
    idle_timeout: Duration,
}

impl<W> Pool<W> {
    /// `capacity` `None` is unbounded.
    pub(crate) fn new(capacity: Option<usize>, idle_timeout: Duration) -> Self {
        Self {
            idle: VecDeque::new(),
            capacity,
            idle_timeout,
        }
    }

    /// Adds a worker, and gives back the one that has been idle longest where there is no room for both.
    pub(crate) fn put(&mut self, id: WorkerId, worker: W, now: Instant) -> Option<Idle<W>> {
        let full = self.capacity.is_some_and(|most| self.idle.len() >= most);
        let evicted = if full { self.idle.pop_front() } else { None };
        self.idle.push_back(Idle {
            id,
            since: now,
            worker,
        });
        evicted
    }

    /// The worker to hand out next.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Idle<W>> {
        let has_waited = |idle: &Idle<W>| now.duration_since(idle.since) >= TURN;
        let position = self.idle.iter().rposition(has_waited).unwrap_or(0);
        self.idle.remove(position)
    }

    /// Takes a certain worker out.
    pub(crate) fn remove(&mut self, id: WorkerId) -> Option<Idle<W>> {
        let position = self.idle.iter().position(|idle| idle.id == id)?;
        self.idle.remove(position)
    }

    /// Takes out the workers that have been idle for longer than the timeout.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<Idle<W>> {
        let kept = |idle: &Idle<W>| now.duration_since(idle.since) < self.idle_timeout;
        let expired = self.idle.iter().position(kept).unwrap_or(self.idle.len());
        self.idle.drain(..expired).collect()
    }

    /// When the next worker expires, if none is used before.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        Some(self.idle.front()?.since + self.idle_timeout)
    }

    /// All of them, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Idle<W>> {
        self.idle.iter()
    }

    /// Takes all out.
    pub(crate) fn drain(&mut self) -> Vec<Idle<W>> {
        self.idle.drain(..).collect()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.idle.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(idle: Vec<Idle<()>>) -> Vec<i64> {
        idle.into_iter().map(|i| i.id.0).collect()
    }

    #[test]
    fn the_last_used_is_handed_out_first() {
        let now = Instant::now();
        let mut pool = Pool::new(None, Duration::from_secs(60));
        pool.put(WorkerId(1), (), now);
        pool.put(WorkerId(2), (), now);
        assert_eq!(pool.take(now + TURN).unwrap().id, WorkerId(2));
    }

    #[test]
    fn one_that_has_just_come_back_is_the_last() {
        let now = Instant::now();
        let mut pool = Pool::new(None, Duration::from_secs(60));
        (0..3).for_each(|n| assert!(pool.put(WorkerId(n), (), now).is_none()));
        let mut later = now + TURN;
        for expected in [2, 1, 0, 2, 1, 0] {
            let taken = pool.take(later).unwrap();
            assert_eq!(taken.id, WorkerId(expected));
            later += TURN / 10;
            pool.put(taken.id, (), later);
        }
    }

    #[test]
    fn a_full_pool_gives_up_the_oldest() {
        let now = Instant::now();
        let mut pool = Pool::new(Some(1), Duration::from_secs(60));
        assert!(pool.put(WorkerId(1), (), now).is_none());
        assert_eq!(pool.put(WorkerId(2), (), now).unwrap().id, WorkerId(1));
        assert_eq!(pool.len(), 1);
    }

    #[test]
    fn each_worker_has_a_clock_of_its_own() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut pool = Pool::new(None, 10 * second);
        for n in 0..4 {
            pool.put(WorkerId(n), (), start + second * u32::try_from(n).unwrap());
        }
        assert_eq!(pool.next_expiry(), Some(start + 10 * second));
        assert_eq!(ids(pool.take_expired(start + 11 * second)), [0, 1]);
        assert_eq!(ids(pool.drain()), [2, 3]);
    }

    proptest! {
        /// Whatever happens, no worker is lost, none is there twice, and the bound holds.
        #[test]
        fn every_worker_is_in_one_place(capacity in 1_usize..5, steps in proptest::collection::vec(0_u8..5, 0..200)) {
            let mut now = Instant::now();
            let mut pool = Pool::new(Some(capacity), Duration::from_secs(3));
            let mut inside = std::collections::BTreeSet::new();
            for (n, step) in (0_i64..).zip(steps) {
                now += Duration::from_secs(1);
                let gone: Vec<Idle<()>> = match step {
                    0 | 1 => {
                        inside.insert(n);
                        pool.put(WorkerId(n), (), now).into_iter().collect()
                    }
                    2 => pool.take(now).into_iter().collect(),
                    3 => pool.take_expired(now),
                    _ => pool.remove(WorkerId(n - 2)).into_iter().collect(),
                };
                for idle in gone {
                    prop_assert!(inside.remove(&idle.id.0));
                }
                prop_assert_eq!(pool.len(), inside.len());
                prop_assert!(pool.len() <= capacity);
            }
            prop_assert_eq!(ids(pool.drain()), inside.into_iter().collect::<Vec<_>>());
        }
    }
}
