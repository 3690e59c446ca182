//! Tables in the docs are the code's. `UPDATE_DOCS=1 cargo test --test tables` rewrites them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use native_python_worker::jvm::report;
use native_python_worker::spec::keys;

/// Between the comments `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a file is this table.
fn shows(file: &str, name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let (before, rest) = text.split_once(&begin).unwrap();
    let (shown, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "run: UPDATE_DOCS=1 cargo test --test tables");
}

#[test]
fn the_docs_show_the_settings_as_they_are() {
    shows("docs/settings.md", "settings", &keys::markdown_table());
}

#[test]
fn the_page_of_metrics_shows_those_that_there_are() {
    shows("docs/metrics.md", "metrics", &report::markdown_table());
}

/// The pages of the docs.
fn pages() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [
        "",
        "docs",
        "docs/bench",
        "examples",
        ".github",
        "java",
        "src/launch/zygote",
    ]
    .iter()
    .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
    .map(|entry| entry.unwrap().path())
    .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    .collect()
}

#[test]
fn links_between_the_docs_lead_somewhere() {
    let mut checked = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let file = page.parent().unwrap().join(target);
            assert!(file.exists(), "{} links to {target}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} links were found");
}
