//! The proportional size of processes: read from one after the other, as far as a budget goes, and kept.
//!
//! The kernel goes through the whole memory of a process for it, with its map locked: up to 45 ms for each GiB.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::budget::Budget;
use crate::os::lock::locked;
use crate::os::process::Identity;

/// A process, and how many bytes it has resident now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) process: Identity,
    pub(super) resident: u64,
}

/// What was read, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) bytes: u64,
    pub(super) at: Instant,
}

/// What is known of these processes, after some of them have been read from.
pub(super) fn figures(members: &[Member]) -> HashMap<Identity, Figure> {
    static METER: LazyLock<Mutex<Meter>> = LazyLock::new(|| Mutex::new(Meter::new(Instant::now())));
    measure(&METER, members, Instant::now, |process| {
        timed(|| read(process.pid()))
    });
    locked(&METER).known()
}

/// Reads from those that are due, while the budget lasts; it is not locked meanwhile.
fn measure(
    meter: &Mutex<Meter>,
    members: &[Member],
    now: impl Fn() -> Instant,
    mut read: impl FnMut(Identity) -> (Option<u64>, Duration),
) {
    let due = locked(meter).due(members);
    for member in due {
        if !locked(meter).budget.affords(member.resident, now()) {
            break;
        }
        let (bytes, cost) = read(member.process);
        locked(meter).note(member, bytes, cost, now());
    }
}

/// What it returns, and how long this thread has kept a processor busy with it.
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let used =
        || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Into::into);
    let before = used();
    (act(), used().saturating_sub(before))
}

fn read(pid: i32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    proportional(&rollup)
}

/// The value of a line such as `Pss:   1234 kB`.
fn proportional(rollup: &str) -> Option<u64> {
    let value = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

struct Meter {
    budget: Budget,
    looks: HashMap<Identity, Look>,
}

/// When a process was last read from, and what was found then, or before where it could not be read.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    figure: Option<Figure>,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self {
            budget: Budget::new(now),
            looks: HashMap::new(),
        }
    }

    /// Those with memory, in the order in which they are to be read from: first those that never were, the smallest of these
    /// first, then those that were longest ago. All others are forgotten.
    fn due(&mut self, members: &[Member]) -> Vec<Member> {
        let present: HashSet<_> = members.iter().map(|member| member.process).collect();
        self.looks.retain(|process, _| present.contains(process));
        let with_memory = members.iter().filter(|member| member.resident > 0);
        let mut due: Vec<_> = with_memory.copied().collect();
        due.sort_by_key(|member| {
            let look = self.looks.get(&member.process);
            (look.map(|look| look.at), member.resident)
        });
        due
    }

    fn note(&mut self, member: Member, bytes: Option<u64>, cost: Duration, now: Instant) {
        self.budget.charge(cost, now);
        if bytes.is_some() {
            self.budget.learn(member.resident, cost);
        }
        let look = self.looks.entry(member.process).or_insert(Look {
            at: now,
            figure: None,
        });
        look.at = now;
        let figure = bytes.map(|bytes| Figure { bytes, at: now });
        look.figure = figure.or(look.figure);
    }

    fn known(&self) -> HashMap<Identity, Figure> {
        let known = self.looks.iter();
        known
            .filter_map(|(process, look)| Some((*process, look.figure?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::cell::{Cell, RefCell};

    const MIB: u64 = 1 << 20;

    fn process(pid: u64, resident: u64) -> Member {
        let process = Identity::named(i32::try_from(pid).unwrap(), 1);
        Member { process, resident }
    }

    /// A machine with a clock of its own, where each MiB costs 40 us to read.
    struct Machine {
        start: Instant,
        meter: Mutex<Meter>,
        now: Cell<Instant>,
        spent: Cell<Duration>,
        read: RefCell<Vec<i32>>,
    }

    impl Machine {
        fn new() -> Self {
            let start = Instant::now();
            Self {
                start,
                meter: Mutex::new(Meter::new(start)),
                now: Cell::new(start),
                spent: Cell::default(),
                read: RefCell::default(),
            }
        }

        /// Makes a report; those without a size can't be read. Gives the pids of those that were.
        fn report(&self, members: &[Member], is_readable: bool) -> Vec<i32> {
            let size = |process| members.iter().find(|one| one.process == process).unwrap();
            let read = |process: Identity| {
                let bytes = size(process).resident;
                let cost = Duration::from_micros(40 * bytes / MIB);
                self.read.borrow_mut().push(process.pid());
                self.now.set(self.now.get() + cost);
                self.spent.set(self.spent.get() + cost);
                (is_readable.then_some(bytes / 2), cost)
            };
            measure(&self.meter, members, || self.now.get(), read);
            self.read.take()
        }

        fn wait(&self, seconds: u64) {
            self.now.set(self.now.get() + Duration::from_secs(seconds));
        }

        fn known(&self) -> HashMap<Identity, Figure> {
            locked(&self.meter).known()
        }

        /// The most that may have been spent: of each second 5 ms, 25 ms ahead, and one read of this size too many.
        fn allowed(&self, resident: u64) -> Duration {
            let (passed, ahead) = (self.now.get() - self.start, Duration::from_millis(25));
            passed / 200 + ahead + Duration::from_micros(40 * resident / MIB)
        }
    }

    #[test]
    fn a_large_family_costs_no_more_than_its_share_and_all_get_their_turn() {
        let machine = Machine::new();
        let members: Vec<_> = (1..=16).map(|pid| process(pid, 10 << 30)).collect();
        for _ in 0..720 {
            machine.report(&members, true);
            assert!(machine.spent.get() <= machine.allowed(10 << 30));
            machine.wait(5);
        }
        assert!(machine.spent.get() >= machine.allowed(0) * 9 / 10);
        let known = machine.known();
        let round = Duration::from_micros(40 * 16 * 10 * 1024) * 200;
        let age = |figure: &Figure| machine.now.get() - figure.at;
        assert_eq!(known.len(), 16);
        assert!(known.values().map(age).max() < Some(round * 5 / 4));
    }

    #[test]
    fn asking_more_often_costs_no_more() {
        let machine = Machine::new();
        let members: Vec<_> = (1..=16).map(|pid| process(pid, 1 << 30)).collect();
        for _ in 0..2000 {
            machine.report(&members, true);
        }
        assert!(machine.spent.get() <= machine.allowed(1 << 30));
    }

    #[test]
    fn a_small_family_is_known_at_once() {
        let machine = Machine::new();
        let members: Vec<_> = (1..=8).map(|pid| process(pid, 50 * MIB)).collect();
        machine.report(&members, true);
        assert_eq!(machine.known().len(), 8);
    }

    #[test]
    fn first_come_new_ones_and_then_who_was_read_from_longest_ago() {
        let machine = Machine::new();
        let (large, small) = (process(1, 200 * MIB), process(2, 100 * MIB));
        assert_eq!(machine.report(&[large, small], true), [2, 1]);
        machine.wait(60);
        let new = process(3, 300 * MIB);
        assert_eq!(machine.report(&[large, new, small], true), [3, 2, 1]);
    }

    #[test]
    fn who_waits_for_a_dear_read_is_not_overtaken() {
        let machine = Machine::new();
        let (small, dear) = (process(1, 100 * MIB), process(2, 5 << 30));
        assert_eq!(machine.report(&[dear, small], true), [1]);
        let mut reports = (0..100).map(|_| {
            machine.wait(1);
            machine.report(&[dear, small], true)
        });
        assert_eq!(reports.find(|read| !read.is_empty()), Some(vec![2, 1]));
    }

    #[test]
    fn who_has_ended_is_forgotten_and_a_pid_that_is_used_again_is_another_process() {
        let machine = Machine::new();
        let (gone, stays) = (process(1, MIB), process(2, MIB));
        machine.report(&[gone, stays], true);
        let again = Member {
            process: Identity::named(1, 2),
            resident: 1 << 40,
        };
        machine.report(&[again, stays], true);
        let known = machine.known();
        assert_eq!(known.keys().collect::<Vec<_>>(), [&stays.process]);
    }

    #[test]
    fn who_cannot_be_read_keeps_its_figure_and_nobody_waiting() {
        let machine = Machine::new();
        let members = [process(1, MIB), process(2, 2 * MIB)];
        machine.report(&members, true);
        let before = machine.known();
        machine.wait(1);
        assert_eq!(machine.report(&members, false), [1, 2]);
        assert_eq!(machine.known(), before);
    }

    #[test]
    fn who_has_no_memory_is_not_read_from() {
        assert!(Machine::new().report(&[process(1, 0)], true).is_empty());
    }

    #[test]
    fn a_rollup_is_read_as_the_kernel_writes_it() {
        let rollup = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:     12 kB\nPss:      5 kB\nPss_Dirty: 3 kB\n";
        assert_eq!(proportional(rollup), Some(5 << 10));
        assert_eq!(proportional(""), None);
    }

    #[test]
    fn this_process_has_memory_and_reading_it_costs_something() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (bytes, cost) = timed(|| read(own));
        assert!(bytes > Some(0) && cost > Duration::ZERO);
    }
}
