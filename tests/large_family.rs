//! What it costs to tell of processes with much memory. In a program of its own: a report is of all processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::report;
use common::{Setup, eventually};
use serde_json::Value;

fn gauge(report: &Value, name: &str) -> u64 {
    report["gauges"][name].as_u64().unwrap()
}

#[test]
fn most_reports_of_a_large_family_measure_it_not_again_and_say_what_they_do_not_know() {
    let bench = Setup::zygote()
        .own("preload", "maps_much")
        .own("spares", "0")
        .open();
    let held = bench.create();
    let zygote = common::parent(held.worker.pid());
    let resident = || {
        native_python_worker::os::process::Process::open(zygote)
            .unwrap()
            .resident()
    };
    eventually("the zygote is large", || resident() > Some(1 << 30));
    let reports: Vec<_> = (0..100).map(|_| report()).collect();
    let ages: Vec<_> = reports
        .iter()
        .filter_map(|told| told["zygotes"][0]["proportionalAgeMillis"].as_u64())
        .collect();
    let younger_than_before = ages.windows(2).filter(|two| two[1] < two[0]).count();
    assert!(younger_than_before < 50, "{ages:?}");

    for told in &reports {
        let (known, all) = (
            gauge(told, "memory.proportional"),
            gauge(told, "memory.resident"),
        );
        assert!(0 < known && known <= all, "{told}");
        let zygote = &told["zygotes"][0];
        let is_known = !zygote["proportional"].is_null();
        assert_eq!(is_known, zygote["proportionalAgeMillis"].is_u64());
        assert_eq!(is_known, gauge(told, "memory.unmeasured") < 1 << 30);
    }
    eventually("all is known", || {
        gauge(&report(), "memory.unmeasured") == 0
    });
}
