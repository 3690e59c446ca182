//! What a zygote says: one JSON object a message. Whatever does not fit is an error, never a panic.

use std::path::PathBuf;

use serde_json::Value;

use super::inventory::Files;

/// One message from a zygote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// The worker module is loaded, from these files: workers can be forked.
    Ready { pid: i32, files: Files },
    /// This interpreter can't serve as a zygote, in whatever environment if `of_interpreter`.
    Unfit {
        reason: String,
        of_interpreter: bool,
    },
    /// A module's import begins.
    Loading(String),
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
    Outdated(String),
    /// All that was to be loaded is.
    Complete,
    /// A worker was forked.
    Forked { number: u64, pid: i32 },
    /// A fork failed.
    Failed { number: u64, errno: i32 },
    /// A worker ended, with `waitpid`'s status.
    Exited { pid: i32, status: i32 },
    /// The zygote itself ended, with `waitpid`'s status, and its workers go on.
    Gone { status: i32 },
}

impl Message {
    /// Reads a message; `None` where it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let int = |name: &str| i32::try_from(value.get(name)?.as_i64()?).ok();
        if let Some(pid) = int("ready") {
            return Some(Self::Ready {
                pid,
                files: files(&value)?,
            });
        }
        if let Some(status) = int("gone") {
            return Some(Self::Gone { status });
        }
        if value.get("complete").is_some() {
            return Some(Self::Complete);
        }
        if let Some(number) = number("forked") {
            return Some(Self::Forked {
                number,
                pid: int("pid")?,
            });
        }
        if let Some(number) = number("failed") {
            return Some(Self::Failed {
                number,
                errno: int("errno")?,
            });
        }
        if let Some(pid) = int("exited") {
            return Some(Self::Exited {
                pid,
                status: int("status")?,
            });
        }
        if let Some(module) = text("loaded") {
            return Some(Self::Loaded {
                module,
                millis: number("millis")?,
                files: files(&value)?,
            });
        }
        if let Some(module) = text("left_out") {
            let missing = value.get("missing")?.as_bool()?;
            return Some(Self::LeftOut {
                module,
                missing,
                reason: text("reason")?,
            });
        }
        if let Some(module) = text("spoiled") {
            let files = value.get("files")?.as_array()?.iter();
            return Some(Self::Spoiled {
                module,
                why: text("why")?,
                files: files.filter_map(Value::as_str).map(Into::into).collect(),
            });
        }
        if let Some(reason) = text("unfit") {
            let of_interpreter = value.get("of_interpreter").is_some();
            return Some(Self::Unfit {
                reason,
                of_interpreter,
            });
        }
        let loading = text("loading").map(Self::Loading);
        loading.or_else(|| text("outdated").map(Self::Outdated))
    }
}

fn files(value: &Value) -> Option<Files> {
    let files = value.get("files")?.as_object()?.iter();
    files
        .map(|(module, file)| Some((module.clone(), file.as_str()?.into())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read_as_the_zygote_writes_them() {
        for (text, message) in [
            (
                r#"{"ready": 12, "files": {}}"#,
                Message::Ready {
                    pid: 12,
                    files: Files::new(),
                },
            ),
            (
                r#"{"unfit": "why"}"#,
                Message::Unfit {
                    reason: "why".into(),
                    of_interpreter: false,
                },
            ),
            (
                r#"{"loaded": "numpy", "millis": 54, "files": {"numpy": "a.py"}}"#,
                Message::Loaded {
                    module: "numpy".into(),
                    millis: 54,
                    files: Files::from([("numpy".into(), "a.py".into())]),
                },
            ),
            (
                r#"{"spoiled": "torch", "why": "starts threads", "files": ["b.py"]}"#,
                Message::Spoiled {
                    module: "torch".into(),
                    why: "starts threads".into(),
                    files: vec!["b.py".into()],
                },
            ),
            (r#"{"outdated": "a.py"}"#, Message::Outdated("a.py".into())),
            (
                r#"{"forked": 3, "pid": 77}"#,
                Message::Forked { number: 3, pid: 77 },
            ),
            (
                r#"{"failed": 3, "errno": 11}"#,
                Message::Failed {
                    number: 3,
                    errno: 11,
                },
            ),
            (
                r#"{"exited": 77, "status": 9}"#,
                Message::Exited { pid: 77, status: 9 },
            ),
            (r#"{"gone": 9}"#, Message::Gone { status: 9 }),
        ] {
            assert_eq!(Message::parse(text.as_bytes()), Some(message), "{text}");
        }
        for junk in [
            "",
            "{}",
            "[]",
            r#"{"forked": 3}"#,
            r#"{"forked": 3, "pid": 99999999999}"#,
            r#"{"forked": -3, "pid": 1}"#,
        ] {
            assert_eq!(Message::parse(junk.as_bytes()), None, "{junk}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&bytes);
        }
    }
}
