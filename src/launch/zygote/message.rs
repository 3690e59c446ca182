//! What a zygote says: one JSON object a message. Whatever does not fit is an error, never a panic.

use serde_json::Value;

/// One message from a zygote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// The worker module is loaded: workers can be forked.
    Ready { pid: i32 },
    /// This interpreter can't serve as a zygote.
    Unfit(String),
    /// A module's import begins.
    Loading(String),
    /// A module was loaded.
    Loaded { module: String, millis: u64 },
    /// A module could not be loaded.
    LeftOut {
        module: String,
        missing: bool,
        reason: String,
    },
    /// A module has started a thread: this zygote forks no more.
    Spoiled(String),
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
            return Some(Self::Ready { pid });
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
        let reason = text("unfit").map(Self::Unfit);
        let loading = || text("loading").map(Self::Loading);
        let spoiled = || text("spoiled").map(Self::Spoiled);
        let outdated = || text("outdated").map(Self::Outdated);
        reason.or_else(loading).or_else(spoiled).or_else(outdated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read_as_the_zygote_writes_them() {
        for (text, message) in [
            (r#"{"ready": 12}"#, Message::Ready { pid: 12 }),
            (r#"{"unfit": "why"}"#, Message::Unfit("why".into())),
            (
                r#"{"loaded": "numpy", "millis": 54}"#,
                Message::Loaded {
                    module: "numpy".into(),
                    millis: 54,
                },
            ),
            (r#"{"spoiled": "torch"}"#, Message::Spoiled("torch".into())),
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
