//! Zygotes that cannot be had: found out by one start, not by each session that comes, and looked at again after a while.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use super::key::ZygoteKey;
use crate::error::Error;
use crate::os::lock::locked;
use crate::spec::FactorySpec;

/// So many times as long as a start may take: ten minutes by default.
const LASTS_STARTS: u32 = 5;
/// Those that can't be zygotes, whatever is done with them: sessions have environments of their own, and so keys.
static INTERPRETERS: LazyLock<Mutex<HashMap<Interpreter, Noted>>> = LazyLock::new(Mutex::default);

/// An executable, the module path, and the directory if these depend on it.
type Interpreter = (String, String, Option<PathBuf>);

#[derive(Clone)]
struct Noted {
    since: Instant,
    error: Error,
}

impl Noted {
    /// Else it may have been a full disk, a slow one, or somebody's signal.
    fn is_interpreters(&self) -> bool {
        let error = &self.error;
        matches!(error, Error::Unfit { of_interpreter, .. } if *of_interpreter)
    }
}

/// Why there can be no zygote for one key, if that is known.
pub(super) struct Unfitness {
    noted: Mutex<Option<Noted>>,
    interpreter: Interpreter,
    lasts: Duration,
}

impl Unfitness {
    /// Nothing is known yet of this key, but perhaps of its interpreter.
    pub(super) fn of(key: &ZygoteKey, spec: &FactorySpec) -> Self {
        let (program, path) = (key.python_exec.clone(), key.python_path.clone());
        // A script is one and the same for all sessions here, whatever it finds: each would start it in vain.
        let directory = key.directory.clone().filter(|_| spec.is_relative());
        Self {
            noted: Mutex::default(),
            interpreter: (program, path, directory),
            lasts: spec.settings.start_timeout * LASTS_STARTS,
        }
    }

    /// Why a start would be in vain. What may have passed holds until another start has succeeded.
    pub(super) fn known(&self) -> Option<Error> {
        let of_key = locked(&self.noted).clone();
        let noted = of_key.or_else(|| locked(&INTERPRETERS).get(&self.interpreter).cloned())?;
        let holds = !noted.is_interpreters() || noted.since.elapsed() < self.lasts;
        holds.then_some(noted.error)
    }

    /// Whether it is time to see whether it has passed: so for one caller, and then not again for as long.
    pub(super) fn may_have_passed(&self) -> bool {
        match &mut *locked(&self.noted) {
            Some(noted) if !noted.is_interpreters() && noted.since.elapsed() >= self.lasts => {
                noted.since = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// A start has shown it. Whether that is news.
    pub(super) fn note(&self, error: &Error) -> bool {
        let noted = Noted {
            since: Instant::now(),
            error: error.clone(),
        };
        if noted.is_interpreters() {
            let mut interpreters = locked(&INTERPRETERS);
            interpreters.retain(|_, noted| noted.since.elapsed() < self.lasts);
            interpreters.insert(self.interpreter.clone(), noted.clone());
        }
        locked(&self.noted).replace(noted).is_none()
    }

    /// A start has succeeded.
    pub(super) fn forget(&self) {
        *locked(&self.noted) = None;
    }
}

/// Interpreters may be tried again.
pub(super) fn release() {
    locked(&INTERPRETERS).clear();
}
