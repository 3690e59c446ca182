//! What is told of a worker that has died.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs::{self, File};
use std::io::Write;

use common::{Bench, Held, Setup, eventually, parent, runs, signal};
use native_python_worker::host::WorkerId;
use native_python_worker::os::deadline::Deadline;
use nix::sys::signal::Signal;

fn why(bench: &Bench, id: WorkerId) -> String {
    bench.factory.why_ended(id).unwrap_or_default()
}

/// Kills a worker, and waits for its end: the system may write its memory to a file before.
fn kill(held: &Held, number: Signal) {
    signal(held.worker.pid(), number);
    eventually("it has ended", || !runs(held.worker.pid()));
}

/// What is told of a worker when it was killed by this signal.
fn killed_by(bench: &Bench, number: Signal) -> String {
    let held = bench.create();
    kill(&held, number);
    let told = why(bench, held.id());
    assert!(
        told.contains(&format!("(pid {})", held.worker.pid())),
        "{told}"
    );
    told
}

#[test]
fn a_signal_is_named() {
    for bench in [Setup::zygote().open(), Setup::simple().open()] {
        let told = killed_by(&bench, Signal::SIGKILL);
        assert!(told.ends_with("was killed by signal 9 (SIGKILL)"), "{told}");
        let told = killed_by(&bench, Signal::SIGSEGV);
        assert!(told.contains("was killed by signal 11 (SIGSEGV"), "{told}");
    }
}

#[test]
fn what_a_daemon_keeps_to_itself_is_said_to_be_unknown() {
    let bench = Setup::daemon().open();
    let told = killed_by(&bench, Signal::SIGKILL);
    assert!(
        told.contains("only the daemon that forked it knows how"),
        "{told}"
    );
}

/// A worker, and its standard error to write to.
fn speaker(bench: &Bench) -> (Held, File) {
    let held = bench.create();
    let stderr = |pid| format!("/proc/{pid}/fd/2");
    let ours = stderr(held.worker.pid());
    let zygotes = fs::read_link(stderr(parent(held.worker.pid()))).unwrap();
    eventually("it has its own", || {
        fs::read_link(&ours).unwrap() != zygotes
    });
    let stderr = fs::OpenOptions::new().write(true).open(ours).unwrap();
    (held, stderr)
}

#[test]
fn last_words_are_those_of_the_worker_that_died() {
    let bench = Setup::zygote().open();
    let ((one, mut words), (other, mut others)) = (speaker(&bench), speaker(&bench));
    words.write_all(b"what one has to say\n").unwrap();
    others.write_all(b"what the other has to say\n").unwrap();
    kill(&one, Signal::SIGABRT);
    let told = why(&bench, one.id());
    assert!(told.contains("SIGABRT"), "{told}");
    assert!(
        told.ends_with("The end of its standard error:\nwhat one has to say"),
        "{told}"
    );
    assert!(bench.host.stderr_text().contains("what one has to say"));
    assert!(runs(other.worker.pid()));
}

#[test]
fn nothing_is_said_of_a_worker_that_spark_had_killed() {
    for bench in [
        Setup::zygote().open(),
        Setup::daemon().open(),
        Setup::simple().open(),
    ] {
        let held = bench.create();
        bench.factory.stop_worker(held.id());
        assert_eq!(bench.factory.why_ended(held.id()), None);
        let account = held.worker.death().wait(Deadline::now()).unwrap();
        assert_eq!(account.how(), "was ended because Spark asked for it");
    }
}

#[test]
fn nothing_is_said_of_a_worker_that_runs_or_never_was() {
    let bench = Setup::zygote().open();
    let held = bench.create();
    assert_eq!(bench.factory.why_ended(held.id()), None);
    assert_eq!(bench.factory.why_ended(WorkerId(i64::MAX)), None);
}
