//! The house has floors: a room of `src/` rests only on rooms below it, as ARCHITECTURE's code map has them from the top, and
//! inside a room no files rest on each other in a ring.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms from the top, by the names of their modules.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = map.split_once("| room |").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let name = |row: &str| {
        let name = row.split('`').nth(1)?;
        Some(
            name.trim_end_matches(".rs")
                .trim_end_matches('/')
                .to_owned(),
        )
    };
    rows.filter_map(name).collect()
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A file's module path: `launch::zygote` for `launch/zygote/mod.rs`.
fn module(file: &Path) -> String {
    let path = file
        .strip_prefix(root().join("src"))
        .unwrap()
        .with_extension("");
    let names: Vec<_> = path.iter().map(|name| name.to_str().unwrap()).collect();
    names.join("::").trim_end_matches("::mod").to_owned()
}

/// The modules that each one names, by `crate::`, `super::` or as a child of its own.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut sources = Vec::new();
    files(&root().join("src"), &mut sources);
    let texts: BTreeMap<_, _> = sources
        .iter()
        .map(|file| (module(file), fs::read_to_string(file).unwrap()))
        .collect();
    let named = |from: &String, text: &String| {
        let parent = from.rsplit_once("::").map_or("", |(parent, _)| parent);
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        code.flat_map(paths)
            .map(|path| match path.strip_prefix("crate::") {
                Some(path) => path.to_owned(),
                None => match path.strip_prefix("super::") {
                    Some(path) => format!("{parent}::{path}"),
                    None => format!("{from}::{path}"),
                },
            })
            .filter_map(|path| longest(&path, &texts))
            .filter(|to| to != from)
            .collect()
    };
    texts
        .iter()
        .map(|(from, text)| (from.clone(), named(from, text)))
        .collect()
}

/// What looks like a path in a line of code, but for `super::*`, by which tests name their own file.
fn paths(line: &str) -> Vec<&str> {
    line.split(|c: char| !(c.is_alphanumeric() || "_:{*".contains(c)))
        .filter(|word| word.contains("::") && !word.ends_with('*'))
        .collect()
}

/// The module that holds what a path names.
fn longest(path: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let mut path = path.trim_end_matches(':');
    loop {
        if modules.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// A way from a module back to itself by these arrows, if there is one.
fn ring(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn search(
        at: &str,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
        arrows: &BTreeMap<String, BTreeSet<String>>,
    ) -> bool {
        let again = way.iter().any(|earlier| earlier == at);
        way.push(at.to_owned());
        if again {
            return true;
        }
        if done.insert(at.to_owned()) {
            for next in arrows.get(at).into_iter().flatten() {
                if search(next, way, done, arrows) {
                    return true;
                }
            }
        }
        way.pop();
        false
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|start| {
        let mut way = Vec::new();
        search(start, &mut way, &mut done, arrows).then_some(way)
    })
}

#[test]
fn each_room_rests_on_rooms_below_it() {
    let rooms = rooms();
    let floor = |module: &str| {
        let found = rooms.iter().position(|name| name == room(module));
        found.unwrap_or_else(|| panic!("{module} is in no room of ARCHITECTURE's code map"))
    };
    let mut up = Vec::new();
    for (from, targets) in arrows() {
        if from == "lib" {
            continue;
        }
        for to in targets {
            if room(&to) != room(&from) && floor(&to) <= floor(&from) {
                up.push(format!("{from} -> {to}"));
            }
        }
    }
    assert!(up.is_empty(), "these rest on rooms above them: {up:#?}");
}

#[test]
fn no_files_rest_on_each_other_in_a_ring() {
    let arrows = arrows();
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(count > 100, "only {count} arrows were found");
    assert_eq!(ring(&arrows), None);
}
