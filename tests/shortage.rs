//! Lack of memory and of processes: who makes room, who waits, and what is said.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::thread;

use common::{Bench, Setup, eventually, parent, python, runs};
use native_python_worker::error::Error;

/// A factory whose zygote can't fork as long as there is a file `short` in the directory.
fn short_of_processes(directory: &Path) -> Bench {
    let bench = Setup::zygote()
        .env("DIRECTORY_OF_THE_TEST", directory.to_str().unwrap())
        .own("preload", "+fails_to_fork")
        .own("spares", "0")
        .open();
    drop(bench.create());
    eventually("the module is loaded", || directory.join("loaded").exists());
    bench
}

#[test]
fn a_fork_that_fails_for_a_while_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let bench = short_of_processes(directory.path());
    let running = bench.create();
    let short = directory.path().join("short");
    fs::write(&short, "").unwrap();
    let waiting = thread::spawn(move || {
        let held = bench.create();
        (bench, held)
    });
    let failed = directory.path().join("failed");
    eventually("it has tried more than once", || {
        fs::read(&failed).is_ok_and(|failures| failures.len() > 2)
    });
    assert!(!waiting.is_finished());
    fs::remove_file(short).unwrap();
    let (_bench, held) = waiting.join().unwrap();
    assert!(runs(running.worker.pid()));
    assert_eq!(parent(held.worker.pid()), parent(running.worker.pid()));
}

#[test]
fn a_fork_that_fails_for_good_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let bench = short_of_processes(directory.path());
    let running = bench.create();
    fs::write(directory.path().join("short"), "").unwrap();
    let error = bench.create_error();
    assert!(matches!(error, Error::Fork { errno: 11 }), "{error}");
    assert!(error.to_string().contains("EAGAIN"), "{error}");
    assert!(runs(running.worker.pid()));
}

fn oom_score_adj(pid: i32) -> i32 {
    let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn the_kernel_is_to_take_workers_first() {
    let own = oom_score_adj(i32::try_from(std::process::id()).unwrap());
    for setup in [Setup::zygote as fn() -> Setup, Setup::daemon, Setup::simple] {
        let none = setup().own("oomScoreAdj", "0").open();
        let all = setup().own("oomScoreAdj", "1000").open();
        let (first, plain) = (all.create(), none.create());
        let pid = first.worker.pid();
        eventually("it is offered", || oom_score_adj(pid) == 1000);
        assert_eq!(oom_score_adj(plain.worker.pid()), own);
    }
}

#[test]
fn the_zygote_is_not_offered() {
    let bench = Setup::zygote().own("oomScoreAdj", "1000").open();
    let held = bench.create();
    let (zygote, own) = (parent(held.worker.pid()), std::process::id());
    let keeper = parent(zygote);
    eventually("the worker is", || oom_score_adj(held.worker.pid()) == 1000);
    let own = oom_score_adj(i32::try_from(own).unwrap());
    assert_eq!((oom_score_adj(zygote), oom_score_adj(keeper)), (own, own));
}

/// A factory whose interpreter notes each start, and ends.
struct Broken {
    bench: Bench,
    directory: tempfile::TempDir,
}

impl Broken {
    fn open(start_timeout: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let python = directory.path().join("python");
        let bench = Setup::daemon()
            .set("pythonExec", python.to_str().unwrap())
            .own("startTimeout", start_timeout)
            .open();
        let broken = Self { bench, directory };
        let starts = broken.directory.path().join("starts");
        broken.write(&format!("echo >> {}\nexit 7", starts.display()));
        broken
    }

    fn write(&self, script: &str) {
        let interpreter = self.directory.path().join("python");
        fs::write(&interpreter, format!("#!/bin/sh\n{script}\n")).unwrap();
        let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&interpreter, runnable).unwrap();
    }

    fn mend(&self) {
        self.write(&format!("exec {} \"$@\"", python().display()));
    }

    fn starts(&self) -> usize {
        let starts = fs::read_to_string(self.directory.path().join("starts"));
        starts.unwrap_or_default().lines().count()
    }
}

#[test]
fn a_broken_environment_is_not_started_for_each_attempt() {
    // The first pause is longer: who comes within it would wait in vain.
    let broken = Broken::open("900ms");
    let (mut attempts, mut refused) = (0, 0);
    eventually("some attempts are refused", || {
        attempts += 1;
        let error = broken.bench.create_error().to_string();
        refused += usize::from(error.contains("at the earliest"));
        refused == 5
    });
    assert!(broken.starts() <= attempts - refused);
}

#[test]
fn who_comes_after_a_failed_start_waits_and_is_served_once_it_is_mended() {
    let broken = Broken::open("120s");
    let error = broken.bench.create_error().to_string();
    assert!(error.contains("terminated with code: 7"), "{error}");
    broken.mend();
    assert!(broken.bench.next().is_ok());
    assert_eq!(broken.starts(), 1);
}

/// Lets a process have so many descriptors; gives how many it could have.
fn limit_descriptors(pid: i32, most: u64) -> u64 {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(most),
        maximum,
    };
    let old = prlimit(Pid::from_raw(pid), Resource::Nofile, limit).unwrap();
    old.current.unwrap()
}

#[test]
fn a_zygote_without_room_for_a_descriptor_says_so_and_lives() {
    let bench = Setup::zygote()
        .own("preload", "json")
        .own("spares", "0")
        .open();
    let first = bench.create();
    let zygote = parent(first.worker.pid());
    let open = || fs::read_dir(format!("/proc/{zygote}/fd")).unwrap().count() as u64;
    let before = limit_descriptors(zygote, open());
    let mut error = None;
    // While it closes what came with the last fork it has more open than it will have.
    eventually("there is no room", || {
        limit_descriptors(zygote, open());
        error = bench.next().err();
        error.is_some()
    });
    let error = error.unwrap();
    assert!(matches!(error, Error::Fork { errno: 24 }), "{error}");
    assert!(error.to_string().contains("EMFILE"), "{error}");
    limit_descriptors(zygote, before);
    let next = bench.create();
    assert_eq!(parent(next.worker.pid()), zygote);
    assert!(runs(first.worker.pid()));
}
