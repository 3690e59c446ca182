//! Workers from Spark's own daemon, over its protocol.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;

use common::{Setup, children, eventually, parent, runs, signal};
use nix::sys::signal::Signal;

#[test]
fn a_worker_is_forked_by_the_daemon_and_handed_out_again_when_idle() {
    let bench = Setup::daemon().open();
    let first = bench.create();
    let daemon = parent(first.worker.pid());
    assert_eq!(parent(daemon), i32::try_from(std::process::id()).unwrap());
    bench.release(&first);
    assert_eq!(bench.take_idle().unwrap().id(), first.id());
    assert_eq!(
        parent(bench.create().worker.pid()),
        daemon,
        "one daemon serves all"
    );
}

#[test]
fn unix_sockets_serve_as_well_and_leave_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Setup::daemon()
        .set("socketDirectory", directory.path().to_str().unwrap())
        .own("stopTimeout", "60s") // whoever is killed leaves its file
        .open();
    let held = bench.create();
    assert!(held.worker.is_alive());
    let daemon = parent(held.worker.pid());
    drop(bench);
    eventually("the daemon ends", || !runs(daemon));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn ipv6_serves_as_well() {
    let bench = Setup::daemon().set("preferIpv6", "true").open();
    assert!(bench.create().worker.is_alive());
}

#[test]
fn the_worker_has_our_environment_the_keys_and_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let session = directory.path().join("session");
    let bench = Setup::daemon()
        .set("workingDirectory", session.to_str().unwrap())
        .env("FROM_THE_KEY", "with = and\nnewline")
        .open();
    let pid = bench.create().worker.pid();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let has = |entry: &str| environment.split('\0').any(|e| e == entry);
    assert!(has("FROM_THE_KEY=with = and\nnewline"));
    assert!(has(&format!("PATH={}", std::env::var("PATH").unwrap())));
    assert!(has("PYTHONUNBUFFERED=YES"));
    let cwd = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    assert_eq!(cwd, fs::canonicalize(session).unwrap());
}

#[test]
fn no_descriptor_of_ours_gets_into_the_processes() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let inheritable = secret.as_file().as_raw_fd();
    nix::fcntl::fcntl(
        secret.as_file(),
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
    )
    .unwrap();
    let bench = Setup::daemon().open();
    let held = bench.create();
    for pid in [held.worker.pid(), parent(held.worker.pid())] {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        for link in links.filter_map(|l| fs::read_link(l.path()).ok()) {
            assert_ne!(
                link,
                secret.path(),
                "fd {inheritable} of the test is open in {pid}"
            );
        }
    }
    let flags = nix::fcntl::fcntl(secret.as_file(), nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags, 0, "our own table is as it was");
}

#[test]
fn many_at_once_share_one_daemon() {
    let bench = Setup::daemon().open();
    let daemons: Vec<i32> = std::thread::scope(|scope| {
        let creates: Vec<_> = (0..16).map(|_| scope.spawn(|| bench.create())).collect();
        let held: Vec<_> = creates.into_iter().map(|c| c.join().unwrap()).collect();
        held.iter().map(|h| parent(h.worker.pid())).collect()
    });
    assert!(daemons.iter().all(|daemon| *daemon == daemons[0]));
}

#[test]
fn a_stopped_worker_is_killed_and_forgotten() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    bench.factory.stop_worker(held.id());
    eventually("the worker is dead", || !runs(held.worker.pid()));
    assert!(!bench.factory.is_alive(held.id()));
    bench.factory.stop_worker(held.id());
}

#[test]
fn a_worker_whose_socket_is_closed_ends_by_itself() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    let pid = held.worker.pid();
    drop(held.socket);
    bench.factory.socket_closed(held.worker.id());
    eventually("the worker has ended", || !runs(pid));
}

#[test]
fn a_dead_daemon_is_replaced_and_its_workers_go_on() {
    let bench = Setup::daemon().open();
    let (idle, busy) = (bench.create(), bench.create());
    bench.release(&idle);
    let daemon = parent(busy.worker.pid());
    signal(daemon, Signal::SIGKILL);
    eventually("the daemon is dead and collected", || {
        !children().contains(&daemon)
    });
    assert_eq!(
        bench.next_id(),
        idle.id(),
        "the idle one is as good as before"
    );
    let fresh = bench.create();
    assert_ne!(parent(fresh.worker.pid()), daemon);
    assert!(busy.worker.is_alive());
    bench.factory.stop_worker(busy.id());
    eventually("a worker of the dead daemon can still be killed", || {
        !runs(busy.worker.pid())
    });
}

#[test]
fn a_daemon_that_hangs_is_replaced_and_ends_with_its_last_worker() {
    let bench = Setup::daemon()
        .own("startTimeout", "10s")
        .own("stopTimeout", "100ms")
        .own("spares", "0") // one that it has just forked would be another worker of it
        .open();
    let busy = bench.create();
    let daemon = parent(busy.worker.pid());
    signal(daemon, Signal::SIGSTOP);
    let fresh = bench.create();
    assert_ne!(parent(fresh.worker.pid()), daemon);
    assert!(
        busy.worker.is_alive(),
        "the hang of one create ends no other worker"
    );
    assert!(runs(daemon));
    bench.factory.stop_worker(busy.id());
    drop(busy);
    eventually("the stopped daemon is gone", || !runs(daemon));
}

#[test]
fn what_python_writes_reaches_the_host() {
    let bench = Setup::misbehaving_daemon("flood stderr").open();
    bench.create();
    eventually("the flood has arrived", || {
        bench.host.stderr.lock().unwrap().len() == 1_000_000
    });
}

#[test]
fn bytes_pass_in_both_directions() {
    let bench = Setup::daemon().open();
    let held = bench.create();
    // Not a task, so the worker fails on it and hangs up; what counts is that it reads and we notice.
    let mut stream = std::net::TcpStream::from(held.socket.try_clone().unwrap());
    stream.write_all(&[0xff; 64]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut reply);
    eventually("the worker has ended", || !held.worker.is_alive());
}

/// Has room for nothing the first time it is asked, and makes room at once: before the supervisor can take note.
#[derive(Default)]
struct HesitantHost {
    asked: std::sync::atomic::AtomicUsize,
    taken: std::sync::atomic::AtomicUsize,
}

impl native_python_worker::host::Host for HesitantHost {
    fn output(
        &self,
        _: native_python_worker::host::Stream,
        bytes: &[u8],
    ) -> native_python_worker::host::Accepted {
        use std::sync::atomic::Ordering::Relaxed;
        if self.asked.fetch_add(1, Relaxed).is_multiple_of(2) {
            native_python_worker::os::supervisor::supervisor()
                .unwrap()
                .resume();
            return native_python_worker::host::Accepted::NotNow;
        }
        self.taken.fetch_add(bytes.len(), Relaxed);
        native_python_worker::host::Accepted::Yes
    }

    fn close(&self, _: native_python_worker::host::WorkerId) {}
}

#[test]
fn no_output_is_stuck_when_room_is_made_at_once() {
    let host = std::sync::Arc::new(HesitantHost::default());
    let setup = Setup::misbehaving_daemon("flood stderr");
    let factory = setup.open_with(host.clone());
    factory.create().unwrap();
    eventually("the flood has arrived", || {
        host.taken.load(std::sync::atomic::Ordering::Relaxed) == 1_000_000
    });
    factory.stop();
}
