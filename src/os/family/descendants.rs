//! Processes and all that they have started, as `/proc` has it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::os::process::parent_of;

/// These processes, and all that descend from them.
pub(crate) fn with_descendants(roots: &[i32]) -> HashSet<i32> {
    // Kernels may be built without it (`CONFIG_PROC_CHILDREN`).
    if Path::new("/proc/thread-self/children").exists() {
        closure(roots, children)
    } else {
        let mut all = all_children();
        closure(roots, |pid| all.remove(&pid).unwrap_or_default())
    }
}

fn closure(roots: &[i32], mut children: impl FnMut(i32) -> Vec<i32>) -> HashSet<i32> {
    let mut found = HashSet::new();
    let mut next = roots.to_vec();
    while let Some(pid) = next.pop() {
        // Who gets another parent meanwhile is met twice.
        if found.insert(pid) {
            next.extend(children(pid));
        }
    }
    found
}

/// The children of one process: a task has those that it has started itself.
fn children(pid: i32) -> Vec<i32> {
    let tasks = numbered(format!("/proc/{pid}/task").into());
    let of_task = |(_, task): (i32, PathBuf)| {
        let listed = fs::read_to_string(task.join("children")).unwrap_or_default();
        let pids = listed.split_whitespace().map(str::parse);
        pids.filter_map(Result::ok).collect::<Vec<_>>()
    };
    tasks.flat_map(of_task).collect()
}

/// The children of each process of this machine.
fn all_children() -> HashMap<i32, Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, _) in numbered("/proc".into()) {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

/// The entries of a folder whose names are numbers.
fn numbered(folder: PathBuf) -> impl Iterator<Item = (i32, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::process::{Child, Command, Stdio};

    /// A shell that has started `sleep`, which has said so.
    fn parent_and_child() -> (Child, i32) {
        let mut shell = Command::new("sh");
        let mut shell = shell
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = std::io::BufReader::new(shell.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        (shell, line.trim().parse().unwrap())
    }

    #[test]
    fn children_of_any_thread_and_their_children_are_found_either_way() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (go, stay) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tell.send(parent_and_child()).unwrap();
            let _ = stay.recv();
        });
        let (mut shell, sleep) = told.recv().unwrap();
        let walked = closure(&[own], children);
        let mut all = all_children();
        let searched = closure(&[own], |pid| all.remove(&pid).unwrap_or_default());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(sleep), nix::sys::signal::SIGKILL)
            .unwrap();
        shell.wait().unwrap();
        drop(go);
        thread.join().unwrap();
        for found in [walked, searched] {
            let shell = i32::try_from(shell.id()).unwrap();
            assert!(found.contains(&own) && found.contains(&shell) && found.contains(&sleep));
        }
    }

    #[test]
    fn who_is_met_twice_is_there_once() {
        let found = closure(&[1, 2], |pid| vec![3 - pid.min(2), 4]);
        assert_eq!(found, HashSet::from([1, 2, 4]));
    }
}
