//! Takes in what a zygote says.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, MutexGuard};

use log::{debug, info, trace};

use super::message::Message;
use super::spares::Spare;
use super::state::{Fork, Phase, State};
use super::talk::Talk;
use crate::error::{Error, Step, describe_exit};
use crate::os::idle_timer::IdleTimer;
use crate::os::mapped::libraries;
use crate::os::namespace;
use crate::os::process::Process;
use crate::os::supervisor::later;
use crate::process::death::Cause;

impl Talk {
    /// What the zygote has just said.
    pub(super) fn hear(self: &Arc<Self>, message: Message) {
        let mut state = self.lock();
        match message {
            Message::Ready { pid, .. } if namespace::is_elsewhere(pid, self.keeper) => {
                state.phase = Phase::Unfit {
                    reason: format!("it is in a pid namespace of its own, where its pid is {pid}"),
                    of_interpreter: true,
                }
            }
            Message::Ready { pid, files } => {
                state.begin_to_serve(pid, files);
                self.fill(&mut state);
                drop(state);
                IdleTimer::arm(self);
            }
            Message::Unfit {
                reason,
                of_interpreter,
            } => {
                state.phase = Phase::Unfit {
                    reason,
                    of_interpreter,
                }
            }
            Message::Loading { module } => {
                state.loading = Some(module.clone());
                drop(state);
                self.give_up_later(module);
            }
            Message::Loaded {
                module,
                millis,
                files,
            } => state.enter_loaded(module, millis, files),
            Message::LeftOut {
                module,
                missing,
                reason,
            } => {
                if !missing {
                    let why = format!("can't be imported in the zygote: {reason}");
                    self.learning.condemn(&module, &why);
                }
                state.leave_out(module, missing, reason);
            }
            Message::Imported { .. } | Message::Tried { .. } | Message::GivenUp { .. } => {
                self.learning.hear(&mut state, message, &self.ask());
            }
            Message::Spoiled { module, why, files } => state.spoil(module, why, files),
            Message::Outdated { file } => {
                info!("{file} has changed, so another zygote takes over");
                state.phase = Phase::Outdated;
                let old = state.spares.take_all();
                drop(state);
                drop(old); // a spare ends with its socket
            }
            Message::Complete {} => {
                self.renew_spares(state);
                IdleTimer::arm(self);
            }
            Message::Forked { number, pid } => self.enter(&mut state, number, pid),
            Message::Failed { number, errno } => state.give_up_fork(number, errno),
            Message::Gone { status } => {
                state.ended = true;
                state.end(ExitStatus::from_raw(status));
                drop(state);
                self.lose();
            }
            Message::Exited { pid, status } => settle(state, pid, ExitStatus::from_raw(status)),
        }
        self.changed.notify_all();
    }

    /// Takes a worker that was forked among the spares.
    fn enter(&self, state: &mut State, number: u64, pid: i32) {
        state.shortage = None;
        let Some(Fork { socket, death }) = state.forks.remove(&number) else {
            return;
        };
        state.deaths.insert(pid, death.clone());
        if !state.complete {
            state.poor.insert(pid, libraries(pid));
        }
        match Process::open(pid) {
            Ok(process) if process.descends_from(self.keeper) => {
                trace!("Forked a spare worker (pid {pid})");
                state.spares.put(Spare {
                    socket,
                    process,
                    death,
                });
            }
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                state.fail(Error::io(Step::Fork, self.start_timeout)(error));
            }
            // It has ended since, and its number may be another's.
            _ => state.fail(Error::LaunchGone {
                sender: "Python zygote",
                pid,
            }),
        }
    }

    /// An import that does not end must not keep tasks waiting: then another zygote does without the module.
    fn give_up_later(self: &Arc<Self>, module: String) {
        let limit = self.preload_timeout;
        let timed = later(self, limit, move |talk| {
            let mut state = talk.lock();
            if state.loading.as_ref() == Some(&module) {
                let why = format!("takes more than {} ms to import", limit.as_millis());
                state.spoil(module, why, Vec::new());
                talk.changed.notify_all();
            }
        });
        if let Err(error) = timed {
            debug!("Can't set the timer for an import in the zygote: {error}");
        }
    }

    /// Replaces the spares that were forked before everything was loaded.
    fn renew_spares(&self, mut state: MutexGuard<'_, State>) {
        state.complete = true;
        self.learning.go_on(&mut state, &self.ask());
        let poor = state.spares.take_all();
        self.fill(&mut state);
        drop(state);
        drop(poor); // a spare ends with its socket
    }
}

/// A worker has ended.
fn settle(mut state: MutexGuard<'_, State>, pid: i32, status: ExitStatus) {
    let death = state.forget(pid);
    drop(state); // whoever hears of a death may do anything
    debug!("Python worker {pid} {}", describe_exit(status));
    if let Some(death) = death {
        death.settle(Cause::Exit(status));
    }
}
