//! What has happened in this process, counted for Spark's metrics. Counting costs an addition, and takes no lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[doc = $meaning:literal])+ $count:ident = $name:literal,)+) => {
        /// Something that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Count {
            $($(#[doc = $meaning])+ $count,)+
        }

        /// The name of each count, in the order of the enumeration, and what it means.
        pub const COUNTS: &[(&str, &str)] = &[$(($name, concat!($($meaning),+)),)+];
    };
}

counts! {
    /// Idle workers handed out.
    CreatedIdle = "created.idle",
    /// Workers handed out that had been made ahead.
    CreatedSpare = "created.spare",
    /// Workers forked by the zygote while a task waited.
    CreatedFork = "created.fork",
    /// Workers forked by Spark's daemon while a task waited.
    CreatedDaemon = "created.daemon",
    /// Workers started as processes of their own while a task waited.
    CreatedProcess = "created.process",
    /// Tasks that asked for a worker and got an error.
    CreatedFailed = "created.failed",
    /// Workers that tasks gave back.
    Released = "released",
    /// Idle workers ended because nobody used them for the idle time.
    EndedIdle = "ended.idle",
    /// Idle workers ended because the pool was full.
    EndedEvicted = "ended.evicted",
    /// Idle workers found dead, or with something unread, when one was wanted.
    EndedDirty = "ended.dirty",
    /// Workers replaced between two tasks, by `maxTasks` or `maxRss`.
    EndedReplaced = "ended.replaced",
    /// Idle workers replaced because they had to import by themselves what others have loaded ahead.
    EndedOutdone = "ended.outdone",
    /// Workers killed because Spark asked for it: cancelled tasks, errors.
    EndedKilled = "ended.killed",
    /// Workers killed because they went on after their connection was closed.
    EndedLingering = "ended.lingering",
    /// Workers that exited by themselves, without an error.
    DiedExited = "died.exited",
    /// Workers that exited with an error code.
    DiedFailed = "died.failed",
    /// Workers killed by a signal of somebody else.
    DiedSignalled = "died.signalled",
    /// Workers killed by the kernel for lack of memory.
    DiedMemory = "died.memory",
    /// Workers of which nobody knows how they ended.
    DiedUnknown = "died.unknown",
    /// Zygotes that came to serve.
    ZygoteStarted = "zygote.started",
    /// Zygotes given up because they ended, hung, were spoiled or outdated.
    ZygoteReplaced = "zygote.replaced",
    /// Milliseconds that zygotes spent on loading modules ahead.
    ZygotePreloadMillis = "zygote.preloadMillis",
    /// Workers that have imported modules themselves which could be loaded ahead.
    ImportsWorkers = "imports.workers",
    /// Milliseconds that workers spent on such imports.
    ImportsMillis = "imports.millis",
}

static VALUES: [AtomicU64; COUNTS.len()] = [const { AtomicU64::new(0) }; COUNTS.len()];

impl Count {
    /// One more.
    pub fn increment(self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(self, more: u64) {
        VALUES[self as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn value(self) -> u64 {
        VALUES[self as usize].load(Ordering::Relaxed)
    }
}

/// All counts by their names.
pub fn counts() -> BTreeMap<&'static str, u64> {
    let values = VALUES.iter().map(|value| value.load(Ordering::Relaxed));
    COUNTS.iter().map(|(name, _)| *name).zip(values).collect()
}

/// Tasks that wait for a worker now.
static WAITING: AtomicU64 = AtomicU64::new(0);

/// A task that waits for a worker, for as long as this lives.
#[derive(Debug)]
pub struct Waiting(());

impl Waiting {
    /// Begins to wait.
    pub fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// How many wait now.
    pub fn now() -> u64 {
        WAITING.load(Ordering::Relaxed)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_under_its_name() {
        let before = Count::ZygotePreloadMillis.value();
        Count::ZygotePreloadMillis.add(7);
        let all = counts();
        assert_eq!(all.len(), COUNTS.len());
        assert_eq!(all["zygote.preloadMillis"], before + 7);
    }
}
