//! The end of a factory, whatever else is going on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Setup, children, eventually, runs};
use native_python_worker::error::Error;
use native_python_worker::metrics::Count;
use nix::sys::signal::Signal;

#[test]
fn all_processes_end_idle_and_busy() {
    let bench = Setup::daemon().open();
    let (idle, busy) = (bench.create(), bench.create());
    bench.release(&idle);
    bench.factory.stop();
    bench.factory.stop();
    assert!(bench.host.was_closed(idle.id()));
    eventually("both have ended", || {
        !runs(idle.worker.pid()) && !runs(busy.worker.pid())
    });
    assert!(matches!(bench.create_error(), Error::Stopped { .. }));
}

#[test]
fn release_and_stop_worker_after_the_end_harm_nobody() {
    let bench = Setup::daemon().open();
    let (one, other) = (bench.create(), bench.create());
    bench.factory.stop();
    bench.release(&one);
    assert!(bench.host.was_closed(one.id()));
    bench.factory.stop_worker(other.id());
}

#[test]
fn what_ignores_the_request_to_end_is_killed() {
    let bench = Setup::misbehaving_daemon("ignore SIGTERM")
        .own("stopTimeout", "200ms")
        .open();
    let held = bench.create();
    let daemon = common::parent(held.worker.pid());
    bench.factory.stop();
    eventually("the daemon and its worker are dead", || {
        !runs(daemon) && !runs(held.worker.pid())
    });
}

#[test]
fn a_worker_that_does_not_see_the_end_of_its_connection_is_killed() {
    let closed = |setup: Setup| {
        let bench = setup.own("closeTimeout", "200ms").open();
        let held = bench.create();
        common::signal(held.worker.pid(), Signal::SIGSTOP);
        let before = Count::EndedLingering.value();
        bench.factory.socket_closed(held.id());
        bench.factory.socket_closed(held.id());
        eventually("it is dead", || !runs(held.worker.pid()));
        assert_eq!(Count::EndedLingering.value(), before + 1);
    };
    closed(Setup::zygote());
    closed(Setup::daemon());
    closed(Setup::simple());
}

#[test]
fn a_worker_that_sees_the_end_of_its_connection_has_its_time() {
    let bench = Setup::zygote().own("closeTimeout", "10min").open();
    let held = bench.create();
    bench.factory.socket_closed(held.id());
    eventually("it has ended", || !bench.factory.is_alive(held.id()));
    let why = bench.factory.why_ended(held.id()).unwrap();
    assert!(why.ends_with("exited with code 0"), "{why}");
}

#[test]
fn simple_workers_end_too() {
    let bench = Setup::simple().open();
    let held = bench.create();
    bench.factory.stop();
    eventually("it has ended", || !runs(held.worker.pid()));
}

#[test]
fn a_stop_amid_creates_releases_and_kills_leaves_nothing() {
    let bench = Setup::daemon().open();
    bench.create();
    let factory = Arc::clone(&bench.factory);
    let handed_out = AtomicUsize::new(0);
    let pids = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..24)
            .map(|n| {
                let (bench, handed_out) = (&bench, &handed_out);
                scope.spawn(move || {
                    let worker = bench.next().ok()?;
                    handed_out.fetch_add(1, Ordering::Relaxed);
                    match n % 3 {
                        0 => bench.factory.release(worker.id()),
                        1 => bench.factory.stop_worker(worker.id()),
                        _ => {}
                    }
                    Some(worker.pid())
                })
            })
            .collect();
        eventually("some have workers", || {
            handed_out.load(Ordering::Relaxed) > 3
        });
        factory.stop();
        tasks
            .into_iter()
            .filter_map(|t| t.join().unwrap())
            .collect::<Vec<_>>()
    });
    eventually("all workers have ended", || {
        pids.iter().all(|pid| !runs(*pid))
    });
}

#[test]
fn a_stop_during_the_daemons_start_leaves_nothing() {
    let bench = Setup::misbehaving_daemon("hang")
        .own("startTimeout", "10s")
        .open();
    std::thread::scope(|scope| {
        let create = scope.spawn(|| bench.create_error());
        eventually("the daemon is starting", || !children().is_empty());
        bench.factory.stop();
        assert!(matches!(create.join().unwrap(), Error::Stopped { .. }));
    });
}
