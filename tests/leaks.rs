//! Descriptors, threads and processes after much use. One test alone, because it counts those of the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, children, eventually};

fn count(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}"))
        .unwrap()
        .count()
}

#[test]
fn use_leaves_no_descriptor_thread_or_process() {
    let threads = count("task");
    // The supervisor's own descriptors stay.
    drop(Setup::daemon().open().create());
    eventually("the first factory is gone", || children().is_empty());
    eventually("the supervisor's thread has ended", || {
        count("task") == threads
    });
    let descriptors = count("fd");

    let directory = tempfile::tempdir().unwrap();
    for setup in [
        Setup::daemon(),
        Setup::daemon().set("socketDirectory", directory.path().to_str().unwrap()),
    ] {
        let bench = setup.open();
        let held: Vec<_> = (0..20).map(|_| bench.create()).collect();
        for worker in &held {
            bench.release(worker);
        }
        for n in 0..200 {
            let idle = bench.take_idle().unwrap();
            let held = held.iter().find(|h| h.id() == idle.id()).unwrap();
            if n < 190 {
                bench.release(held);
            } else {
                bench.factory.stop_worker(held.id());
            }
        }
    }
    let zygote = Setup::zygote()
        .own("preload", "json")
        .own("zygote.idleTimeout", "1s")
        .own("idleTimeout", "1s")
        .env("SPARK_REUSE_WORKER", "")
        .open();
    let before = count("fd");
    for _ in 0..100 {
        zygote.factory.socket_closed(zygote.create().id());
    }
    eventually("workers that are gone hold nothing", || {
        count("fd") <= before + 10
    });
    drop(zygote);
    let bench = Setup::simple().open();
    for _ in 0..3 {
        drop(bench.create());
    }
    drop(bench);
    for how in ["exit", "junk", "errno", "refuse"] {
        Setup::misbehaving_daemon(how).open().create_error();
    }
    for how in ["exit", "wrong secret", "negative"] {
        Setup::misbehaving_worker(how).open().create_error();
    }

    eventually("all processes are gone", || children().is_empty());
    eventually("the supervisor's thread has ended", || {
        count("task") == threads
    });
    assert_eq!(count("fd"), descriptors);
}
