//! Output that nobody writes out. One test alone, because the queue is that of the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::thread;

use common::{Setup, eventually};
use native_python_worker::jvm::events::{Event, events};
use native_python_worker::jvm::registry;

/// How much a factory's processes have written, as far as it was taken by now.
fn taken(factory: i64) -> usize {
    let all = std::iter::from_fn(|| events().take());
    let lengths = all.map(|event| match event {
        Event::Output { source, bytes } if source.factory == factory => bytes.len(),
        _ => 0,
    });
    lengths.sum()
}

#[test]
fn a_factory_whose_output_is_stuck_waits_alone() {
    let stuck = registry::open(Setup::misbehaving_daemon("flood stderr for ever").spec());
    let waiting = registry::find(stuck).unwrap();
    let waiting = thread::spawn(move || waiting.create().is_err());
    let mut before = 0;
    eventually("it floods", || {
        before += taken(stuck);
        before > 512 * 1024
    });
    let other = registry::open(Setup::misbehaving_daemon("flood stderr").spec());
    registry::find(other).unwrap().create().unwrap(); // its daemon serves when all that it writes was taken
    before += taken(stuck);
    assert!(before <= 1024 * 1024, "nothing of it is written: {before}");
    registry::stop(stuck);
    registry::stop(other);
    assert!(waiting.join().unwrap());
}
