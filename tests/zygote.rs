//! Workers forked from the zygote.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::report;
use common::{Bench, Held, PATIENCE, Setup, eventually, forked_by, modules, parent, runs};
use native_python_worker::factory::outdone::LOOK_PAUSE;
use native_python_worker::host::Host;
use native_python_worker::launch::daemon::DaemonLauncher;
use native_python_worker::launch::zygote::{ZygoteLauncher, prewarm};
use native_python_worker::launch::{Launched, Launcher};
use native_python_worker::os::deadline::Deadline;
use native_python_worker::os::supervisor::supervisor;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpgid};
use serde_json::Value;

/// The pid of the zygote that has forked this worker.
fn zygote_of(held: &Held) -> i32 {
    assert!(held.worker.origin().name() == "zygote");
    parent(held.worker.pid())
}

fn command_line(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

#[test]
fn workers_are_forked_by_one_zygote_of_ours() {
    let bench = Setup::zygote().open();
    let (one, other) = (bench.create(), bench.create());
    assert_eq!(zygote_of(&one), zygote_of(&other));
}

/// A factory of a session whose workers' output Spark captures.
fn captured(setup: &Setup, session: &str) -> Bench {
    let setup = setup.clone().env("PYSPARK_SPARK_SESSION_UUID", session);
    setup.open()
}

/// Writes to the standard output of a worker, as its session's code would.
fn print(worker: &Held, text: &str) {
    let output = |pid| fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
    let (pid, zygotes) = (worker.worker.pid(), output(zygote_of(worker)));
    eventually("it has its own", || output(pid) != zygotes);
    let stdout = format!("/proc/{pid}/fd/1");
    let mut stdout = fs::OpenOptions::new().write(true).open(stdout).unwrap();
    stdout.write_all(text.as_bytes()).unwrap();
}

#[test]
fn captured_sessions_share_a_zygote_and_not_their_output() {
    let setup = Setup::zygote();
    let (one, other) = (captured(&setup, "one"), captured(&setup, "other"));
    let (first, second, theirs) = (one.create(), one.create(), other.create());
    assert_eq!(zygote_of(&first), zygote_of(&theirs));
    print(&first, "first ");
    print(&second, "second ");
    print(&theirs, "theirs ");
    eventually("all is there", || {
        one.host.stdout_text() == "first second " && other.host.stdout_text() == "theirs "
    });
}

#[test]
fn what_a_session_prints_is_not_taken_for_that_of_a_captured_one() {
    let setup = Setup::zygote();
    let one = captured(&setup, "one");
    let theirs = setup.open(); // its workers write where the zygote does, which the first session has started
    let (first, other) = (one.create(), theirs.create());
    assert_eq!(zygote_of(&first), zygote_of(&other));
    let stdout = format!("/proc/{}/fd/1", other.worker.pid());
    let mut stdout = fs::OpenOptions::new().write(true).open(stdout).unwrap();
    stdout.write_all(b"theirs").unwrap();
    eventually("it is there", || one.host.stderr_text() == "theirs");
    assert_eq!(one.host.stdout_text(), "");
}

#[test]
fn workers_have_the_command_line_of_sparks_daemon() {
    let (zygote, daemon) = (Setup::zygote().open(), Setup::daemon().open());
    let (ours, theirs) = (zygote.create(), daemon.create());
    let shown = |pid| command_line(pid).trim_end().to_owned();
    assert_eq!(shown(ours.worker.pid()), shown(theirs.worker.pid()));
    assert_eq!(shown(zygote_of(&ours)), shown(ours.worker.pid()));
}

#[test]
fn spares_are_kept_ready_and_refilled() {
    let bench = Setup::zygote()
        .env("SPARK_REUSE_WORKER", "")
        .own("spares", "3")
        .open();
    let first = bench.create();
    let zygote = zygote_of(&first);
    eventually("one is ready besides the worker", || forked_by(zygote) >= 2);
    let _others = [bench.create(), bench.create()];
    eventually("as many are as were asked for", || forked_by(zygote) >= 6);
    let mut taken = Vec::new();
    eventually("they are handed out", || {
        taken.extend(bench.take_ready());
        taken.len() == 3
    });
    eventually("they are replaced", || forked_by(zygote) >= 9);
}

#[test]
fn workers_that_stay_for_the_next_task_need_fewer_spares() {
    let bench = Setup::zygote().own("spares", "4").open();
    let held = [(); 4].map(|()| bench.create());
    let zygote = zygote_of(&held[0]);
    eventually("one spare is left for another session", || {
        forked_by(zygote) == 5
    });
    for worker in &held {
        bench.factory.stop_worker(worker.id());
    }
    eventually("the zygote has collected the workers", || {
        let gone = |held: &Held| fs::metadata(format!("/proc/{}", held.worker.pid())).is_err();
        held.iter().all(gone)
    });
    // The second one is forked after that, so when it is there, what the zygote has told of these ends has been heard.
    let _others = [bench.create(), bench.create()];
    // One more, where the second one was waited for.
    eventually("they are missed", || matches!(forked_by(zygote), 4 | 5));
}

#[test]
fn workers_outlive_their_zygote_and_another_one_forks_the_next() {
    let bench = Setup::zygote().own("spares", "2").open();
    let held = bench.create();
    let (zygote, keeper) = (zygote_of(&held), parent(zygote_of(&held)));
    common::signal(zygote, Signal::SIGKILL);
    // Its last spares may still be handed out, and are as good as any.
    eventually("another zygote forks the next", || {
        ![zygote, keeper].contains(&zygote_of(&bench.create()))
    });
    assert!(held.worker.is_alive());
    eventually("the keeper has taken its place", || {
        parent(held.worker.pid()) == keeper
    });
    drop((held, bench));
    eventually("nothing is left of it", || !runs(keeper));
}

#[test]
fn what_becomes_of_workers_without_a_zygote_is_known() {
    let bench = Setup::zygote().own("spares", "0").open();
    let (one, other) = (bench.create(), bench.create());
    let (zygote, keeper) = (zygote_of(&one), parent(zygote_of(&one)));
    common::signal(zygote, Signal::SIGKILL);
    eventually("the keeper has taken its place", || {
        parent(one.worker.pid()) == keeper
    });
    common::signal(one.worker.pid(), Signal::SIGKILL);
    let why = bench.factory.why_ended(one.id()).unwrap();
    assert!(why.contains("was killed by signal 9 (SIGKILL"), "{why}");
    assert!(other.worker.is_alive());
}

#[test]
fn what_is_left_of_a_zygote_ends_with_the_factory() {
    let bench = Setup::zygote().own("preload", "starts_a_process").open();
    let held = bench.create();
    let (zygote, left) = (zygote_of(&held), left_in(zygote_of(&held)));
    common::signal(zygote, Signal::SIGKILL);
    let worker = held.worker.pid();
    common::signal(worker, Signal::SIGSTOP); // it does not see the end of its connection
    drop((held, bench));
    eventually("all is gone", || !runs(worker) && !runs(left));
}

#[test]
fn a_module_that_ends_the_zygote_ends_no_worker_and_is_left_out_of_the_next() {
    let (grief, bench) = Grief::of("crashes", "30s");
    for held in grief.outlived(&bench) {
        assert!(held.worker.is_alive(), "the workers of the first go on");
    }
}

#[test]
fn workers_are_in_a_group_of_their_own_and_may_leave_it() {
    let bench = Setup::zygote().own("spares", "2").open();
    let (one, other) = (bench.create(), bench.create());
    let group = |pid: i32| getpgid(Some(Pid::from_raw(pid))).unwrap();
    let zygotes = group(zygote_of(&one));
    let groups = || [&one, &other].map(|held| group(held.worker.pid()));
    eventually("they have left that of the zygote", || {
        groups().iter().all(|own| *own != zygotes)
    });
    let [first, second] = groups();
    assert_ne!(first, second);
    // `setsid` fails in a process that leads its group; stock's workers do not.
    assert_ne!(first, Pid::from_raw(one.worker.pid()));
}

#[test]
fn no_signal_that_a_task_can_send_to_its_parents_ends_them() {
    let bench = Setup::zygote().own("spares", "0").open();
    let busy = bench.create();
    let zygote = zygote_of(&busy);
    for parent in [zygote, parent(zygote)] {
        for number in Signal::iterator() {
            let fault = matches!(
                number,
                Signal::SIGKILL
                    | Signal::SIGSTOP
                    | Signal::SIGSEGV
                    | Signal::SIGBUS
                    | Signal::SIGILL
                    | Signal::SIGFPE
                    | Signal::SIGABRT
                    | Signal::SIGTRAP
                    | Signal::SIGSYS
            );
            if !fault {
                common::signal(parent, number);
            }
        }
    }
    assert_eq!(zygote_of(&bench.create()), zygote);
    assert!(busy.worker.is_alive());
}

#[test]
fn interpreters_without_the_calls_of_newer_ones_are_served() {
    zygote_of(&Setup::customized("lacks_newer_calls").open().create());
}

#[test]
fn what_keeps_a_zygote_from_serving_is_found_out_once() {
    let directory = tempfile::tempdir().unwrap();
    let starts = directory.path().join("starts");
    let setup =
        Setup::customized("fails_as_zygote").env("STARTS_OF_THE_TEST", starts.to_str().unwrap());
    for _session in 0..3 {
        let bench = setup.clone().open();
        let held = bench.create();
        assert_eq!(held.worker.origin().name(), "daemon");
    }
    assert_eq!(fs::read_to_string(&starts).unwrap().lines().count(), 1);
}

#[test]
fn what_has_kept_a_zygote_from_serving_may_have_passed() {
    let directory = tempfile::tempdir().unwrap();
    let full_disk = directory.path().join("full");
    fs::write(&full_disk, "").unwrap();
    let bench = Setup::customized("fails_for_a_while")
        .env("FILE_OF_THE_TEST", full_disk.to_str().unwrap())
        .own("startTimeout", "5s") // five times as long as that passes until it is tried again
        .open();
    assert_eq!(bench.create().worker.origin().name(), "daemon");
    fs::remove_file(full_disk).unwrap();
    eventually("a zygote serves, and nobody has waited for it", || {
        std::thread::sleep(std::time::Duration::from_millis(200)); // the daemon's workers would leave it no core
        bench.create().worker.origin().name() == "zygote"
    });
}

#[test]
fn an_interpreter_in_a_pid_namespace_of_its_own_is_served_by_sparks_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let wrapper = directory.path().join("python");
    let script = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user --pid --fork {} \"$@\"\n",
        common::python().display()
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(
        &wrapper,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let allowed = std::process::Command::new(&wrapper).arg("-V").status();
    if !allowed.unwrap().success() {
        return eprintln!("no namespace can be made here");
    }
    let bench = Setup::zygote()
        .set("pythonExec", wrapper.to_str().unwrap())
        .open();
    for _ in 0..2 {
        let held = bench.create();
        assert_eq!(held.worker.origin().name(), "daemon");
        let pid = held.worker.pid();
        assert!(command_line(pid).contains("pyspark.daemon"), "{pid}");
        common::signal(pid, Signal::SIGKILL);
        eventually("its end is seen", || !held.worker.is_alive());
    }
}

/// A factory whose first zygotes are killed while they start, so many, and how many were started.
fn killed_at_its_start(doomed: usize) -> (Bench, impl Fn() -> usize) {
    let directory = tempfile::tempdir().unwrap();
    let starts = directory.path().join("starts");
    let bench = Setup::customized("killed_at_its_start")
        .env("STARTS_OF_THE_TEST", starts.to_str().unwrap())
        .env("DOOMED_OF_THE_TEST", &doomed.to_string())
        .open();
    let started = move || {
        let _kept = &directory;
        fs::read_to_string(&starts).unwrap().lines().count()
    };
    (bench, started)
}

#[test]
fn a_zygote_that_is_killed_while_it_starts_is_started_again() {
    let (bench, started) = killed_at_its_start(2);
    zygote_of(&bench.create());
    assert_eq!(started(), 3);
}

#[test]
fn where_every_zygote_is_killed_while_it_starts_sparks_daemon_serves() {
    let (bench, started) = killed_at_its_start(usize::MAX);
    let held = bench.create();
    assert!(held.worker.origin().name() == "daemon");
    let tried = started();
    assert!(tried > 1);
    let _another = bench.create();
    assert_eq!(started(), tried, "no more is tried");
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

/// The process that module `starts_a_process` has left in this zygote.
fn left_in(zygote: i32) -> i32 {
    let path = format!("/proc/{zygote}/task/{zygote}/children");
    let mut sleeper = None;
    eventually("the module is loaded", || {
        let children = fs::read_to_string(&path).unwrap();
        let mut pids = children.split_whitespace().map(|pid| pid.parse().unwrap());
        // A spare may be gone before it is looked at.
        let sleeps = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline"));
            line.is_ok_and(|line| line.starts_with(b"sleep"))
        };
        sleeper = pids.find(sleeps);
        sleeper.is_some()
    });
    sleeper.unwrap()
}

#[test]
fn what_a_killed_zygote_leaves_behind_is_ended() {
    let bench = Setup::zygote().own("preload", "starts_a_process").open();
    let held = bench.create();
    let zygote = zygote_of(&held);
    let left = left_in(zygote);
    common::signal(zygote, Signal::SIGKILL);
    bench.factory.stop_worker(held.id()); // the last of its workers
    drop(held);
    assert!(runs(left), "it is as good as a task's");
    drop(bench);
    eventually("it is ended", || !runs(left));
}

#[test]
fn a_zygote_that_hangs_goes_with_its_factory() {
    let bench = Setup::zygote().own("preload", "starts_a_process").open();
    let zygote = zygote_of(&bench.create());
    let left = left_in(zygote);
    common::signal(zygote, Signal::SIGSTOP);
    drop(bench);
    eventually("it is ended", || !runs(zygote));
    eventually("so is what it left", || !runs(left));
}

/// Zygotes that have come to grief by the module they were to load. They may have before they forked anything.
struct Grief {
    _directory: tempfile::TempDir,
    importers: PathBuf,
}

impl Grief {
    fn of(module: &str, preload_timeout: &str) -> (Self, Bench) {
        let directory = tempfile::tempdir().unwrap();
        let importers = directory.path().join("importers");
        let bench = Setup::zygote()
            .own("preload", module)
            .own("preloadTimeout", preload_timeout)
            .own("spares", "0")
            .env("IMPORTERS_OF_THE_TEST", importers.to_str().unwrap())
            .open();
        let grief = Self {
            _directory: directory,
            importers,
        };
        (grief, bench)
    }

    fn zygotes(&self) -> Vec<i32> {
        let importers = fs::read_to_string(&self.importers).unwrap_or_default();
        importers.lines().map(|pid| pid.parse().unwrap()).collect()
    }

    /// Has workers forked until another zygote serves; gives the workers of the first one.
    fn outlived(&self, bench: &Bench) -> Vec<Held> {
        let mut of_the_first = Vec::new();
        eventually("another zygote serves", || {
            let held = bench.create();
            let first = self.zygotes();
            let by_another = !first.contains(&parent(held.worker.pid()))
                && held.worker.origin().name() == "zygote";
            let served = !first.is_empty() && by_another;
            if !served {
                of_the_first.push(held);
            }
            served
        });
        assert_eq!(self.zygotes().len(), 1, "the next one does without it");
        of_the_first
    }
}

#[test]
fn a_module_that_starts_a_thread_is_left_out_of_the_next_zygote() {
    let (grief, bench) = Grief::of("starts_a_thread", "30s");
    for held in grief.outlived(&bench) {
        assert!(held.worker.is_alive(), "the workers of the first go on");
    }
    let pid = zygote_of(&bench.create());
    let report = report();
    let mut zygotes = report["zygotes"].as_array().unwrap().iter();
    let told = &zygotes.find(|one| one["pid"] == pid).unwrap()["leftOut"][0];
    assert_eq!(told["module"], "starts_a_thread");
    let why = "starts threads when it is imported; the first runs time.sleep";
    assert_eq!(told["why"], why);
}

#[test]
fn a_module_whose_import_hangs_keeps_nobody_waiting() {
    let (grief, bench) = Grief::of("hangs", "300ms");
    let of_the_stuck = grief.outlived(&bench);
    assert!(of_the_stuck.iter().all(|held| held.worker.is_alive()));
    for held in of_the_stuck {
        bench.factory.stop_worker(held.id());
    }
    let stuck = grief.zygotes()[0];
    eventually("the stuck one ends with its last worker", || !runs(stuck));
}

#[test]
fn while_a_module_is_imported_sparks_daemon_serves() {
    let bench = Setup::zygote()
        .own("preload", "hangs")
        .own("spares", "0")
        .open();
    let of_the_daemon = || bench.create().worker.origin().name() == "daemon";
    eventually("the import has begun", of_the_daemon);
}

#[test]
fn sparks_daemon_goes_when_nobody_needs_it() {
    let bench = Setup::zygote()
        .own("preload", "hangs")
        .own("spares", "0")
        .own("zygote.idleTimeout", "300ms")
        .open();
    let mut daemon = None;
    eventually("the daemon serves", || {
        let held = bench.create();
        let by_daemon = held.worker.origin().name() == "daemon";
        daemon = by_daemon.then(|| parent(held.worker.pid()));
        bench.factory.stop_worker(held.id());
        by_daemon
    });
    eventually("it has gone", || !runs(daemon.unwrap()));
    bench.create();
}

#[test]
fn sparks_daemon_goes_when_the_zygote_serves_again() {
    let bench = Setup::zygote()
        .own("preload", "hangs")
        .own("preloadTimeout", "4s")
        .own("spares", "0")
        .open();
    let mut by_the_daemon = Vec::new();
    let mut served_by = |zygote: bool| {
        let held = bench.create();
        let forked_by_zygote = held.worker.origin().name() == "zygote";
        if !forked_by_zygote {
            by_the_daemon.push(held);
        }
        forked_by_zygote == zygote
    };
    eventually("the daemon serves", || served_by(false));
    eventually("the zygote serves", || served_by(true));
    let daemon = parent(by_the_daemon[0].worker.pid());
    assert!(by_the_daemon.iter().all(|held| runs(held.worker.pid())));
    for held in by_the_daemon.drain(..) {
        bench.factory.stop_worker(held.id());
    }
    eventually("the daemon has ended", || !runs(daemon));
}

#[test]
fn workers_that_imported_by_themselves_give_way_between_two_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("waits_to_be_told.py");
    let text = "import os, time\nwhile not os.path.exists(__file__ + '.told'): time.sleep(0.01)\n";
    fs::write(&module, text).unwrap();
    let path = [directory.path(), &modules()].map(|path| path.to_str().unwrap().to_owned());
    let bench = Setup::zygote()
        .set("workerModule", "pyspark_imports_pandas")
        .set("pythonPath", &path.join(":"))
        .own("preload", "waits_to_be_told,pandas")
        .own("spares", "3")
        .open();
    let [idle, busy, plain] = [b'p', b'p', b'-'].map(|work| working(&bench, work));
    bench.release(&plain);
    bench.release(&idle);
    await_first_look();
    assert!(!bench.host.was_closed(idle.id()), "there is no better one");
    fs::write(directory.path().join("waits_to_be_told.py.told"), "").unwrap();
    eventually("the idle one gives way", || {
        bench.host.was_closed(idle.id())
    });
    assert!(busy.worker.is_alive() && !bench.host.was_closed(busy.id()));
    bench.release(&busy);
    eventually("so does the other", || bench.host.was_closed(busy.id()));
    assert_eq!(
        bench.next_id(),
        plain.id(),
        "what has imported nothing stays"
    );
    let full = working(&bench, b'p');
    assert_eq!(full.worker.origin().name(), "zygote");
    bench.release(&full);
    assert_eq!(bench.next_id(), full.id(), "it stays");
}

#[test]
fn what_a_trial_has_found_safe_and_the_zygote_cannot_load_is_not_safe() {
    // What is beneath the directory of this process would be an application's own.
    let elsewhere = tempfile::tempdir_in("/tmp").unwrap();
    let name = "needs_no_children.py";
    fs::copy(modules().join(name), elsewhere.path().join(name)).unwrap();
    let path = [elsewhere.path(), &modules()].map(|path| path.to_str().unwrap().to_owned());
    let bench = Setup::zygote()
        .set("workerModule", "pyspark_imports_pandas")
        .set("pythonPath", &path.join(":"))
        .own("preload.learn", "load")
        .open();
    let _its_child = working(&bench, b'n');
    let verdict = || {
        drop(working(&bench, b'n'));
        let imports = report()["imports"].as_array().unwrap().clone();
        let is_it = |one: &Value| one["module"] == "needs_no_children";
        let found = imports.into_iter().find(is_it)?;
        Some(found["verdict"]["why"].as_str()?.to_owned())
    };
    let mut why = None;
    eventually("it is judged", || {
        why = verdict();
        why.is_some()
    });
    let found = "can't be imported in the zygote: ImportError: this process has children";
    assert_eq!(why.as_deref(), Some(found));
}

/// Idle workers have been looked at: timers run one after the other, in the order in which they are due.
fn await_first_look() {
    let (tell, told) = mpsc::channel();
    let has_looked = move || tell.send(()).unwrap();
    supervisor().unwrap().after(LOOK_PAUSE, has_looked).unwrap();
    told.recv_timeout(PATIENCE).unwrap();
}

/// A new worker of the module `pyspark_imports_pandas` that has done its first task.
fn working(bench: &Bench, work: u8) -> Held {
    let held = bench.create();
    let mut socket = TcpStream::from(held.socket.try_clone().unwrap());
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    socket.write_all(&[work]).unwrap();
    let mut answer = [0];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [work]);
    held
}

#[test]
fn a_zygote_that_hangs_is_replaced_and_keeps_its_workers() {
    // While one imports, Spark's daemon would serve.
    let bench = Setup::zygote().own("preload", "").own("spares", "0").open();
    let busy = bench.create();
    let hung = zygote_of(&busy);
    common::signal(hung, Signal::SIGSTOP);
    let fresh = bench.create();
    assert_ne!(zygote_of(&fresh), hung);
    assert!(busy.worker.is_alive());
    bench.factory.stop_worker(busy.id());
    drop(busy);
    eventually("the hung one ends with its last worker", || !runs(hung));
}

#[test]
fn nothing_that_a_module_prints_is_printed_twice() {
    let bench = Setup::zygote()
        .own("preload", "prints")
        .own("spares", "3")
        .open();
    let host = bench.host.clone();
    let printed = || host.stderr_text(); // the zygote's output is no session's
    let zygote = zygote_of(&bench.create());
    eventually("it is printed", || !printed().is_empty());
    let held = [bench.create(), bench.create()];
    drop((held, bench));
    eventually("all have ended", || !runs(zygote));
    assert_eq!(printed(), "once");
}

#[test]
fn a_module_that_fails_is_left_out() {
    let bench = Setup::zygote().own("preload", "no_such_module,json").open();
    let held = bench.create();
    assert!(held.worker.is_alive());
}

#[test]
fn a_package_that_is_replaced_on_disk_is_loaded_anew() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("upgraded.py");
    fs::write(&module, "open(__file__ + '.loaded', 'w').close()\n").unwrap();
    let bench = Setup::zygote()
        .set("pythonPath", directory.path().to_str().unwrap())
        .own("preload", "upgraded")
        .own("spares", "2")
        .open();
    let old = bench.create();
    let zygote = zygote_of(&old);
    let loaded = directory.path().join("upgraded.py.loaded");
    eventually("it is loaded", || loaded.exists());
    let new = directory.path().join("new.py");
    fs::write(&new, "").unwrap();
    fs::rename(&new, &module).unwrap();
    eventually("a new worker has the new one", || {
        zygote_of(&bench.create()) != zygote
    });
    assert!(old.worker.is_alive());
    drop((old, bench));
    eventually("the old zygote is gone", || !runs(zygote));
}

/// What a process has used of a processor, in the kernel's ticks.
fn used(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}

#[test]
fn a_zygote_that_is_given_up_rests_whatever_else_changes() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["one_upgraded", "another_upgraded"];
    let files = names.map(|name| directory.path().join(format!("{name}.py")));
    for file in &files {
        fs::write(file, "open(__file__ + '.loaded', 'w').close()\n").unwrap();
    }
    let bench = Setup::zygote()
        .set("pythonPath", directory.path().to_str().unwrap())
        .own("preload", &names.join(","))
        .own("spares", "0")
        .open();
    let held = bench.create();
    let zygote = zygote_of(&held);
    let loaded = files.clone().map(|file| file.with_extension("py.loaded"));
    eventually("all is loaded", || loaded.iter().all(|file| file.exists()));
    for file in &files {
        fs::remove_file(file).unwrap();
    }
    eventually("it does nothing", || {
        let before = used(zygote);
        std::thread::sleep(std::time::Duration::from_millis(200));
        used(zygote) == before
    });
    assert!(held.worker.is_alive());
}

#[test]
fn a_package_that_is_replaced_while_it_is_loaded_is_loaded_anew() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("upgraded.py");
    let old = "import os\nos.rename(__file__ + '.new', __file__)\n";
    fs::write(&module, old).unwrap();
    let new = "open(__file__ + '.loaded', 'w').close()\n";
    fs::write(directory.path().join("upgraded.py.new"), new).unwrap();
    let bench = Setup::zygote()
        .set("pythonPath", directory.path().to_str().unwrap())
        .own("preload", "upgraded")
        .open();
    let loaded = directory.path().join("upgraded.py.loaded");
    eventually("another zygote loads the new one", || {
        drop(bench.create());
        loaded.exists()
    });
}

#[test]
fn another_pyspark_than_sparks_is_left_to_the_daemon() {
    let bench = Setup::zygote().set("sparkVersion", "3.4.0").open();
    let held = bench.create();
    assert!(held.worker.origin().name() == "daemon");
}

#[test]
fn the_daemons_workers_are_looked_at_only_where_a_zygote_may_serve() {
    let host: Arc<dyn Host> = Arc::new(common::RememberingHost::default());
    let spec = Arc::new(Setup::zygote().set("sparkVersion", "3.4.0").spec());
    let daemon = || Box::new(DaemonLauncher::new(spec.clone(), host.clone()));
    let launcher = ZygoteLauncher::new(&spec, &host, daemon());
    let is_looked_at = |worker: &Launched| launcher.is_poor(&*worker.origin, worker.process.pid());
    let of_a_daemon = daemon().launch(Deadline::after(PATIENCE)).unwrap();
    assert!(is_looked_at(&of_a_daemon), "there may be a zygote");
    let another = launcher.launch(Deadline::after(PATIENCE)).unwrap();
    assert_eq!(another.origin.name(), "daemon", "there is none");
    assert!(!is_looked_at(&of_a_daemon) && !is_looked_at(&another));
}

#[test]
fn a_zygote_started_ahead_has_workers_ready_for_the_first_task() {
    for beside_driver in [true, false] {
        has_workers_ready_for_the_first_task(beside_driver);
    }
}

fn has_workers_ready_for_the_first_task(beside_driver: bool) {
    let setup = Setup::zygote()
        .own("spares", "2")
        .env("BESIDE_DRIVER", &beside_driver.to_string());
    let host: Arc<dyn Host> = Arc::new(common::RememberingHost::default());
    prewarm(setup.clone().spec(), &host, beside_driver);
    let bench = setup.open();
    let mut first = None;
    eventually("a worker is ready before one was asked for", || {
        first = bench.take_ready();
        first.is_some()
    });
    let zygote = parent(first.unwrap().worker.pid());
    assert_eq!(zygote_of(&bench.create()), zygote);
}

#[test]
fn a_zygote_that_nobody_uses_ends_and_another_one_serves() {
    let setup = Setup::zygote()
        .own("zygote.idleTimeout", "300ms")
        .own("spares", "1");
    let bench = setup.clone().open();
    let held = bench.create();
    let first = zygote_of(&held);
    let other = setup.env("OTHER", "1").open();
    let unused = {
        let held = other.create();
        other.factory.stop_worker(held.id());
        zygote_of(&held)
    };
    eventually("the other one ends", || !runs(unused));
    assert!(runs(first), "its worker is still there");
    bench.factory.stop_worker(held.id());
    drop(held);
    eventually("it ends", || !runs(first));
    assert_ne!(zygote_of(&bench.create()), first);
}
