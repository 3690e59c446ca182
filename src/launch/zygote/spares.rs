//! The workers forked ahead: which are ready, and how many there should be. Plain data without locks.

use std::collections::{HashSet, VecDeque};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use super::key::Binding;
use crate::os::process::Process;
use crate::process::death::Death;

/// A worker forked ahead.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) socket: OwnedFd,
    pub(super) process: Process,
    pub(super) death: Arc<Death>,
}

impl Spare {
    pub(super) fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Makes it a session's worker. The frame is far smaller than the socket's buffer, so this never waits.
    pub(super) fn bind(&self, binding: &Binding) -> io::Result<()> {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        let stdout = binding.stdout()?.map(|fd| [fd.as_raw_fd()]);
        let descriptors = stdout.as_ref().map(|fd| ControlMessage::ScmRights(fd));
        let sent = sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(binding.frame())],
            descriptors.as_slice(),
            flags,
            None,
        )?;
        if sent == binding.frame().len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }
}

/// The workers forked ahead.
#[derive(Debug)]
pub(super) struct Spares {
    ready: VecDeque<Spare>,
    most: usize,
    /// Workers handed out that serve one task after the other.
    lasting: HashSet<i32>,
    /// How many were asked for in this busy time, up to `most`, or are expected to be.
    demand: usize,
    last_take: Instant,
}

impl Spares {
    /// So many at most, and so many that are expected to be asked for.
    pub(super) fn new(most: usize, demand: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            most,
            lasting: HashSet::new(),
            demand,
            last_take: Instant::now(),
        }
    }

    pub(super) fn put(&mut self, spare: Spare) {
        self.ready.push_back(spare);
    }

    /// The spare to hand out next, if there is one.
    pub(super) fn take(&mut self, binding: &Binding) -> Option<Spare> {
        self.last_take = Instant::now();
        let spare = self.ready.pop_front()?;
        self.demand = self.most.min(self.demand + 1);
        if binding.lasts() {
            self.lasting.insert(spare.pid());
        }
        Some(spare)
    }

    /// The busy time is over.
    pub(super) fn take_unused(&mut self) -> VecDeque<Spare> {
        self.demand = 0;
        self.take_all()
    }

    pub(super) fn take_all(&mut self) -> VecDeque<Spare> {
        std::mem::take(&mut self.ready)
    }

    /// A worker has ended, be it handed out or not.
    pub(super) fn forget(&mut self, pid: i32) {
        self.lasting.remove(&pid);
        self.ready.retain(|spare| spare.pid() != pid);
    }

    /// Whether there are to be any at all.
    pub(super) fn are_wanted(&self) -> bool {
        self.most > 0
    }

    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    /// How many there should be: no more than were asked for, as there may be zygotes that serve one task at a time, and fewer
    /// where workers stay for the next task; but one is always ready for a new session.
    pub(super) fn wanted(&self) -> usize {
        let missing = self.demand.saturating_sub(self.lasting.len());
        missing.max(self.most.min(1))
    }

    /// How long nobody has asked for one.
    pub(super) fn unused_for(&self) -> Duration {
        self.last_take.elapsed()
    }
}
