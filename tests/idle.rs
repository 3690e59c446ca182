//! Workers in the pool: how long, how many, and in what state they may be handed out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use common::{Setup, eventually, parent, runs, signal};
use native_python_worker::os::deadline::Deadline;
use nix::sys::signal::Signal;

#[test]
fn an_idle_worker_is_ended_after_its_time() {
    let bench = Setup::daemon().own("idleTimeout", "300ms").open();
    let (idle, busy) = (bench.create(), bench.create());
    bench.release(&idle);
    eventually("its socket is to be closed", || {
        bench.host.was_closed(idle.id())
    });
    eventually("it has ended", || !runs(idle.worker.pid()));
    assert!(busy.worker.is_alive());
    assert!(!bench.host.was_closed(busy.id()));
}

#[test]
fn each_worker_has_its_own_clock() {
    let bench = Setup::daemon().own("idleTimeout", "5s").open();
    let (cold, warm) = (bench.create(), bench.create());
    bench.release(&cold);
    while !bench.host.was_closed(cold.id()) {
        bench.release(&warm);
        std::thread::sleep(std::time::Duration::from_millis(150)); // it has waited for its turn
        assert_eq!(bench.next_id(), warm.id());
    }
    assert!(warm.worker.is_alive());
}

#[test]
fn the_bound_ends_the_one_idle_longest() {
    let bench = Setup::daemon()
        .set("spark.python.factory.idleWorkerMaxPoolSize", "1")
        .open();
    let (first, second) = (bench.create(), bench.create());
    bench.release(&first);
    assert!(!bench.host.was_closed(first.id()));
    bench.release(&second);
    assert!(bench.host.was_closed(first.id()));
    eventually("it has ended", || !runs(first.worker.pid()));
    assert_eq!(bench.next_id(), second.id());
}

#[test]
fn a_worker_that_died_idle_is_not_handed_out() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    bench.release(&held);
    signal(held.worker.pid(), Signal::SIGKILL);
    eventually("it is dead", || !runs(held.worker.pid()));
    assert_ne!(bench.next_id(), held.id());
    eventually("its socket is to be closed", || {
        bench.host.was_closed(held.id())
    });
}

#[test]
fn one_that_died_with_its_daemon_is_not_handed_out_either() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    bench.release(&held);
    signal(parent(held.worker.pid()), Signal::SIGKILL);
    signal(held.worker.pid(), Signal::SIGKILL);
    eventually("it is dead", || !runs(held.worker.pid()));
    assert_ne!(bench.next_id(), held.id());
}

#[test]
fn a_dirty_or_half_closed_worker_is_not_handed_out() {
    let bench = Setup::daemon().open();
    for how in ["dirty", "half-closed"] {
        let held = bench.create();
        if how == "dirty" {
            // It can't read this as a task, so it answers with an error, unread when it is released.
            std::io::Write::write_all(
                &mut std::net::TcpStream::from(held.socket.try_clone().unwrap()),
                &[0; 512],
            )
            .unwrap();
        } else {
            nix::sys::socket::shutdown(
                std::os::fd::AsRawFd::as_raw_fd(&held.socket),
                nix::sys::socket::Shutdown::Both,
            )
            .unwrap();
        }
        let mut fds = [nix::poll::PollFd::new(
            std::os::fd::AsFd::as_fd(&held.socket),
            nix::poll::PollFlags::POLLIN,
        )];
        nix::poll::poll(&mut fds, nix::poll::PollTimeout::NONE).unwrap();
        bench.release(&held);
        assert_ne!(bench.next_id(), held.id(), "{how}");
        eventually("its socket is to be closed", || {
            bench.host.was_closed(held.id())
        });
    }
}

#[test]
fn an_idle_worker_that_is_stopped_leaves_the_pool() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    bench.release(&held);
    bench.factory.stop_worker(held.id());
    assert!(bench.host.was_closed(held.id()));
    assert_ne!(bench.next_id(), held.id());
}

#[test]
fn a_worker_released_twice_is_handed_out_once() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    bench.release(&held);
    bench.release(&held);
    assert_eq!(bench.next_id(), held.id());
    assert_ne!(bench.next_id(), held.id());
}

#[test]
fn a_dead_worker_whose_child_holds_its_socket_is_not_handed_out() {
    let bench = Setup::misbehaving_daemon("child holds socket").open();
    let held = bench.create();
    signal(held.worker.pid(), Signal::SIGKILL);
    eventually("it is dead", || !runs(held.worker.pid()));
    bench.release(&held);
    assert_ne!(bench.next_id(), held.id());
}

#[test]
fn a_worker_that_has_served_its_tasks_is_replaced() {
    for setup in [Setup::daemon(), Setup::zygote()] {
        let bench = setup.own("maxTasks", "3").open();
        let held = bench.create();
        for _ in 0..2 {
            bench.release(&held);
            assert_eq!(bench.next_id(), held.id());
        }
        bench.release(&held);
        assert!(bench.host.was_closed(held.id()));
        assert_ne!(bench.next_id(), held.id());
        eventually("it has ended", || !runs(held.worker.pid()));
        let account = held.worker.death().wait(Deadline::now()).unwrap();
        assert_eq!(account.how(), "was replaced between two tasks");
    }
}

#[test]
fn a_worker_that_holds_too_much_memory_is_replaced() {
    for (most, stays) in [("1m", false), ("100g", true)] {
        let bench = Setup::daemon().own("maxRss", most).open();
        let held = bench.create();
        bench.release(&held);
        assert_eq!(bench.next_id() == held.id(), stays, "{most}");
    }
}
