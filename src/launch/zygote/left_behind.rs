//! Keepers of zygotes that are gone: what tasks have left running goes on, and ends with those who had the zygotes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::debug;

use super::talk::Talk;
use crate::os::lock::locked;
use crate::os::supervisor::supervisor;
use crate::process::PythonProcess;

/// What a keeper keeps ends when it is dropped.
pub(super) struct Left {
    pub(super) keeper: Arc<PythonProcess>,
    pub(super) talk: Arc<Talk>,
}

/// Those of one key.
pub(super) type LeftBehind = Arc<Mutex<Vec<Left>>>;

/// Takes one in whose zygote was told to leave. Where it has not done that in time, all of it ends.
pub(super) fn add(all: &LeftBehind, left: Left, patience: Duration) {
    let talk = left.talk.clone();
    let mut known = locked(all);
    let gone: Vec<_> = known.extract_if(.., |one| !one.keeper.is_alive()).collect();
    known.push(left);
    drop(known);
    drop(gone); // not under the lock
    let all = Arc::downgrade(all);
    let look = move || {
        let Some(all) = all.upgrade() else { return };
        let is_stuck = |one: &mut Left| Arc::ptr_eq(&one.talk, &talk) && !talk.zygote_has_ended();
        let stuck: Vec<_> = locked(&all).extract_if(.., is_stuck).collect();
        drop(stuck); // not under the lock
    };
    if let Err(error) = supervisor().and_then(|s| s.after(patience, look)) {
        debug!("Can't set the timer that ends a replaced zygote: {error}");
    }
}
