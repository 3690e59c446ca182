//! The memory of this process's Python processes, and of all that they have started, as `/proc` has it.

mod descendants;

use std::collections::HashMap;
use std::fs;

use crate::launch::started_pids;
use descendants::with_descendants;

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What is resident, shared pages included.
    pub(crate) resident: u64,
    /// The same, of a page that n processes share only an n-th.
    pub(crate) proportional: u64,
}

/// Each process of the family by its pid.
#[derive(Debug, Default)]
pub(crate) struct Family(HashMap<i32, Memory>);

impl Family {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let members = with_descendants(&started_pids());
        Self(members.into_iter().map(|pid| (pid, memory(pid))).collect())
    }

    /// That of one process, nothing where it is gone.
    pub(crate) fn of(&self, pid: i32) -> Memory {
        self.0.get(&pid).copied().unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// That of all.
    pub(crate) fn total(&self) -> Memory {
        self.0.values().fold(Memory::default(), |sum, one| Memory {
            resident: sum.resident + one.resident,
            proportional: sum.proportional + one.proportional,
        })
    }
}

fn memory(pid: i32) -> Memory {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    Memory {
        resident: bytes(&rollup, "Rss:"),
        proportional: bytes(&rollup, "Pss:"),
    }
}

/// The value of a line such as `Pss:   1234 kB`.
fn bytes(rollup: &str, name: &str) -> u64 {
    let value = |line: &str| {
        let kilobytes: u64 = line
            .strip_prefix(name)?
            .trim()
            .strip_suffix(" kB")?
            .parse()
            .ok()?;
        Some(kilobytes * 1024)
    };
    rollup.lines().find_map(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollup_is_read_as_the_kernel_writes_it() {
        let rollup = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:     12 kB\nPss:      5 kB\nPss_Dirty: 3 kB\n";
        assert_eq!(
            (bytes(rollup, "Rss:"), bytes(rollup, "Pss:")),
            (12 << 10, 5 << 10)
        );
        assert_eq!(bytes("", "Rss:"), 0);
    }

    #[test]
    fn this_process_has_memory() {
        let own = i32::try_from(std::process::id()).unwrap();
        let memory = memory(own);
        assert!(0 < memory.proportional && memory.proportional <= memory.resident);
    }
}
