//! What a user has set: by the keys of this project, and by those of Spark's own that the factory honours.

use std::collections::HashMap;
use std::time::Duration;

use super::keys::{
    CLOSE_TIMEOUT, IDLE_TIMEOUT, LEARN, MAX_RSS, MAX_TASKS, OOM_SCORE, PRELOAD, PRELOAD_TIMEOUT,
    SPARES, START_TIMEOUT, STOP_TIMEOUT, Setting, ZYGOTE, ZYGOTE_IDLE_TIMEOUT,
};
use super::units::{parse_duration, parse_size};
use crate::error::Error;

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
