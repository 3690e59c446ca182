//! What is told of workers and zygotes, to those who look from outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::report;
use common::{Setup, eventually, signal};
use native_python_worker::jvm::registry;
use native_python_worker::metrics::Count;
use nix::sys::signal::Signal;
use serde_json::Value;

/// The session with this name in a report.
fn session(report: &Value, name: &str) -> Value {
    let sessions = report["sessions"].as_array().unwrap();
    let found = sessions.iter().find(|one| one["session"] == name);
    found.cloned().unwrap_or_default()
}

#[test]
fn a_worker_is_told_of_through_its_life_and_beyond() {
    let setup = Setup::zygote()
        .own("preload", "json")
        .env("SPARK_JOB_ARTIFACT_UUID", "of-the-test");
    let number = registry::open(setup.spec());
    let factory = registry::find(number).unwrap();
    let (forked, died) = (
        Count::CreatedFork.value() + Count::CreatedSpare.value(),
        Count::DiedSignalled.value(),
    );
    let worker = factory.create().unwrap().worker;
    assert!(Count::CreatedFork.value() + Count::CreatedSpare.value() > forked);

    let now = report();
    let told = &session(&now, "of-the-test")["workers"][0];
    assert_eq!(told["pid"], worker.pid());
    assert_eq!(told["state"], "busy");
    assert_eq!(told["from"], "zygote");
    assert_eq!(told["tasks"], 1);
    eventually("its share of memory is known, and since when", || {
        let told = session(&report(), "of-the-test")["workers"][0].clone();
        let (shared, resident) = (told["proportional"].as_u64(), told["resident"].as_u64());
        let age = told["proportionalAgeMillis"].as_u64();
        assert_eq!(shared.is_some(), age.is_some());
        assert!(shared.is_none() || Some(0) < shared && shared < resident);
        shared.is_some() && age < Some(1000)
    });
    assert_eq!(now["gauges"]["workers.busy"], 1);
    assert!(now["gauges"]["processes"].as_u64() > Some(2)); // keeper, zygote, worker
    let memory = |name: &str| now["gauges"][format!("memory.{name}")].as_u64().unwrap();
    assert!(memory("proportional") + memory("unmeasured") <= memory("resident"));
    let zygote = &now["zygotes"][0];
    assert_eq!(zygote["pid"], common::parent(worker.pid()));
    assert!(zygote["resident"].as_u64() > Some(0), "{zygote}");

    factory.release(worker.id());
    let now = report();
    assert_eq!(session(&now, "of-the-test")["workers"][0]["state"], "idle");
    assert_eq!(now["gauges"]["workers.idle"], 1);

    signal(worker.pid(), Signal::SIGKILL);
    eventually("its death is told", || {
        let deaths = report()["deaths"].clone();
        let of_it = |death: &&Value| death["pid"] == worker.pid();
        deaths
            .as_array()
            .unwrap()
            .iter()
            .find(of_it)
            .is_some_and(|death| {
                death["session"] == "of-the-test"
                    && death["why"].as_str().unwrap().contains("SIGKILL")
            })
    });
    assert_eq!(Count::DiedSignalled.value(), died + 1);
    eventually("what the zygote has loaded is told", || {
        let loaded = report()["zygotes"][0]["loaded"].clone();
        loaded
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["module"] == "json"))
    });
    drop(worker); // it holds its zygote
    registry::stop(number);
    eventually("nothing is left", || report()["gauges"]["processes"] == 0);
    let gauges = report()["gauges"].clone();
    for name in ["resident", "proportional", "unmeasured"] {
        assert_eq!(gauges[format!("memory.{name}")], 0, "{name}");
    }
    assert_eq!(report()["sessions"].as_array().unwrap().len(), 0);
}
