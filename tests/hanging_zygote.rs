//! A zygote that never comes to serve. One test alone, because the logger is that of the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;

use common::{Setup, eventually, runs};

#[test]
fn a_start_that_hangs_leaves_time_for_sparks_daemon_and_is_not_tried_again() {
    common::note_warnings();
    let directory = tempfile::tempdir().unwrap();
    let starts = directory.path().join("starts");
    let setup = Setup::customized("hangs_as_zygote")
        .own("startTimeout", "30s")
        .env("STARTS_OF_THE_TEST", starts.to_str().unwrap());
    let benches = [setup.clone().open(), setup.open()];
    for bench in &benches {
        assert_eq!(bench.create().worker.origin().name(), "daemon");
    }
    let hung = fs::read_to_string(&starts).unwrap();
    let hung: i32 = hung.trim_end().parse().unwrap(); // there was one
    eventually("it is ended", || !runs(hung));
    let [warning] = &common::warnings()[..] else {
        panic!("expected one warning, got {:?}", common::warnings());
    };
    let step = "waiting for the zygote to load PySpark's worker";
    assert!(warning.contains(step), "{warning}");
}
