//! The program that makes an interpreter a zygote: how it is started, and what it is told first.

use std::path::PathBuf;

use super::key::{ZygoteKey, allocator_variables};
use super::learning;
use super::message::{self, Order};
use super::state::LeftOut;
use crate::os::deadline::millis;
use crate::os::oom;
use crate::os::spawn::CommandLine;
use crate::spec::settings::Learn;
use crate::spec::{FactorySpec, python_variables};

/// A module's name and text.
pub(super) type Module = (&'static str, &'static str);

/// Each of these modules needs only those before it: first those that the keeper needs, which is split off then.
const KEEPER: &[Module] = &[
    ("linux", include_str!("python/linux.py")),
    ("fitness", include_str!("python/fitness.py")),
    ("keeper", include_str!("python/keeper.py")),
];
/// And only those, the keeper's or these.
const MODULES: &[Module] = &[
    ("placement", include_str!("python/placement.py")),
    ("entries", include_str!("python/entries.py")),
    ("again", include_str!("python/again.py")),
    ("stopwatch", include_str!("python/stopwatch.py")),
    ("lookup", include_str!("python/lookup.py")),
    ("needs", include_str!("python/needs.py")),
    ("imports", include_str!("python/imports.py")),
    ("stamps", include_str!("python/stamps.py")),
    ("sources", include_str!("python/sources.py")),
    ("pools", include_str!("python/pools.py")),
    ("filters", include_str!("python/filters.py")),
    ("loggers", include_str!("python/loggers.py")),
    ("registrations", include_str!("python/registrations.py")),
    ("distributions", include_str!("python/distributions.py")),
    ("state", include_str!("python/state.py")),
    ("immortal", include_str!("python/immortal.py")),
    ("readings", include_str!("python/readings.py")),
    ("recorder", include_str!("python/recorder.py")),
    ("listener", include_str!("python/listener.py")),
    ("trial", include_str!("python/trial.py")),
    ("worker", include_str!("python/worker.py")),
    ("options", include_str!("python/options.py")),
    ("heritage", include_str!("python/heritage.py")),
    ("rehearsal", include_str!("python/rehearsal.py")),
    ("loading", include_str!("python/loading.py")),
    ("compiled", include_str!("python/compiled.py")),
    ("zygote", include_str!("python/zygote.py")),
];
/// Reads a line from standard input and runs it. Without a blank, as scripts around an interpreter may pass it on without
/// quotes; as long as `-m pyspark.daemon`, which the zygote shows in its place.
const FIRST_LINE: &str = "exec(input());";
/// What that reads: it starts the zygote, and in a child, where that comes back from serving, becomes the worker. A script may have put a pipe in between, in which messages are not kept apart.
const SECOND_LINE: &str = concat!(
    "import os,stat,sys;",
    "stat.S_ISSOCK(os.fstat(0).st_mode)or sys.exit('a script has given it another standard input');",
    "exec(os.read(0,262144));",
    "zygote and zygote.serve()()\n",
);
/// What that reads, which reads the modules.
const BOOT: &str = include_str!("python/boot.py");
/// What all zygotes load; workers of another module load that themselves.
const WORKER_MODULE: &str = "pyspark.worker";

/// All modules of the program, each after those that it needs.
pub(super) fn modules() -> Vec<Module> {
    [KEEPER, MODULES].concat()
}

/// The process to be started.
pub(super) fn command(key: &ZygoteKey, spec: &FactorySpec) -> CommandLine {
    let mut environment = key.environment.clone();
    let own = allocator_variables(&spec.environment);
    environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment.extend(python_variables(&key.python_path));
    let mut arguments = vec!["-c".to_owned(), FIRST_LINE.to_owned()];
    if !spec.daemon_arguments().is_empty() {
        arguments.push(WORKER_MODULE.to_owned());
    }
    CommandLine {
        program: key.python_exec.clone(),
        arguments,
        environment,
        directory: key.directory.clone(),
    }
}

/// The modules that it is to load.
pub(super) fn wanted(key: &ZygoteKey) -> Vec<String> {
    [key.preload.clone(), learning::to_load(key)].concat()
}

/// What that is told, one message after the other: the program, and what it is to load of what is wanted.
pub(super) fn messages(
    key: &ZygoteKey,
    spec: &FactorySpec,
    wanted: &[String],
    left_out: &[LeftOut],
) -> [Vec<u8>; 5] {
    [
        SECOND_LINE.into(),
        BOOT.into(),
        message::bytes(&KEEPER),
        message::bytes(&order(key, spec, wanted, left_out)),
        message::bytes(&MODULES),
    ]
}

fn order<'a>(
    key: &'a ZygoteKey,
    spec: &FactorySpec,
    wanted: &'a [String],
    known: &'a [LeftOut],
) -> Order<'a> {
    let of = |module: &str| known.iter().find(|one| one.module == module);
    let failed = |module: &str| of(module).is_some_and(|one| !one.files.is_empty());
    let preload = || wanted.iter().map(String::as_str);
    let until_failure = preload().take_while(|module| !failed(module));
    let (left_out, load): (Vec<_>, Vec<_>) = until_failure.partition(|module| of(module).is_some());
    let after = preload().skip(left_out.len() + load.len());
    Order {
        spark: key.spark.to_string(),
        daemon: &key.daemon_module,
        worker: WORKER_MODULE,
        stop_millis: millis(spec.settings.stop_timeout),
        oom_score_adj: oom::worker_score(spec.settings.oom_score_adj),
        load,
        observe: key.settings.learn != Learn::Off,
        left_out: left_out.into_iter().chain(after).collect(),
        watch: known
            .iter()
            .flat_map(|one| &one.files)
            .map(PathBuf::as_path)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_needs_only_those_before_it() {
        let modules = modules();
        for (at, (name, text)) in modules.iter().enumerate() {
            for (later, _) in &modules[at..] {
                let imports = [format!("import {later}\n"), format!("from {later} import ")];
                let needs = imports.iter().any(|import| text.contains(import.as_str()));
                assert!(!needs, "{name} needs {later}");
            }
        }
    }
}
