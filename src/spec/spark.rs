//! What of the contract with Python depends on Spark's version.

use std::fmt;

/// What PySpark's worker imports when a task first needs it.
const PRELOAD: &[&str] = &[
    "numpy",
    "numpy.rec",
    "pyarrow",
    "pandas",
    "pyarrow.pandas_compat",
];
/// The same, of PySpark 3 only: setuptools' stand-in for it is slow to import.
const PRELOAD_3: &[&str] = &[
    "numpy",
    "pyarrow",
    "pandas",
    "pyarrow.pandas_compat",
    "distutils.version",
];

/// A Spark release, as far as the contract with Python depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SparkVersion(u32, u32);

impl fmt::Display for SparkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl SparkVersion {
    /// Reads the first two parts of a version such as `4.3.0`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-']);
        Some(Self(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }

    /// What its zygotes load if no setting says otherwise.
    pub(crate) fn loaded_ahead(self) -> &'static [&'static str] {
        if self.major() == 3 {
            PRELOAD_3
        } else {
            PRELOAD
        }
    }

    fn major(self) -> u32 {
        self.0
    }

    /// From 4.0 on the daemon is told the worker module.
    pub(super) fn daemon_takes_worker_module(self) -> bool {
        self >= Self(4, 0)
    }

    /// From 3.4 on Python follows the JVM where that prefers IPv6.
    pub(super) fn knows_ipv6(self) -> bool {
        self >= Self(3, 4)
    }

    /// From 4.1 on there are Unix domain sockets.
    pub(crate) fn knows_unix_sockets(self) -> bool {
        self >= Self(4, 1)
    }
}
