//! What becomes of what workers import themselves: it is noted, tried in a child of the zygote, and loaded if that is wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use log::{debug, info};

use super::key::ZygoteKey;
use super::learned::{ImportReport, Learned, Verdict};
use super::message::{Message, Request};
use super::state::{Phase, State};
use crate::metrics::Count;
use crate::os::deadline::millis;
use crate::os::lock::locked;
use crate::spec::settings::Learn;

/// What is reported, of all interpreters.
const MOST_REPORTED: usize = 50;
/// What others may have one load.
const MOST_TOLD: usize = 256;

/// By the interpreter: other sessions' zygotes have the same modules.
static ALL: LazyLock<Mutex<HashMap<String, Arc<Mutex<Learned>>>>> = LazyLock::new(Mutex::default);

/// What was found safe elsewhere.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What workers have imported themselves: those modules that have cost most, the dearest first.
pub(crate) fn imports() -> Vec<ImportReport> {
    let all = locked(&ALL).clone();
    let reports = all
        .iter()
        .map(|(python, learned)| locked(learned).reports(python));
    let mut reports: Vec<_> = reports.flatten().collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.millis()));
    reports.truncate(MOST_REPORTED);
    reports
}

/// Has zygotes load these as well: another executor of the same application, or another application, has found them safe.
pub fn load_too(modules: impl IntoIterator<Item = String>) {
    let mut told = locked(&TOLD);
    for module in modules {
        if told.len() < MOST_TOLD {
            told.insert(module);
        }
    }
}

/// The application has ended.
pub(super) fn forget() {
    locked(&ALL).clear();
    locked(&TOLD).clear();
}

/// What a zygote of this key is to load beside what its settings say.
pub(super) fn to_load(key: &ZygoteKey) -> Vec<String> {
    let learning = Learning::of(key);
    let new = |module: &String| !key.preload.contains(module);
    learning.to_load().into_iter().filter(new).collect()
}

fn of_interpreter(python: &str) -> Arc<Mutex<Learned>> {
    locked(&ALL).entry(python.to_owned()).or_default().clone()
}

/// Asks the zygote for something.
pub(super) type Tell<'a> = dyn Fn(&Request<'_>) -> io::Result<()> + 'a;

/// One zygote's part in it.
pub(super) struct Learning {
    learned: Arc<Mutex<Learned>>,
    observes: bool,
    loads_told: bool,
    loads_learned: bool,
    limit_millis: u64,
}

impl Learning {
    pub(super) fn of(key: &ZygoteKey) -> Self {
        Self {
            learned: of_interpreter(&key.python_exec),
            observes: key.settings.learn != Learn::Off,
            loads_told: key.loads_more,
            loads_learned: key.loads_more && key.settings.learn == Learn::Load,
            limit_millis: millis(key.settings.preload_timeout),
        }
    }

    /// What was found safe, here or elsewhere, and is to be loaded.
    fn to_load(&self) -> BTreeSet<String> {
        let mut modules = BTreeSet::new();
        if self.loads_told {
            modules.extend(locked(&TOLD).iter().cloned());
        }
        let learned = locked(&self.learned);
        modules.retain(|module| !learned.is_unsafe(module));
        if self.loads_learned {
            modules.extend(learned.safe().cloned());
        }
        modules
    }

    /// A zygote has shown that this module is not to be loaded by itself.
    pub(super) fn condemn(&self, module: &str, why: &str) {
        let was_told = locked(&TOLD).contains(module);
        locked(&self.learned).condemn(module, why, was_told);
    }

    /// What the zygote has said of what workers import.
    pub(super) fn hear(&self, state: &mut State, message: Message, tell: &Tell<'_>) {
        match message {
            Message::Imported {
                pid,
                modules,
                first,
            } => self.note(pid, modules, first),
            Message::Tried {
                module,
                millis,
                kibibytes,
                why,
            } => self.judge(state, &module, Verdict::of(millis, kibibytes, why)),
            Message::GivenUp { module, why } => {
                debug!("The trial of module {module} has come to nothing: {why}");
                self.give_up_trial(state);
            }
            _ => {}
        }
        self.go_on(state, tell);
    }

    /// A worker has imported these itself.
    fn note(&self, pid: i32, modules: BTreeMap<String, u64>, first: bool) {
        if first {
            Count::ImportsWorkers.increment();
        }
        Count::ImportsMillis.add(modules.values().sum());
        debug!("Python worker {pid} has imported {modules:?} (ms) itself");
        for (module, millis) in modules {
            locked(&self.learned).note(&module, millis);
        }
    }

    /// Has the zygote try or load what is worth it, one after the other, when it has nothing else to load.
    pub(super) fn go_on(&self, state: &mut State, tell: &Tell<'_>) {
        if !state.complete || state.phase != Phase::Serving {
            return;
        }
        self.load_more(state, tell);
        if !self.observes || state.trying.is_some() {
            return;
        }
        let Some(module) = locked(&self.learned).next_trial() else {
            return;
        };
        let limit_millis = self.limit_millis;
        let told = tell(&Request::Try {
            module: &module,
            limit_millis,
        });
        state.trying = Some(module);
        if let Err(error) = told {
            debug!("Can't have a module tried: {error}");
            self.give_up_trial(state);
        }
    }

    fn load_more(&self, state: &mut State, tell: &Tell<'_>) {
        for module in self.to_load() {
            let is_loaded = state.loaded.iter().any(|(name, _)| *name == module);
            let is_left_out = state.left_out.iter().any(|one| one.module == module);
            if is_loaded || is_left_out || state.asked.contains(&module) {
                continue;
            }
            match tell(&Request::Load { module: &module }) {
                Ok(()) => state.asked.push(module),
                Err(error) => return debug!("Can't have {module} loaded: {error}"),
            }
        }
    }

    /// The outcome of a trial.
    fn judge(&self, state: &mut State, module: &str, verdict: Verdict) {
        match &verdict {
            Verdict::Unsafe { why } => {
                info!("Module {module}, which workers import, can't be loaded ahead: it {why}");
            }
            Verdict::Safe { millis, kibibytes } => {
                let mebibytes = kibibytes / 1024;
                info!(
                    "Module {module}, which workers import, can be loaded ahead: {millis} ms, {mebibytes} MiB"
                );
            }
            _ => {}
        }
        locked(&self.learned).judge(module, verdict);
        state.trying = None;
    }

    /// The zygote will not say any more.
    pub(super) fn give_up_trial(&self, state: &mut State) {
        if let Some(module) = state.trying.take() {
            locked(&self.learned).give_up_trial(&module);
        }
    }
}
