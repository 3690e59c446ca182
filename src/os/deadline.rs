//! Waiting with an end: deadlines, and reads and writes that keep to one.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A point in (monotonic) time by which something must have happened; `None` is one that has passed.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline that has just passed: for looking without waiting, and without a look at the clock.
    pub fn now() -> Self {
        Self(None)
    }

    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self(Some(Instant::now() + limit))
    }

    /// What is left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.map_or(Duration::ZERO, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }

    /// When half of what is left will be over, for a first try that leaves time for another.
    #[must_use]
    pub fn half(self) -> Self {
        Self::after(self.remaining() / 2)
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// For `poll`: whole milliseconds, rounded up so that a wait never ends early and spins.
    fn poll_timeout(self) -> PollTimeout {
        let micros = self.remaining().as_micros();
        let millis = i32::try_from(micros.div_ceil(1_000)).unwrap_or(i32::MAX);
        PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
    }
}

/// Waits until one of `fds` is ready; false where the deadline came first.
pub fn poll_any(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<bool> {
    loop {
        match poll(fds, deadline.poll_timeout()) {
            Ok(0) if deadline.has_passed() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until `fd` is ready or has failed; false where the deadline came first.
pub fn poll_one(fd: BorrowedFd<'_>, events: PollFlags, deadline: Deadline) -> io::Result<bool> {
    poll_any(&mut [PollFd::new(fd, events)], deadline)
}

/// Switches an fd's open file description to or from non-blocking.
pub fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, nonblocking);
    fcntl(fd, FcntlArg::F_SETFL(flags))?;
    Ok(())
}

/// Reads and writes a non-blocking fd, waiting at most until the deadline (`io::ErrorKind::TimedOut`).
#[derive(Debug)]
pub struct Timed<'fd> {
    fd: BorrowedFd<'fd>,
    deadline: Deadline,
}

impl<'fd> Timed<'fd> {
    /// The fd must be non-blocking.
    pub fn new(fd: &'fd impl AsFd, deadline: Deadline) -> Self {
        Self {
            fd: fd.as_fd(),
            deadline,
        }
    }

    fn retry(
        &self,
        events: PollFlags,
        mut call: impl FnMut(BorrowedFd<'fd>) -> nix::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match call(self.fd) {
                Ok(count) => return Ok(count),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if !poll_one(self.fd, events, self.deadline)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry(PollFlags::POLLIN, |fd| nix::unistd::read(fd, buffer))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // `send` where it is a socket: a closed peer is an error here, not a SIGPIPE for the process.
        self.retry(PollFlags::POLLOUT, |fd| {
            use std::os::fd::AsRawFd;
            let flags = nix::sys::socket::MsgFlags::MSG_NOSIGNAL;
            nix::sys::socket::send(fd.as_raw_fd(), bytes, flags)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Now, as Java counts time.
pub(crate) fn epoch_millis() -> u64 {
    millis(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
