//! The one thing of a kind that serves now: started by the first who needs it, awaited by the others, replaced when it fails.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::error::{Error, Step};
use crate::os::deadline::Deadline;
use crate::os::lock::{locked, relocked};

#[derive(Debug)]
enum Slot<T> {
    Empty,
    Starting,
    Serving(Arc<T>),
    /// The last start failed: what those who waited for it are told.
    Failed(Error),
    Stopped,
}

/// A slot for the daemon or zygote that serves now.
#[derive(Debug)]
pub(crate) struct Current<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
    /// What is said once it is stopped.
    stopped: Error,
    /// What is said to those who wait for a start for too long.
    timeout: Error,
}

impl<T> Current<T> {
    pub(crate) fn new(spec: &crate::spec::FactorySpec) -> Self {
        Self {
            slot: Mutex::new(Slot::Empty),
            changed: Condvar::new(),
            stopped: Error::Stopped {
                python_exec: spec.python_exec.clone(),
            },
            timeout: Error::Timeout {
                step: Step::Daemon,
                limit: spec.settings.start_timeout,
            },
        }
    }

    /// The one that serves. `start` is called, without a lock, where there is none and nobody else is starting one.
    pub(crate) fn get(
        &self,
        deadline: Deadline,
        start: impl FnOnce() -> Result<Arc<T>, Error>,
    ) -> Result<Arc<T>, Error> {
        let mut slot = self.lock();
        let mut waited = false;
        loop {
            match &*slot {
                Slot::Serving(current) => return Ok(current.clone()),
                Slot::Stopped => return Err(self.stopped.clone()),
                Slot::Failed(error) if waited => return Err(error.clone()),
                Slot::Empty | Slot::Failed(_) => {
                    *slot = Slot::Starting;
                    drop(slot);
                    let panicked = Panicked(self);
                    let result = start();
                    std::mem::forget(panicked);
                    return self.finish(result);
                }
                Slot::Starting if deadline.has_passed() => return Err(self.timeout.clone()),
                Slot::Starting => {
                    waited = true;
                    let wait = self.changed.wait_timeout(slot, deadline.remaining());
                    slot = relocked(wait);
                }
            }
        }
    }

    /// The one that serves, if there is one now.
    pub(crate) fn serving(&self) -> Option<Arc<T>> {
        match &*self.lock() {
            Slot::Serving(current) => Some(current.clone()),
            _ => None,
        }
    }

    /// Called by the one who set [`Slot::Starting`].
    fn finish(&self, result: Result<Arc<T>, Error>) -> Result<Arc<T>, Error> {
        let mut slot = self.lock();
        let result = match *slot {
            Slot::Stopped => Err(self.stopped.clone()),
            _ => result,
        };
        match &result {
            Ok(current) => *slot = Slot::Serving(current.clone()),
            Err(error) if !matches!(*slot, Slot::Stopped) => *slot = Slot::Failed(error.clone()),
            Err(_) => {}
        }
        drop(slot);
        self.changed.notify_all();
        result
    }

    /// Has the next caller start another one, if `current` is the one that serves; false where it is not. Whoever holds it may
    /// go on with it.
    pub(crate) fn retire(&self, current: &Arc<T>) -> bool {
        let mut slot = self.lock();
        let serves = matches!(&*slot, Slot::Serving(serving) if Arc::ptr_eq(serving, current));
        if serves {
            let retired = std::mem::replace(&mut *slot, Slot::Empty);
            drop(slot);
            drop(retired); // its destructor may do anything, so not under the lock
        }
        serves
    }

    /// Starts no more. Gives the one that served.
    pub(crate) fn stop(&self) -> Option<Arc<T>> {
        let last = std::mem::replace(&mut *self.lock(), Slot::Stopped);
        self.changed.notify_all();
        match last {
            Slot::Serving(current) => Some(current),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        locked(&self.slot)
    }
}

/// Dropped where a start panics: nobody is to wait for it any more.
struct Panicked<'a, T>(&'a Current<T>);

impl<T> Drop for Panicked<'_, T> {
    fn drop(&mut self) {
        let _ = self.0.finish(Err(self.0.timeout.clone()));
    }
}
