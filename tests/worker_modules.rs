//! Every worker of a zygote runs the main of the module that it was made for, and waits there for its task.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::report;
use common::{Bench, Setup, eventually, modules, parent, signal};
use nix::sys::signal::Signal;

/// Each module of this PySpark that has a worker's main.
fn worker_modules(python: &Path) -> Vec<String> {
    const FIND: &str = "import pathlib, pyspark
root = pathlib.Path(pyspark.__file__).parent
for file in sorted(root.rglob('*.py')):
    if '\\ndef main(infile' in file.read_text():
        print('.'.join(file.relative_to(root.parent).with_suffix('').parts))";
    let found = Command::new(python).args(["-c", FIND]).output().unwrap();
    assert!(found.status.success(), "{found:?}");
    let names = String::from_utf8(found.stdout).unwrap();
    names.lines().map(str::to_owned).collect()
}

/// A factory for workers of this module, which show their stack on `SIGUSR1`.
fn open(setup: &Setup, module: &str) -> Bench {
    let path =
        [modules().join("shows_its_stack"), modules()].map(|p| p.to_str().unwrap().to_owned());
    let setup = setup.clone().set("pythonPath", &path.join(":"));
    setup.set("workerModule", module).open()
}

/// Has the zygote fork a worker, and waits until it reads its task in the main of this module.
fn expect_main(bench: &Bench, module: &str) {
    let held = bench.create();
    let origin = held.worker.origin().name();
    assert_eq!(origin, "zygote", "which way {module} is served");
    let mut task = File::from(held.socket); // open, so that the worker waits for more
    task.write_all(b"\0").unwrap();
    let file = format!("/{}.py", module.replace('.', "/"));
    eventually(&format!("a worker is in the main of {module}"), || {
        let (pid, told) = (held.worker.pid(), bench.host.stderr_text());
        assert!(common::runs(pid), "a worker of {module} is gone: {told}");
        signal(pid, Signal::SIGUSR1);
        std::thread::sleep(Duration::from_millis(20));
        let told = bench.host.stderr_text();
        told.lines()
            .any(|line| line.contains(&file) && line.ends_with(" in main"))
    });
    drop(task);
}

/// The zygote of one environment serves all of its worker modules.
#[test]
fn workers_of_each_sparks_modules_run_these() {
    let environments = common::environments();
    let has = |prefix: &str| environments.iter().any(|(v, _)| v.starts_with(prefix));
    assert!(has("4.0.") && has("4.3."), "./test rust makes them");
    for (version, python) in environments {
        let setup = Setup::zygote()
            .set("pythonExec", python.to_str().unwrap())
            .set("sparkVersion", &version);
        let found = worker_modules(&python);
        assert!(found.contains(&"pyspark.worker".to_owned()), "{found:?}");
        for module in found {
            // Spark 3.5 knows no module but this one in workers that are forked.
            if !version.starts_with('3') || module == "pyspark.worker" {
                expect_main(&open(&setup, &module), &module);
            }
        }
    }
}

#[test]
fn a_module_of_the_users_is_run_where_spark_would_run_it() {
    let (setup, own) = (Setup::zygote(), "pyspark_of_the_test");
    expect_main(&open(&setup, own), own);
    // By its name it is none that PySpark's daemon takes.
    expect_main(&open(&setup, "misbehaving_worker"), "pyspark.worker");
}

#[test]
fn a_module_that_gives_sockets_a_timeout_is_left_out_and_hurries_no_worker() {
    let setup = Setup::zygote().own("preload", "hurries").own("spares", "0");
    let bench = open(&setup, "pyspark.worker");
    eventually("a zygote without it serves", || {
        let zygote = parent(bench.create().worker.pid());
        let report = report();
        let mut zygotes = report["zygotes"].as_array().unwrap().iter();
        zygotes.any(|one| one["pid"] == zygote && one["leftOut"][0]["module"] == "hurries")
    });
    expect_main(&bench, "pyspark.worker");
}
