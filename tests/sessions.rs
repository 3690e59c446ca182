//! Sessions that bring files and interpreters of their own: their workers are as on stock, and the zygotes of others stay.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::report;
use common::{Bench, Held, Setup, eventually, modules, parent, runs};
use serde_json::Value;
use tempfile::TempDir;

/// Zygotes load three modules ahead; any two sessions with a directory of their own share one.
fn setup() -> Setup {
    let setup = Setup::zygote().own("preload", "first,second,third");
    setup.set("pythonPath", &with_modules("three_modules"))
}

/// The tests' modules, and those of a directory there.
fn with_modules(directory: &str) -> String {
    let all = modules();
    format!("{}:{}", all.join(directory).display(), all.display())
}

/// A file of the standard library that PySpark's worker imports.
fn numbers() -> PathBuf {
    let code = "import numbers; print(numbers.__file__, end='')";
    let told = Command::new(common::python()).args(["-c", code]).output();
    String::from_utf8(told.unwrap().stdout).unwrap().into()
}

struct Session {
    directory: TempDir,
    bench: Bench,
}

impl Session {
    fn open(setup: &Setup, files: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let path = directory.path().to_str().unwrap();
        let bench = setup.clone().set("workingDirectory", path).open();
        Self { directory, bench }
    }

    fn way(&self) -> &'static str {
        self.bench.create().worker.origin().name()
    }
}

fn zygote_of(held: &Held) -> i32 {
    assert_eq!(held.worker.origin().name(), "zygote");
    parent(held.worker.pid())
}

/// What a zygote has loaded, once that is all.
fn loaded(zygote: i32, all: &[&str]) {
    eventually("it has loaded just that", || {
        let report = report();
        let mut zygotes = report["zygotes"].as_array().unwrap().iter();
        let found = zygotes.find(|one| one["pid"] == zygote).unwrap();
        let modules = found["loaded"].as_array().unwrap().iter();
        let modules: Vec<_> = modules.map(|one| &one["module"]).collect();
        modules
            == all
                .iter()
                .map(|name| Value::from(*name))
                .collect::<Vec<_>>()
                .iter()
                .collect::<Vec<_>>()
    });
}

#[test]
fn a_session_with_a_file_of_its_own_gets_a_zygote_that_has_not_loaded_that() {
    let setup = setup();
    let plain = Session::open(&setup, &["data.csv"]);
    let zygote = zygote_of(&plain.bench.create());
    loaded(zygote, &["first", "second", "third"]);
    let one = Session::open(&setup, &["second.py"]);
    let lesser = zygote_of(&one.bench.create());
    assert_ne!(lesser, zygote);
    loaded(lesser, &["first"]);
    let other = Session::open(&setup, &["second.py", "third.py"]);
    assert_eq!(zygote_of(&other.bench.create()), lesser, "it does as well");
    assert_eq!(zygote_of(&plain.bench.create()), zygote);
}

/// The first zygote that loads it has a thread by it, and so no later one of the same kind loads it.
const SPOILS_THE_FIRST: &str = "
import os, threading, time, shared
try:
    os.close(os.open(__file__ + '.loaded', os.O_CREAT | os.O_EXCL))
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except FileExistsError:
    pass
";

#[test]
fn a_session_whose_lesser_zygote_has_what_the_full_one_has_left_out_is_served_by_sparks_daemon() {
    let directory = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("outer.py", SPOILS_THE_FIRST),
        ("later.py", "import shared"),
        ("shared.py", ""),
    ] {
        fs::write(directory.path().join(file), text).unwrap();
    }
    let path = format!("{}:{}", directory.path().display(), modules().display());
    let setup = Setup::zygote().set("pythonPath", &path);
    let setup = setup.own("preload", "outer,later").own("spares", "0");
    let plain = Session::open(&setup, &[]);
    let by_now = || {
        report()["zygotes"]
            .to_string()
            .contains(r#""module":"later""#)
    };
    eventually("the second zygote has loaded the other module", || {
        plain.way() == "zygote" && by_now()
    });
    // The one for this session would do without that one, and loads the first again.
    let session = Session::open(&setup, &["shared.py"]);
    eventually("it is served", || session.way() == "daemon");
}

#[test]
fn a_session_with_what_pysparks_worker_imports_is_served_by_sparks_daemon() {
    let setup = setup();
    let session = Session::open(&setup, &["data.csv"]);
    assert_eq!(session.way(), "zygote");
    let own = session.directory.path().join("numbers.py");
    fs::copy(numbers(), &own).unwrap();
    eventually("it is seen", || session.way() == "daemon");
    fs::remove_file(own).unwrap();
    eventually("it is forgotten", || session.way() == "zygote");
}

#[test]
fn an_idle_worker_makes_way_when_its_session_brings_a_file_of_its_own() {
    let session = Session::open(&setup(), &[]);
    let held = session.bench.create();
    loaded(zygote_of(&held), &["first", "second", "third"]);
    session.bench.release(&held);
    let again = session.bench.take_idle().unwrap();
    assert_eq!(again.id(), held.id(), "nothing has changed");
    session.bench.release(&held);
    fs::write(session.directory.path().join("third.py"), "").unwrap();
    eventually("it is looked at again", || {
        let idle = session.bench.take_idle();
        if let Some(held) = &idle {
            session.bench.factory.release(held.id());
        }
        idle.is_none()
    });
    let next = session.bench.create();
    loaded(zygote_of(&next), &["first", "second"]);
}

#[test]
fn files_of_the_application_count_as_those_of_a_session_do() {
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("first.py"), "").unwrap();
    let setup = setup().set("filesDirectory", files.path().to_str().unwrap());
    let bench = setup.open();
    eventually("nothing is loaded ahead", || {
        let held = bench.create();
        let report = report();
        let mut zygotes = report["zygotes"].as_array().unwrap().iter();
        let zygote = zygotes.find(|one| one["pid"] == zygote_of(&held));
        zygote.is_some_and(|one| one["loaded"].as_array().unwrap().is_empty())
    });
}

/// A script around an interpreter, whose line begins so.
fn write_script(script: &Path, before: &str, interpreter: &Path) {
    let text = format!("#!/bin/sh\n{before} '{}' \"$@\"\n", interpreter.display());
    fs::write(script, text).unwrap();
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A zygote whose interpreter has this `sitecustomize`, in that directory.
fn customized(directory: &Path, text: &str) -> Setup {
    fs::write(directory.join("sitecustomize.py"), text).unwrap();
    let path = format!("{}:{}", directory.display(), modules().display());
    Setup::zygote().set("pythonPath", &path)
}

/// A session whose directory has an interpreter that says whose it is.
fn with_interpreter(setup: &Setup, name: &str) -> Session {
    let session = Session::open(setup, &[]);
    let directory = session.directory.path();
    write_script(&directory.join("python"), "exec", &common::python());
    let own = directory.join("own");
    fs::create_dir(&own).unwrap();
    fs::write(
        own.join("sitecustomize.py"),
        "import os\nopen('started', 'a').close()\n",
    )
    .unwrap();
    fs::write(directory.join("name"), name).unwrap();
    session
}

fn start_with_interpreter(setup: Setup, way: &str) {
    let relative = format!("own:{}", modules().display());
    let setup = setup
        .set("pythonExec", "./python")
        .set("pythonPath", &relative);
    for name in ["one", "other"] {
        let session = with_interpreter(&setup, name);
        assert_eq!(session.way(), way);
        let started = session.directory.path().join("started");
        assert!(started.exists(), "the session's own path was used");
    }
}

#[test]
fn a_relative_interpreter_is_that_of_the_session() {
    start_with_interpreter(Setup::zygote(), "zygote");
    start_with_interpreter(Setup::daemon(), "daemon");
    start_with_interpreter(Setup::simple(), "process");
}

#[test]
fn a_script_may_take_the_interpreter_of_the_session() {
    let elsewhere = tempfile::tempdir().unwrap();
    let script = elsewhere.path().join("python.sh");
    write_script(&script, "exec", Path::new("./python"));
    let setup = Setup::zygote().set("pythonExec", script.to_str().unwrap());
    let sessions = ["one", "other"].map(|name| with_interpreter(&setup, name));
    let held = sessions.each_ref().map(|one| one.bench.create());
    let [one, other] = held.each_ref().map(zygote_of);
    assert_ne!(one, other);
}

#[test]
fn signals_that_the_interpreter_blocks_are_blocked_in_its_workers() {
    let directory = tempfile::tempdir().unwrap();
    let blocks = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n";
    let bench = customized(directory.path(), blocks).open();
    let held = bench.create();
    zygote_of(&held);
    let status = format!("/proc/{}/status", held.worker.pid());
    eventually("as on stock", || {
        let status = fs::read_to_string(&status).unwrap();
        status.contains("SigBlk:\t0000000000004000\n")
    });
}

fn pids_in(directory: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory))
        .collect()
}

#[test]
fn what_a_task_has_started_outlives_its_zygote_and_not_its_factory() {
    let directory = tempfile::tempdir().unwrap();
    let starter = "import os, subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True, cwd=os.path.dirname(__file__))\n";
    fs::write(directory.path().join("starter.py"), starter).unwrap();
    let path = format!("{}:{}", directory.path().display(), modules().display());
    let bench = Setup::zygote()
        .set("pythonPath", &path)
        .own("preload", "starter")
        .own("spares", "0")
        .own("zygote.idleTimeout", "300ms")
        .open();
    let held = bench.create();
    let zygote = zygote_of(&held);
    let helpers = || pids_in(&directory.path().canonicalize().unwrap());
    eventually("it has started one", || helpers().len() == 1);
    let helper = helpers()[0];
    bench.factory.stop_worker(held.id());
    drop(held);
    eventually("the zygote ends", || !runs(zygote));
    assert!(runs(helper));
    drop(bench);
    eventually("its helper ends", || !runs(helper));
}

/// An interpreter that runs this before anything else is tried as a zygote once, by itself or in a script, and its workers come
/// from the daemon.
fn is_found_out_once(statement: &str) {
    let directory = tempfile::tempdir().unwrap();
    let starts = directory.path().join("starts");
    let runs_first = format!(
        "import os, sys, threading, time\nif '-c' in sys.orig_argv:\n    open('{}', 'a').write('x')\n    {statement}\n",
        starts.display()
    );
    let setup = customized(directory.path(), &runs_first);
    let script = directory.path().join("python.sh");
    write_script(&script, "exec", &common::python());
    for program in [common::python(), script] {
        let setup = setup.clone().set("pythonExec", program.to_str().unwrap());
        for session in ["one", "other"] {
            let session = Session::open(&setup.clone().env("ANOTHER_KEY", session), &[]);
            assert_eq!(session.way(), "daemon");
        }
    }
    assert_eq!(
        fs::read_to_string(&starts).unwrap(),
        "xx",
        "each started once in vain"
    );
}

#[test]
fn an_interpreter_that_starts_threads_is_found_out_once() {
    is_found_out_once("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()");
}

#[test]
fn an_interpreter_that_starts_threads_when_it_forks_is_found_out_once() {
    is_found_out_once(
        "os.register_at_fork(after_in_child=lambda: threading.Thread(target=time.sleep, args=(60,), daemon=True).start())",
    );
}

#[test]
fn an_interpreter_behind_a_pipe_ends_by_itself_and_sparks_daemon_serves() {
    let directory = tempfile::tempdir().unwrap();
    let ended = directory.path().join("ended");
    let tells = format!(
        "import atexit, sys\nif '-c' in sys.orig_argv:\n    atexit.register(lambda: open('{}', 'w').close())\n",
        ended.display()
    );
    let script = directory.path().join("python.sh");
    write_script(&script, "cat |", &common::python());
    let setup = customized(directory.path(), &tells);
    let bench = setup.set("pythonExec", script.to_str().unwrap()).open();
    assert_eq!(bench.create().worker.origin().name(), "daemon");
    assert!(ended.exists());
}

#[test]
fn a_free_threaded_interpreter_is_found_out_once() {
    is_found_out_once("sys.abiflags += 't'");
}
