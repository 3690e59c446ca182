//! This process's Python processes, and all that they have started, with the memory of each.

mod budget;
mod descendants;
mod proportional;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::os::deadline::millis;
use crate::os::process::{Identity, resident};
pub(crate) use descendants::with_descendants;
use proportional::{Figure, Member, figures};

/// Bytes of memory of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What is resident, shared pages included.
    pub(crate) resident: u64,
    /// The same, of a page that n processes share only an n-th; nothing where it has not been read yet.
    pub(crate) proportional: Option<Proportional>,
}

/// A proportional size, and how long ago it was that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proportional {
    pub(crate) bytes: u64,
    pub(crate) age: Duration,
}

/// The same, as it is reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoryReport {
    resident: u64,
    proportional: Option<u64>,
    proportional_age_millis: Option<u64>,
}

impl Memory {
    /// For a report.
    pub(crate) fn report(&self) -> MemoryReport {
        MemoryReport {
            resident: self.resident,
            proportional: self.proportional.map(|one| one.bytes),
            proportional_age_millis: self.proportional.map(|one| millis(one.age)),
        }
    }

    fn new(resident: u64, figure: Option<Figure>, now: Instant) -> Self {
        let proportional = figure.map(|figure| Proportional {
            // It was read before: the process may be smaller now.
            bytes: figure.bytes.min(resident),
            age: now.saturating_duration_since(figure.at),
        });
        Self {
            resident,
            proportional,
        }
    }
}

/// The memory of all processes together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// What is resident.
    pub(crate) resident: u64,
    /// The sum of the proportional sizes that are known.
    pub(crate) proportional: u64,
    /// The age of the oldest of these.
    pub(crate) oldest: Duration,
    /// What those have resident whose proportional size is not known.
    pub(crate) unmeasured: u64,
}

impl Total {
    fn with(self, one: &Memory) -> Self {
        let known = one.proportional;
        Self {
            resident: self.resident + one.resident,
            proportional: self.proportional + known.map_or(0, |known| known.bytes),
            oldest: self
                .oldest
                .max(known.map_or(Duration::ZERO, |known| known.age)),
            unmeasured: self.unmeasured + known.map_or(one.resident, |_| 0),
        }
    }
}

/// Each process of the family by its pid.
#[derive(Debug, Default)]
pub(crate) struct Family(HashMap<i32, Memory>);

impl Family {
    /// These processes and their descendants, as they are now.
    pub(crate) fn of(parents: &[i32]) -> Self {
        let members: Vec<_> = with_descendants(parents)
            .into_iter()
            .filter_map(member)
            .collect();
        let figures = figures(&members);
        let now = Instant::now();
        let memory = |one: &Member| {
            let figure = figures.get(&one.process).copied();
            (one.process.pid(), Memory::new(one.resident, figure, now))
        };
        Self(members.iter().map(memory).collect())
    }

    /// That of one process, nothing where it is gone.
    pub(crate) fn memory(&self, pid: i32) -> Memory {
        self.0.get(&pid).copied().unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// That of all.
    pub(crate) fn total(&self) -> Total {
        self.0.values().fold(Total::default(), Total::with)
    }
}

fn member(pid: i32) -> Option<Member> {
    let process = Identity::of(pid)?;
    let resident = resident(pid)?;
    Some(Member { process, resident })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_added_up_and_what_is_not_is_no_part_of_it() {
        let now = Instant::now();
        let known = |bytes, seconds| {
            let at = now.checked_sub(Duration::from_secs(seconds)).unwrap();
            Some(Figure { bytes, at })
        };
        let memories = [
            Memory::new(30, known(10, 5), now),
            Memory::new(40, None, now),
            Memory::new(7, known(9, 60), now), // has become smaller
        ];
        let total = Family((0..).zip(memories).collect()).total();
        assert_eq!((total.resident, total.proportional), (77, 17));
        assert_eq!((total.oldest.as_secs(), total.unmeasured), (60, 40));
    }
}
