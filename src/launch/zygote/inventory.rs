//! What a zygote has loaded, in the order in which it did: what a session brings along must not be among it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::surroundings::Holdings;

/// Top-level modules by name, and the file that each was loaded from: none where it was looked for and is missing.
pub(super) type Files = HashMap<String, PathBuf>;

/// The files of what a zygote has loaded. Plain data without locks.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// With PySpark's worker.
    base: Files,
    /// Ahead, by the module that was named.
    ahead: Vec<(String, Files)>,
    version: u64,
}

/// A module that the session has another file of, or that it would not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shadow {
    /// Its name.
    pub(super) module: String,
    /// Where the session has it, or where it does not look.
    pub(super) file: PathBuf,
    /// The module that must not be loaded ahead, nor any after it; `None` where it is in PySpark's worker itself.
    pub(super) loaded_by: Option<String>,
}

impl Inventory {
    /// Another zygote has begun, with these.
    pub(super) fn begin(&mut self, base: Files) {
        self.base = base;
        self.ahead.clear();
        self.version += 1;
    }

    /// It has loaded a module, and these with it.
    pub(super) fn add(&mut self, module: &str, files: Files) {
        self.ahead.push((module.to_owned(), files));
        self.version += 1;
    }

    /// Changes with each change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The first that the session has another file of, or that was found where the session does not look.
    pub(super) fn shadowed_by(&self, holdings: &Holdings) -> Option<Shadow> {
        let ahead = self.ahead.iter().map(|(name, files)| (Some(name), files));
        let mut batches = std::iter::once((None, &self.base)).chain(ahead);
        batches.find_map(|(loaded_by, files)| {
            let shadowed = holdings.modules.iter().find(|(module, file)| {
                let loaded = files.get(*module);
                loaded.is_some_and(|loaded| !loaded.starts_with(file))
            });
            let out_of_sight = || {
                let elsewhere = holdings.elsewhere.as_ref()?;
                files.iter().find(|(_, file)| is_found_in(elsewhere, file))
            };
            let (module, file) = shadowed.or_else(out_of_sight)?;
            Some(Shadow {
                module: module.clone(),
                file: file.clone(),
                loaded_by: loaded_by.cloned(),
            })
        })
    }
}

/// Whether this is the file of a module, or of a package, in that entry of the path.
fn is_found_in(item: &Path, file: &Path) -> bool {
    file.ancestors().skip(1).take(2).any(|one| one == item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
        files.map(|(m, f)| (m.to_owned(), f.into())).into()
    }

    #[test]
    fn the_first_that_is_shadowed_says_how_much_may_be_loaded() {
        let mut inventory = Inventory::default();
        inventory.begin(files([("json", "/lib/json/__init__.py")]));
        inventory.add("numpy", files([("numpy", "/site/numpy/__init__.py")]));
        inventory.add("pandas", files([("six", "/site/six.py")]));
        let shadow = |modules: Files| {
            inventory.shadowed_by(&Holdings {
                modules,
                elsewhere: None,
            })
        };
        assert_eq!(shadow(files([("other", "/session/other.py")])), None);
        let six = shadow(files([("six", "/session/six.py")])).unwrap();
        assert_eq!(six.loaded_by.as_deref(), Some("pandas"));
        let both = [("six", "/session/six.py"), ("json", "/session/json.py")];
        assert_eq!(shadow(files(both)).unwrap().loaded_by, None);
        assert_eq!(shadow(files([("numpy", "/site/numpy")])), None);
    }

    #[test]
    fn what_was_missing_is_shadowed_by_any_file() {
        let mut inventory = Inventory::default();
        inventory.add("pandas", files([("numexpr", "")]));
        let holdings = |elsewhere: Option<PathBuf>, modules: Files| Holdings { modules, elsewhere };
        let own = files([("numexpr", "/session/numexpr.py")]);
        let shadow = inventory.shadowed_by(&holdings(None, own)).unwrap();
        assert_eq!(shadow.loaded_by.as_deref(), Some("pandas"));
        let elsewhere = holdings(Some("/executor".into()), Files::new());
        assert_eq!(inventory.shadowed_by(&elsewhere), None);
    }

    #[test]
    fn what_was_found_where_the_session_does_not_look_is_not_for_it() {
        let mut inventory = Inventory::default();
        inventory.begin(files([("json", "/lib/json/__init__.py")]));
        inventory.add("one", files([("one", "/executor/a/lib/one.py")]));
        inventory.add("two", files([("two", "/executor/two/__init__.py")]));
        let holdings = Holdings {
            modules: Files::new(),
            elsewhere: Some("/executor".into()),
        };
        let shadow = inventory.shadowed_by(&holdings).unwrap();
        assert_eq!(shadow.module, "two");
    }
}
