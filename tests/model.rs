//! The states of workers, under any order of what can happen to them: against a model, and by several threads at once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;

use common::{Bench, Held, Setup, eventually, runs, signal};
use native_python_worker::host::WorkerId;
use nix::sys::signal::Signal;
use proptest::prelude::*;
use proptest::sample::Index;

/// All factories share one zygote, which this one keeps.
static ZYGOTE: LazyLock<(Setup, Bench)> = LazyLock::new(|| {
    let setup = Setup::zygote()
        .own("preload", "json")
        .set("spark.python.factory.idleWorkerMaxPoolSize", "3");
    (setup.clone(), setup.open())
});

fn factory() -> Bench {
    ZYGOTE.0.clone().open()
}

/// What may happen to a worker.
#[derive(Debug, Clone, Copy)]
enum Act {
    Release,
    Stop,
    Close,
    Kill,
}

/// A task asks for a worker, or something happens to one that is used (`true`) or idle.
#[derive(Debug, Clone)]
enum Step {
    Ask,
    Happen(Act, bool, Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let act = prop_oneof![
        4 => Just(Act::Release),
        1 => Just(Act::Stop),
        1 => Just(Act::Close),
        1 => Just(Act::Kill),
    ];
    let happens = (act, prop::bool::weighted(0.7), any::<Index>());
    let step = prop_oneof![
        Just(Step::Ask),
        happens.prop_map(|(act, used, index)| Step::Happen(act, used, index)),
    ];
    prop::collection::vec(step, 0..40)
}

/// What should be the case.
struct Model {
    bench: Bench,
    used: Vec<Held>,
    /// The last one released is the last.
    idle: Vec<Held>,
    /// All that ended, or should have.
    gone: Vec<Held>,
}

impl Model {
    fn new() -> Self {
        let bench = factory();
        let (used, idle, gone) = (vec![], vec![], vec![]);
        Self {
            bench,
            used,
            idle,
            gone,
        }
    }

    fn ask(&mut self) {
        let got = self.bench.take_idle().map(|worker| worker.id());
        // Which one is the pool's business.
        let taken = got.map(|id| self.idle.iter().position(|idle| idle.id() == id).unwrap());
        assert_eq!(taken.is_some(), !self.idle.is_empty());
        let idle = taken.map(|position| self.idle.remove(position));
        let held = idle.unwrap_or_else(|| self.bench.create());
        let known = self.used.iter().chain(&self.gone);
        assert!(known.map(Held::id).all(|id| id != held.id()));
        self.used.push(held);
    }

    fn happen(&mut self, act: Act, used: bool, index: Index) {
        let among = if used { &mut self.used } else { &mut self.idle };
        if among.is_empty() {
            return;
        }
        let held = among.remove(index.index(among.len()));
        match act {
            // One that is idle already is released twice.
            Act::Release => {
                self.bench.release(&held);
                self.idle.push(held);
                // The bound is three: the one idle longest goes.
                if self.idle.len() > 3 {
                    let evicted = self.idle.remove(0);
                    self.goes(evicted, true);
                }
                return;
            }
            Act::Stop => self.bench.factory.stop_worker(held.id()),
            Act::Close => self.bench.factory.socket_closed(held.id()),
            Act::Kill => signal(held.worker.pid(), Signal::SIGKILL),
        }
        let by_us = matches!(act, Act::Stop) || matches!(act, Act::Kill);
        self.goes(held, !used && by_us);
    }

    /// A worker ends; where it was idle and nobody has closed its socket, the host is asked to.
    fn goes(&mut self, held: Held, closes: bool) {
        eventually("it has ended", || !runs(held.worker.pid()));
        if closes {
            eventually("its socket is to be closed", || {
                self.bench.host.was_closed(held.id())
            });
        }
        self.gone.push(held);
    }

    fn end(self) {
        self.bench.factory.stop();
        for held in &self.idle {
            assert!(self.bench.host.was_closed(held.id()));
        }
        for held in self.used.iter().chain(&self.idle) {
            eventually("it has ended", || !runs(held.worker.pid()));
        }
        assert!(self.bench.factory.create().is_err());
    }
}

/// Workers that threads pass around, and who has which.
#[derive(Default)]
struct Bag {
    used: Mutex<Vec<Held>>,
    idle: Mutex<Vec<Held>>,
    in_use: Mutex<BTreeSet<WorkerId>>,
    pids: Mutex<Vec<i32>>,
    handed_out: AtomicUsize,
}

impl Bag {
    fn ask(&self, bench: &Bench) {
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        let held = match bench.take_idle() {
            Some(worker) => self.known(worker.id()),
            None => match bench.factory.create() {
                Ok(new) => Held {
                    worker: new.worker,
                    socket: new.socket,
                },
                Err(error) => panic!("{error}"),
            },
        };
        self.pids.lock().unwrap().push(held.worker.pid());
        let first = self.in_use.lock().unwrap().insert(held.id());
        assert!(first, "{} was handed out twice", held.worker);
        assert!(
            !bench.host.was_closed(held.id()),
            "{} is closed",
            held.worker
        );
        self.used.lock().unwrap().push(held);
    }

    fn known(&self, id: WorkerId) -> Held {
        let mut idle = self.idle.lock().unwrap();
        let position = idle.iter().position(|held| held.id() == id).unwrap();
        idle.remove(position)
    }

    fn happen(&self, bench: &Bench, act: Act, index: Index) {
        let mut used = self.used.lock().unwrap();
        if used.is_empty() {
            return;
        }
        let position = index.index(used.len());
        let held = used.remove(position);
        drop(used);
        let id = held.id();
        self.in_use.lock().unwrap().remove(&id);
        match act {
            Act::Release => {
                self.idle.lock().unwrap().push(held); // first, as Java does
                bench.factory.release(id);
            }
            Act::Stop => bench.factory.stop_worker(id),
            Act::Close => bench.factory.socket_closed(id),
            Act::Kill => signal(held.worker.pid(), Signal::SIGKILL),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn workers_are_where_the_model_says(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Ask => model.ask(),
                Step::Happen(act, used, index) => model.happen(act, used, index),
            }
        }
        model.end();
    }

    #[test]
    fn no_worker_has_two_users_or_outlives_its_factory(threads in prop::collection::vec(steps(), 4)) {
        let (bench, bag) = (factory(), Bag::default());
        thread::scope(|scope| {
            for steps in threads {
                scope.spawn(|| for step in steps {
                    match step {
                        Step::Ask => bag.ask(&bench),
                        Step::Happen(act, _, index) => bag.happen(&bench, act, index),
                    }
                });
            }
        });
        bench.factory.stop();
        for pid in bag.pids.lock().unwrap().iter() {
            eventually("it has ended", || !runs(*pid));
        }
    }
}
