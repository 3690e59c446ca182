//! One zygote process: how it starts, and how it ends.

use std::collections::HashSet;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log::debug;

use super::control::Control;
use super::inventory::Shadow;
use super::key::{self, Binding, ZygoteKey};
use super::left_behind::{self, Left, LeftBehind};
use super::message::{self, Request};
use super::program;
use super::report::ZygoteReport;
use super::spares::Spare;
use super::state::{FORK_PATIENCE, LeftOut, Phase, State};
use super::surroundings::Holdings;
use super::talk::Talk;
use crate::error::{Error, Step};
use crate::host::Host;
use crate::launch::{Origin, Standing};
use crate::metrics::Count;
use crate::os::deadline::Deadline;
use crate::os::family::Family;
use crate::os::lock::relocked;
use crate::os::mapped::libraries;
use crate::os::spawn::Stdin;
use crate::os::supervisor::supervisor;
use crate::process::PythonProcess;
use crate::process::death::TOLD_WITHIN;
use crate::spec::FactorySpec;

/// A worker that has mapped so many libraries by itself has imported pandas, which has some 90; `numpy` has 18.
const MANY_LIBRARIES: usize = 30;

/// A running zygote. Ends with all its workers when dropped.
pub struct Zygote {
    process: Arc<PythonProcess>,
    left_behind: LeftBehind,
    stays: AtomicBool,
    stop_timeout: Duration,
    talk: Arc<Talk>,
    python: String,
    started: Instant,
}

impl Zygote {
    /// Has `state` say what it is not to load, and how many workers may be wanted of it.
    pub(super) fn start(
        key: &ZygoteKey,
        spec: &FactorySpec,
        host: &Arc<dyn Host>,
        mut state: State,
        left_behind: LeftBehind,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let limit = spec.settings.start_timeout;
        let (process, stdout) =
            PythonProcess::start(&program::command(key, spec), Stdin::messages(), spec, host)?;
        process.drain_stdout(stdout, key::stream_of_stdout(spec))?;
        let control = process.stdin().map_err(Error::io(Step::Spawn, limit))?;
        let wanted = program::wanted(key);
        let program = program::messages(key, spec, &wanted, &state.left_out);
        state.asked = wanted;
        let keeper = process.pid();
        let talk = Talk::new(control, keeper, key, spec, host.clone(), state);
        let talk = Arc::new(talk);
        supervisor()
            .and_then(|s| s.watch(Arc::new(Control(talk.clone()))))
            .map_err(Error::io(Step::Spawn, limit))?;
        for message in program {
            match talk.tell(&message) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    let reason = format!("it can't be told its program: {error}");
                    return Err(unfit(reason, false));
                }
                _ => {} // one that has ended already is told of below
            }
        }
        let zygote = Self {
            process: Arc::new(process),
            talk,
            python: key.python_exec.clone(),
            started,
            left_behind,
            stays: AtomicBool::new(false),
            stop_timeout: spec.settings.stop_timeout,
        };
        zygote.await_start(deadline)?;
        debug!(
            "Zygote of {} (pid {}) is ready after {} ms",
            key.python_exec,
            zygote.pid(),
            started.elapsed().as_millis()
        );
        Ok(zygote)
    }

    /// A start that goes wrong is left to Spark's daemon to do again and to explain in Spark's words.
    fn await_start(&self, deadline: Deadline) -> Result<(), Error> {
        let starting = |state: &mut State| state.phase == Phase::Starting;
        let waited =
            self.talk
                .changed
                .wait_timeout_while(self.talk.lock(), deadline.remaining(), starting);
        let state = relocked(waited);
        Err(match &state.phase {
            Phase::Serving | Phase::Spoiled(_) | Phase::Outdated => return Ok(()),
            Phase::Starting => {
                let (step, limit) = (Step::Zygote, self.started.elapsed());
                unfit(Error::Timeout { step, limit }.to_string(), false)
            }
            Phase::Unfit {
                reason,
                of_interpreter,
            } => unfit(reason.clone(), *of_interpreter),
            Phase::Gone => {
                drop(state);
                self.early_end()
            }
        })
    }

    /// Somebody who kills it, as the system does where memory runs out, tells nothing of whether it is fit. Nor do we.
    fn early_end(&self) -> Error {
        let step = Step::Zygote;
        match self.process.exit_after_failure() {
            _ if self.process.was_asked_to_end() => Error::Stopped {
                python_exec: self.python.clone(),
            },
            Some(exit) if exit.signal() == Some(libc::SIGKILL) => Error::Died { step, exit },
            _ => unfit(
                match self.process.death().wait(Deadline::after(TOLD_WITHIN)) {
                    Some(end) => format!("while it started it {end}"),
                    None => "it ended while it started".to_owned(),
                },
                false,
            ),
        }
    }

    /// A worker, made the one that `binding` describes.
    pub(super) fn take(&self, binding: &Binding, deadline: Deadline) -> Result<Spare, Error> {
        let failed = Error::io(Step::Fork, self.talk.start_timeout);
        binding.stdout().map_err(failed)?; // else each spare would be of no use
        loop {
            let spare = self.talk.take(binding, deadline)?;
            if self.talk.shadow(&binding.surroundings.look()).is_some() {
                self.talk.lock().spares.put(spare);
                return Err(Error::Shadowed);
            }
            if self.bind(&spare, binding) {
                return Ok(spare);
            }
        }
    }

    /// The same, if one was forked ahead. Never waits.
    pub(super) fn take_ready(&self, binding: &Binding) -> Option<Spare> {
        binding.stdout().ok()?;
        loop {
            let spare = self.talk.lock().spares.take(binding)?;
            if self.bind(&spare, binding) {
                return Some(spare);
            }
        }
    }

    fn bind(&self, spare: &Spare, binding: &Binding) -> bool {
        self.talk.refill_later();
        binding.make_directory();
        let bound = spare.bind(binding);
        if let Err(error) = &bound {
            debug!(
                "Failed to hand out spare worker (pid {}): {error}",
                spare.pid()
            );
        }
        bound.is_ok()
    }

    /// Whether this worker of its own was forked before all was loaded.
    pub(super) fn is_poor(&self, pid: i32) -> bool {
        self.talk.lock().poor.contains_key(&pid)
    }

    /// The libraries that this worker of its own has from it, if it was forked before all was loaded.
    pub(super) fn inherited(&self, pid: i32) -> Option<HashSet<String>> {
        self.talk.lock().poor.get(&pid).cloned()
    }

    /// That of a worker which had only `inherited` of what there is here now.
    pub(super) fn standing_of(&self, pid: i32, inherited: &HashSet<String>) -> Standing {
        let state = self.talk.lock();
        if state.phase != Phase::Serving || !state.spares.are_wanted() {
            return Standing::Good;
        }
        if !state.complete {
            return Standing::Poor;
        }
        drop(state);
        let (own, here) = (libraries(pid), libraries(self.pid()));
        let imported = own
            .intersection(&here)
            .filter(|one| !inherited.contains(*one));
        if imported.count() < MANY_LIBRARIES {
            Standing::Good
        } else if self.talk.lock().spares.len() > 0 {
            Standing::Outdone
        } else {
            Standing::Poor
        }
    }

    /// Its own pid; its keeper's until it is ready.
    pub(super) fn pid(&self) -> i32 {
        let told = self.talk.lock().pid;
        told.unwrap_or(self.process.pid())
    }

    /// How long nobody has asked it for a worker.
    pub(super) fn unused_for(&self) -> Duration {
        self.talk.lock().spares.unused_for()
    }

    /// What it has loaded and keeps ready.
    pub(super) fn report(&self, family: &Family) -> ZygoteReport {
        let pid = self.pid();
        let (age, memory) = (self.started.elapsed(), family.memory(pid));
        ZygoteReport::of(pid, &self.python, age, memory, &self.talk.lock())
    }

    /// Calls `act` when it serves no more because it has ended.
    pub(super) fn when_lost(&self, act: impl FnOnce() + Send + 'static) {
        let mut state = self.talk.lock();
        if state.phase == Phase::Gone {
            drop(state);
            return act();
        }
        state.on_loss = Some(Box::new(act));
    }

    /// Whether another one would do better after this failure to get a worker.
    pub(super) fn is_at_fault(&self, error: &Error) -> bool {
        // By then what it was loading may be there: what counts is how long it was waited for.
        let hangs = matches!(error, Error::Timeout { limit, .. } if *limit == FORK_PATIENCE);
        let lost = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        let gone = matches!(error, Error::Io { step: Step::Fork, source } if lost.contains(&source.kind()));
        // The word of its end, and of what has ended it, may still be on its way.
        let patience = if gone { TOLD_WITHIN } else { Duration::ZERO };
        let serves = |state: &mut State| state.phase == Phase::Serving;
        let changed = &self.talk.changed;
        let waited = changed.wait_timeout_while(self.talk.lock(), patience, serves);
        let state = relocked(waited);
        hangs || gone || state.phase != Phase::Serving
    }

    /// What the session has another file of, of all that this one has loaded so far.
    pub(super) fn shadow(&self, holdings: &Arc<Holdings>) -> Option<Shadow> {
        self.talk.shadow(holdings)
    }

    /// Whether what it has loaded may have changed on disk.
    pub(super) fn is_outdated(&self) -> bool {
        self.talk.lock().phase == Phase::Outdated
    }

    fn leave(&self) -> io::Result<()> {
        self.talk.tell(&message::bytes(&Request::Leave {}))
    }

    /// What its workers have started goes on without it, when the last of them is gone.
    pub(super) fn leave_behind(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }

    /// This has spoiled it, and is not to be loaded by itself again.
    pub(super) fn condemn(&self, module: &LeftOut) {
        self.talk.learning.condemn(&module.module, &module.why);
    }

    /// The module that must not be loaded again.
    pub(super) fn spoiled_by(&self) -> Option<LeftOut> {
        match &self.talk.lock().phase {
            Phase::Spoiled(module) => Some(module.clone()),
            _ => None,
        }
    }
}

impl Origin for Zygote {
    fn name(&self) -> &'static str {
        "zygote"
    }

    fn count(&self) -> Count {
        Count::CreatedFork
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        self.talk.idle_timer.stop();
        self.talk.lose();
        if self.stays.load(Ordering::Relaxed) && self.leave().is_ok() {
            let left = Left {
                keeper: self.process.clone(),
                talk: self.talk.clone(),
            };
            left_behind::add(&self.left_behind, left, self.stop_timeout);
        }
    }
}

impl std::fmt::Debug for Zygote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Zygote({})", self.process.pid())
    }
}

fn unfit(reason: String, of_interpreter: bool) -> Error {
    Error::Unfit {
        reason,
        of_interpreter,
    }
}
