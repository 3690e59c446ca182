//! Workers that are processes of their own (`spark.python.use.daemon=false`, and Spark's streaming workers): started with
//! the address of a listener, to which they connect.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, warn};
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::Signal;

use super::Launcher;
use super::socket::Listener;
use crate::error::{Error, Step};
use crate::host::{Host, Stream};
use crate::launch::{Launched, Origin, protocol};
use crate::metrics::Count;
use crate::os::deadline::{Deadline, Timed, poll_any, set_nonblocking};
use crate::os::process::Process;
use crate::os::spawn::Stdin;
use crate::process::PythonProcess;
use crate::spec::{FactorySpec, Transport};

/// How long a connection may take to prove who it is, once it has begun to; the next one is looked at then.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How many connections may be there that say nothing; the oldest goes.
const MOST_SILENT: usize = 64;

/// The process of a worker of its own.
#[derive(Debug)]
pub struct SimpleProcess(PythonProcess);

impl Origin for SimpleProcess {
    fn name(&self) -> &'static str {
        "process"
    }

    fn count(&self) -> Count {
        Count::CreatedProcess
    }

    fn farewell(&self) -> Signal {
        Signal::SIGTERM
    }

    /// Signals the process we started as well, where that is another one: a script that runs the interpreter.
    fn signal(&self, signal: Signal, worker: &Process) -> bool {
        let alive = worker.is_alive();
        if worker.pid() != self.0.pid() {
            worker.signal(signal);
        }
        if signal == Signal::SIGTERM {
            self.0.terminate();
        } else {
            self.0.signal(signal);
        }
        alive
    }
}

/// Starts each worker as a process of its own.
pub struct SimpleLauncher {
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    worker_module: String,
}

impl SimpleLauncher {
    /// Workers run `worker_module`.
    pub fn new(spec: Arc<FactorySpec>, host: Arc<dyn Host>, worker_module: String) -> Self {
        Self {
            spec,
            host,
            worker_module,
        }
    }

    fn await_worker(
        &self,
        listener: &Listener,
        process: &PythonProcess,
        deadline: Deadline,
    ) -> Result<(OwnedFd, i32), Error> {
        let mut silent = Vec::new();
        loop {
            let Some(socket) = self.await_caller(listener, process, &mut silent, deadline)? else {
                continue;
            };
            match self.handshake(&socket, deadline) {
                Ok(Some(pid)) => return Ok((socket, pid)),
                Ok(None) => warn!("Refused a connection that did not send the worker's secret"),
                Err(error) => warn!("A connection to a worker's socket failed: {error}"),
            }
        }
    }

    /// Waits for a connection that has something to say; those who have not wait in `silent` and hold up nobody. `None` where
    /// something else has happened. Fails where the process has ended instead.
    fn await_caller(
        &self,
        listener: &Listener,
        process: &PythonProcess,
        silent: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<Option<OwnedFd>, Error> {
        let limit = self.spec.settings.start_timeout;
        let failed = || Error::io(Step::ConnectBack, limit);
        let mut fds = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(
            silent
                .iter()
                .map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN)),
        );
        // An interpreter that is a script may leave the worker running and end well: then only the sockets count.
        let exit = process.exit_status(Deadline::now());
        if !exit.is_some_and(|exit| exit.success()) {
            fds.push(PollFd::new(process.process().as_fd(), PollFlags::POLLIN));
        }
        if !poll_any(&mut fds, deadline).map_err(failed())? {
            let step = Step::ConnectBack;
            return Err(Error::Timeout { step, limit });
        }
        let ready = |fd: &PollFd<'_>| fd.any() == Some(true);
        let called = ready(&fds[0]);
        let speaker = fds[1..=silent.len()].iter().position(ready);
        if let Some(speaker) = speaker {
            return Ok(Some(silent.remove(speaker)));
        }
        if called {
            silent.extend(listener.accept().map_err(failed())?);
            let surplus = silent.len().saturating_sub(MOST_SILENT);
            silent.drain(..surplus);
        } else {
            Self::check_exit(process)?;
        }
        Ok(None)
    }

    fn check_exit(process: &PythonProcess) -> Result<(), Error> {
        match process.exit_after_failure() {
            Some(exit) if !exit.success() => Err(process.explain(Error::Died {
                step: Step::ConnectBack,
                exit,
            })),
            _ => Ok(()),
        }
    }

    /// The worker's pid; `None` where the other side is not our worker.
    fn handshake(&self, socket: &OwnedFd, deadline: Deadline) -> io::Result<Option<i32>> {
        let own = Deadline::after(HANDSHAKE_LIMIT.min(deadline.remaining()));
        let mut peer = Timed::new(socket, own);
        let known = match self.spec.transport {
            Transport::Tcp { .. } => protocol::authenticate_worker(&mut peer, &self.spec.secret)?,
            Transport::Unix { .. } => true,
        };
        if !known {
            return Ok(None);
        }
        let pid = protocol::read_i32(&mut peer)?;
        set_nonblocking(socket.as_fd(), false)?;
        Ok(Some(pid))
    }

    fn connect_back(
        &self,
        listener: &Listener,
        process: &PythonProcess,
        deadline: Deadline,
    ) -> Result<(OwnedFd, Process), Error> {
        let (socket, pid) = self.await_worker(listener, process, deadline)?;
        if pid < 0 {
            return Err(Error::LaunchCode {
                sender: "Python",
                code: pid,
            });
        }
        Ok((socket, identify(pid, process.process())?))
    }
}

/// The process that gave `pid` as its own. If it is none that descends from the one we started, the number is of no use (it
/// may be from another pid namespace), and the one we started stands for the worker.
fn identify(pid: i32, started: &Process) -> Result<Process, Error> {
    let gone = |_| Error::LaunchGone {
        sender: "Python",
        pid,
    };
    if started.is_alive() && pid != started.pid() {
        let named = Process::open(pid).ok();
        let ours = named.filter(|process| process.descends_from(started.pid()));
        return ours.map_or_else(|| started.try_clone().map_err(gone), Ok);
    }
    Process::open(pid).map_err(gone)
}

impl Launcher for SimpleLauncher {
    fn launch(&self, deadline: Deadline) -> Result<Launched, Error> {
        let started = Instant::now();
        let failed = Error::io(Step::Spawn, self.spec.settings.start_timeout);
        let bound = Listener::bind(&self.spec.transport).and_then(|l| Ok((l.address()?, l)));
        let (address, listener) = bound.map_err(failed)?;
        let line = self.spec.worker_command(&self.worker_module, &address);
        let (process, stdout) = PythonProcess::start(&line, Stdin::pipe(), &self.spec, &self.host)?;
        process.offer_to_oom_killer();
        process.drain_stdout(stdout, Stream::Stdout)?;
        let (socket, identity) =
            self.connect_back(&listener, &process, deadline)
                .map_err(|cause| Error::ConnectBack {
                    cause: Box::new(cause),
                })?;
        debug!(
            "Python worker {} (pid {}) connected back after {} ms",
            self.worker_module,
            identity.pid(),
            started.elapsed().as_millis()
        );
        Ok(Launched {
            socket,
            process: identity,
            death: process.death().clone(),
            origin: Arc::new(SimpleProcess(process)),
        })
    }
}
