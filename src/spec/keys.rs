//! Every `spark.nativePythonWorker.*` key, as the documentation shows it.

/// One key as the documentation shows it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key's full name.
    pub key: &'static str,
    /// The default as a user would write it; empty where the key is unset by default.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

const fn setting(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, default, doc }
}

pub(super) const ENABLED: Setting = setting(
    "spark.nativePythonWorker.enabled",
    "true",
    "`false` leaves Spark's own factory in place, whatever else is set.",
);
pub(super) const LIBRARY: Setting = setting(
    "spark.nativePythonWorker.library",
    "",
    "Absolute path of the native library. It is used or the attempt fails: no other place is searched.",
);
pub(super) const IDLE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.idleTimeout",
    "60s",
    "How long a worker may be idle before it is ended. Each worker has a clock of its own.",
);
pub(super) const START_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.startTimeout",
    "120s",
    "How long the start of a worker, or of the daemon that forks it, may take before the attempt fails.",
);
pub(super) const STOP_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.stopTimeout",
    "2s",
    "How long a process that was asked to end (`SIGTERM`) may take before it is killed.",
);
pub(super) const CLOSE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.closeTimeout",
    "30s",
    "How long a worker may go on when its task has closed the connection, as `take`, a failure or a cancelled job do, before it is killed. It sees the end by itself only when it next reads or writes.",
);

pub(super) const ZYGOTE: Setting = setting(
    "spark.nativePythonWorker.zygote.enabled",
    "true",
    "`true` forks workers from an interpreter that has loaded PySpark, numpy, pandas and pyarrow, the zygote; `false` has Spark's daemon fork them.",
);
pub(super) const PRELOAD: Setting = setting(
    "spark.nativePythonWorker.preload",
    "",
    "With the zygote: modules to load ahead, separated by commas, instead of the default list; with `+` in front, in addition to it.",
);
pub(super) const LEARN: Setting = setting(
    "spark.nativePythonWorker.preload.learn",
    "advise",
    "What is done about modules that workers import themselves: `advise` measures their imports, tries them in a child of the zygote and says which are worth a place in `preload`; `load` also loads those that were found safe; `off` does nothing.",
);
pub(super) const PROFILE: Setting = setting(
    "spark.nativePythonWorker.preload.profile",
    "",
    "A file, local or on any file system that Hadoop knows, that applications share: the driver reads from it at its start which modules are to be loaded ahead as well, one name a line, and adds at its end those that were found safe, unless `preload.learn` is `off`. Without a scheme it is on Hadoop's default file system.",
);
pub(super) const PRELOAD_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.preloadTimeout",
    "30s",
    "With the zygote: how long the import of one module may take. One that takes longer is not loaded ahead any more.",
);
pub(super) const ZYGOTE_IDLE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.zygote.idleTimeout",
    "10min",
    "How long a zygote without workers may be unused before it is ended. The next task that needs one starts another.",
);
pub(super) const PREWARM: Setting = setting(
    "spark.nativePythonWorker.prewarm",
    "true",
    "`true` starts the zygote with the executor, for the Python that the application will most likely use, so that the first task finds workers waiting; in local mode when the application first uses a function in Python, or leaves a core to it. A wrong guess costs an idle process until `zygote.idleTimeout`.",
);
pub(super) const SPARES: Setting = setting(
    "spark.nativePythonWorker.spares",
    "",
    "How many workers are made ready ahead at most: forked by the zygote, or started where there is none. By default as many as this executor has task slots; `0` makes none.",
);

pub(super) const OOM_SCORE: Setting = setting(
    "spark.nativePythonWorker.oomScoreAdj",
    "",
    "What workers add to the executor's own `oom_score_adj`, up to 1000 in all, so that the kernel kills a worker and not the executor where memory runs out. By default 1000 where the executor's cgroup has a limit of its own, as in a container, and nothing where it shares a machine's memory with others.",
);
pub(super) const MAX_TASKS: Setting = setting(
    "spark.nativePythonWorker.maxTasks",
    "",
    "After how many tasks a worker is replaced by a new one. By default none is.",
);
pub(super) const MAX_RSS: Setting = setting(
    "spark.nativePythonWorker.maxRss",
    "",
    "Resident memory (`2g`, `512m`; pages shared with the zygote count) beyond which a worker is replaced by a new one after its task. By default none is.",
);

pub(super) const UI: Setting = setting(
    "spark.nativePythonWorker.ui.enabled",
    "true",
    "`true` adds the page \"Python Workers\" to Spark's UI, where that is enabled; executors tell the driver of their workers every five seconds while they have some.",
);

/// Every key of this project, in the order of the documentation. `enabled`, `library`, `prewarm`, `preload.profile` and
/// `ui.enabled` are read by the plugin.
pub const OWN: &[Setting] = &[
    ENABLED,
    LIBRARY,
    IDLE_TIMEOUT,
    START_TIMEOUT,
    STOP_TIMEOUT,
    CLOSE_TIMEOUT,
    ZYGOTE,
    ZYGOTE_IDLE_TIMEOUT,
    PREWARM,
    PRELOAD,
    LEARN,
    PROFILE,
    PRELOAD_TIMEOUT,
    SPARES,
    OOM_SCORE,
    MAX_TASKS,
    MAX_RSS,
    UI,
];

/// The settings table as docs/settings.md shows it (Markdown).
pub fn markdown_table() -> String {
    let rows = OWN.iter().map(|s| {
        let default = if s.default.is_empty() {
            "(none)".to_owned()
        } else {
            format!("`{}`", s.default)
        };
        format!("| `{}` | {default} | {} |\n", s.key, s.doc)
    });
    format!(
        "| key | default | meaning |\n|---|---|---|\n{}",
        rows.collect::<String>()
    )
}
