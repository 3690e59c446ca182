//! Which factories share a zygote, and what makes one of its spares the worker of a certain session.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use once_cell::sync::OnceCell;

use super::message::{self, Bind};
use super::surroundings::Surroundings;
use crate::host::{Host, Stream};
use crate::os::deadline::set_nonblocking;
use crate::os::spawn::is_script;
use crate::process::output::Output;
use crate::spec::{CAPTURED_SESSION, FactorySpec, Settings, SparkVersion, Transport};

/// Variables that sessions and tasks vary and that are read by Python code of Spark's while it runs, never when an interpreter
/// or a module is loaded: they are set in the worker after the fork. A variable that is not here makes another zygote.
const SESSION_VARIABLES: &[&str] = &[
    "PYSPARK_EXECUTOR_MEMORY_MB",
    "PYSPARK_PLANNER_MEMORY_MB",
    "PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE",
    "PYTHON_FAULTHANDLER_DIR",
    "PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS",
    "PYTHON_UDF_BATCH_SIZE",
    "SPARK_AUTH_SOCKET_TIMEOUT",
    "SPARK_BUFFER_SIZE",
    "SPARK_CONNECT_LOCAL_URL",
    "SPARK_HIDE_TRACEBACK",
    "SPARK_JOB_ARTIFACT_UUID",
    "SPARK_LOCAL_DIRS",
    "SPARK_PIPELINED_UDF",
    "SPARK_PIPELINED_UDF_QUEUE_DEPTH",
    "SPARK_REUSE_WORKER",
    "SPARK_SIMPLIFIED_TRACEBACK",
    "SPARK_TRACEBACK_WITH_LOCALS",
];

/// What Arrow's memory allocators read when they are loaded, and workers are not to see. jemalloc starts the one thread that
/// importing Arrow starts. mimalloc reserves a gigabyte of addresses at its first use, here in the zygote and so in each worker:
/// `YARN` counts them, and so does a limit that a worker sets itself (`spark.executor.pyspark.memory`).
pub(super) const ALLOCATOR_VARIABLES: [(&str, &str); 2] = [
    ("JE_ARROW_MALLOC_CONF", "background_thread:false"),
    ("MIMALLOC_ARENA_RESERVE", "65536"), // KiB
];

/// Those of them that the user has not set: what the user sets stays in the workers.
pub(super) fn allocator_variables(
    environment: &[(String, String)],
) -> impl Iterator<Item = (&'static str, &'static str)> {
    ALLOCATOR_VARIABLES.into_iter().filter(|(variable, _)| {
        let of_key = environment.iter().any(|(name, _)| name == variable);
        !of_key && std::env::var_os(variable).is_none()
    })
}

/// What must be the same for two factories to share a zygote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ZygoteKey {
    pub(super) spark: SparkVersion,
    pub(super) python_exec: String,
    pub(super) python_path: String,
    /// The session's, where it may not be the same interpreter or path from everywhere: a script may take one that is there.
    pub(super) directory: Option<PathBuf>,
    pub(super) daemon_module: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) preload: Vec<String>,
    /// Whether more may be loaded, which was found safe or each task imports: not where a session has something of its own in the
    /// place of any of it, and not where workers have little memory.
    pub(super) loads_more: bool,
    /// An application's own, but there may be another one in this JVM later.
    pub(super) settings: Settings,
    /// Unix sockets, or TCP where Spark's runners need a socket that has an address.
    pub(super) transport: Transport,
}

impl ZygoteKey {
    /// `before`: the first of the modules that are not loaded ahead, as the session has something of its own in their place.
    pub(super) fn of(spec: &FactorySpec, before: Option<&str>) -> Self {
        let mut preload = spec.preload();
        let most = before.and_then(|first| preload.iter().position(|module| module == first));
        preload.truncate(most.unwrap_or(preload.len()));
        let mut environment: Vec<_> = spec
            .environment
            .iter()
            .filter(|(name, _)| !is_session(spec, name))
            // What it would inherit anyway makes no difference.
            .filter(|(name, value)| std::env::var_os(name).is_none_or(|own| own != value.as_str()))
            .cloned()
            .collect();
        environment.sort();
        Self {
            spark: spec.spark,
            python_exec: spec.python_exec.clone(),
            python_path: spec.python_path.clone(),
            directory: spec
                .working_directory
                .clone()
                .filter(|_| spec.is_relative() || is_script(&spec.python_exec)),
            daemon_module: spec.daemon_module.clone(),
            environment,
            preload,
            loads_more: before.is_none() && !spec.lacks_memory(),
            settings: spec.settings.clone(),
            transport: spec.worker_transport(),
        }
    }
}

fn is_session(spec: &FactorySpec, name: &str) -> bool {
    SESSION_VARIABLES.contains(&name) || (name == CAPTURED_SESSION && takes_descriptors(spec))
}

/// Whether a worker can be given a standard output of its own with its binding.
fn takes_descriptors(spec: &FactorySpec) -> bool {
    matches!(spec.worker_transport(), Transport::Unix { .. })
}

/// What a zygote's own standard output is taken for. It is nobody's: sessions whose output Spark captures give their workers one
/// of their own, unless the zygote is theirs alone.
pub(super) fn stream_of_stdout(spec: &FactorySpec) -> Stream {
    if spec.captured_session().is_some() && !takes_descriptors(spec) {
        Stream::Stdout
    } else {
        Stream::Stderr
    }
}

/// What makes a spare a session's worker.
pub(super) struct Binding {
    frame: Vec<u8>,
    spec: Arc<FactorySpec>,
    host: Arc<dyn Host>,
    stdout: OnceCell<OwnedFd>,
    pub(super) surroundings: Surroundings,
}

impl Binding {
    pub(super) fn of(spec: &Arc<FactorySpec>, host: &Arc<dyn Host>) -> Self {
        let session = spec.environment.iter();
        let session = session.filter(|(name, _)| is_session(spec, name));
        let session = session.map(|(name, value)| (name.as_str(), value.as_str()));
        let transport = spec.transport_variables();
        let transport = transport
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let unset = allocator_variables(&spec.environment).map(|(name, _)| name);
        let bind = Bind {
            set: session.chain(transport).collect(),
            unset: unset.collect(),
            directory: spec.working_directory.as_deref(),
            arguments: spec.daemon_arguments(),
        };
        let body = message::bytes(&bind);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Self {
            frame: [&length.to_be_bytes()[..], &body].concat(),
            spec: spec.clone(),
            host: host.clone(),
            stdout: OnceCell::new(),
            surroundings: Surroundings::of(spec),
        }
    }

    /// What the spare waits for.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// What the worker is to write its standard output to, where Spark captures that for its session and not for the zygote's
    /// other ones.
    pub(super) fn stdout(&self) -> io::Result<Option<BorrowedFd<'_>>> {
        if self.spec.captured_session().is_none() || !takes_descriptors(&self.spec) {
            return Ok(None);
        }
        let drained = || {
            let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
            set_nonblocking(ours.as_fd(), true)?;
            Output::drain(ours, Stream::Stdout, self.host.clone())?;
            Ok::<_, io::Error>(theirs)
        };
        Ok(Some(self.stdout.get_or_try_init(drained)?.as_fd()))
    }

    /// Whether the worker serves one task after the other.
    pub(super) fn lasts(&self) -> bool {
        self.spec.reuses_workers()
    }

    /// Makes the directory that the worker will go to.
    pub(super) fn make_directory(&self) {
        self.spec.make_working_directory();
    }
}
