//! A JVM without descriptors: the task is told so, and the next one is served when there are some again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, parent};
use native_python_worker::error::{Error, Step};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn allow_descriptors(most: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = Some(most);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

#[test]
fn a_fork_that_cannot_be_asked_for_fails_by_its_own_error() {
    let bench = Setup::zygote().own("spares", "0").open();
    let held = bench.create();
    let before = getrlimit(Resource::Nofile).current.unwrap();
    allow_descriptors(3);
    let error = bench.create_error();
    allow_descriptors(before);
    assert!(
        matches!(&error, Error::Io { step: Step::Fork, source } if source.raw_os_error() == Some(libc::EMFILE)),
        "{error}"
    );
    assert_eq!(
        parent(bench.create().worker.pid()),
        parent(held.worker.pid())
    );
}
