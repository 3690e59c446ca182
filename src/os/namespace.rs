//! Processes that call themselves by other numbers than ours: an interpreter that a wrapper has started in a pid namespace of its
//! own (`bwrap --unshare-pid`, `unshare --pid`) tells pids of that namespace.

use std::fs;

use super::family::with_descendants;
use super::process::Process;

/// Whether a process below `ancestor` has told a pid that is not its own here.
pub(crate) fn is_elsewhere(pid: i32, ancestor: i32) -> bool {
    let here = Process::open(pid).is_ok_and(|one| one.descends_from(ancestor));
    !here && find(pid, ancestor).is_some()
}

/// The process below `ancestor` that has this pid in a namespace of its own.
pub(crate) fn find(pid: i32, ancestor: i32) -> Option<Process> {
    let mut below = with_descendants(&[ancestor]).into_iter();
    let number = below.find(|one| inner_pid(*one) == Some(pid))?;
    let process = Process::open(number).ok()?;
    // Seen again by the handle's number: it is no other's.
    (process.is_alive() && inner_pid(number) == Some(pid)).then_some(process)
}

/// What it calls itself, where that is not its number here.
fn inner_pid(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let numbers = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))?;
    let inner = numbers.split_whitespace().skip(1).last()?;
    inner.parse().ok()
}
