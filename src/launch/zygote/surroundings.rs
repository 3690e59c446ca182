//! What a session brings along that Python could import: the files in its directory, and in archives there.
//!
//! Spark fetches files before it asks for a worker, and the worker puts them on its path before any other. So what the session
//! has of what is loaded ahead can be known before a worker is bound to it.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::debug;

use super::archive::{module_of, modules_of_archive};
use super::stamp::Stamp;
use crate::os::lock::locked;
use crate::spec::FactorySpec;

/// What a session can import, and the zygote has not seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Modules by their top-level names, and the file of each.
    pub(super) modules: HashMap<String, PathBuf>,
    /// Where the zygote looks for modules, and the session does not.
    pub(super) elsewhere: Option<PathBuf>,
}

/// What `SparkContext.addPyFile` takes for an archive of modules.
const ARCHIVES: &[&str] = &["zip", "egg", "jar"];
/// For so long what was seen is taken for granted: tasks of a job come together.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Where a session's files are, and what is known of them.
pub(super) struct Surroundings {
    directories: Vec<PathBuf>,
    elsewhere: Option<PathBuf>,
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    at: Instant,
    stamps: Vec<Option<Stamp>>,
    holdings: Arc<Holdings>,
}

impl Surroundings {
    /// The session's own directory, and the one of the application's files. The one that the executor was started in is the
    /// zygote's, too, which looks there by itself, and not that of a session that has one.
    pub(super) fn of(spec: &FactorySpec) -> Self {
        let own = std::env::current_dir().ok();
        let is_own = |directory: &PathBuf| Some(directory) == own.as_ref();
        let mut directories: Vec<_> = [&spec.working_directory, &spec.files_directory]
            .into_iter()
            .flatten()
            .filter(|directory| !is_own(directory))
            .cloned()
            .collect();
        directories.dedup();
        let of_session = spec.working_directory.as_ref();
        let moves = of_session.is_some_and(|directory| !is_own(directory));
        Self {
            directories,
            elsewhere: own.clone().filter(|_| moves),
            seen: Mutex::default(),
        }
    }

    /// What was seen last, if nothing has changed since. Never reads a file.
    pub(super) fn known(&self) -> Option<Arc<Holdings>> {
        let mut seen = self.lock();
        let seen = seen.as_mut()?;
        if seen.at.elapsed() >= LOOK_AGAIN {
            let settled = |stamp: &Option<Stamp>| stamp.as_ref().is_none_or(Stamp::is_settled);
            if seen.stamps != self.stamps() || !seen.stamps.iter().all(settled) {
                return None;
            }
            seen.at = Instant::now();
        }
        Some(seen.holdings.clone())
    }

    /// What there is now.
    pub(super) fn look(&self) -> Arc<Holdings> {
        if let Some(known) = self.known() {
            return known;
        }
        let stamps = self.stamps(); // first: it may change meanwhile
        let mut holdings = Holdings {
            modules: HashMap::new(),
            elsewhere: self.elsewhere.clone(),
        };
        for directory in &self.directories {
            read_directory(directory, &mut holdings.modules);
        }
        let mut seen = self.lock();
        let unchanged = seen.as_ref().filter(|seen| *seen.holdings == holdings);
        let holdings = unchanged.map_or_else(|| Arc::new(holdings), |seen| seen.holdings.clone());
        *seen = Some(Seen {
            at: Instant::now(),
            stamps,
            holdings: holdings.clone(),
        });
        holdings
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        self.directories.iter().map(|d| Stamp::of(d)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        locked(&self.seen)
    }
}

fn read_directory(directory: &Path, modules: &mut HashMap<String, PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(found) = fs::metadata(&path) else {
            continue;
        };
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if let Some(module) = module_of(name) {
            modules.insert(module.to_owned(), path.clone());
        } else if found.is_dir() && is_package(&path) {
            modules.insert(name.to_owned(), path.clone());
        } else if is_archive(&path, &found) {
            match modules_of_archive(&path) {
                Ok(found) => modules.extend(found.iter().cloned()),
                Err(error) => debug!(
                    "Can't read the list of modules in {}: {error}",
                    path.display()
                ),
            }
        }
    }
}

/// Else it is only a part of a namespace, which any module of that name goes before.
fn is_package(directory: &Path) -> bool {
    ["__init__.py", "__init__.pyc"]
        .iter()
        .any(|file| directory.join(file).exists())
}

fn is_archive(path: &Path, found: &Metadata) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    found.is_file() && ending.is_some_and(|ending| ARCHIVES.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::zygote::stamp::TICK;
    use std::fs::File;
    use std::io::Write;

    fn names(directories: &[&Path]) -> Vec<String> {
        let surroundings = Surroundings {
            directories: directories.iter().map(|d| d.to_path_buf()).collect(),
            elsewhere: None,
            seen: Mutex::default(),
        };
        let mut names: Vec<_> = surroundings.look().modules.keys().cloned().collect();
        names.sort();
        names
    }

    fn write_zip(path: &Path, files: &[&str]) {
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for file in files {
            archive.start_file(*file, options).unwrap();
            archive.write_all(b"pass").unwrap();
        }
        archive.finish().unwrap();
    }

    #[test]
    fn modules_packages_and_archives_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for file in ["one.py", "two.cpython-311-x86_64-linux-gnu.so", "data.csv"] {
            fs::write(at(file), "").unwrap();
        }
        for package in ["three", "no_package"] {
            fs::create_dir(at(package)).unwrap();
        }
        fs::write(at("three/__init__.py"), "").unwrap();
        fs::write(at("no_package/four.py"), "").unwrap();
        fs::write(at("broken.zip"), "no archive").unwrap();
        let inside = ["five.py", "six/__init__.py", "seven/eight.py", "READ.me"];
        write_zip(&at("deps.zip"), &inside);
        let expected = ["five", "one", "six", "three", "two"];
        assert_eq!(names(&[directory.path()]), expected);
    }

    #[test]
    fn an_archive_that_has_changed_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let archive = directory.path().join("deps.zip");
        for module in ["one.py", "two.py"] {
            write_zip(&archive, &[module]);
            std::thread::sleep(TICK + TICK);
            let name = module.trim_end_matches(".py");
            assert_eq!(names(&[directory.path()]), [name]); // reads it
            assert_eq!(names(&[directory.path()]), [name]); // remembers it
        }
    }

    #[test]
    fn what_comes_later_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            directories: vec![directory.path().to_path_buf()],
            elsewhere: None,
            seen: Mutex::default(),
        };
        assert!(surroundings.look().modules.is_empty());
        fs::write(directory.path().join("one.py"), "").unwrap();
        std::thread::sleep(LOOK_AGAIN);
        assert!(surroundings.look().modules.contains_key("one"));
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            directories: vec![directory.path().to_path_buf()],
            elsewhere: None,
            seen: Mutex::default(),
        };
        assert!(surroundings.known().is_none());
        std::thread::sleep(TICK + LOOK_AGAIN);
        let seen = surroundings.look();
        std::thread::sleep(LOOK_AGAIN);
        assert!(Arc::ptr_eq(&seen, &surroundings.known().unwrap()));
    }
}
