//! Workers that are processes of their own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, children, eventually, runs};
use native_python_worker::error::JavaType;
use nix::sys::signal::Signal;

#[test]
fn a_worker_connects_back() {
    let bench = Setup::simple().open();
    let held = bench.create();
    assert!(children().contains(&held.worker.pid()));
    drop(held.socket);
    bench.factory.socket_closed(held.worker.id());
    eventually("it ends with its socket", || {
        !children().contains(&held.worker.pid())
    });
}

#[test]
fn unix_sockets_serve_as_well_and_leave_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Setup::simple()
        .set("socketDirectory", directory.path().to_str().unwrap())
        .open();
    assert!(bench.create().worker.is_alive());
    // One that is launched ahead has its file there for a moment.
    eventually("no file is left", || {
        std::fs::read_dir(directory.path()).unwrap().count() == 0
    });
}

#[test]
fn ipv6_serves_as_well() {
    let bench = Setup::simple().set("preferIpv6", "true").open();
    assert!(bench.create().worker.is_alive());
}

#[test]
fn a_daemon_factory_makes_them_on_request() {
    let bench = Setup::daemon().open();
    let handout = bench
        .factory
        .create_simple(Some("pyspark.worker".to_owned()))
        .unwrap();
    assert!(bench.factory.is_alive(handout.worker.id()));
}

#[test]
fn a_process_that_ends_instead_is_quoted_at_once() {
    let bench = Setup::misbehaving_worker("exit").open();
    let error = bench.create_error();
    assert_eq!(error.to_string(), "Python worker failed to connect back.");
    assert_eq!(error.java_type(), JavaType::Spark);
    let cause = error.cause().unwrap().to_string();
    assert!(cause.contains("no module of that name"), "{cause}");
    assert!(cause.contains("exited with code 5"), "{cause}");
}

#[test]
fn a_process_that_hangs_is_given_up_and_killed() {
    let bench = Setup::misbehaving_worker("hang")
        .own("startTimeout", "1s")
        .open();
    let error = bench.create_error();
    assert_eq!(error.to_string(), "Python worker failed to connect back.");
    let cause = error.cause().unwrap();
    assert_eq!(cause.java_type(), JavaType::SocketTimeout);
    let text = "Timed out while waiting for the Python worker to connect back after 1000 ms";
    assert_eq!(cause.to_string(), text);
}

#[test]
fn a_wrong_secret_is_refused() {
    let bench = Setup::misbehaving_worker("wrong secret").open();
    let cause = bench.create_error().cause().unwrap().to_string();
    assert!(cause.contains(r"b'\x00\x00\x00\x03err'"), "{cause}");
}

#[test]
fn strangers_do_not_keep_the_worker_out() {
    let bench = Setup::misbehaving_worker("strangers first").open();
    assert!(bench.create().worker.is_alive());
}

#[test]
fn strangers_who_say_nothing_hold_up_nobody() {
    let bench = Setup::misbehaving_worker("silent strangers first")
        .own("startTimeout", "9s") // less than one of them may take once it speaks
        .open();
    assert!(bench.create().worker.is_alive());
}

#[test]
fn an_error_number_is_no_pid() {
    let bench = Setup::misbehaving_worker("negative").open();
    let cause = bench.create_error().cause().unwrap().to_string();
    assert!(
        cause.starts_with("Python failed to launch worker with code -2"),
        "{cause}"
    );
}

#[test]
fn a_worker_that_ignores_the_request_to_end_is_killed() {
    let bench = Setup::misbehaving_worker("ignore SIGTERM")
        .own("stopTimeout", "200ms")
        .open();
    let held = bench.create();
    bench.factory.stop_worker(held.id());
    eventually("it is dead", || !runs(held.worker.pid()));
}

#[test]
fn a_worker_whose_task_is_done_may_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let enough = directory.path().join("enough");
    let bench = Setup::misbehaving_worker("go on")
        .env("ENOUGH_OF_THE_TEST", enough.to_str().unwrap())
        .own("closeTimeout", "50ms")
        .own("spares", "0")
        .open();
    let (done, left) = (bench.create(), bench.create());
    bench.release(&done);
    assert!(bench.host.was_closed(done.id()));
    // What was closed later is killed, by when what was given back would be, too.
    bench.factory.socket_closed(left.id());
    eventually("the one that was left is killed", || {
        !runs(left.worker.pid())
    });
    assert!(runs(done.worker.pid()));
    std::fs::write(&enough, "").unwrap();
    eventually("it ends by itself", || !runs(done.worker.pid()));
    let why = bench.factory.why_ended(done.id()).unwrap();
    assert!(why.ends_with("exited with code 0"), "{why}");
}

#[test]
fn a_worker_killed_by_someone_else_is_forgotten() {
    let bench = Setup::simple().open();
    let held = bench.create();
    common::signal(held.worker.pid(), Signal::SIGKILL);
    eventually("it is not alive", || !bench.factory.is_alive(held.id()));
}
