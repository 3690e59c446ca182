//! The zygote for one key: shared by all factories that have it, replaced when it is lost, ended when nobody uses it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::inventory::{Inventory, Shadow};
use super::key::{Binding, ZygoteKey};
use super::learning;
use super::left_behind::LeftBehind;
use super::process::Zygote;
use super::report::ZygoteReport;
use super::spares::{Spare, Spares};
use super::state::{LeftOut, State};
use super::surroundings::{Holdings, Surroundings};
use super::unfitness::{self, Unfitness};
use crate::error::{Error, Step};
use crate::host::Host;
use crate::launch::Launched;
use crate::launch::current::Current;
use crate::metrics::Count;
use crate::os::deadline::Deadline;
use crate::os::family::Family;
use crate::os::idle_timer::{EndsWhenIdle, IdleTimer};
use crate::os::load::Load;
use crate::os::lock::locked;
use crate::os::supervisor::later;
use crate::spec::FactorySpec;

/// Those that were started ahead, for factories to find.
static WARM: Mutex<Vec<Arc<Zygotes>>> = Mutex::new(Vec::new());

/// Those of which is known that they are unfit, for the next sessions to find.
static UNFIT: Mutex<Vec<Arc<Zygotes>>> = Mutex::new(Vec::new());

/// Sessions with environments of their own have zygotes of their own, each of which may be unfit.
const MOST_UNFIT: usize = 64;

static ALL: LazyLock<Mutex<HashMap<ZygoteKey, Weak<Zygotes>>>> = LazyLock::new(Mutex::default);

fn all() -> MutexGuard<'static, HashMap<ZygoteKey, Weak<Zygotes>>> {
    locked(&ALL)
}

/// Each zygote that serves, as it is now.
pub(crate) fn reports(family: &Family) -> Vec<ZygoteReport> {
    let known: Vec<_> = all().values().filter_map(Weak::upgrade).collect();
    let serving = known.iter().filter_map(|zygotes| zygotes.current.serving());
    serving.map(|zygote| zygote.report(family)).collect()
}

/// Whether something is or was started ahead, and not released.
pub(crate) fn is_prewarmed() -> bool {
    !locked(&WARM).is_empty()
}

/// Releases what was started ahead: it ends if no factory uses it. What was unfit may be tried again.
pub fn release_prewarmed() {
    let warm = std::mem::take(&mut *locked(&WARM));
    let unfit = std::mem::take(&mut *locked(&UNFIT));
    drop((warm, unfit)); // not under the locks
    unfitness::release();
    learning::forget();
}

/// How often it is looked whether this process leaves a core to a zygote that nobody waits for. A task that comes earlier starts
/// the zygote itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// After which a zygote that could not start before is tried again beside whatever this process is busy with.
const RETRY_PATIENCE: Duration = Duration::from_secs(10);

/// How many zygotes may be spoiled or lost, or be killed while they start, in one attempt to get a worker.
const ATTEMPTS: usize = 8;

/// The zygote that serves one key now, and what its successors must not load.
pub(super) struct Zygotes {
    key: ZygoteKey,
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    current: Current<Zygote>,
    idle_timer: IdleTimer,
    /// Whether it was started ahead of the first task.
    warm: AtomicBool,
    left_out: Mutex<Vec<LeftOut>>,
    /// From which files the last one has loaded what.
    inventory: Arc<Mutex<Inventory>>,
    /// What its zygotes have left behind.
    left_behind: LeftBehind,
    unfitness: Unfitness,
}

impl Zygotes {
    /// Those for a key are shared by all factories that have it. `before`: see [`ZygoteKey::of`].
    pub(super) fn shared(
        spec: &Arc<FactorySpec>,
        host: &Arc<dyn Host>,
        before: Option<&str>,
    ) -> Arc<Self> {
        let key = ZygoteKey::of(spec, before);
        let mut all = all();
        all.retain(|_, zygotes| zygotes.strong_count() > 0);
        if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Self {
            key: key.clone(),
            spec: spec.clone(),
            host: host.clone(),
            current: Current::new(spec),
            idle_timer: IdleTimer::new(spec.settings.zygote_idle_timeout),
            warm: AtomicBool::new(false),
            left_out: Mutex::default(),
            inventory: Arc::default(),
            left_behind: Arc::default(),
            unfitness: Unfitness::of(&key, spec),
        });
        all.insert(key, Arc::downgrade(&new));
        new
    }

    fn zygote(self: &Arc<Self>, deadline: Deadline) -> Result<Arc<Zygote>, Error> {
        if self.unfitness.may_have_passed() {
            self.start_when_idle(Some(Instant::now() + RETRY_PATIENCE), true);
        }
        if self.current.serving().is_none()
            && let Some(error) = self.unfitness.known()
        {
            return Err(error);
        }
        self.start(deadline, false)
    }

    /// The one that serves, or another one, `anew` also where that was in vain before. Waits half of the time at most: the
    /// other half is left to Spark's daemon, should there be none by then.
    fn start(self: &Arc<Self>, deadline: Deadline, anew: bool) -> Result<Arc<Zygote>, Error> {
        let deadline = deadline.half();
        let start = || {
            if !anew && let Some(error) = self.unfitness.known() {
                return Err(error);
            }
            let most = self.spec.settings.spares;
            let demand = if self.warm.load(Ordering::Relaxed) {
                most
            } else {
                0
            };
            let state = State::new(
                Spares::new(most, demand),
                self.left_out().clone(),
                self.inventory.clone(),
            );
            let left_behind = self.left_behind.clone();
            let zygote = Zygote::start(
                &self.key,
                &self.spec,
                &self.host,
                state,
                left_behind,
                deadline,
            )
            .inspect_err(|error| self.give_up(error))?;
            self.unfitness.forget();
            let zygote = Arc::new(zygote);
            Count::ZygoteStarted.increment();
            self.retire_when_lost(&zygote);
            Ok(zygote)
        };
        let zygote = self.current.get(deadline, start)?;
        IdleTimer::arm(self);
        Ok(zygote)
    }

    /// Whether one serves, or would be started for the next task.
    pub(super) fn may_serve(&self) -> bool {
        self.current.serving().is_some() || self.unfitness.known().is_none()
    }

    /// What its zygotes have loaded that the session has another file of.
    pub(super) fn shadow(&self, holdings: &Holdings) -> Option<Shadow> {
        locked(&self.inventory).shadowed_by(holdings)
    }

    /// Changes when its zygotes load something.
    pub(super) fn inventory_version(&self) -> u64 {
        locked(&self.inventory).version()
    }

    /// Starts no more where this start has shown that it would be in vain.
    fn give_up(self: &Arc<Self>, error: &Error) {
        let Error::Unfit { reason, .. } = error else {
            return;
        };
        if self.unfitness.note(error) {
            warn!("Python workers are forked by Spark's daemon, not by the zygote: {reason}");
        } else {
            debug!("There is still no zygote: {reason}");
        }
        let mut unfit = locked(&UNFIT);
        unfit.retain(|known| !Arc::ptr_eq(known, self));
        unfit.push(self.clone());
        let excess = unfit.len().saturating_sub(MOST_UNFIT);
        let oldest: Vec<_> = unfit.drain(..excess).collect();
        drop(unfit);
        drop(oldest); // not under the lock
    }

    /// What it was not to leave behind ends with the keeper, and that with the last who holds the zygote.
    fn retire_when_lost(self: &Arc<Self>, zygote: &Arc<Zygote>) {
        let (zygotes, lost) = (Arc::downgrade(self), Arc::downgrade(zygote));
        zygote.when_lost(move || {
            if let (Some(zygotes), Some(lost)) = (zygotes.upgrade(), lost.upgrade()) {
                zygotes.replace(&lost);
            }
        });
    }

    /// Starts the zygote in the background, so that the first task finds workers ready. See [`super::prewarm`].
    pub(super) fn warm(self: Arc<Self>, when_idle: bool) {
        self.warm.store(true, Ordering::Relaxed);
        let mut warm = locked(&WARM); // first: it may be let go of while it starts
        if !warm.iter().any(|known| Arc::ptr_eq(known, &self)) {
            warm.push(self.clone());
        }
        drop(warm);
        if when_idle {
            self.start_when_idle(None, false);
        } else {
            self.start_in_background(false);
        }
    }

    fn start_when_idle(self: &Arc<Self>, latest: Option<Instant>, anew: bool) {
        let load = Load::now();
        let looked = later(self, LOOK_INTERVAL, move |zygotes| {
            if zygotes.current.serving().is_some() {
                return;
            }
            let is_late = latest.is_some_and(|latest| Instant::now() >= latest);
            if !is_late && !load.leaves_a_core() {
                zygotes.start_when_idle(latest, anew);
            } else {
                zygotes.start_in_background(anew);
            }
        });
        if let Err(error) = looked {
            debug!("Can't start a zygote ahead: {error}");
        }
    }

    fn start_in_background(self: &Arc<Self>, anew: bool) {
        let zygotes = self.clone();
        let thread = thread::Builder::new().name("npw-prewarm".to_owned());
        if let Err(error) = thread.spawn(move || zygotes.start_ahead(anew)) {
            debug!("Can't start a zygote ahead: {error}");
        }
    }

    fn start_ahead(self: &Arc<Self>, anew: bool) {
        Surroundings::of(&self.spec).look(); // reads the archives that the first session has
        let limit = self.spec.settings.start_timeout;
        // Nobody waits for another try, so it has the half that is left to Spark's daemon as well.
        let deadline = Deadline::after(if anew { limit * 2 } else { limit });
        if let Err(error) = self.start(deadline, anew) {
            debug!("Failed to start a zygote ahead: {error}");
        }
    }

    pub(super) fn take_ready(&self, binding: &Binding) -> Option<Launched> {
        let zygote = self.current.serving()?;
        let spare = zygote.take_ready(binding)?;
        Some(launched(spare, zygote))
    }

    /// The one that serves now.
    pub(super) fn serving(&self) -> Option<Arc<Zygote>> {
        self.current.serving()
    }

    pub(super) fn launch(
        self: &Arc<Self>,
        binding: &Binding,
        deadline: Deadline,
    ) -> Result<Launched, Error> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let zygote = match self.zygote(deadline) {
                Err(error @ Error::Died { .. }) => {
                    debug!("Starting another zygote: {error}");
                    last = Some(error);
                    continue;
                }
                started => started?,
            };
            match zygote.take(binding, deadline) {
                Ok(spare) => return Ok(launched(spare, zygote)),
                Err(error) if zygote.is_at_fault(&error) => {
                    debug!("Replacing the zygote: {error}");
                    self.replace(&zygote);
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let error = match last {
            Some(error @ Error::Died { .. }) => Error::Unfit {
                reason: error.to_string(),
                of_interpreter: false,
            },
            last => last.unwrap_or(Error::Eof { step: Step::Fork }),
        };
        self.give_up(&error);
        Err(error)
    }

    /// Has the next caller start another one, which does without what has spoiled this one.
    fn replace(&self, zygote: &Arc<Zygote>) {
        if let Some(module) = zygote.spoiled_by() {
            zygote.condemn(&module);
            let mut left_out = self.left_out(); // first, for whoever starts the next one
            if !left_out.contains(&module) {
                left_out.push(module);
            }
        } else if zygote.is_outdated() {
            self.left_out().clear(); // what has changed may have been what was wrong
        }
        zygote.leave_behind();
        if self.current.retire(zygote) {
            Count::ZygoteReplaced.increment();
        }
    }

    fn left_out(&self) -> MutexGuard<'_, Vec<LeftOut>> {
        locked(&self.left_out)
    }
}

/// A zygote ends when it has no workers, and nobody has asked it for one, for its idle time. The next task gets another.
impl EndsWhenIdle for Zygotes {
    const NAME: &'static str = "the zygote";

    fn idle_timer(&self) -> &IdleTimer {
        &self.idle_timer
    }

    fn idle_for(&self) -> Option<Duration> {
        let zygote = self.current.serving()?;
        // Each of its workers holds it, and so does who is just asking for one.
        let held = Arc::strong_count(&zygote) > 2;
        Some(if held {
            Duration::ZERO
        } else {
            zygote.unused_for()
        })
    }

    fn end_idle(&self) {
        let Some(zygote) = self.current.serving() else {
            return;
        };
        let pid = zygote.pid();
        debug!("Ending the zygote (pid {pid}), which nobody uses");
        zygote.leave_behind();
        self.current.retire(&zygote);
    }
}

fn launched(spare: Spare, zygote: Arc<Zygote>) -> Launched {
    Launched {
        socket: spare.socket,
        process: spare.process,
        death: spare.death,
        origin: zygote,
    }
}
