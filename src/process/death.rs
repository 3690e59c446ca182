//! How a worker's process ended and why, as far as anybody can know.
//!
//! An end is noticed by one part of the house and explained by another, in any order. The first explanation counts. It is
//! given on the supervisor's thread, which also drains standard error: so the last words are there when the death is known.
//!
//! Stock Spark says "Python worker exited unexpectedly (crashed)". What is known of a death comes from several sides, in any
//! order: Spark had it killed (`stop_worker`), its zygote or the keeper has collected its exit status (`exited`), the child of
//! ours has ended. `Death` takes the first of these, for good. PySpark's daemon knows how its workers
//! end and tells nobody; of those it is only said that they have ended. If the process was killed by `SIGKILL` and nobody here
//! sent it, `oom.rs` looks whether the kernel's count of processes killed for lack of memory has gone up, and names
//! limit and peak. A forked worker has a standard error of its own, so its last lines are its own, not those of its siblings.
//!
//! Who hears of it: a reader or writer who finds the connection broken asks (`whyEnded`) and gets an exception with the
//! sentence as its message, which Spark shows as the cause of "crashed". It waits up to a second, as the socket closes before
//! the exit status is there. For this, `Spark4Worker.channel` gives a `WorkerChannel`; only the selector gets the JDK's own,
//! as it takes no other. On 4.3 `terminationDiagnostics` has it, too, next to faulthandler's stack. And a death that nobody
//! here wanted is a warning in the log. Who has half-closed the socket or had the worker killed wants it to end, and gets the
//! plain end of the stream, by which Spark's runners know their own doing.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nix::libc::SIGKILL;

use crate::error::describe_exit;
use crate::metrics::Count;
use crate::os::deadline::Deadline;
use crate::os::lock::{locked, relocked};
use crate::os::oom;
use crate::process::output::Output;

/// How long after a worker's end whoever forked it may take to say how it ended.
pub(crate) const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// How much of standard error is told.
const LAST_LINES: usize = 20;

/// Why a process is no more.
#[derive(Debug, Clone, Copy)]
pub enum Cause {
    /// It ended by itself, or by a signal that was not ours.
    Exit(ExitStatus),
    /// We ended it, for this reason.
    Ended(&'static str),
    /// Whoever forked it knows, and does not tell.
    Untold,
}

/// Where a process's last words are.
pub struct LastWords {
    /// Its standard error.
    pub stderr: Arc<Output>,
    /// Whose it is.
    pub whose: &'static str,
}

/// What is known of a death. Displayed, it goes on where a sentence has named the process.
#[derive(Debug)]
pub struct Account {
    how: String,
    /// Whether it was our own doing.
    pub ours: bool,
    /// Whether it ended by itself, and well.
    pub well: bool,
    count: Option<Count>,
    last_words: Option<String>,
}

impl Account {
    fn of(cause: Cause, last_words: Option<&LastWords>) -> Self {
        let ours = matches!(cause, Cause::Ended(_));
        let well = matches!(cause, Cause::Exit(status) if status.success());
        let (how, count) = match cause {
            Cause::Exit(status) => of_status(status),
            Cause::Ended(why) => (why.to_owned(), None),
            Cause::Untold => (
                "ended; only the daemon that forked it knows how".to_owned(),
                Some(Count::DiedUnknown),
            ),
        };
        let last_words = last_words.filter(|_| !ours).and_then(LastWords::told);
        Self {
            how,
            ours,
            well,
            count,
            last_words,
        }
    }

    /// What it counts as; `None` where it was our own doing.
    pub fn count(&self) -> Option<Count> {
        self.count
    }

    /// How it ended, without its last words.
    pub fn how(&self) -> &str {
        &self.how
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.how)?;
        match &self.last_words {
            Some(words) => write!(f, ". {words}"),
            None => Ok(()),
        }
    }
}

/// How a process with this exit status ended, as the rest of a sentence that begins with its name.
pub(crate) fn how_ended(status: ExitStatus) -> String {
    of_status(status).0
}

fn of_status(status: ExitStatus) -> (String, Option<Count>) {
    let end = describe_exit(status);
    let (how, count) = match killed_for(status) {
        Some(shortage) => (format!("was {end}, {shortage}"), Count::DiedMemory),
        None if status.signal().is_some() => (format!("was {end}"), Count::DiedSignalled),
        None if status.success() => (end, Count::DiedExited),
        None => (end, Count::DiedFailed),
    };
    (how, Some(count))
}

/// The kernel kills for memory by this signal.
fn killed_for(status: ExitStatus) -> Option<String> {
    (status.signal() == Some(SIGKILL)).then(oom::recent_shortage)?
}

impl LastWords {
    fn told(&self) -> Option<String> {
        self.stderr.catch_up();
        let tail = self.stderr.tail();
        let lines: Vec<_> = tail.trim_end().lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        let text = format!(
            "The end of {} standard error:\n{}",
            self.whose,
            last.join("\n")
        );
        (!last.is_empty()).then_some(text)
    }
}

type Listener = Box<dyn FnOnce(&Account) + Send>;

struct State {
    /// Until it is known: a pipe is not held for longer than that.
    last_words: Option<LastWords>,
    account: Option<Arc<Account>>,
    listeners: Vec<Listener>,
}

/// The death of one process, which may be still to come.
pub struct Death {
    state: Mutex<State>,
    known: Condvar,
}

impl Death {
    /// Of a process that still runs, for all we know.
    pub fn to_come(last_words: Option<LastWords>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                last_words,
                account: None,
                listeners: Vec::new(),
            }),
            known: Condvar::new(),
        })
    }

    /// Tells why the process has ended, or will in a moment; nothing changes where that is known already.
    pub fn settle(&self, cause: Cause) {
        let mut state = self.lock();
        if state.account.is_some() {
            return;
        }
        let last_words = state.last_words.take();
        drop(state); // they may take a while
        let account = Arc::new(Account::of(cause, last_words.as_ref()));
        let mut state = self.lock();
        let account = state.account.get_or_insert(account).clone();
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        self.known.notify_all();
        for listener in listeners {
            listener(&account);
        }
    }

    /// Waits until it is known; `None` where the deadline came first.
    pub fn wait(&self, deadline: Deadline) -> Option<Arc<Account>> {
        let unknown = |state: &mut State| state.account.is_none();
        let waited = self
            .known
            .wait_timeout_while(self.lock(), deadline.remaining(), unknown);
        relocked(waited).account.clone()
    }

    /// Calls `listener` when it is known: now, or on the thread that settles it.
    pub fn when_known(&self, listener: impl FnOnce(&Account) + Send + 'static) {
        let mut state = self.lock();
        match state.account.clone() {
            Some(account) => {
                drop(state);
                listener(&account);
            }
            None => state.listeners.push(Box::new(listener)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl fmt::Debug for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Death({:?})", self.lock().account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cause: Cause) -> String {
        let death = Death::to_come(None);
        death.settle(cause);
        death
            .wait(Deadline::now())
            .map(|account| account.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn each_cause_has_its_own_words() {
        assert_eq!(
            told(Cause::Exit(ExitStatus::from_raw(3 << 8))),
            "exited with code 3"
        );
        assert_eq!(
            told(Cause::Exit(ExitStatus::from_raw(11))),
            "was killed by signal 11 (SIGSEGV)"
        );
        assert_eq!(
            told(Cause::Untold),
            "ended; only the daemon that forked it knows how"
        );
    }

    #[test]
    fn the_first_cause_counts() {
        let death = Death::to_come(None);
        assert!(death.wait(Deadline::now()).is_none());
        death.settle(Cause::Ended("was killed because Spark asked for it"));
        death.settle(Cause::Exit(ExitStatus::from_raw(9)));
        let account = death.wait(Deadline::now()).unwrap();
        assert!(account.ours);
        assert_eq!(account.how(), "was killed because Spark asked for it");
    }

    #[test]
    fn listeners_hear_of_it_once_whenever_they_come() {
        let (death, heard) = (Death::to_come(None), Arc::new(Mutex::new(0)));
        let listener = || {
            let heard = heard.clone();
            move |_: &Account| *heard.lock().unwrap() += 1
        };
        death.when_known(listener());
        death.settle(Cause::Untold);
        death.settle(Cause::Untold);
        death.when_known(listener());
        assert_eq!(*heard.lock().unwrap(), 2);
    }
}
