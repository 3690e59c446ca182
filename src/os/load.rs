//! How busy this process keeps the processor.

use std::thread;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// What this process had used at some moment.
pub(crate) struct Load {
    at: Instant,
    used: Duration,
}

impl Load {
    pub(crate) fn now() -> Self {
        let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
        Self {
            at: Instant::now(),
            used: used.map_or(Duration::ZERO, Duration::from),
        }
    }

    /// Whether it has left a core to others since.
    pub(crate) fn leaves_a_core(&self) -> bool {
        let now = Self::now();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let used = now.used.saturating_sub(self.used);
        leaves_a_core(cores, used, now.at.duration_since(self.at))
    }
}

/// Of a single core, half is to be left.
fn leaves_a_core(cores: usize, used: Duration, in_time: Duration) -> bool {
    let most = match u32::try_from(cores - 1) {
        Ok(0) => in_time / 2,
        Ok(others) => in_time.saturating_mul(others),
        Err(_) => Duration::MAX,
    };
    used < most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_core_is_left_to_others() {
        let tenths = |count: u64| Duration::from_millis(100 * count);
        for (cores, most_tenths) in [(1, 4), (2, 9), (8, 69)] {
            assert!(leaves_a_core(cores, tenths(most_tenths), tenths(10)));
            assert!(!leaves_a_core(cores, tenths(most_tenths + 1), tenths(10)));
        }
    }
}
