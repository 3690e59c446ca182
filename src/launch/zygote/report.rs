//! What is told of a zygote to those who look from outside.

use std::time::Duration;

use serde::Serialize;

use super::state::{LeftOut, State};
use crate::os::deadline::millis;
use crate::os::family::{Memory, MemoryReport};

/// What a zygote has loaded and keeps ready, as it is reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ZygoteReport {
    pid: i32,
    python: String,
    age_millis: u64,
    /// How many spares it has.
    pub(crate) spares: usize,
    loading: Option<String>,
    loaded: Vec<LoadedReport>,
    left_out: Vec<LeftOutReport>,
    #[serde(flatten)]
    memory: MemoryReport,
}

#[derive(Debug, Serialize)]
struct LoadedReport {
    module: String,
    millis: u64,
}

#[derive(Debug, Serialize)]
struct LeftOutReport {
    module: String,
    why: String,
}

impl ZygoteReport {
    /// That of a zygote as it is now.
    pub(super) fn of(pid: i32, python: &str, age: Duration, memory: Memory, state: &State) -> Self {
        let loaded = state.loaded.iter().cloned();
        let left_out = state.left_out.iter().cloned();
        Self {
            pid,
            python: python.to_owned(),
            age_millis: millis(age),
            spares: state.spares.len(),
            loading: state.loading.clone(),
            loaded: loaded
                .map(|(module, millis)| LoadedReport { module, millis })
                .collect(),
            left_out: left_out
                .map(|LeftOut { module, why, .. }| LeftOutReport { module, why })
                .collect(),
            memory: memory.report(),
        }
    }
}
