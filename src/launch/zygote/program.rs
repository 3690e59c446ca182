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
    let (load, left_out) = divided(wanted, known);
    Order {
        spark: key.spark.to_string(),
        daemon: &key.daemon_module,
        worker: WORKER_MODULE,
        stop_millis: millis(spec.settings.stop_timeout),
        oom_score_adj: oom::worker_score(spec.settings.oom_score_adj),
        load,
        observe: key.settings.learn != Learn::Off,
        left_out,
        loads_more: key.loads_more,
        watch: known
            .iter()
            .flat_map(|one| &one.files)
            .map(PathBuf::as_path)
            .collect(),
    }
}

/// Which of the wanted modules to load, and which are left out: those that are known to be at fault, what comes after one whose
/// files may be mended, and those that a zygote loads by itself.
fn divided<'a>(wanted: &'a [String], known: &'a [LeftOut]) -> (Vec<&'a str>, Vec<&'a str>) {
    let of = |module: &str| known.iter().find(|one| one.module == module);
    let failed = |module: &str| of(module).is_some_and(|one| !one.files.is_empty());
    let wanted = || wanted.iter().map(String::as_str);
    let until_failure = wanted().take_while(|module| !failed(module));
    let (mut left_out, load): (Vec<_>, Vec<_>) =
        until_failure.partition(|module| of(module).is_some());
    left_out.extend(wanted().skip(left_out.len() + load.len()));
    let known = known.iter().map(|one| one.module.as_str());
    left_out.extend(known.filter(|module| wanted().all(|one| one != *module)));
    (load, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_what_was_at_fault_and_what_follows_what_may_be_mended() {
        let at_fault = |module: &str, files: &[&str]| LeftOut {
            module: module.into(),
            why: "fails".into(),
            files: files.iter().map(PathBuf::from).collect(),
        };
        let wanted = ["a", "b", "c", "d"].map(str::to_owned);
        let known = [at_fault("b", &[]), at_fault("of its own", &[])];
        let left_out = vec!["b", "of its own"];
        assert_eq!(divided(&wanted, &known), (vec!["a", "c", "d"], left_out));
        let known = [at_fault("a", &[]), at_fault("c", &["c.py"])];
        assert_eq!(divided(&wanted, &known), (vec!["b"], vec!["a", "c", "d"]));
    }

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
