//! What there is now, and what has happened, as one JSON document: for Spark's metrics and for the page in its UI.

use serde_json::{Map, Value, json};

use crate::factory::{Factory, last_deaths};
use crate::jvm::registry;
use crate::launch::zygote;
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

/// The report. Reads some small files in `/proc` for each process; what takes longer has a budget.
pub fn report() -> Value {
    let family = Family::of(&started_pids());
    let factories = registry::all();
    let described: Vec<_> = factories
        .iter()
        .map(|factory| factory.report(&family))
        .collect();
    let zygotes = zygote::reports(&family);
    let gauges = gauges(&factories, &described, &zygotes, &family);
    json!({
        "at": epoch_millis(),
        "counts": counts(),
        "gauges": gauges,
        "sessions": described,
        "zygotes": zygotes,
        "deaths": last_deaths(),
    })
}

fn gauges(
    factories: &[std::sync::Arc<Factory>],
    described: &[Value],
    zygotes: &[Value],
    family: &Family,
) -> Map<String, Value> {
    let workers = |state: &str| {
        let all = described
            .iter()
            .filter_map(|one| one["workers"].as_array())
            .flatten();
        all.filter(|worker| worker["state"] == state).count() as u64
    };
    let own_spares: usize = factories.iter().map(|factory| factory.spares()).sum();
    let forked_spares: u64 = zygotes
        .iter()
        .filter_map(|one| one["spares"].as_u64())
        .sum();
    let memory = family.total();
    let values = [
        workers("busy"),
        workers("idle"),
        forked_spares + own_spares as u64,
        Waiting::now(),
        factories.len() as u64,
        zygotes.len() as u64,
        family.len() as u64,
        memory.resident,
        memory.proportional,
        millis(memory.oldest),
        memory.unmeasured,
    ];
    let named = GAUGES.iter().zip(values);
    named
        .map(|((name, _), value)| ((*name).to_owned(), value.into()))
        .collect()
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
