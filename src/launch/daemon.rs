//! Workers forked by Spark's daemon module (`pyspark.daemon`, or the user's own), over Spark's protocol.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use log::{debug, warn};

use super::Launcher;
use super::current::Current;
use super::socket::Address;
use crate::error::{BadAddress, Error, Step};
use crate::host::{Host, Stream};
use crate::launch::{Launched, Origin, protocol};
use crate::metrics::Count;
use crate::os::deadline::{Deadline, Timed, set_nonblocking};
use crate::os::namespace;
use crate::os::process::Process;
use crate::os::spawn::Stdin;
use crate::process::PythonProcess;
use crate::process::death::{Death, LastWords};
use crate::spec::{FactorySpec, Transport};

/// The largest error number Linux has.
const MAX_ERRNO: i32 = 4_095;

/// A running daemon. It ends with the launcher's and the last worker's hold on it.
#[derive(Debug)]
pub struct Daemon {
    process: PythonProcess,
    address: Address,
    spec: Arc<FactorySpec>,
}

impl Daemon {
    fn start(
        spec: &Arc<FactorySpec>,
        host: &Arc<dyn Host>,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let (process, stdout) =
            PythonProcess::start(&spec.daemon_command(), Stdin::pipe(), spec, host)?;
        process.offer_to_oom_killer();
        let address = read_address(spec, &process, &stdout, deadline)?;
        process.drain_stdout(stdout, Stream::Stdout)?;
        debug!(
            "Python daemon {} (pid {}) listens on {address} after {} ms",
            spec.daemon_module,
            process.pid(),
            started.elapsed().as_millis()
        );
        let spec = spec.clone();
        Ok(Self {
            process,
            address,
            spec,
        })
    }

    /// Has the daemon fork a worker.
    fn fork(self: &Arc<Self>, deadline: Deadline) -> Result<Launched, Error> {
        let limit = self.spec.settings.start_timeout;
        let socket = self
            .address
            .connect(deadline)
            .map_err(Error::io(Step::Connect, limit))?;
        let mut peer = Timed::new(&socket, deadline);
        let pid = protocol::read_i32(&mut peer).map_err(Error::io(Step::Pid, limit))?;
        let process = self.identify(pid)?;
        if matches!(self.spec.transport, Transport::Tcp { .. }) {
            let known = protocol::authenticate_to_worker(&mut peer, &self.spec.secret)
                .map_err(Error::io(Step::Authenticate, limit))?;
            if !known {
                process.signal(nix::sys::signal::Signal::SIGKILL);
                return Err(Error::Authentication);
            }
        }
        set_nonblocking(socket.as_fd(), false).map_err(Error::io(Step::Connect, limit))?;
        let words = LastWords {
            stderr: self.process.stderr().clone(),
            whose: "its daemon's",
        };
        Ok(Launched {
            socket,
            process,
            death: Death::to_come(Some(words)),
            origin: self.clone(),
        })
    }

    /// The process behind the number that came as the worker's pid, which may be of another pid namespace. Where `fork` fails
    /// the daemon sends the error number there, without a sign: a small number that is no descendant of the daemon is one.
    fn identify(&self, pid: i32) -> Result<Process, Error> {
        let code = Error::LaunchCode {
            sender: "Python daemon",
            code: pid,
        };
        if pid < 0 {
            return Err(code);
        }
        let (daemon, may_be_errno) = (self.process.pid(), pid <= MAX_ERRNO);
        let here = Process::open(pid).ok();
        let process = match here {
            Some(process) if process.descends_from(daemon) => Some(process),
            other => namespace::find(pid, daemon).or(other.filter(|_| !may_be_errno)),
        };
        process.ok_or(if may_be_errno {
            code
        } else {
            Error::LaunchGone {
                sender: "Python daemon",
                pid,
            }
        })
    }

    fn is_alive(&self) -> bool {
        self.process.process().is_alive()
    }
}

impl Origin for Daemon {
    fn name(&self) -> &'static str {
        "daemon"
    }

    fn count(&self) -> Count {
        Count::CreatedDaemon
    }

    fn tells_ends(&self) -> bool {
        false
    }
}

/// Reads the daemon's first output: a port, or the frame of a socket's path.
fn read_address(
    spec: &FactorySpec,
    process: &PythonProcess,
    stdout: &OwnedFd,
    deadline: Deadline,
) -> Result<Address, Error> {
    let mut from = Timed::new(stdout, deadline);
    let announced = match &spec.transport {
        Transport::Tcp { ipv6 } => {
            protocol::read_i32(&mut from).map(|number| match u16::try_from(number) {
                Ok(port @ 1..) => Ok(Address::loopback(port, *ipv6)),
                _ => Err(format!("{number} (0x{number:08x})")),
            })
        }
        Transport::Unix { .. } => read_path(&mut from),
    };
    let error = match announced {
        Ok(Ok(address)) => return Ok(address),
        Ok(Err(shown)) => bad_address(spec, shown),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::AnnounceEof {
            module: spec.daemon_module.clone(),
            exit: process.exit_after_failure(),
        },
        Err(error) => Error::io(Step::Announce, spec.settings.start_timeout)(error),
    };
    process.terminate();
    process.exit_after_failure();
    Err(process.explain(error))
}

/// The path that a daemon announces, or what it announces instead.
fn read_path(from: &mut Timed<'_>) -> io::Result<Result<Address, String>> {
    let length = protocol::read_i32(from)?;
    let frame = match protocol::read_frame_of(length, from) {
        Ok(frame) => frame,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(Err(format!("a path of {length} (0x{length:08x}) bytes")));
        }
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&frame).into_owned();
    let path = PathBuf::from(&text);
    Ok(if path.exists() {
        Ok(Address::Unix(path))
    } else {
        Err(text)
    })
}

fn bad_address(spec: &FactorySpec, shown: String) -> Error {
    Error::BadAddress(Box::new(BadAddress {
        module: spec.daemon_module.clone(),
        shown,
        knows_paths: spec.spark.knows_unix_sockets(),
        command: spec.daemon_command().shown(),
        python_path: spec.python_path.clone(),
    }))
}

/// Keeps one daemon running and has it fork workers.
pub struct DaemonLauncher {
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    current: Current<Daemon>,
}

impl DaemonLauncher {
    /// Starts nothing yet.
    pub fn new(spec: Arc<FactorySpec>, host: Arc<dyn Host>) -> Self {
        let current = Current::new(&spec);
        Self {
            spec,
            host,
            current,
        }
    }

    fn daemon(&self, deadline: Deadline) -> Result<Arc<Daemon>, Error> {
        let start = || Daemon::start(&self.spec, &self.host, deadline).map(Arc::new);
        self.current.get(deadline, start)
    }
}

impl Launcher for DaemonLauncher {
    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        let daemon = self.daemon(deadline)?;
        let forked = match daemon.fork(deadline) {
            Err(error) if is_workers_end(&error) && daemon.is_alive() => {
                debug!("A worker ended before it could be used; forking another one: {error}");
                daemon.fork(deadline)
            }
            result => result,
        };
        let error = match forked {
            Ok(launched) => return Ok(launched),
            Err(error) => error,
        };
        if !is_daemons_fault(&error, &daemon) {
            return Err(error);
        }
        warn!("Failed to open socket to Python daemon: {error}");
        warn!("Assuming that daemon unexpectedly quit, attempting to restart");
        self.current.retire(&daemon);
        let again = Deadline::after(self.spec.settings.start_timeout);
        self.daemon(again)?.fork(again)
    }

    fn rest(&self) {
        if let Some(daemon) = self.current.serving() {
            self.current.retire(&daemon); // it ends with its last worker
        }
    }

    fn stop(&self) {
        if let Some(daemon) = self.current.stop() {
            daemon.process.terminate();
        }
    }
}

/// Whether the connection was lost once the daemon had taken it: its holder has ended, and that may be one worker only.
fn is_workers_end(error: &Error) -> bool {
    match error {
        Error::Eof { .. } => true,
        Error::Io { step, source } => {
            *step != Step::Connect && source.kind() == io::ErrorKind::ConnectionReset
        }
        _ => false,
    }
}

/// Whether another daemon would do better. A lack of descriptors here, or an error number from a healthy daemon, is not cured
/// by a restart.
fn is_daemons_fault(error: &Error, daemon: &Daemon) -> bool {
    match error {
        Error::Timeout { .. } | Error::Eof { .. } => true,
        Error::Io { source, .. } => {
            use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound};
            let lost = [BrokenPipe, ConnectionRefused, ConnectionReset, NotFound];
            lost.contains(&source.kind()) || !daemon.is_alive()
        }
        _ => false,
    }
}
