//! What a factory is made for: one interpreter, its modules and environment, as Spark keys it.

pub mod keys;
pub mod secret;
pub mod settings;
mod spark;
mod units;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::os::spawn::CommandLine;
pub use secret::Secret;
pub use settings::Settings;
pub use spark::SparkVersion;

/// Spark's own daemon module, which a zygote can stand in for.
const PYSPARK_DAEMON: &str = "pyspark.daemon";

/// Set where Spark captures what workers print, session by session (`BasePythonRunner`, since 4.1).
pub(crate) const CAPTURED_SESSION: &str = "PYSPARK_SPARK_SESSION_UUID";

/// Variables with the memory, in MiB, that a worker limits itself to.
const MEMORY_LIMITS: [&str; 2] = ["PYSPARK_EXECUTOR_MEMORY_MB", "PYSPARK_PLANNER_MEMORY_MB"];
/// Of which the usual modules, of which 260 MiB are mapped, are a small part.
const AMPLE_MEBIBYTES: u64 = 1024;

/// How a factory talks to the processes it starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Loopback TCP, authenticated by a secret.
    Tcp {
        /// `java.net.preferIPv6Addresses`
        ipv6: bool,
    },
    /// Unix domain sockets in a directory (Spark 4.1 and later, `spark.python.unix.domain.socket.enabled`).
    Unix {
        /// The directory.
        directory: PathBuf,
    },
}

/// One factory: which interpreter runs which modules, how, and by which settings.
#[derive(Debug, Clone)]
pub struct FactorySpec {
    /// The Spark it serves.
    pub spark: SparkVersion,
    /// The interpreter.
    pub python_exec: String,
    /// The module a worker runs.
    pub worker_module: String,
    /// The module that forks workers.
    pub daemon_module: String,
    /// Whether workers are forked by the daemon module, or each started on its own.
    pub use_daemon: bool,
    /// The merged module search path.
    pub python_path: String,
    /// Where the processes run; `None` inherits.
    pub working_directory: Option<PathBuf>,
    /// Where Spark puts the files that tasks bring along, if that is known.
    pub files_directory: Option<PathBuf>,
    /// How to talk to them.
    pub transport: Transport,
    /// Whether this JVM can talk over Unix domain sockets at all: from Java 16 on.
    pub unix_channels: bool,
    /// The key's variables.
    pub environment: Vec<(String, String)>,
    /// The settings.
    pub settings: Settings,
    /// The secret of this factory.
    pub secret: Secret,
}

/// What every interpreter of a factory gets.
pub(crate) fn python_variables(python_path: &str) -> [(String, String); 2] {
    [
        ("PYTHONPATH".to_owned(), python_path.to_owned()),
        // What `-u` does, for interpreters that don't know it (Spark names ipython).
        ("PYTHONUNBUFFERED".to_owned(), "YES".to_owned()),
    ]
}

impl FactorySpec {
    /// What Spark calls the session; its artifacts are in a directory of this name.
    pub fn session(&self) -> &str {
        let of_session = |(name, _): &&(String, String)| name == "SPARK_JOB_ARTIFACT_UUID";
        let found = self.environment.iter().find(of_session);
        found.map_or("default", |(_, session)| session)
    }

    /// Reads a specification from name-value pairs: the properties that the Java side gives by short names, and Spark's
    /// configuration under its own keys.
    pub fn new(
        properties: &HashMap<String, String>,
        environment: Vec<(String, String)>,
    ) -> Result<Self, Error> {
        let get = |name: &str| properties.get(name).cloned();
        let need = |name: &str| get(name).ok_or_else(|| Error::setting(name, "", "given"));
        let spark = need("sparkVersion")?;
        let spark = SparkVersion::parse(&spark)
            .ok_or_else(|| Error::setting("sparkVersion", &spark, "a version"))?;
        let settings = Settings::from_conf(properties)?;
        Ok(Self {
            spark,
            python_exec: need("pythonExec")?,
            worker_module: need("workerModule")?,
            daemon_module: need("daemonModule")?,
            use_daemon: need("useDaemon")? == "true",
            python_path: need("pythonPath")?,
            working_directory: get("workingDirectory").map(PathBuf::from),
            files_directory: get("filesDirectory").map(PathBuf::from),
            transport: match get("socketDirectory") {
                Some(directory) => Transport::Unix {
                    directory: directory.into(),
                },
                None => Transport::Tcp {
                    ipv6: spark.knows_ipv6() && get("preferIpv6").as_deref() == Some("true"),
                },
            },
            unix_channels: get("unixChannels").as_deref() != Some("false"),
            environment,
            secret: Secret::draw(settings.secret_bits)
                .map_err(Error::io(crate::error::Step::Spawn, settings.start_timeout))?,
            settings,
        })
    }

    /// The daemon's command line.
    pub(crate) fn daemon_command(&self) -> CommandLine {
        let mut arguments = vec!["-m".to_owned(), self.daemon_module.clone()];
        arguments.extend(self.daemon_arguments());
        let mut own = self.transport_variables();
        match &self.transport {
            Transport::Tcp { .. } => own.push(self.secret_variable()),
            Transport::Unix { directory } => own.push((
                "PYTHON_WORKER_FACTORY_SOCK_DIR".to_owned(),
                directory.to_string_lossy().into_owned(),
            )),
        }
        self.command(arguments, own)
    }

    /// What the daemon finds in `sys.argv` behind its own name.
    pub(crate) fn daemon_arguments(&self) -> Vec<String> {
        if self.spark.daemon_takes_worker_module() {
            vec![self.worker_module.clone()]
        } else {
            vec![]
        }
    }

    /// Whether the zygote may stand in for the daemon: it may not for one of the user's own.
    pub(crate) fn may_use_zygote(&self) -> bool {
        self.settings.zygote && self.daemon_module == PYSPARK_DAEMON
    }

    /// The modules that a zygote loads ahead.
    pub(crate) fn preload(&self) -> Vec<String> {
        let usual = self.spark.loaded_ahead();
        self.settings
            .preload
            .over(if self.lacks_memory() { &[] } else { usual })
    }

    /// Whether workers may have so little memory that tasks would miss what is loaded ahead: the limit counts addresses.
    pub(crate) fn lacks_memory(&self) -> bool {
        let mut limits = MEMORY_LIMITS.iter().filter_map(|name| self.variable(name));
        limits.any(|limit| {
            limit
                .parse()
                .is_ok_and(|limit: u64| limit < AMPLE_MEBIBYTES)
        })
    }

    /// Whether a worker takes another task when it has done one (`spark.python.worker.reuse`).
    pub(crate) fn reuses_workers(&self) -> bool {
        let reuse = self.variable("SPARK_REUSE_WORKER");
        self.use_daemon && reuse.is_some_and(|value| !value.is_empty())
    }

    /// Whether interpreter or module path depend on the directory that the processes run in.
    pub(crate) fn is_relative(&self) -> bool {
        let program = Path::new(&self.python_exec);
        let by_path = program.components().count() == 1 && !self.python_exec.contains('/');
        let mut items = self.python_path.split(':');
        (program.is_relative() && !by_path) || items.any(|item| !item.starts_with('/'))
    }

    /// A variable of the key's.
    fn variable(&self, name: &str) -> Option<&str> {
        let mut latest_first = self.environment.iter().rev();
        let found = latest_first.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The session whose workers print into Spark's log capture, if they do.
    pub(crate) fn captured_session(&self) -> Option<&str> {
        self.variable(CAPTURED_SESSION)
    }

    /// What a zygote's workers talk over: sockets without an address, unless Spark needs one. Spark 4.3's pipelined runner
    /// asks a channel for its `Socket`, which one without an address has not, if it does not know that it is one. And an old
    /// Java has no channels for them.
    pub(crate) fn worker_transport(&self) -> Transport {
        let pipelined = self.variable("SPARK_PIPELINED_UDF").is_some();
        match &self.transport {
            tcp @ Transport::Tcp { .. } if pipelined || !self.unix_channels => tcp.clone(),
            _ => Transport::Unix {
                directory: PathBuf::new(),
            },
        }
    }

    /// The command line of a worker that runs on its own and connects to `address`: a port or a socket's path.
    pub(crate) fn worker_command(&self, worker_module: &str, address: &str) -> CommandLine {
        let mut own = self.transport_variables();
        match &self.transport {
            Transport::Tcp { .. } => {
                own.push(self.secret_variable());
                own.push(("PYTHON_WORKER_FACTORY_PORT".to_owned(), address.to_owned()));
            }
            Transport::Unix { .. } => {
                own.push((
                    "PYTHON_WORKER_FACTORY_SOCK_PATH".to_owned(),
                    address.to_owned(),
                ));
            }
        }
        if !self.settings.python_socket_timeout_set {
            // Python leaves this timeout on the socket for the worker's life: with Spark's 15 seconds, a task that neither
            // reads nor writes for so long fails. A week is as good as none.
            own.push((
                "SPARK_AUTH_SOCKET_TIMEOUT".to_owned(),
                (7 * 86_400).to_string(),
            ));
        }
        self.command(vec!["-m".to_owned(), worker_module.to_owned()], own)
    }

    /// Makes the directory the processes run in. As Spark: the outcome does not matter, the start fails if it is not there.
    pub(crate) fn make_working_directory(&self) {
        if let Some(directory) = &self.working_directory {
            let _ = std::fs::create_dir_all(directory);
        }
    }

    fn command(&self, arguments: Vec<String>, own: Vec<(String, String)>) -> CommandLine {
        let mut environment = self.environment.clone();
        environment.extend(python_variables(&self.python_path));
        environment.extend(own);
        CommandLine {
            program: self.python_exec.clone(),
            arguments,
            environment,
            directory: self.working_directory.clone(),
        }
    }

    pub(crate) fn transport_variables(&self) -> Vec<(String, String)> {
        match &self.transport {
            Transport::Tcp { ipv6: true } => {
                vec![("SPARK_PREFER_IPV6".to_owned(), "True".to_owned())]
            }
            Transport::Tcp { ipv6: false } => vec![],
            Transport::Unix { .. } => {
                vec![("PYTHON_UNIX_DOMAIN_ENABLED".to_owned(), "True".to_owned())]
            }
        }
    }

    fn secret_variable(&self) -> (String, String) {
        let name = "PYTHON_WORKER_FACTORY_SECRET".to_owned();
        (name, self.secret.reveal().to_owned())
    }
}
