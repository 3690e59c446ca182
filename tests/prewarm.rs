//! What is started ahead of the first task, while factories come and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, children, eventually, in_turn, nothing_is_left};
use native_python_worker::jvm::registry;
use native_python_worker::launch::zygote::release_prewarmed;

#[test]
fn a_zygote_that_is_started_ahead_is_not_ended_by_the_stop_of_a_factory_that_was_the_only_one() {
    let _turn = in_turn();
    let setup = Setup::zygote();
    registry::prewarm(setup.clone().spec(), true);
    eventually("the zygote is starting", || !children().is_empty());
    registry::stop(registry::open(setup.clone().spec())); // as the rehearsal of a hand-out does
    let factory = registry::open(setup.spec());
    let handout = registry::find(factory).unwrap().create().unwrap();
    assert_eq!(handout.worker.origin().name(), "zygote");
    release_prewarmed();
    registry::stop(factory);
    nothing_is_left();
}

#[test]
fn one_that_is_to_wait_for_an_idle_process_is_started_by_who_will_not_wait() {
    let _turn = in_turn();
    let setup = Setup::zygote();
    registry::prewarm(setup.clone().spec(), true);
    registry::prewarm(setup.clone().spec(), false);
    eventually("the zygote is starting", || !children().is_empty());
    release_prewarmed();
    nothing_is_left();
}
