//! Locks that a panic elsewhere does not keep from being taken.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, whatever has become of who held it last.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
