//! Workers launched ahead by Spark's daemon, and as processes of their own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Bench, Setup, children, eventually, forked_by, parent, runs, signal};
use nix::sys::signal::Signal;

/// Workers of one task each, as Spark has them without reuse.
fn fresh(setup: Setup) -> Setup {
    setup.env("SPARK_REUSE_WORKER", "")
}

/// The processes of this test's workers: those whose environment has the mark.
fn marked(mark: &str) -> Vec<i32> {
    let of_ours = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|all| String::from_utf8_lossy(&all).contains(mark))
    };
    children().into_iter().filter(of_ours).collect()
}

/// One task's worker, which ends with the task.
fn runs_a_task(bench: &Bench) {
    assert!(bench.create().worker.is_quiet());
}

#[test]
fn a_daemons_workers_are_forked_ahead() {
    let bench = fresh(Setup::daemon()).own("spares", "2").open();
    let daemon = parent(bench.create().worker.pid());
    eventually("one more is ready", || forked_by(daemon) == 2);
    runs_a_task(&bench);
    eventually("two more are ready", || forked_by(daemon) == 4);
    runs_a_task(&bench);
    eventually("never more than allowed", || forked_by(daemon) == 5);
}

#[test]
fn a_worker_that_stays_needs_one_successor() {
    let bench = Setup::daemon().own("spares", "8").open();
    let held = [bench.create(), bench.create(), bench.create()];
    let daemon = parent(held[0].worker.pid());
    eventually("one more is ready", || forked_by(daemon) == 4);
}

#[test]
fn workers_of_their_own_are_started_ahead_and_go_when_nobody_wants_them() {
    let bench = Setup::simple()
        .env("MARK", "started-ahead")
        .own("spares", "1")
        .own("idleTimeout", "2s")
        .open();
    let held = bench.create();
    let mut spare = None;
    eventually("one more is ready", || {
        let there = marked("started-ahead");
        spare = there.iter().copied().find(|pid| *pid != held.worker.pid());
        there.len() == 2 && spare.is_some()
    });
    let spare = spare.unwrap();
    eventually("it goes", || !runs(spare));
    assert!(held.worker.is_alive());
    bench.create();
}

#[test]
fn a_spare_that_has_died_is_not_handed_out() {
    let bench = Setup::simple()
        .env("MARK", "dies-ahead")
        .own("spares", "1")
        .open();
    let first = bench.create();
    eventually("one more is ready", || marked("dies-ahead").len() == 2);
    for pid in marked("dies-ahead") {
        if pid != first.worker.pid() {
            signal(pid, Signal::SIGKILL);
        }
    }
    assert!(bench.create().worker.is_alive());
}

#[test]
fn no_spares_are_launched_where_none_are_wanted() {
    let bench = fresh(Setup::daemon()).own("spares", "0").open();
    let held = [bench.create(), bench.create()];
    assert_eq!(forked_by(parent(held[0].worker.pid())), 2);
}

#[test]
fn the_end_of_the_factory_is_the_end_of_its_spares() {
    let bench = Setup::simple()
        .env("MARK", "stopped-ahead")
        .own("spares", "2")
        .open();
    bench.create();
    bench.factory.stop();
    eventually("nothing is left", || marked("stopped-ahead").is_empty());
}
