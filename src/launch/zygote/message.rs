//! What a zygote's program and this side say to each other: one JSON object a message, with the kind as its only key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::inventory::Files;

/// One message from a zygote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// The worker module is loaded, from these files: workers can be forked.
    Ready { pid: i32, files: Files },
    /// This interpreter can't serve as a zygote, in whatever environment if `of_interpreter`.
    Unfit {
        reason: String,
        #[serde(default)]
        of_interpreter: bool,
    },
    /// A module's import begins.
    Loading { module: String },
    /// A module was loaded, and these files with it.
    Loaded {
        module: String,
        millis: u64,
        files: Files,
    },
    /// A module could not be loaded.
    LeftOut {
        module: String,
        missing: bool,
        reason: String,
    },
    /// Because of a module this zygote forks no more; these files may be at fault.
    Spoiled {
        module: String,
        why: String,
        files: Vec<PathBuf>,
    },
    /// A file of what was loaded has changed: this zygote forks no more.
    Outdated { file: String },
    /// All that was to be loaded is.
    Complete {},
    /// A worker was forked.
    Forked { number: u64, pid: i32 },
    /// A fork failed.
    Failed { number: u64, errno: i32 },
    /// A worker has imported these itself, in so many milliseconds; whether it is the first that it has told.
    Imported {
        pid: i32,
        modules: BTreeMap<String, u64>,
        first: bool,
    },
    /// The import of a module was tried in a child; why it is not to be loaded ahead, if so.
    Tried {
        module: String,
        millis: u64,
        kibibytes: u64,
        why: Option<String>,
    },
    /// The trial has come to nothing, through no fault of the module's.
    GivenUp { module: String, why: String },
    /// A worker ended, with `waitpid`'s status.
    Exited { pid: i32, status: i32 },
    /// The zygote itself ended, with `waitpid`'s status, and its workers go on.
    Gone { status: i32 },
}

/// What a zygote is asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request<'a> {
    /// To fork a worker, with the socket and the standard error that come along.
    Fork { number: u64 },
    /// To try the import of a module in a child.
    Try { module: &'a str, limit_millis: u64 },
    /// To load a module ahead.
    Load { module: &'a str },
    /// To end, and its keeper to see to what is left of its workers' processes.
    Leave {},
}

/// The first that a zygote is told: what it is to load, and all else that it has to know.
#[derive(Debug, Serialize)]
pub(super) struct Order<'a> {
    /// Spark's version: that of PySpark has to be the same.
    pub(super) spark: String,
    pub(super) daemon: &'a str,
    pub(super) worker: &'a str,
    pub(super) stop_millis: u64,
    pub(super) oom_score_adj: i32,
    pub(super) load: Vec<&'a str>,
    pub(super) left_out: Vec<&'a str>,
    /// Whether it may load by itself what each task imports.
    pub(super) loads_more: bool,
    /// Whether its workers are to say what they import themselves.
    pub(super) observe: bool,
    /// Files that are not loaded, and may have to be when they change.
    pub(super) watch: Vec<&'a Path>,
}

/// What makes a spare a session's worker.
#[derive(Debug, Serialize)]
pub(super) struct Bind<'a> {
    /// Environment variables that are the session's own.
    pub(super) set: BTreeMap<&'a str, &'a str>,
    /// Environment variables of the zygote's own.
    pub(super) unset: Vec<&'a str>,
    pub(super) directory: Option<&'a Path>,
    pub(super) arguments: Vec<String>,
}

impl Message {
    /// Reads a message.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

/// The bytes of what the zygote is told. All of it is UTF-8: paths come from Java's strings, or from the zygote's own JSON.
pub(super) fn bytes(message: &impl Serialize) -> Vec<u8> {
    json!(message).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read_as_the_zygote_writes_them() {
        for (text, message) in [
            (
                r#"{"ready": {"pid": 12, "files": {}}}"#,
                Message::Ready {
                    pid: 12,
                    files: Files::new(),
                },
            ),
            (
                r#"{"unfit": {"reason": "why"}}"#,
                Message::Unfit {
                    reason: "why".into(),
                    of_interpreter: false,
                },
            ),
            (
                r#"{"loaded": {"module": "numpy", "millis": 54, "files": {"numpy": "a.py"}}}"#,
                Message::Loaded {
                    module: "numpy".into(),
                    millis: 54,
                    files: Files::from([("numpy".into(), "a.py".into())]),
                },
            ),
            (
                r#"{"spoiled": {"module": "torch", "why": "starts threads", "files": ["b.py"]}}"#,
                Message::Spoiled {
                    module: "torch".into(),
                    why: "starts threads".into(),
                    files: vec!["b.py".into()],
                },
            ),
            (
                r#"{"imported": {"pid": 7, "modules": {"a.b": 5}, "first": true}}"#,
                Message::Imported {
                    pid: 7,
                    modules: BTreeMap::from([("a.b".into(), 5)]),
                    first: true,
                },
            ),
            (
                r#"{"tried": {"module": "a", "millis": 1, "kibibytes": 2, "why": null}}"#,
                Message::Tried {
                    module: "a".into(),
                    millis: 1,
                    kibibytes: 2,
                    why: None,
                },
            ),
            (r#"{"complete": {}}"#, Message::Complete {}),
            (
                r#"{"forked": {"number": 3, "pid": 77}}"#,
                Message::Forked { number: 3, pid: 77 },
            ),
            (r#"{"gone": {"status": 9}}"#, Message::Gone { status: 9 }),
        ] {
            assert_eq!(Message::parse(text.as_bytes()).unwrap(), message, "{text}");
        }
        for junk in [
            "",
            "{}",
            "[]",
            r#"{"forked": {"number": 3}}"#,
            r#"{"forked": {"number": 3, "pid": 99999999999}}"#,
            r#"{"forked": {"number": -3, "pid": 1}}"#,
            r#"{"forked": {"number": 3, "pid": 1}, "gone": {"status": 9}}"#,
        ] {
            assert!(Message::parse(junk.as_bytes()).is_err(), "{junk}");
        }
    }

    #[test]
    fn requests_are_written_as_the_zygote_reads_them() {
        let written = |request| String::from_utf8(bytes(&request)).unwrap();
        assert_eq!(
            written(Request::Fork { number: 3 }),
            r#"{"fork":{"number":3}}"#
        );
        assert_eq!(
            written(Request::Load { module: "a" }),
            r#"{"load":{"module":"a"}}"#
        );
        assert_eq!(written(Request::Leave {}), r#"{"leave":{}}"#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&bytes);
        }
    }
}
