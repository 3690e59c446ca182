//! Which deaths are worth a warning. One test alone, because the logger is that of the whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Held, Setup, eventually, runs, signal};
use nix::sys::signal::Signal;

#[test]
fn a_death_that_nobody_wanted_is_a_warning_and_no_other_is() {
    common::note_warnings();
    let bench = Setup::zygote().open();
    let (died, stopped, left) = (bench.create(), bench.create(), bench.create());
    let warned = |held: &Held| {
        let named = format!("(pid {})", held.worker.pid());
        common::warnings().iter().any(|line| line.contains(&named))
    };
    bench.factory.stop_worker(stopped.id());
    bench.factory.socket_closed(left.id());
    signal(died.worker.pid(), Signal::SIGKILL);
    eventually("the death is in the log", || warned(&died));
    eventually("the others are gone", || {
        !runs(stopped.worker.pid()) && !runs(left.worker.pid())
    });
    assert!(!warned(&stopped) && !warned(&left));
}
