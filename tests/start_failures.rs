//! Starts that fail: the right error, in time, and nothing left behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, children, eventually, in_turn, nothing_is_left, parent, python};
use native_python_worker::error::{Error, JavaType, Step};
use native_python_worker::metrics::Waiting;

#[test]
fn a_missing_interpreter_is_named() {
    let _turn = in_turn();
    for (program, reason) in [
        ("no-such-python", "error=2, No such file or directory"),
        ("/no/such/python", "error=2, No such file or directory"),
        ("/etc/passwd", "error=13, Permission denied"),
        ("/tmp", "error=13, Permission denied"),
    ] {
        let error = Setup::daemon()
            .set("pythonExec", program)
            .open()
            .create_error();
        assert_eq!(
            error.to_string(),
            format!("Cannot run program \"{program}\": {reason}")
        );
        assert_eq!(error.java_type(), JavaType::Io);
    }
    nothing_is_left();
}

#[test]
fn a_variable_that_no_process_can_have_is_named() {
    let _turn = in_turn();
    for name in ["", "A=B", "NUL\0"] {
        let error = Setup::daemon().env(name, "value").open().create_error();
        assert!(
            matches!(&error, Error::Environment { name: n } if n == name),
            "{error}"
        );
    }
}

#[test]
fn an_environment_too_large_is_an_error() {
    let _turn = in_turn();
    let error = Setup::daemon()
        .env("LARGE", &"x".repeat(256 * 1024))
        .open()
        .create_error();
    assert!(error.to_string().contains("error=7"), "{error}");
}

#[test]
fn a_daemon_that_ends_is_quoted() {
    let _turn = in_turn();
    let text = Setup::misbehaving_daemon("exit")
        .open()
        .create_error()
        .to_string();
    assert!(text.starts_with("\nError from python worker:\n  the daemon has no wish to live\n  and says so in two lines\n"), "{text}");
    assert!(text.ends_with("org.apache.spark.SparkException: EOFException occurred while reading the port number from misbehaving_daemon's stdout and terminated with code: 7."), "{text}");
    nothing_is_left();
}

#[test]
fn a_daemon_that_is_killed_is_said_to_be() {
    let _turn = in_turn();
    let text = Setup::misbehaving_daemon("kill")
        .open()
        .create_error()
        .to_string();
    assert!(text.contains("killed by signal 9 (SIGKILL)"), "{text}");
}

#[test]
fn a_missing_module_is_told_by_python() {
    let _turn = in_turn();
    let text = Setup::daemon()
        .set("daemonModule", "no_such_module")
        .open()
        .create_error()
        .to_string();
    assert!(text.contains("No module named no_such_module"), "{text}");
}

#[test]
fn junk_instead_of_a_port_is_shown() {
    let _turn = in_turn();
    let error = Setup::misbehaving_daemon("junk").open().create_error();
    let text = error.to_string();
    assert!(text.contains("Bad data in misbehaving_daemon's standard output. Invalid port number/socket path:\n  1751477356 (0x68656c6c)"), "{text}");
    assert_eq!(error.java_type(), JavaType::Spark);
    nothing_is_left();
}

#[test]
fn junk_instead_of_a_path_is_shown() {
    let _turn = in_turn();
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::misbehaving_daemon("junk");
    let error = setup
        .set("socketDirectory", directory.path().to_str().unwrap())
        .open()
        .create_error();
    assert!(
        error
            .to_string()
            .contains("Invalid port number/socket path"),
        "{error}"
    );
    nothing_is_left();
}

#[test]
fn a_daemon_that_hangs_is_given_up_and_killed() {
    let _turn = in_turn();
    for how in ["hang", "silent"] {
        let bench = Setup::misbehaving_daemon(how)
            .own("startTimeout", "1s")
            .open();
        let error = bench.create_error();
        assert!(
            matches!(
                error,
                Error::Timeout {
                    step: Step::Announce | Step::Pid,
                    ..
                }
            ),
            "{error}"
        );
        drop(bench);
        nothing_is_left();
    }
}

#[test]
fn a_daemon_without_output_is_given_up() {
    let _turn = in_turn();
    let error = Setup::misbehaving_daemon("close stdout")
        .open()
        .create_error();
    assert_eq!(
        error.to_string(),
        "EOFException occurred while reading the port number from misbehaving_daemon's stdout."
    );
    nothing_is_left();
}

#[test]
fn more_on_standard_error_than_a_pipe_holds_stops_no_start() {
    let _turn = in_turn();
    assert!(
        Setup::misbehaving_daemon("flood stderr")
            .open()
            .create()
            .worker
            .is_alive()
    );
}

#[test]
fn an_error_number_is_no_pid() {
    let _turn = in_turn();
    for (how, code) in [("errno", "12 (ENOMEM"), ("negative", "-3 (ESRCH")] {
        let bench = Setup::misbehaving_daemon(how).open();
        let error = bench.create_error();
        let text = format!("Python daemon failed to launch worker with code {code}");
        assert!(error.to_string().starts_with(&text), "{error}");
        assert_eq!(error.java_type(), JavaType::IllegalState);
        assert_eq!(children().len(), 1, "a healthy daemon goes on");
        drop(bench);
        nothing_is_left();
    }
}

#[test]
fn a_worker_that_dies_before_its_use_costs_no_daemon() {
    let _turn = in_turn();
    let bench = Setup::misbehaving_daemon("first worker dies").open();
    assert!(bench.create().worker.is_alive());
    assert_eq!(children().len(), 1, "the daemon is the first one");
}

#[test]
fn a_daemon_that_hangs_up_is_tried_twice() {
    let _turn = in_turn();
    for how in ["hang up", "half a pid"] {
        let bench = Setup::misbehaving_daemon(how).open();
        let error = bench.create_error();
        assert!(matches!(error, Error::Eof { step: Step::Pid }), "{error}");
        assert_eq!(error.java_type(), JavaType::Eof);
        drop(bench);
        nothing_is_left();
    }
}

#[test]
fn the_second_daemon_is_as_good_as_the_first() {
    let _turn = in_turn();
    let directory = tempfile::tempdir().unwrap();
    let bench = Setup::misbehaving_daemon("silent first")
        .set("workingDirectory", directory.path().to_str().unwrap())
        .own("startTimeout", "10s")
        .open();
    assert!(bench.create().worker.is_alive());
}

#[test]
fn a_worker_that_refuses_the_secret_is_an_error() {
    let _turn = in_turn();
    let bench = Setup::misbehaving_daemon("refuse").open();
    let error = bench.create_error();
    assert_eq!(error.to_string(), "Authentication failed.");
    assert_eq!(error.java_type(), JavaType::IllegalArgument);
}

#[test]
fn those_who_wait_for_one_start_share_its_failure() {
    let _turn = in_turn();
    let directory = tempfile::tempdir().unwrap();
    let bench = Setup::misbehaving_daemon("exit when told")
        .set("workingDirectory", directory.path().to_str().unwrap())
        .open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.create_error());
        }
        eventually("all wait", || Waiting::now() == 4);
        std::fs::write(directory.path().join("told"), "").unwrap();
    });
    let started = std::fs::read_dir(directory.path()).unwrap().count() - 1;
    assert!(started < 4, "each has started one"); // one may have come too late to share the first one's
}

#[test]
fn the_interpreter_is_found_through_the_path_and_named_as_given() {
    let _turn = in_turn();
    let bench = Setup::daemon().open();
    let daemon = parent(bench.create().worker.pid());
    let line = std::fs::read(format!("/proc/{daemon}/cmdline")).unwrap();
    let words: Vec<_> = line
        .split(|b| *b == 0)
        .map(String::from_utf8_lossy)
        .collect();
    let python = python();
    assert_eq!(
        words[..4],
        [
            python.to_str().unwrap(),
            "-m",
            "pyspark.daemon",
            "pyspark.worker"
        ]
    );
}
