//! Workers that are gone: how they ended, for who asks for one of them, and for who looks at all of them later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use log::{Level, log};
use serde::Serialize;

use super::worker::Worker;
use crate::host::WorkerId;
use crate::os::deadline::{epoch_millis, millis};
use crate::os::lock::locked;
use crate::os::supervisor::later;
use crate::process::death::{Account, Cause, Death, TOLD_WITHIN};

/// Of how many workers of a factory the death can be asked for.
const MOST_OF_A_FACTORY: usize = 64;
/// How many deaths that nobody wanted are kept of all factories.
const MOST_TOLD: usize = 50;

/// The last workers of one factory that are gone.
#[derive(Default)]
pub(crate) struct Departed(VecDeque<(WorkerId, i32, Arc<Death>)>);

impl Departed {
    /// Notes a worker that is taken out of the books.
    pub(crate) fn add(&mut self, worker: &Worker) {
        let entry = (worker.id(), worker.pid(), worker.death().clone());
        self.0.push_back(entry);
        let excess = self.0.len().saturating_sub(MOST_OF_A_FACTORY);
        self.0.drain(..excess);
    }

    /// The pid that a worker had, and its death.
    pub(crate) fn find(&self, worker: WorkerId) -> Option<(i32, Arc<Death>)> {
        let (_, pid, death) = self.0.iter().find(|(id, ..)| *id == worker)?;
        Some((*pid, death.clone()))
    }
}

/// Records the death of a worker whose process has just ended: logs, counts and keeps it, unless we ended the worker.
pub(crate) fn record_death(worker: &Worker, session: &str) {
    let death = worker.death();
    if worker.is_connected() {
        let ended = Ended {
            worker: worker.to_string(),
            pid: worker.pid(),
            session: session.to_owned(),
            age: worker.born().elapsed(),
            tasks: worker.tasks(),
        };
        death.when_known(move |account| ended.tell(account));
    }
    let untold = |death: &Arc<Death>| death.settle(Cause::Untold);
    if !worker.origin().tells_ends() || later(death, TOLD_WITHIN, untold).is_err() {
        untold(death);
    }
}

/// A death that nobody wanted, as it is reported.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeathReport {
    /// In milliseconds since 1970.
    at: u64,
    pid: i32,
    session: String,
    age_millis: u64,
    tasks: u64,
    why: String,
}

/// A worker whose process has ended.
struct Ended {
    worker: String,
    pid: i32,
    session: String,
    age: Duration,
    tasks: u64,
}

impl Ended {
    fn tell(self, account: &Account) {
        let Some(count) = account.count() else {
            return; // it was our doing
        };
        count.increment();
        // One that was told to, by a half-closed socket, ends well.
        let level = if account.well {
            Level::Info
        } else {
            Level::Warn
        };
        let age = self.age.as_millis();
        log!(level, "Python {}, {age} ms old, {account}", self.worker);
        if !account.well {
            keep(DeathReport {
                at: epoch_millis(),
                pid: self.pid,
                session: self.session,
                age_millis: millis(self.age),
                tasks: self.tasks,
                why: account.to_string(),
            });
        }
    }
}

static TOLD: Mutex<VecDeque<DeathReport>> = Mutex::new(VecDeque::new());

fn told() -> MutexGuard<'static, VecDeque<DeathReport>> {
    locked(&TOLD)
}

fn keep(death: DeathReport) {
    let mut told = told();
    told.push_back(death);
    let excess = told.len().saturating_sub(MOST_TOLD);
    told.drain(..excess);
}

/// The last deaths in this process that nobody wanted, the latest last.
pub(crate) fn last_deaths() -> Vec<DeathReport> {
    told().iter().cloned().collect()
}
