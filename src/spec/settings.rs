//! What a user can set: every `spark.nativePythonWorker.*` key, and the keys of Spark's own that the factory honours.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Error;

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

const ENABLED: Setting = setting(
    "spark.nativePythonWorker.enabled",
    "true",
    "`false` leaves Spark's own factory in place, whatever else is set.",
);
const LIBRARY: Setting = setting(
    "spark.nativePythonWorker.library",
    "",
    "Absolute path of the native library. It is used or the attempt fails: no other place is searched.",
);
const IDLE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.idleTimeout",
    "60s",
    "How long a worker may be idle before it is ended. Each worker has a clock of its own.",
);
const START_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.startTimeout",
    "120s",
    "How long the start of a worker, or of the daemon that forks it, may take before the attempt fails.",
);
const STOP_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.stopTimeout",
    "2s",
    "How long a process that was asked to end (`SIGTERM`) may take before it is killed.",
);
const CLOSE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.closeTimeout",
    "30s",
    "How long a worker may go on when its task has closed the connection, as `take`, a failure or a cancelled job do, before it is killed. It sees the end by itself only when it next reads or writes.",
);

const ZYGOTE: Setting = setting(
    "spark.nativePythonWorker.zygote.enabled",
    "true",
    "`true` forks workers from an interpreter that has loaded PySpark, numpy, pandas and pyarrow, the zygote; `false` has Spark's daemon fork them.",
);
const PRELOAD: Setting = setting(
    "spark.nativePythonWorker.preload",
    "",
    "With the zygote: modules to load ahead, separated by commas, instead of the default list; with `+` in front, in addition to it.",
);
const LEARN: Setting = setting(
    "spark.nativePythonWorker.preload.learn",
    "advise",
    "What is done about modules that workers import themselves: `advise` measures their imports, tries them in a child of the zygote and says which are worth a place in `preload`; `load` also loads those that were found safe; `off` does nothing.",
);
const PROFILE: Setting = setting(
    "spark.nativePythonWorker.preload.profile",
    "",
    "A file, local or on any file system that Hadoop knows, that applications share: the driver reads from it at its start which modules are to be loaded ahead as well, one name a line, and adds at its end those that were found safe, unless `preload.learn` is `off`. Without a scheme it is on Hadoop's default file system.",
);
const PRELOAD_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.preloadTimeout",
    "30s",
    "With the zygote: how long the import of one module may take. One that takes longer is not loaded ahead any more.",
);
const ZYGOTE_IDLE_TIMEOUT: Setting = setting(
    "spark.nativePythonWorker.zygote.idleTimeout",
    "10min",
    "How long a zygote without workers may be unused before it is ended. The next task that needs one starts another.",
);
const PREWARM: Setting = setting(
    "spark.nativePythonWorker.prewarm",
    "true",
    "`true` starts the zygote with the executor, for the Python that the application will most likely use, so that the first task finds workers waiting. A wrong guess costs an idle process until `zygote.idleTimeout`.",
);
const SPARES: Setting = setting(
    "spark.nativePythonWorker.spares",
    "",
    "How many workers are made ready ahead at most: forked by the zygote, or started where there is none. By default as many as this executor has task slots; `0` makes none.",
);

const OOM_SCORE: Setting = setting(
    "spark.nativePythonWorker.oomScoreAdj",
    "",
    "What workers add to the executor's own `oom_score_adj`, up to 1000 in all, so that the kernel kills a worker and not the executor where memory runs out. By default 1000 where the executor's cgroup has a limit of its own, as in a container, and nothing where it shares a machine's memory with others.",
);
const MAX_TASKS: Setting = setting(
    "spark.nativePythonWorker.maxTasks",
    "",
    "After how many tasks a worker is replaced by a new one. By default none is.",
);
const MAX_RSS: Setting = setting(
    "spark.nativePythonWorker.maxRss",
    "",
    "Resident memory (`2g`, `512m`; pages shared with the zygote count) beyond which a worker is replaced by a new one after its task. By default none is.",
);

const UI: Setting = setting(
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

const EXPECTED_SIZE: &str = "a size above 0, such as 512m or 2g";
const EXPECTED_DURATION: &str = "a time above 0 and up to a year, such as 500ms, 30s or 2min";
/// Beyond this, clocks would overflow.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// What the frames of the handshake have room for.
const MOST_SECRET_BITS: usize = 16_384;

const MAX_IDLE: &str = "spark.python.factory.idleWorkerMaxPoolSize";
const SECRET_BITS: &str = "spark.authenticate.secretBitLength";
const PYTHON_SOCKET_TIMEOUT: &str = "spark.python.authenticate.socketTimeout";

/// The settings one factory runs with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How long a worker may be idle.
    pub idle_timeout: Duration,
    /// Deadline of one attempt to start a worker.
    pub start_timeout: Duration,
    /// From `SIGTERM` to `SIGKILL`.
    pub stop_timeout: Duration,
    /// From the end of the connection to `SIGKILL`.
    pub close_timeout: Duration,
    /// Spark's `spark.python.factory.idleWorkerMaxPoolSize`; `None` is unbounded.
    pub max_idle: Option<usize>,
    /// Whether workers are forked by a zygote.
    pub zygote: bool,
    /// How long a zygote may be unused.
    pub zygote_idle_timeout: Duration,
    /// What the user wants loaded ahead.
    pub preload: Preload,
    /// What is done about modules that workers import themselves.
    pub learn: Learn,
    /// How long the import of one of these modules may take.
    pub preload_timeout: Duration,
    /// How many workers are forked ahead.
    pub spares: usize,
    /// What workers add to our `oom_score_adj`; `None` leaves that to who knows the limits of memory.
    pub oom_score_adj: Option<i32>,
    /// How many tasks a worker serves.
    pub max_tasks: Option<u64>,
    /// How many bytes a worker may have resident after a task.
    pub max_rss: Option<u64>,
    /// Spark's `spark.authenticate.secretBitLength`.
    pub secret_bits: usize,
    /// Whether the user has set Python's socket timeout, `spark.python.authenticate.socketTimeout`.
    pub python_socket_timeout_set: bool,
}

impl Settings {
    /// Reads the settings from Spark's configuration. Fails with [`Error::Setting`], which names the key and its value.
    pub fn from_conf(conf: &HashMap<String, String>) -> Result<Self, Error> {
        Ok(Self {
            idle_timeout: duration(conf, &IDLE_TIMEOUT)?,
            start_timeout: duration(conf, &START_TIMEOUT)?,
            stop_timeout: duration(conf, &STOP_TIMEOUT)?,
            close_timeout: duration(conf, &CLOSE_TIMEOUT)?,
            max_idle: positive(conf, MAX_IDLE)?,
            zygote: boolean(conf, &ZYGOTE)?,
            zygote_idle_timeout: duration(conf, &ZYGOTE_IDLE_TIMEOUT)?,
            preload: Preload::parse(conf.get(PRELOAD.key).map(String::as_str)),
            learn: Learn::from_conf(conf)?,
            preload_timeout: duration(conf, &PRELOAD_TIMEOUT)?,
            spares: spares(conf)?,
            oom_score_adj: oom_score_adj(conf)?,
            max_tasks: positive(conf, MAX_TASKS.key)?.map(|tasks| tasks as u64),
            max_rss: size(conf, &MAX_RSS)?,
            secret_bits: positive(conf, SECRET_BITS)?
                .unwrap_or(256)
                .min(MOST_SECRET_BITS),
            python_socket_timeout_set: conf.contains_key(PYTHON_SOCKET_TIMEOUT),
        })
    }
}

/// What the user wants loaded ahead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Preload {
    /// These besides the default list.
    Added(Vec<String>),
    /// These only.
    Only(Vec<String>),
}

impl Preload {
    fn parse(text: Option<&str>) -> Self {
        let names = |text: &str| {
            let names = text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        match text.map(str::trim) {
            None => Self::Added(vec![]),
            Some(text) => match text.strip_prefix('+') {
                Some(added) => Self::Added(names(added)),
                None => Self::Only(names(text)),
            },
        }
    }

    /// The whole list.
    pub fn over(&self, default: &[&str]) -> Vec<String> {
        match self {
            Self::Only(names) => names.clone(),
            Self::Added(names) => default
                .iter()
                .map(|&n| n.to_owned())
                .chain(names.iter().cloned())
                .collect(),
        }
    }
}

/// What is done about modules that workers import themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Learn {
    /// Nothing.
    Off,
    /// They are measured and tried, and the user is told.
    Advise,
    /// Those that were found safe are loaded ahead, too.
    Load,
}

impl Learn {
    fn from_conf(conf: &HashMap<String, String>) -> Result<Self, Error> {
        let text = conf.get(LEARN.key).map_or(LEARN.default, String::as_str);
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" => Ok(Self::Off),
            "advise" => Ok(Self::Advise),
            "load" | "true" => Ok(Self::Load),
            _ => Err(Error::setting(LEARN.key, text, "off, advise or load")),
        }
    }
}

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

fn duration(conf: &HashMap<String, String>, setting: &Setting) -> Result<Duration, Error> {
    let text = conf
        .get(setting.key)
        .map_or(setting.default, String::as_str);
    parse_duration(text)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(|| Error::setting(setting.key, text, EXPECTED_DURATION))
}

fn boolean(conf: &HashMap<String, String>, setting: &Setting) -> Result<bool, Error> {
    let text = conf
        .get(setting.key)
        .map_or(setting.default, String::as_str);
    let parsed = text.trim().to_ascii_lowercase().parse();
    parsed.map_err(|_| Error::setting(setting.key, text, "true or false"))
}

/// The setting, or else the number of task slots as the Java side knows it.
fn spares(conf: &HashMap<String, String>) -> Result<usize, Error> {
    match conf.get(SPARES.key) {
        Some(text) => text
            .trim()
            .parse()
            .map_err(|_| Error::setting(SPARES.key, text, "a whole number")),
        None => Ok(positive(conf, "taskSlots")?.unwrap_or(1)),
    }
}

fn oom_score_adj(conf: &HashMap<String, String>) -> Result<Option<i32>, Error> {
    let Some(text) = conf.get(OOM_SCORE.key) else {
        return Ok(None);
    };
    match text.trim().parse() {
        Ok(number @ 0..=1000) => Ok(Some(number)),
        _ => Err(Error::setting(
            OOM_SCORE.key,
            text,
            "a whole number from 0 to 1000",
        )),
    }
}

fn size(conf: &HashMap<String, String>, setting: &Setting) -> Result<Option<u64>, Error> {
    let Some(text) = conf.get(setting.key) else {
        return Ok(None);
    };
    match parse_size(text) {
        Some(bytes) if bytes > 0 => Ok(Some(bytes)),
        _ => Err(Error::setting(setting.key, text, EXPECTED_SIZE)),
    }
}

fn positive(conf: &HashMap<String, String>, key: &str) -> Result<Option<usize>, Error> {
    let Some(text) = conf.get(key) else {
        return Ok(None);
    };
    match text.trim().parse::<usize>() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(Error::setting(key, text, "a whole number above 0")),
    }
}

/// A whole number, and the unit behind it.
fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.to_owned()))
}

/// Spark's byte strings: a whole number with `b`, `k`, `m`, `g` or `t` behind it, and a `b` behind that or none; bytes where it
/// has none.
fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Spark's time strings: a whole number with `us`, `ms`, `s`, `m`, `min`, `h` or `d` behind it, seconds where it has none.
fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit.as_str() {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        "d" => number.checked_mul(86_400).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn defaults_are_sparks() {
        let settings = Settings::from_conf(&conf(&[])).unwrap();
        assert_eq!(settings.idle_timeout, Duration::from_secs(60));
        assert_eq!(settings.max_idle, None);
        assert_eq!(settings.secret_bits, 256);
        assert_eq!(settings.learn, Learn::Advise);
    }

    #[test]
    fn times_are_read_as_spark_reads_them() {
        for (text, expected) in [
            ("90", Duration::from_secs(90)),
            ("250ms", Duration::from_millis(250)),
            (" 2Min ", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3_600)),
        ] {
            assert_eq!(parse_duration(text), Some(expected), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "10 parsecs"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_spark_reads_them() {
        for (text, expected) in [
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("1kb", 1024),
            ("7", 7),
        ] {
            assert_eq!(parse_size(text), Some(expected), "{text}");
        }
        for text in ["", "m", "1.5g", "-1g", "2 g", "99999999t"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn a_bad_value_is_named_with_its_key() {
        let error = Settings::from_conf(&conf(&[(IDLE_TIMEOUT.key, "soon")])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(IDLE_TIMEOUT.key) && text.contains("soon"),
            "{text}"
        );
        for (key, value) in [
            (MAX_IDLE, "0"),
            (MAX_TASKS.key, "0"),
            (MAX_RSS.key, "0g"),
            (OOM_SCORE.key, "1001"),
            (OOM_SCORE.key, "-1"),
            (LEARN.key, "perhaps"),
            (START_TIMEOUT.key, "0s"),
            (IDLE_TIMEOUT.key, "18446744073709551615"),
        ] {
            assert!(
                Settings::from_conf(&conf(&[(key, value)])).is_err(),
                "{key}={value}"
            );
        }
    }
}
