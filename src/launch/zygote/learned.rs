//! What the workers of one interpreter have imported themselves, and what of it may be loaded ahead. Plain data without locks.

use std::collections::BTreeMap;

use serde::Serialize;

/// More are not kept apart.
const MOST_MODULES: usize = 256;
/// What only one worker has imported may not be wanted again.
const LEAST_WORKERS: u64 = 2;
/// For each worker: what takes less is not worth the memory and the trial.
const LEAST_MILLIS: u64 = 10;
/// A trial takes as much of the processor as a worker's own import.
const MOST_TRIALS: usize = 32;

/// Of one module, where its trials come to nothing.
const MOST_ATTEMPTS: u32 = 3;

/// What is known of whether a module can be loaded ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(super) enum Verdict {
    /// It is not worth a trial yet.
    Untried,
    /// It is tried now.
    Trying,
    /// A trial has found nothing that is against it.
    Safe { millis: u64, kibibytes: u64 },
    /// A trial, or a zygote that has loaded it, has shown why not.
    Unsafe { why: String },
}

impl Verdict {
    pub(super) fn of(millis: u64, kibibytes: u64, why: Option<String>) -> Self {
        match why {
            Some(why) => Self::Unsafe { why },
            None => Self::Safe { millis, kibibytes },
        }
    }
}

#[derive(Debug)]
struct Module {
    workers: u64,
    millis: u64,
    attempts: u32,
    verdict: Verdict,
}

impl Module {
    fn new() -> Self {
        Self {
            workers: 0,
            millis: 0,
            attempts: 0,
            verdict: Verdict::Untried,
        }
    }

    fn is_worth_it(&self) -> bool {
        self.workers >= LEAST_WORKERS && self.millis / self.workers >= LEAST_MILLIS
    }
}

/// A module that workers have imported themselves, as it is reported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportReport {
    python: String,
    module: String,
    workers: u64,
    millis: u64,
    verdict: Verdict,
}

/// What is known of the modules of one interpreter.
#[derive(Debug, Default)]
pub(super) struct Learned {
    modules: BTreeMap<String, Module>,
}

impl Learned {
    /// Another worker has imported this.
    pub(super) fn note(&mut self, module: &str, millis: u64) {
        if !self.modules.contains_key(module) {
            self.make_room();
        }
        let known = self.modules.entry(module.to_owned());
        let known = known.or_insert_with(Module::new);
        known.workers += 1;
        known.millis += millis;
    }

    /// The one that has cost least makes way.
    fn make_room(&mut self) {
        if self.modules.len() >= MOST_MODULES {
            let modules = self.modules.iter();
            let cheapest = modules.min_by_key(|(_, module)| module.millis);
            if let Some(name) = cheapest.map(|(name, _)| name.clone()) {
                self.modules.remove(&name);
            }
        }
    }

    /// The module to try next, which is taken for being tried from now on: the one that costs most.
    pub(super) fn next_trial(&mut self) -> Option<String> {
        let tried = |module: &&Module| module.verdict != Verdict::Untried;
        if self.modules.values().filter(tried).count() >= MOST_TRIALS {
            return None;
        }
        let worth_it = |(name, module): &(&String, &Module)| {
            module.verdict == Verdict::Untried
                && module.is_worth_it()
                && module.attempts < MOST_ATTEMPTS
                && !self.is_loaded_by_another(name)
        };
        let candidates = self.modules.iter().filter(worth_it);
        let (name, _) = candidates.max_by_key(|(_, module)| module.millis)?;
        let name = name.clone();
        let module = self.modules.get_mut(&name)?;
        module.attempts += 1;
        module.verdict = Verdict::Trying;
        Some(name)
    }

    /// A package comes with any of its modules.
    fn is_loaded_by_another(&self, package: &str) -> bool {
        let within = |name: &str| {
            name.strip_prefix(package)
                .is_some_and(|r| r.starts_with('.'))
        };
        let mut modules = self.modules.iter();
        modules.any(|(name, module)| within(name) && module.is_worth_it() && !self.is_unsafe(name))
    }

    /// Nothing where the module is not known.
    pub(super) fn judge(&mut self, module: &str, verdict: Verdict) {
        if let Some(known) = self.modules.get_mut(module) {
            known.verdict = verdict;
        }
    }

    /// A zygote has shown why it can't be loaded. With `enter`, one that no worker has imported is told of from now on as well.
    pub(super) fn condemn(&mut self, module: &str, why: &str, enter: bool) {
        let why = why.to_owned();
        if enter && self.modules.len() < MOST_MODULES {
            let known = self.modules.entry(module.to_owned());
            known.or_insert_with(Module::new);
        }
        self.judge(module, Verdict::Unsafe { why });
    }

    /// The trial has come to nothing, through no fault of the module's.
    pub(super) fn give_up_trial(&mut self, module: &str) {
        if let Some(known) = self.modules.get_mut(module)
            && known.verdict == Verdict::Trying
        {
            known.verdict = Verdict::Untried;
        }
    }

    /// Those that a trial has found nothing against.
    pub(super) fn safe(&self) -> impl Iterator<Item = &String> {
        let is_safe = |module: &Module| matches!(module.verdict, Verdict::Safe { .. });
        let found = self.modules.iter();
        found.filter_map(move |(name, module)| is_safe(module).then_some(name))
    }

    /// Whether something speaks against it: then it does not matter who has found it safe elsewhere.
    pub(super) fn is_unsafe(&self, module: &str) -> bool {
        let known = self.modules.get(module);
        known.is_some_and(|known| matches!(known.verdict, Verdict::Unsafe { .. }))
    }

    /// All modules.
    pub(super) fn reports(&self, python: &str) -> Vec<ImportReport> {
        let all = self.modules.iter();
        all.map(|(module, known)| ImportReport {
            python: python.to_owned(),
            module: module.clone(),
            workers: known.workers,
            millis: known.millis,
            verdict: known.verdict.clone(),
        })
        .collect()
    }
}

impl ImportReport {
    /// The time that workers have spent.
    pub(super) fn millis(&self) -> u64 {
        self.millis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: Verdict = Verdict::Safe {
        millis: 1,
        kibibytes: 1,
    };

    fn learned(modules: &[(&str, u64)]) -> Learned {
        let mut learned = Learned::default();
        for (module, millis) in modules {
            learned.note(module, *millis);
        }
        learned
    }

    #[test]
    fn what_several_workers_have_paid_for_is_tried_the_dearest_first() {
        let paid = [("cheap", 1), ("dear", 500), ("once", 900), ("less", 200)];
        let mut learned =
            learned(&[&paid[..], &[("cheap", 1), ("dear", 500), ("less", 200)]].concat());
        assert_eq!(learned.next_trial().as_deref(), Some("dear"));
        assert_eq!(learned.next_trial().as_deref(), Some("less"));
        assert_eq!(learned.next_trial(), None);
        learned.give_up_trial("dear");
        assert_eq!(learned.next_trial().as_deref(), Some("dear"));
        learned.give_up_trial("dear");
        assert_eq!(learned.next_trial().as_deref(), Some("dear"));
        learned.give_up_trial("dear");
        assert_eq!(learned.next_trial(), None, "three attempts are enough");
        learned.judge("dear", SAFE);
        learned.give_up_trial("dear");
        assert_eq!(learned.safe().collect::<Vec<_>>(), ["dear"]);
    }

    #[test]
    fn a_package_that_comes_with_one_of_its_modules_is_not_tried_by_itself() {
        let once = [("sk", 200), ("sk.linear", 900), ("skull", 300)];
        let mut learned = learned(&[once, once].concat());
        let tried: Vec<_> = std::iter::from_fn(|| learned.next_trial()).collect();
        assert_eq!(tried, ["sk.linear", "skull"]);
        let why = "starts threads".to_owned();
        learned.judge("sk.linear", Verdict::Unsafe { why });
        assert_eq!(learned.next_trial().as_deref(), Some("sk"));
    }

    #[test]
    fn what_a_zygote_could_not_load_is_told_of_where_others_have_named_it() {
        let mut learned = learned(&[("known", 100)]);
        for module in ["known", "of the default list"] {
            learned.condemn(module, "starts threads", false);
        }
        learned.condemn("named", "starts threads", true);
        let told = learned.reports("").into_iter().map(|report| report.module);
        assert_eq!(told.collect::<Vec<_>>(), ["known", "named"]);
        assert!(learned.is_unsafe("named") && !learned.is_unsafe("of the default list"));
        assert_eq!(learned.safe().count(), 0);
    }

    #[test]
    fn what_is_kept_and_tried_is_bounded() {
        let mut learned = Learned::default();
        for number in 0..2 * MOST_MODULES {
            for _ in 0..LEAST_WORKERS {
                learned.note(&format!("m{number}"), 100);
            }
        }
        learned.note("dear", 90_000);
        assert!(learned.modules.contains_key("dear"));
        assert_eq!(learned.reports("").len(), MOST_MODULES);
        let tried = std::iter::from_fn(|| learned.next_trial()).count();
        assert_eq!(tried, MOST_TRIALS);
    }
}
