//! Factories as Java knows them: by number.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, children, eventually};
use native_python_worker::error::Error;
use native_python_worker::jvm::registry;

#[test]
fn the_end_of_the_last_factory_is_the_end_of_starts_that_are_under_way() {
    let hung = registry::open(Setup::misbehaving_daemon("hang").spec());
    let factory = registry::find(hung).unwrap();
    let create = std::thread::spawn(move || factory.create().map(drop));
    eventually("the daemon is starting", || !children().is_empty());
    registry::stop(hung);
    // Long before the start's own deadline, which is two minutes.
    eventually("the daemon has ended", || children().is_empty());
    assert!(matches!(create.join().unwrap(), Err(Error::Stopped { .. })));
    assert!(matches!(registry::find(hung), Err(Error::NoFactory(_))));
    registry::stop(hung);
}
