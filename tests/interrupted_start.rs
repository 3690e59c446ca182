//! The end of an application while its zygote starts says nothing of whether the next one can have one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, eventually};
use native_python_worker::error::Error;
use native_python_worker::jvm::registry;

#[test]
fn a_start_that_the_applications_end_has_ended_is_made_again_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let begun = directory.path().join("begun");
    let setup =
        Setup::customized("hangs_at_first").env("FILE_OF_THE_TEST", begun.to_str().unwrap());
    let first = registry::open(setup.clone().spec());
    let factory = registry::find(first).unwrap();
    let create = std::thread::spawn(move || factory.create().map(drop));
    eventually("the zygote starts", || begun.exists());
    registry::stop(first);
    assert!(matches!(create.join().unwrap(), Err(Error::Stopped { .. })));
    let second = setup.open().create();
    assert_eq!(second.worker.origin().name(), "zygote");
}
