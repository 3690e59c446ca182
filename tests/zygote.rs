//! Workers forked from the zygote.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;

use common::{Setup, eventually, parent, runs};

fn command_line(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

#[test]
fn workers_are_forked_by_one_zygote_of_ours() {
    let bench = Setup::zygote().open();
    let (one, other) = (bench.create(), bench.create());
    let zygote = parent(one.worker.pid());
    assert_eq!(parent(other.worker.pid()), zygote);
    assert!(command_line(zygote).contains("native-python-worker-zygote"));
}

#[test]
fn spares_are_kept_ready_and_refilled() {
    let bench = Setup::zygote().own("spares", "3").open();
    let first = bench.create();
    let zygote = parent(first.worker.pid());
    let forked = || {
        let children =
            fs::read_to_string(format!("/proc/{zygote}/task/{zygote}/children")).unwrap();
        children.split_whitespace().count()
    };
    eventually("there are three spares besides the worker", || {
        forked() == 4
    });
    let _second = bench.create();
    eventually("the spare taken is replaced", || forked() == 5);
}

#[test]
fn the_end_of_the_zygote_ends_its_workers_and_another_one_serves() {
    let bench = Setup::zygote().open();
    let held = bench.create();
    let zygote = parent(held.worker.pid());
    common::signal(zygote, nix::sys::signal::Signal::SIGKILL);
    eventually("the worker has ended with it", || !runs(held.worker.pid()));
    assert_ne!(parent(bench.create().worker.pid()), zygote);
}

#[test]
fn stop_ends_workers_spares_and_zygote() {
    let bench = Setup::zygote().own("spares", "2").open();
    let (idle, busy) = (bench.create(), bench.create());
    bench.release(&idle);
    let zygote = parent(busy.worker.pid());
    bench.factory.stop();
    drop((idle, busy));
    eventually("all is gone", || !runs(zygote));
}

#[test]
fn a_module_that_starts_a_thread_is_left_out_of_the_next_zygote() {
    let bench = Setup::zygote()
        .own("preload", "starts_a_thread")
        .own("spares", "0")
        .open();
    let first = bench.create();
    let spoiled = parent(first.worker.pid());
    let mut second = bench.create();
    eventually("another zygote serves", || {
        second = bench.create();
        parent(second.worker.pid()) != spoiled
    });
    assert!(command_line(parent(second.worker.pid())).contains("native-python-worker-zygote"));
    assert!(
        first.worker.is_alive(),
        "the workers of the spoiled one go on"
    );
}

#[test]
fn a_module_that_fails_is_left_out() {
    let bench = Setup::zygote().own("preload", "no_such_module,json").open();
    let held = bench.create();
    assert!(held.worker.is_alive());
}

#[test]
fn another_pyspark_than_sparks_is_left_to_the_daemon() {
    let bench = Setup::zygote().set("sparkVersion", "3.4.0").open();
    let held = bench.create();
    assert!(command_line(parent(held.worker.pid())).contains("-m pyspark.daemon"));
}
