//! A factory with real Python processes, and a host that remembers what it was told.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses its own part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![allow(clippy::missing_panics_doc, reason = "tests fail by panicking")]

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use native_python_worker::error::Error;
use native_python_worker::factory::worker::Worker;
use native_python_worker::factory::{Factory, Handout, Taken};
use native_python_worker::host::{Accepted, Host, Stream, WorkerId};
use native_python_worker::jvm;
use native_python_worker::spec::FactorySpec;
use serde_json::{Value, json};

/// Long enough for any start on a busy machine; only a fault makes a test wait for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What Java is told of workers and zygotes.
pub fn report() -> Value {
    json!(jvm::report::report())
}

#[derive(Default)]
pub struct RememberingHost {
    pub stdout: Mutex<Vec<u8>>,
    pub stderr: Mutex<Vec<u8>>,
    pub closed: Mutex<Vec<WorkerId>>,
}

impl RememberingHost {
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    pub fn was_closed(&self, id: WorkerId) -> bool {
        self.closed.lock().unwrap().contains(&id)
    }
}

impl Host for RememberingHost {
    fn output(&self, stream: Stream, bytes: &[u8]) -> Accepted {
        let buffer = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        buffer.lock().unwrap().extend_from_slice(bytes);
        Accepted::Yes
    }

    fn close(&self, worker: WorkerId) {
        self.closed.lock().unwrap().push(worker);
    }
}

/// Builds a factory; start from [`Setup::daemon`] or [`Setup::simple`].
#[derive(Clone)]
pub struct Setup {
    properties: HashMap<String, String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// `pyspark.daemon` as Spark 4.3 runs it.
    pub fn daemon() -> Self {
        native_python_worker::jvm::logger::log_to_stderr();
        let (python, modules) = (python(), modules());
        let properties = [
            ("sparkVersion", "4.3.0"),
            ("pythonExec", python.to_str().unwrap()),
            ("workerModule", "pyspark.worker"),
            ("daemonModule", "pyspark.daemon"),
            ("useDaemon", "true"),
            ("pythonPath", modules.to_str().unwrap()),
            ("spark.nativePythonWorker.zygote.enabled", "false"),
        ];
        let owned = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
        Self {
            properties: properties.map(owned).into_iter().collect(),
            environment: vec![("SPARK_REUSE_WORKER".to_owned(), "1".to_owned())],
        }
    }

    /// The zygote that stands in for it. It loads nothing ahead but PySpark's worker, so it always has time for what a test
    /// wants of it. No other setup shares it.
    pub fn zygote() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let key = LAST.fetch_add(1, Ordering::Relaxed).to_string();
        Self::daemon()
            .own("zygote.enabled", "true")
            .own("preload", "")
            .env("OMP_NUM_THREADS", "1")
            .env("KEY_OF_THE_TEST", &key)
    }

    /// A zygote, and the interpreters run the `sitecustomize` of this directory of `tests/python`.
    pub fn customized(directory: &str) -> Self {
        let path = [modules().join(directory), modules()];
        let path = path.map(|path| path.to_str().unwrap().to_owned());
        Self::zygote().set("pythonPath", &path.join(":"))
    }

    /// One process a worker.
    pub fn simple() -> Self {
        Self::daemon().set("useDaemon", "false")
    }

    /// A module of `tests/python` as the daemon.
    pub fn misbehaving_daemon(how: &str) -> Self {
        Self::daemon()
            .set("daemonModule", "misbehaving_daemon")
            .env("MISBEHAVIOUR", how)
    }

    /// A module of `tests/python` as the worker.
    pub fn misbehaving_worker(how: &str) -> Self {
        Self::simple()
            .set("workerModule", "misbehaving_worker")
            .env("MISBEHAVIOUR", how)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn own(self, name: &str, value: &str) -> Self {
        self.set(&format!("spark.nativePythonWorker.{name}"), value)
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn open(self) -> Bench {
        let host = Arc::new(RememberingHost::default());
        let factory = self.open_with(host.clone());
        Bench { factory, host }
    }

    pub fn open_with(self, host: Arc<dyn Host>) -> Arc<Factory> {
        Factory::new(self.spec(), host)
    }

    pub fn spec(self) -> FactorySpec {
        FactorySpec::new(&self.properties, self.environment).unwrap()
    }
}

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            WARNINGS.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Has [`warnings`] be noted: for a test that is alone in its program, because the logger is that of the whole process.
pub fn note_warnings() {
    log::set_boxed_logger(Box::new(Warnings)).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
}

/// What was warned of since.
pub fn warnings() -> Vec<String> {
    WARNINGS.lock().unwrap().clone()
}

/// A factory under test. Stops it at the end.
pub struct Bench {
    pub factory: Arc<Factory>,
    pub host: Arc<RememberingHost>,
}

/// A worker as Spark holds it: with the socket.
pub struct Held {
    pub worker: Arc<Worker>,
    pub socket: OwnedFd,
}

impl Held {
    pub fn id(&self) -> WorkerId {
        self.worker.id()
    }
}

impl Bench {
    /// A worker that is new.
    pub fn create(&self) -> Held {
        match self.take_or_create().unwrap() {
            Taken::Ready(Handout { worker, socket }) => Held { worker, socket },
            Taken::Idle(worker) => panic!("expected a new worker, got the idle {worker}"),
        }
    }

    fn take_or_create(&self) -> Result<Taken, Error> {
        match self.factory.take()? {
            Some(taken) => Ok(taken),
            None => self.factory.create().map(Taken::Ready),
        }
    }

    /// The idle worker that Spark gets next; `None` where it gets no idle one.
    pub fn take_idle(&self) -> Option<Arc<Worker>> {
        match self.factory.take().unwrap()? {
            Taken::Idle(worker) => Some(worker),
            Taken::Ready(handout) => {
                self.factory.stop_worker(handout.worker.id());
                None
            }
        }
    }

    /// A worker that was made ready ahead, if Spark gets one next.
    pub fn take_ready(&self) -> Option<Handout> {
        match self.factory.take().unwrap()? {
            Taken::Ready(handout) => Some(handout),
            Taken::Idle(worker) => panic!("expected a new worker, got the idle {worker}"),
        }
    }

    /// The worker that Spark gets next.
    pub fn next(&self) -> Result<Arc<Worker>, Error> {
        Ok(match self.take_or_create()? {
            Taken::Idle(worker) => worker,
            Taken::Ready(handout) => handout.worker,
        })
    }

    pub fn next_id(&self) -> WorkerId {
        self.next().unwrap().id()
    }

    /// The error of a create that fails.
    pub fn create_error(&self) -> Error {
        match self.next() {
            Ok(worker) => panic!("expected an error, got {worker}"),
            Err(error) => error,
        }
    }

    pub fn release(&self, held: &Held) {
        self.factory.release(held.id());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.factory.stop();
    }
}

/// The interpreter that has `PySpark`: `NPW_TEST_PYTHON`, or that of the newest environment `./test` has made.
pub fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("NPW_TEST_PYTHON") {
        return python.into();
    }
    let (_, newest) = environments()
        .pop()
        .expect("set NPW_TEST_PYTHON to a Python that has PySpark, or run ./test once");
    newest
}

/// The environments that `./test` has made, not those of the matrix, which lack libraries: the version of `PySpark`, and the
/// interpreter. The oldest comes first.
pub fn environments() -> Vec<(String, PathBuf)> {
    let environments = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/venvs");
    let found = fs::read_dir(&environments).into_iter().flatten().flatten();
    let named =
        found.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    let is_ours = |name: &str| name.starts_with(char::is_numeric) && !name.contains("-py");
    let mut found: Vec<_> = named
        .filter(|(name, path)| is_ours(name) && path.join("made").exists())
        .map(|(name, path)| (name, path.join("bin/python")))
        .collect();
    found.sort();
    found
}

/// The directory of the Python modules that tests run.
pub fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")
}

/// Waits until something holds; panics with `what` where it never does.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process with this pid runs (a zombie does not).
pub fn runs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}

/// Our child processes, zombies included.
pub fn children() -> Vec<i32> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            stat.rsplit_once(") ")
                .and_then(|(_, rest)| rest.split(' ').nth(1))
                == Some(&own)
        })
    };
    pids.filter(is_child).collect()
}

/// Waits until this process has no children.
pub fn nothing_is_left() {
    eventually("all processes have ended", || children().is_empty());
}

/// Tests that look at all children of the process take turns, and each starts without any.
pub fn in_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    nothing_is_left();
    turn
}

/// How many processes this one has forked that have not been waited for.
pub fn forked_by(pid: i32) -> usize {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap();
    children.split_whitespace().count()
}

/// The parent of a process.
pub fn parent(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ').nth(1).unwrap().parse().unwrap()
}

pub fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}
