//! Where this crate's log lines go: to the JVM's logger, or to standard error where there is no JVM.

use log::{LevelFilter, Log, Metadata, Record};

use crate::jvm::events::events;

struct JvmLogger;

/// Only this crate's own lines: the JVM's log is not the place for those of libraries.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
}

impl Log for JvmLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_own(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_own(record.metadata()) {
            events().log(record.level(), record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Sends log lines to the JVM. Silent until [`set_level`].
pub fn log_to_jvm() {
    static LOGGER: JvmLogger = JvmLogger;
    // Fails only where a logger is set already: then the lines go there.
    let _ = log::set_logger(&LOGGER);
}

/// The level of the JVM's logger, which is checked here before a line is even put together.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

/// Sends log lines to standard error, as `RUST_LOG` says: for programs without a JVM.
pub fn log_to_stderr() {
    let _ = env_logger::try_init();
}
