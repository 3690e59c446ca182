//! Lack of memory: whom the kernel is to kill for it, and what it tells of those it has killed. The memory is that of this
//! JVM's cgroup, in a container that of the container, or that of the whole machine.
//!
//! Workers raise their own `oom_score_adj`, so that the
//! kernel takes one of them and not the JVM, whose loss is the loss of all its shuffle files; keeper and zygote do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::debug;

use crate::os::lock::locked;

const MIB: u64 = 1024 * 1024;
/// Version 1 has no word for "no limit", but a number beyond any memory.
const NO_LIMIT: u64 = 1 << 60;
/// One shortage kills several processes, whose ends are learned of one after the other.
const SAME_SHORTAGE: Duration = Duration::from_secs(2);

/// Where a version of cgroups has what.
struct Layout {
    root: &'static str,
    kills: &'static str,
    limit: &'static str,
    /// The most that was used ever, or else what is used now.
    used: [&'static str; 2],
}

const V2: Layout = Layout {
    root: "/sys/fs/cgroup",
    kills: "memory.events",
    limit: "memory.max",
    used: ["memory.peak", "memory.current"],
};
const V1: Layout = Layout {
    root: "/sys/fs/cgroup/memory",
    kills: "memory.oom_control",
    limit: "memory.limit_in_bytes",
    used: ["memory.max_usage_in_bytes", "memory.usage_in_bytes"],
};

struct Group {
    layout: &'static Layout,
    directory: PathBuf,
}

impl Group {
    /// The group of this process, if its memory is accounted for.
    fn own() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        groups.lines().find_map(Self::of_line)
    }

    /// From a line of `/proc/self/cgroup`: a number, the controllers (none in version 2), and the path.
    fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let layout = match controllers {
            "" => &V2,
            names if names.split(',').any(|name| name == "memory") => &V1,
            _ => return None,
        };
        let root = Path::new(layout.root);
        // In a container the path may be that of the host, while its own group is mounted as the root.
        let candidates = [root.join(path.trim_start_matches('/')), root.to_owned()];
        let directory = candidates
            .into_iter()
            .find(|d| d.join(layout.kills).exists())?;
        Some(Self { layout, directory })
    }

    fn kills(&self) -> Option<u64> {
        oom_kills(&fs::read_to_string(self.directory.join(self.layout.kills)).ok()?)
    }

    fn bytes(&self, file: &str) -> Option<u64> {
        let text = fs::read_to_string(self.directory.join(file)).ok()?;
        text.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)
    }

    fn describe(&self) -> String {
        let used = self.layout.used.iter().find_map(|file| self.bytes(file));
        let shown = |bytes: u64| format!("{} MiB", bytes / MIB);
        let used = used.map_or_else(|| "unknown".to_owned(), shown);
        match self.bytes(self.layout.limit) {
            Some(limit) => format!(
                "out of memory: the limit of its cgroup is {}, the most used {used}",
                shown(limit)
            ),
            None => format!(
                "out of memory: its cgroup has no limit of its own, the most used is {used}"
            ),
        }
    }
}

/// The counter `oom_kill`, in `memory.events`, `memory.oom_control` and `/proc/vmstat`.
fn oom_kills(text: &str) -> Option<u64> {
    let of = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    text.lines().find_map(of)
}

/// How many processes were killed for lack of memory, and the words for it.
fn count() -> Option<(u64, String)> {
    if let Some(group) = Group::own() {
        return Some((group.kills()?, group.describe()));
    }
    let kills = oom_kills(&fs::read_to_string("/proc/vmstat").ok()?)?;
    Some((
        kills,
        "probably out of memory: the kernel has just killed processes of this machine for it"
            .to_owned(),
    ))
}

#[derive(Default)]
struct Seen {
    kills: Option<u64>,
    risen: Option<Instant>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen {
    kills: None,
    risen: None,
});

/// Notes how things are, so that a later shortage is told from an earlier one.
pub(crate) fn watch() {
    let mut seen = locked(&SEEN);
    if seen.kills.is_none() {
        seen.kills = count().map(|(kills, _)| kills);
    }
}

/// For a process that has just been killed by a signal nobody here has sent: the shortage of memory that it was killed for.
pub(crate) fn recent_shortage() -> Option<String> {
    let mut seen = locked(&SEEN);
    let (kills, words) = count()?;
    if seen.kills.replace(kills)? < kills {
        seen.risen = Some(Instant::now());
    }
    let recent = seen
        .risen
        .is_some_and(|risen| risen.elapsed() < SAME_SHORTAGE);
    recent.then_some(words)
}

const HIGHEST_SCORE: i32 = 1000;

/// What workers add if no setting says otherwise. Where memory is the whole machine's, another program may be what takes it all,
/// and workers would be killed before that.
fn usual_addition() -> i32 {
    let limited = Group::own().is_some_and(|group| group.bytes(group.layout.limit).is_some());
    if limited { HIGHEST_SCORE } else { 0 }
}

/// The `oom_score_adj` of workers: this process's own, and what is `added`.
pub(crate) fn worker_score(added: Option<i32>) -> i32 {
    let own = fs::read_to_string("/proc/self/oom_score_adj");
    let own: i32 = own
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let added = added.unwrap_or_else(usual_addition);
    own.saturating_add(added).min(HIGHEST_SCORE)
}

/// Has the kernel take a child of ours, and what it starts, before us. The child must not have been waited for.
pub(crate) fn offer(child: i32, added: Option<i32>) {
    let file = format!("/proc/{child}/oom_score_adj");
    if let Err(error) = fs::write(&file, worker_score(added).to_string()) {
        debug!("{file} can't be written: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_in_each_of_its_files() {
        for text in [
            "low 0\nhigh 0\nmax 12\noom 1\noom_kill 7\noom_group_kill 0\n",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
            "pgfault 1\noom_kill 7\n",
        ] {
            assert_eq!(oom_kills(text), Some(7), "{text}");
        }
        assert_eq!(oom_kills("oom_kill_disable 0\n"), None);
    }

    #[test]
    fn groups_without_an_account_of_memory_are_passed_over() {
        for line in ["", "0", "4:cpu,cpuacct:/", "1:name=systemd:/"] {
            assert!(Group::of_line(line).is_none(), "{line}");
        }
    }

    #[test]
    fn nothing_is_short_where_nothing_was_killed() {
        watch();
        assert_eq!(recent_shortage(), None);
    }
}
