//! The processor time that may go into reading sizes: a small share of one core, however much there is to read.

use std::time::{Duration, Instant};

/// Of one core, one part in so many.
const SHARE: u32 = 200;
/// What it begins with is what this time brings: 25 ms, enough for a small family at once.
const AT_FIRST: Duration = Duration::from_secs(5);
/// Of what nobody uses, no more is kept than what this time brings: 300 ms.
const MOST_KEPT: Duration = Duration::from_secs(60);

/// What has accrued with the time, less what was spent. It may be in debt: only afterwards is known what a read costs.
#[derive(Debug)]
pub(super) struct Budget {
    /// The time up to which all has been spent, ahead of the present where in debt.
    spent_until: Instant,
    price: Price,
}

impl Budget {
    /// One that accrues from now on.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            spent_until: now.checked_sub(AT_FIRST).unwrap_or(now),
            price: Price::default(),
        }
    }

    /// Whether what has accrued is enough to read from a process of this size. What costs more than can be kept is read when no
    /// more is kept, and all else waits for longer after it.
    pub(super) fn affords(&self, bytes: u64, now: Instant) -> bool {
        let wanted = self.price.of(bytes).saturating_mul(SHARE).min(MOST_KEPT);
        let accrued = now.checked_duration_since(self.spent_until);
        accrued.is_some_and(|accrued| accrued >= wanted)
    }

    /// Charges what reading has cost.
    pub(super) fn charge(&mut self, cost: Duration, now: Instant) {
        let kept_since = now.checked_sub(MOST_KEPT).unwrap_or(now);
        self.spent_until = self.spent_until.max(kept_since) + cost.saturating_mul(SHARE);
    }

    /// Has it expect such costs for such sizes.
    pub(super) fn learn(&mut self, bytes: u64, cost: Duration) {
        self.price.learn(bytes, cost);
    }
}

/// What reading costs: so much for so many bytes. It depends on the machine, and on the size of the pages.
#[derive(Debug)]
struct Price {
    cost: Duration,
    bytes: u64,
}

/// Rather much, until more is known.
impl Default for Price {
    fn default() -> Self {
        Self {
            cost: Duration::from_millis(45),
            bytes: 1 << 30,
        }
    }
}

impl Price {
    fn of(&self, bytes: u64) -> Duration {
        let nanos = self.cost.as_nanos() * u128::from(bytes) / u128::from(self.bytes);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// What was learned before counts for less each time.
    fn learn(&mut self, bytes: u64, cost: Duration) {
        self.cost = self.cost * 7 / 8 + cost;
        self.bytes = (self.bytes - self.bytes / 8).saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const A_SECOND: Duration = Duration::from_secs(1);

    /// How long it takes until a read from such a process can be paid.
    fn wait(budget: &Budget, bytes: u64, now: Instant) -> u32 {
        let waits = (0..1000).find(|seconds| budget.affords(bytes, now + A_SECOND * *seconds));
        waits.unwrap()
    }

    #[test]
    fn it_begins_with_a_little_and_accrues_with_the_time() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        assert!(budget.affords(GIB / 2, now));
        assert_eq!(wait(&budget, GIB, now), 4); // 45 ms, of which 25 are there
        budget.charge(Duration::from_millis(25), now);
        assert!(!budget.affords(GIB / 100, now));
        assert!(budget.affords(GIB / 100, now + A_SECOND));
    }

    #[test]
    fn a_cost_that_was_not_expected_is_paid_back_before_anything_is_read() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        budget.charge(A_SECOND, now);
        assert!(!budget.affords(0, now + A_SECOND * 190));
        assert!(budget.affords(0, now + A_SECOND * 195));
    }

    #[test]
    fn what_is_kept_has_a_limit_and_what_costs_more_is_read_nevertheless() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let later = start + A_SECOND * 100_000;
        assert_eq!(wait(&budget, 1000 * GIB, start), 55);
        budget.charge(A_SECOND * 45, later);
        assert!(!budget.affords(1, later + A_SECOND * (9000 - 61)));
        assert!(budget.affords(1, later + A_SECOND * 9000));
    }

    #[test]
    fn the_price_is_learned() {
        let mut price = Price::default();
        for _ in 0..50 {
            price.learn(GIB, Duration::from_millis(10));
        }
        let learned = price.of(3 * GIB).as_millis();
        assert!((29..=31).contains(&learned), "{learned}");
    }
}
