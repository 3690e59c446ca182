//! What there is now, and what has happened, as one JSON document: for Spark's metrics and for the page in its UI.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::factory::{DeathReport, SessionReport, last_deaths};
use crate::jvm::registry;
use crate::launch::zygote::{self, ImportReport, ZygoteReport};
use crate::metrics::{COUNTS, Waiting, counts};
use crate::os::deadline::{epoch_millis, millis};
use crate::os::family::Family;
use crate::process::started_pids;

/// The name of each figure that goes up and down, and what it means.
pub const GAUGES: &[(&str, &str)] = &[
    ("workers.busy", "Workers that serve a task."),
    ("workers.idle", "Workers that wait for their next task."),
    (
        "workers.spare",
        "Workers made ahead, for no one in particular yet.",
    ),
    ("tasks.waiting", "Tasks that wait for a worker."),
    ("sessions", "Environments that have workers, or had lately."),
    ("zygotes", "Zygotes that serve."),
    (
        "processes",
        "Python processes of this executor, with all that they have started.",
    ),
    (
        "memory.resident",
        "Bytes that these have resident, shared pages counted in each.",
    ),
    (
        "memory.proportional",
        "Bytes that these have resident, of a page that n processes share an n-th in each. Each process is measured once in a \
         while; the sum has the last figure of each, and nothing of those that were never measured.",
    ),
    (
        "memory.proportionalAgeMillis",
        "How long ago the oldest figure in that sum was taken.",
    ),
    (
        "memory.unmeasured",
        "Bytes resident in processes that were never measured, which `memory.proportional` does not have.",
    ),
];

/// All that there is to tell.
#[derive(Debug, Serialize)]
pub struct Report {
    /// In milliseconds since 1970.
    at: u64,
    counts: BTreeMap<&'static str, u64>,
    gauges: BTreeMap<&'static str, u64>,
    sessions: Vec<SessionReport>,
    zygotes: Vec<ZygoteReport>,
    imports: Vec<ImportReport>,
    deaths: Vec<DeathReport>,
}

/// The report. Reads some small files in `/proc` for each process; what takes longer has a budget.
pub fn report() -> Report {
    let family = Family::of(&started_pids());
    let factories = registry::all();
    let sessions: Vec<_> = factories.iter().map(|one| one.report(&family)).collect();
    let zygotes = zygote::reports(&family);
    let own_spares = factories.iter().map(|factory| factory.spares()).sum();
    Report {
        at: epoch_millis(),
        counts: counts(),
        gauges: gauges(&sessions, &zygotes, own_spares, &family),
        sessions,
        zygotes,
        imports: zygote::imports(),
        deaths: last_deaths(),
    }
}

fn gauges(
    sessions: &[SessionReport],
    zygotes: &[ZygoteReport],
    own_spares: usize,
    family: &Family,
) -> BTreeMap<&'static str, u64> {
    let workers = sessions.iter().flat_map(|session| &session.workers);
    let (idle, busy): (Vec<_>, Vec<_>) = workers.partition(|worker| worker.is_idle());
    let forked_spares: usize = zygotes.iter().map(|zygote| zygote.spares).sum();
    let memory = family.total();
    let values = [
        busy.len() as u64,
        idle.len() as u64,
        (forked_spares + own_spares) as u64,
        Waiting::now(),
        sessions.len() as u64,
        zygotes.len() as u64,
        family.len() as u64,
        memory.resident,
        memory.proportional,
        millis(memory.oldest),
        memory.unmeasured,
    ];
    let names = GAUGES.iter().map(|(name, _)| *name);
    names.zip(values).collect()
}

/// The table of metrics in the docs.
pub fn markdown_table() -> String {
    const TIMERS: &[(&str, &str)] = &[
        (
            "handout.idle",
            "Timer: handing out an idle worker. One in sixteen is timed.",
        ),
        (
            "handout.spare",
            "Timer: handing out a worker that was made ahead.",
        ),
        (
            "handout.new",
            "Timer: a task's wait for a worker that had to be made.",
        ),
    ];
    let rows = GAUGES.iter().chain(COUNTS).chain(TIMERS);
    let row = |(name, meaning): &(&str, &str)| format!("| `{name}` | {} |\n", meaning.trim());
    let table: String = rows.map(row).collect();
    format!("| name | meaning |\n|---|---|\n{table}")
}
