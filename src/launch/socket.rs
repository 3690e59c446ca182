//! The sockets between a factory and its Python processes, with deadlines.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, socketpair, sockopt,
};

use crate::os::deadline::{Deadline, poll_one, set_nonblocking};
use crate::spec::Transport;
use crate::spec::secret::random_hex;

/// How much one side may have written that the other has not read. A Unix socket has room for 208 KiB, and a large task's data
/// comes 5 % slower through that than through stock Spark's TCP, whose room grows.
const BUFFER_BYTES: usize = 1024 * 1024;

/// How long connecting to ourselves may take, which is done at once unless the system drops what we send: the supervisor may
/// be the one that waits, and others for it.
const PAIR_PATIENCE: Duration = Duration::from_millis(250);

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// A port on the loopback interface.
    pub(crate) fn loopback(port: u16, ipv6: bool) -> Self {
        Self::Tcp(loopback(port, ipv6))
    }

    /// Connects. The socket is non-blocking and close-on-exec.
    pub(crate) fn connect(&self, deadline: Deadline) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, at_least_a_moment(deadline))?;
                stream.set_nonblocking(true)?;
                Ok(stream.into())
            }
            Self::Unix(path) => connect_unix(path, deadline),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

fn loopback(port: u16, ipv6: bool) -> SocketAddr {
    if ipv6 {
        (Ipv6Addr::LOCALHOST, port).into()
    } else {
        (Ipv4Addr::LOCALHOST, port).into()
    }
}

/// `connect_timeout` refuses a timeout of zero.
fn at_least_a_moment(deadline: Deadline) -> Duration {
    deadline.remaining().max(Duration::from_millis(1))
}

/// A Unix socket's connect either succeeds at once or fails with `EAGAIN` while the listener's queue is full.
fn connect_unix(path: &Path, deadline: Deadline) -> io::Result<OwnedFd> {
    const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let address = UnixAddr::new(path)?;
    loop {
        match connect(fd.as_raw_fd(), &address) {
            Ok(()) => return Ok(fd),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) if !deadline.has_passed() => std::thread::sleep(QUEUE_FULL_PAUSE),
            Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A connected pair, of the transport's kind: ours, and the one for a worker. Both blocking.
pub(crate) fn pair(transport: &Transport) -> io::Result<(OwnedFd, OwnedFd)> {
    match transport {
        Transport::Unix { .. } => {
            let flags = SockFlag::SOCK_CLOEXEC;
            let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
            for end in [&ours, &theirs] {
                // The system may allow less, and then gives what it allows.
                let _ = setsockopt(end, sockopt::SndBuf, &BUFFER_BYTES);
            }
            Ok((ours, theirs))
        }
        Transport::Tcp { ipv6 } => {
            let listener = TcpListener::bind(loopback(0, *ipv6))?;
            connected(&listener, Deadline::after(PAIR_PATIENCE))
        }
    }
}

/// Both ends of a connection to a listener of ours.
fn connected(listener: &TcpListener, deadline: Deadline) -> io::Result<(OwnedFd, OwnedFd)> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let ours = TcpStream::connect_timeout(&address, at_least_a_moment(deadline))?;
    let own = ours.local_addr()?;
    while poll_one(listener.as_fd(), PollFlags::POLLIN, deadline)? {
        match listener.accept() {
            Ok((theirs, from)) if from == own => return Ok((ours.into(), theirs.into())),
            Ok(_) if deadline.has_passed() => break, // strangers, one after the other
            Err(error) if !is_passing(&error) => return Err(error),
            _ => {}
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Where one worker process is awaited. A socket file goes with it.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        path: PathBuf,
    },
}

impl Listener {
    pub(crate) fn bind(transport: &Transport) -> io::Result<Self> {
        match transport {
            Transport::Tcp { ipv6 } => {
                let listener = TcpListener::bind(loopback(0, *ipv6))?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            Transport::Unix { directory } => {
                let path = directory.join(format!(".{}.sock", random_hex(16)?));
                let listener = UnixListener::bind(&path)?;
                let bound = Self::Unix { listener, path };
                if let Self::Unix { listener, .. } = &bound {
                    listener.set_nonblocking(true)?;
                }
                Ok(bound)
            }
        }
    }

    /// What the worker is told: a port or a path.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.port().to_string()),
            Self::Unix { path, .. } => Ok(path.to_string_lossy().into_owned()),
        }
    }

    /// Takes the next connection, non-blocking; `None` where there is none, or it is another user's.
    pub(crate) fn accept(&self) -> io::Result<Option<OwnedFd>> {
        let accepted = match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| OwnedFd::from(stream)),
            Self::Unix { listener, .. } => listener.accept().map(|(stream, _)| stream.into()),
        };
        match accepted {
            Ok(fd) if matches!(self, Self::Unix { .. }) && !same_user(&fd) => Ok(None),
            Ok(fd) => set_nonblocking(fd.as_fd(), true).map(|()| Some(fd)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn same_user(fd: &OwnedFd) -> bool {
    nix::sys::socket::getsockopt(fd, sockopt::PeerCredentials)
        .is_ok_and(|peer| peer.uid() == nix::unistd::geteuid().as_raw())
}

/// The connection is gone before it was taken, or was not there.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix { listener, .. } => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use nix::sys::socket::Backlog;

    use super::*;

    /// One whose queue is full, and what has filled it.
    fn full_listener() -> (TcpListener, Vec<TcpStream>) {
        let listener = TcpListener::bind(loopback(0, false)).expect("a port is free");
        nix::sys::socket::listen(&listener, Backlog::new(0).expect("none is few"))
            .expect("the same again, with a short queue");
        let address = listener.local_addr().expect("it is bound");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok();
        let queued = std::iter::from_fn(connect).collect();
        (listener, queued)
    }

    #[test]
    fn a_pair_is_connected_and_blocking() {
        let ipv4 = Transport::Tcp { ipv6: false };
        let (ours, theirs) = pair(&ipv4).expect("the loopback works");
        for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
            assert_eq!(nix::unistd::write(from, b"word"), Ok(4));
            assert_eq!(nix::unistd::read(to, &mut [0; 8]), Ok(4));
            let flags = fcntl(to, FcntlArg::F_GETFL).expect("it is open");
            assert!(!OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
        }
    }

    #[test]
    fn connecting_to_ourselves_has_an_end() {
        let (listener, _queued) = full_listener();
        let deadline = Deadline::after(Duration::from_millis(50));
        let timed_out = |result: io::Result<(OwnedFd, OwnedFd)>| {
            result.expect_err("there is no room").kind() == io::ErrorKind::TimedOut
        };
        assert!(timed_out(connected(&listener, deadline)));
    }
}
