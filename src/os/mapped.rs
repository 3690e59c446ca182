//! The files that a process has mapped: its libraries, among them Python's extension modules.

use std::collections::HashSet;
use std::fs;

/// The shared libraries in a process's memory, by their paths (`/proc/<pid>/maps`); none of a process that is gone or may not
/// be looked at. Takes about a millisecond of a process that has many.
pub(crate) fn libraries(pid: i32) -> HashSet<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    paths
        .filter(|path| path.contains(".so"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_libraries() {
        let own = libraries(std::process::id().cast_signed());
        assert!(own.iter().any(|path| path.contains("libc.so")), "{own:?}");
        assert!(own.iter().all(|path| path.starts_with('/')), "{own:?}");
    }

    #[test]
    fn none_of_a_process_that_is_gone() {
        assert!(libraries(i32::MAX).is_empty());
    }
}
