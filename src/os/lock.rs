//! Locks that a panic elsewhere does not keep from being taken.

use std::sync::{LockResult, Mutex, MutexGuard, PoisonError, WaitTimeoutResult};

/// Takes the lock, whatever has become of who held it last.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the lock again after a wait for a condition, in the same way.
pub(crate) fn relocked<T>(
    wait: LockResult<(MutexGuard<'_, T>, WaitTimeoutResult)>,
) -> MutexGuard<'_, T> {
    wait.unwrap_or_else(PoisonError::into_inner).0
}
