//! What is known of one zygote at a moment: what it is doing, and which forks and workers there are of it. Without I/O.
//!
//! `fork` that fails with `EAGAIN` or `ENOMEM` is tried again, at growing intervals, for as long as a fork may take at all
//! (10 s); then the error goes to the task. Nobody's worker is touched.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use log::{debug, warn};
use nix::errno::Errno;

use super::inventory::{Files, Inventory};
use super::spares::Spares;
use crate::error::Error;
use crate::metrics::Count;
use crate::os::lock::locked;
use crate::process::death::{Death, how_ended};

/// How long a fork may take; it takes milliseconds.
pub(super) const FORK_PATIENCE: Duration = Duration::from_secs(10);
/// From a fork that failed for lack of memory or processes until the next; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a fork may have to wait for the end of an import; longer where the zygote has taken longer to start, as Spark's
/// daemon would now.
const LOADING_PATIENCE: Duration = Duration::from_secs(1);
/// From a first request until it is seen whether there are more: tasks of a job come together.
const GATHERING: Duration = Duration::from_millis(20);
/// How long several wait for a zygote that has not loaded everything yet. One import there beats one in each worker, and what
/// a worker has imported itself, its garbage collector goes through after each task. Longer where the zygote has taken longer to
/// start: so long would its first task wait on Spark's daemon.
const MOST_HELD: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Serving,
    Unfit {
        reason: String,
        of_interpreter: bool,
    },
    /// It forks no more because of this module, which its successor must not load.
    Spoiled(LeftOut),
    /// It forks no more because a package was replaced on disk.
    Outdated,
    Gone,
}

/// A module that is not loaded ahead, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) module: String,
    pub(super) why: String,
    /// Where it has failed, if it has: what comes after it would need it, and if one of them changes it is tried again.
    pub(super) files: Vec<PathBuf>,
}

/// One zygote's phase, workers, forks that are on their way, and spares.
pub(super) struct State {
    pub(super) phase: Phase,
    started: Instant,
    /// How long it has taken until it served.
    start: Duration,
    /// Of the zygote itself, which its keeper has forked.
    pub(super) pid: Option<i32>,
    /// The module that is being imported.
    pub(super) loading: Option<String>,
    /// What was, and in how many milliseconds.
    pub(super) loaded: Vec<(String, u64)>,
    /// What could not be, or not by a predecessor.
    pub(super) left_out: Vec<LeftOut>,
    /// From which files, as its successors will, too.
    pub(super) inventory: Arc<Mutex<Inventory>>,
    /// The module that is tried in a child.
    pub(super) trying: Option<String>,
    /// Those that it was asked to load.
    pub(super) asked: Vec<String>,
    /// Whether all is loaded that is to be.
    pub(super) complete: bool,
    /// Workers that were forked before it was, and the libraries they had then.
    pub(super) poor: HashMap<i32, HashSet<String>>,
    pub(super) spares: Spares,
    /// Workers that are being forked.
    pub(super) forks: HashMap<u64, Fork>,
    /// The deaths to come of those that were.
    pub(super) deaths: HashMap<i32, Arc<Death>>,
    pub(super) failures: VecDeque<Error>,
    pub(super) shortage: Option<Shortage>,
    pub(super) last_number: u64,
    pub(super) waiting: usize,
    /// Since when somebody does.
    pub(super) waiting_since: Instant,
    pub(super) refilling: bool,
    /// Whether its process is known to be gone.
    pub(super) ended: bool,
    /// Called when the zygote is gone.
    pub(super) on_loss: Option<Box<dyn FnOnce() + Send>>,
}

impl State {
    pub(super) fn new(
        spares: Spares,
        left_out: Vec<LeftOut>,
        inventory: Arc<Mutex<Inventory>>,
    ) -> Self {
        Self {
            phase: Phase::Starting,
            started: Instant::now(),
            start: Duration::ZERO,
            pid: None,
            loading: None,
            loaded: Vec::new(),
            left_out,
            inventory,
            trying: None,
            asked: Vec::new(),
            complete: false,
            poor: HashMap::new(),
            spares,
            forks: HashMap::new(),
            deaths: HashMap::new(),
            failures: VecDeque::new(),
            shortage: None,
            last_number: 0,
            waiting: 0,
            waiting_since: Instant::now(),
            refilling: false,
            ended: false,
            on_loss: None,
        }
    }

    /// Its worker module is loaded, from these files.
    pub(super) fn begin_to_serve(&mut self, pid: i32, files: Files) {
        locked(&self.inventory).begin(files);
        self.phase = Phase::Serving;
        self.start = self.started.elapsed();
        self.pid = Some(pid);
    }

    /// A module is loaded, and these files with it.
    pub(super) fn enter_loaded(&mut self, module: String, millis: u64, files: Files) {
        self.loading = None;
        locked(&self.inventory).add(&module, files);
        Count::ZygotePreloadMillis.add(millis);
        debug!("The zygote has loaded {module} in {millis} ms");
        self.loaded.push((module, millis));
    }

    /// A module could not be loaded.
    pub(super) fn leave_out(&mut self, module: String, missing: bool, why: String) {
        self.loading = None;
        if missing {
            debug!("Not loaded ahead, for it is not installed: {module} ({why})");
            return;
        }
        warn!("Module {module} is not loaded ahead, for its import failed: {why}");
        let files = Vec::new();
        self.left_out.push(LeftOut { module, why, files });
    }

    /// A fork has come to nothing. Without an error number: it forks no more, whyever that was not told or not understood.
    pub(super) fn give_up_fork(&mut self, number: u64, errno: i32) {
        self.forks.remove(&number);
        self.fail_fork(errno);
        if errno == 0 && self.phase == Phase::Serving {
            self.phase = Phase::Outdated;
        }
    }

    /// A worker or spare has ended: its death, for who waits for that.
    pub(super) fn forget(&mut self, pid: i32) -> Option<Arc<Death>> {
        self.spares.forget(pid);
        self.poor.remove(&pid);
        self.deaths.remove(&pid)
    }

    /// Tells one of those who wait for a fork that there is none.
    pub(super) fn fail(&mut self, error: Error) {
        if self.waiting > self.failures.len() {
            self.failures.push_back(error);
        } else {
            debug!("A spare worker was not forked: {error}");
        }
    }

    /// A fork has failed: where the system may have room again in a moment, those who wait go on waiting.
    pub(super) fn fail_fork(&mut self, errno: i32) {
        if errno != libc::EAGAIN && errno != libc::ENOMEM {
            return self.fail(Error::Fork { errno });
        }
        if self.shortage.is_none() {
            let name = Errno::from_raw(errno);
            warn!("The zygote can't fork ({name}); trying again for a while");
        }
        self.shortage = Some(Shortage::after(self.shortage.as_ref(), errno));
    }

    /// It forks no more because of a module.
    pub(super) fn spoil(&mut self, module: String, why: String, files: Vec<PathBuf>) {
        warn!("Module {module} is no longer loaded ahead: it {why}");
        self.phase = Phase::Spoiled(LeftOut { module, why, files });
        self.loading = None;
    }

    /// It has ended by itself: an import that was under way has ended it, and would end its successor. Who kills it with
    /// `SIGKILL`, as the system does where memory runs out, tells nothing of what it did.
    pub(super) fn end(&mut self, status: ExitStatus) {
        if matches!(self.phase, Phase::Starting | Phase::Unfit { .. }) {
            return; // who waits for its start tells why it came to nothing
        }
        if self.phase == Phase::Gone {
            return; // it was sent away
        }
        let how = how_ended(status);
        warn!("The zygote {how}; its workers go on, and another one forks the next");
        let killed = status.signal() == Some(libc::SIGKILL);
        if let Some(module) = self.loading.take().filter(|_| !killed) {
            self.spoil(module, format!("ended the zygote, which {how}"), Vec::new());
        }
    }

    /// Another one waits for a fork.
    pub(super) fn begin_to_wait(&mut self) {
        if self.waiting == 0 {
            self.waiting_since = Instant::now();
        }
        self.waiting += 1;
    }

    /// For how long no fork is asked for, as waiting for the end of all imports is cheaper.
    pub(super) fn held_for(&self) -> Duration {
        let limit = match self.waiting {
            _ if self.complete || self.shortage.is_some() => Duration::ZERO,
            0 | 1 => GATHERING,
            _ => self.at_least_its_start(MOST_HELD),
        };
        limit.saturating_sub(self.waiting_since.elapsed())
    }

    /// How long whoever wants a fork waits for it.
    pub(super) fn patience(&self) -> Duration {
        if self.loading.is_some() && self.shortage.is_none() {
            self.at_least_its_start(LOADING_PATIENCE)
        } else {
            FORK_PATIENCE
        }
    }

    /// What is a long time depends on the machine, and on the share of it that there is for this process.
    fn at_least_its_start(&self, limit: Duration) -> Duration {
        limit.max(self.start).min(FORK_PATIENCE)
    }
}

/// The system has no memory or no room for another process: whether it has again is tried now and then.
pub(super) struct Shortage {
    pub(super) errno: i32,
    pause: Duration,
    until: Instant,
}

impl Shortage {
    fn after(last: Option<&Self>, errno: i32) -> Self {
        let pause = last.map_or(FIRST_PAUSE, |last| (last.pause * 2).min(LONGEST_PAUSE));
        Self {
            errno,
            pause,
            until: Instant::now() + pause,
        }
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// A fork that was asked for: our end of the new worker's socket.
pub(super) struct Fork {
    pub(super) socket: OwnedFd,
    pub(super) death: Arc<Death>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fork_is_told_to_those_who_wait_and_to_nobody_later() {
        let mut state = State::new(Spares::new(1, 0), Vec::new(), Arc::default());
        state.fail(Error::Fork { errno: 11 });
        assert!(state.failures.is_empty());
        state.waiting = 1;
        state.fail(Error::Fork { errno: 11 });
        state.fail(Error::Fork { errno: 12 });
        assert_eq!(state.failures.len(), 1);
    }

    #[test]
    fn several_wait_until_all_is_loaded_and_one_does_not() {
        let mut state = State::new(Spares::new(1, 0), Vec::new(), Arc::default());
        state.begin_to_wait();
        state.waiting_since += Duration::from_secs(3600); // no time has passed since
        assert_eq!(state.held_for(), GATHERING);
        state.begin_to_wait();
        assert_eq!(state.held_for(), MOST_HELD);
        state.complete = true;
        assert_eq!(state.held_for(), Duration::ZERO);
    }

    #[test]
    fn who_waits_for_room_for_a_process_is_not_sent_away_because_of_an_import() {
        let mut state = State::new(Spares::new(1, 0), Vec::new(), Arc::default());
        state.loading = Some("pandas".to_owned());
        assert_eq!(state.patience(), LOADING_PATIENCE);
        state.fail_fork(libc::EAGAIN);
        assert_eq!(state.patience(), FORK_PATIENCE);
    }

    #[test]
    fn where_all_is_slow_an_import_is_waited_for_as_long_as_a_daemon_would_take_to_start() {
        let mut state = State::new(Spares::new(1, 0), Vec::new(), Arc::default());
        state.started -= Duration::from_secs(5);
        state.begin_to_serve(1, Files::default());
        state.loading = Some("pandas".to_owned());
        let five = |limit: Duration| (5..10).contains(&limit.as_secs());
        assert!(five(state.patience()), "{:?}", state.patience());
        state.begin_to_wait();
        state.begin_to_wait();
        state.waiting_since += Duration::from_secs(3600); // no time has passed since
        assert!(five(state.held_for()), "{:?}", state.held_for());
        state.start = Duration::from_secs(3600);
        assert_eq!(state.patience(), FORK_PATIENCE);
    }
}
