//! Whether a file or directory is still what it was when it was read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What has changed so lately may change again without its time telling.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// The same as long as nothing has changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// That of now; `None` where there is nothing.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            changed: (found.mtime(), found.mtime_nsec()),
        })
    }

    /// Whether the next change will be seen by it.
    pub(super) fn is_settled(&self) -> bool {
        let since = Duration::new(
            self.changed.0.try_into().unwrap_or(0),
            self.changed.1.try_into().unwrap_or(0),
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.is_ok_and(|now| now > since + TICK)
    }
}
