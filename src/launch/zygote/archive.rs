//! Which modules an archive has. Each is read once, however many sessions have it, and before the first of them asks.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use super::stamp::Stamp;
use crate::os::lock::locked;

/// Of a file with a module.
const MODULES: &[&str] = &["py", "pyc", "so"];
/// Sessions may have archives of their own, one after the other.
const MOST_REMEMBERED: usize = 256;

/// Modules by their top-level names, and where in the archive each is.
type Modules = Vec<(String, PathBuf)>;

type Remembered = HashMap<PathBuf, (Stamp, Arc<Modules>)>;

static REMEMBERED: LazyLock<Mutex<Remembered>> = LazyLock::new(Mutex::default);

/// What the archive has that Python could import.
pub(super) fn modules_of_archive(path: &Path) -> zip::result::ZipResult<Arc<Modules>> {
    let stamp = Stamp::of(path); // first: it may change meanwhile
    let mut remembered = locked(&REMEMBERED);
    if let Some((of, modules)) = remembered.get(path) {
        if stamp.as_ref() == Some(of) {
            return Ok(modules.clone());
        }
        remembered.remove(path);
    }
    drop(remembered);
    let modules = Arc::new(read(path)?);
    if let Some(stamp) = stamp.filter(Stamp::is_settled) {
        let mut remembered = locked(&REMEMBERED);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(path.to_owned(), (stamp, modules.clone()));
    }
    Ok(modules)
}

fn read(path: &Path) -> zip::result::ZipResult<Modules> {
    let archive = zip::ZipArchive::new(File::open(path)?)?;
    let mut modules = Modules::new();
    for file in archive.file_names().filter_map(Result::ok) {
        let file = file.as_ref();
        let module = match file.split_once('/') {
            None => module_of(file),
            Some((package, file)) => {
                (file == "__init__.py" || file == "__init__.pyc").then_some(package)
            }
        };
        if let Some(module) = module {
            modules.push((module.to_owned(), path.join(file)));
        }
    }
    Ok(modules)
}

/// The module that a file of this name has, if it has one: `a.py`, `a.abi3.so`.
pub(super) fn module_of(name: &str) -> Option<&str> {
    let (module, rest) = name.split_once('.')?;
    let ending = rest.rsplit('.').next()?;
    let plain = ending == rest || ending == "so";
    (plain && !module.is_empty() && MODULES.contains(&ending)).then_some(module)
}
