//! Workers forked from an interpreter of ours that has loaded PySpark's worker and what it needs.
//!
//! A worker's socket is passed to the zygote, so there is no port and no secret. Workers are forked ahead, for no one in
//! particular; such a spare becomes a session's worker when it is handed out, by one frame on its own socket.

mod archive;
mod control;
mod hearing;
mod inventory;
mod key;
mod learned;
mod learning;
mod left_behind;
mod message;
mod process;
mod program;
mod report;
mod spares;
mod stamp;
mod stand_in;
mod state;
mod surroundings;
mod talk;
mod unfitness;
mod zygotes;

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use log::{debug, info, warn};
use serde::Serialize;

use super::Launcher;
use crate::error::{Error, Step};
use crate::host::Host;
use crate::launch::{Launched, Origin, Standing};
use crate::os::deadline::Deadline;
use crate::os::lock::locked;
use crate::os::mapped::libraries;
use crate::os::process::parent_of;
use crate::spec::{FactorySpec, SparkVersion};
use inventory::Shadow;
use key::Binding;
pub(crate) use learned::ImportReport;
pub(crate) use learning::imports;
pub use learning::load_too;
pub use process::Zygote;
pub(crate) use report::ZygoteReport;
use stand_in::StandIn;
use surroundings::Holdings;
use zygotes::Zygotes;
pub use zygotes::release_prewarmed;
pub(crate) use zygotes::{is_prewarmed, reports};

/// Starts the zygote that the factories of `spec` will use, in the background, if they may use one: at once, or when this process
/// leaves a core to it.
pub fn prewarm(spec: FactorySpec, host: &Arc<dyn Host>, when_idle: bool) {
    if spec.use_daemon && spec.may_use_zygote() {
        Zygotes::shared(&Arc::new(spec), host, None).warm(when_idle);
    }
}

/// What zygotes of this Spark load by default, the environment that they load it under, and their program, by which more can be
/// tried as they do; for tools that look at a machine.
pub fn loaded_ahead(spark: &str) -> LoadedAhead {
    let spark = SparkVersion::parse(spark);
    let environment = key::ALLOCATOR_VARIABLES.into_iter();
    LoadedAhead {
        modules: spark.map(SparkVersion::loaded_ahead).unwrap_or_default(),
        environment: environment.chain([SINGLE_THREADED]).collect(),
        program: program::modules(),
    }
}

/// See [`loaded_ahead`].
#[derive(Debug, Serialize)]
pub struct LoadedAhead {
    modules: &'static [&'static str],
    environment: HashMap<&'static str, &'static str>,
    program: Vec<program::Module>,
}

/// What `pools.py` sets while modules are loaded.
const SINGLE_THREADED: (&str, &str) = ("OPENBLAS_NUM_THREADS", "1");

/// Has workers forked by a zygote, and by Spark's daemon where no zygote can be had.
pub struct ZygoteLauncher {
    binding: Binding,
    zygotes: Mutex<Option<Choice>>,
    stand_in: Arc<StandIn>,
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
}

/// Which zygotes may serve a session.
struct Choice {
    /// Those that load all.
    full: Arc<Zygotes>,
    /// Those that do without what the session has another file of, and what comes after it; `None` where none would do.
    lesser: Option<(Shadow, Option<Arc<Zygotes>>)>,
    /// The session's files when this was chosen, and what the full and the lesser zygotes had loaded by then.
    known: Option<(Arc<Holdings>, Versions)>,
}

type Versions = (u64, u64);

impl Choice {
    fn is_of(&self, holdings: &Arc<Holdings>) -> bool {
        let same = |(known, versions): &(Arc<Holdings>, Versions)| {
            Arc::ptr_eq(known, holdings) && *versions == self.versions()
        };
        self.known.as_ref().is_some_and(same)
    }

    fn versions(&self) -> Versions {
        let lesser = self.lesser.as_ref().and_then(|(_, lesser)| lesser.as_ref());
        let version = |zygotes: &Arc<Zygotes>| zygotes.inventory_version();
        (version(&self.full), lesser.map_or(0, version))
    }

    fn zygotes(&self) -> Option<&Arc<Zygotes>> {
        match &self.lesser {
            Some((_, lesser)) => lesser.as_ref(),
            None => Some(&self.full),
        }
    }
}

impl ZygoteLauncher {
    /// Starts nothing yet.
    pub fn new(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>, daemon: Box<dyn Launcher>) -> Self {
        let binding = Binding::of(spec, host);
        binding.surroundings.look(); // so that the first hand-out need not
        Self {
            binding,
            zygotes: Mutex::new(Some(Choice {
                full: Zygotes::shared(spec, host, None),
                lesser: None,
                known: None,
            })),
            stand_in: StandIn::new(daemon, spec.settings.zygote_idle_timeout),
            spec: spec.clone(),
            host: host.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Choice>> {
        locked(&self.zygotes)
    }

    /// The zygotes for a session that has these files; `None` where Spark's daemon is to serve it.
    fn choose(&self, holdings: &Arc<Holdings>) -> Option<Arc<Zygotes>> {
        let mut choice = self.lock();
        let choice = choice.as_mut()?;
        if !choice.is_of(holdings) {
            let (full, _) = choice.versions();
            let shadow = choice.full.shadow(holdings);
            if choice.lesser.as_ref().map(|(known, _)| known) != shadow.as_ref() {
                choice.lesser = shadow.map(|shadow| self.do_without(shadow));
            }
            let (_, lesser) = choice.versions();
            choice.known = Some((holdings.clone(), (full, lesser)));
            self.forgo_lesser(choice, holdings);
        }
        choice.zygotes().cloned()
    }

    /// The lesser zygotes have left out modules of their own, and so may have loaded by another one what the full ones would
    /// load later.
    fn forgo_lesser(&self, choice: &mut Choice, holdings: &Holdings) {
        let Some((_, lesser)) = &mut choice.lesser else {
            return;
        };
        let shadow = |zygotes: &Arc<Zygotes>| zygotes.shadow(holdings);
        if let Some(shadow) = lesser.as_ref().and_then(shadow) {
            self.warn_of_daemon(&shadow, "is loaded ahead by another module as well");
            *lesser = None;
        }
    }

    fn warn_of_daemon(&self, shadow: &Shadow, why: &str) {
        let Shadow { module, file, .. } = shadow;
        let (session, file) = (self.spec.session(), file.display());
        warn!(
            "Python workers of session {session} are forked by Spark's daemon: it brings {module} ({file}), which {why}"
        );
    }

    fn do_without(&self, shadow: Shadow) -> (Shadow, Option<Arc<Zygotes>>) {
        let Some(first) = &shadow.loaded_by else {
            self.warn_of_daemon(&shadow, "PySpark's worker imports");
            return (shadow, None);
        };
        let Shadow { module, file, .. } = &shadow;
        let (session, file) = (self.spec.session(), file.display());
        info!(
            "Session {session} brings its own {module} ({file}), so {first} and what follows it are not loaded ahead for it"
        );
        let lesser = Zygotes::shared(&self.spec, &self.host, Some(first));
        (shadow, Some(lesser))
    }

    fn launch_by(&self, zygotes: &Arc<Zygotes>, deadline: Deadline) -> Result<Launched, Error> {
        match zygotes.launch(&self.binding, deadline) {
            Err(
                timeout @ Error::Timeout {
                    step: Step::Fork | Step::Daemon,
                    ..
                },
            ) => {
                debug!("Spark's daemon forks a worker: {timeout}");
                self.stand_in.launch(deadline)
            }
            Err(Error::Unfit { of_interpreter, .. }) => {
                if of_interpreter {
                    drop(self.lock().take());
                }
                self.stand_in.launch(deadline)
            }
            result => {
                if result.is_ok() {
                    self.stand_in.rest();
                }
                result
            }
        }
    }
}

impl Launcher for ZygoteLauncher {
    fn take_ready(&self) -> Option<Launched> {
        let holdings = self.binding.surroundings.known()?;
        let zygotes = self.choose(&holdings)?;
        zygotes.take_ready(&self.binding)
    }

    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        loop {
            let holdings = self.binding.surroundings.look();
            let Some(zygotes) = self.choose(&holdings) else {
                return self.stand_in.daemon.launch(deadline);
            };
            match self.launch_by(&zygotes, deadline) {
                // It had not loaded that yet when it was chosen.
                Err(Error::Shadowed) if !deadline.has_passed() => {}
                result => return result,
            }
        }
    }

    fn still_fits(&self, origin: &dyn Origin) -> Result<(), String> {
        let origin: &dyn Any = origin;
        let Some(zygote) = origin.downcast_ref::<Zygote>() else {
            return Ok(());
        };
        let holdings = self.binding.surroundings.look();
        self.choose(&holdings);
        let has_shadow = |choice: &Choice| choice.lesser.is_some();
        if !self.lock().as_ref().is_some_and(has_shadow) {
            return Ok(());
        }
        let Some(shadow) = zygote.shadow(&holdings) else {
            return Ok(());
        };
        let Shadow { module, file, .. } = shadow;
        let file = file.display();
        Err(format!("its session has brought {module} ({file}) since"))
    }

    fn is_poor(&self, origin: &dyn Origin, pid: i32) -> bool {
        let origin: &dyn Any = origin;
        if let Some(zygote) = origin.downcast_ref::<Zygote>() {
            return zygote.is_poor(pid);
        }
        // Of Spark's daemon: a zygote may serve here later.
        let choice = self.lock();
        let zygotes = choice.as_ref().and_then(Choice::zygotes);
        zygotes.is_some_and(|zygotes| zygotes.may_serve())
    }

    fn standing(&self, origin: &dyn Origin, pid: i32) -> Standing {
        let known = self.binding.surroundings.known();
        let zygotes = known.and_then(|holdings| self.choose(&holdings));
        let Some(serving) = zygotes.and_then(|zygotes| zygotes.serving()) else {
            return Standing::Good; // it is Spark's daemon that serves here
        };
        let origin: &dyn Any = origin;
        let inherited = match origin.downcast_ref::<Zygote>() {
            Some(zygote) => zygote.inherited(pid),
            // Of Spark's daemon. One that is gone cannot be asked.
            None => parent_of(pid).map(libraries).filter(|all| !all.is_empty()),
        };
        inherited.map_or(Standing::Good, |inherited| {
            serving.standing_of(pid, &inherited)
        })
    }

    fn spares(&self) -> usize {
        self.stand_in.daemon.spares()
    }

    fn stop(&self) {
        let zygotes = self.lock().take();
        drop(zygotes);
        self.stand_in.daemon.stop();
    }
}
