//! What docs/five-systems.md says of the five systems' methods is so: its items and tests exist.

mod items;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use items::Items;

/// What begins a cell that names no item.
const WITHOUT: [&str; 2] = ["not built yet: ", "not offered: "];

struct Row {
    system: String,
    method: String,
    items: String,
    tests: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rows of all tables; the heading above a table is its system.
fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/five-systems.md")).unwrap();
    let (mut system, mut rows) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut system);
        }
        let is_head = line.contains("| Rust item |") || line.starts_with("|---");
        if !line.starts_with('|') || is_head {
            continue;
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [method, items, tests, _] = cells[..] else { panic!("four cells: {line}") };
        let [method, items, tests] = [method, items, tests].map(str::to_owned);
        rows.push(Row { system: system.clone(), method, items, tests });
    }
    rows
}

impl Row {
    fn waits(&self) -> bool {
        WITHOUT.iter().any(|word| self.items.starts_with(word))
    }

    fn place(&self) -> String {
        format!("{}, {}", self.system, self.method)
    }
}

/// The texts between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn sources(directory: &Path) -> Vec<String> {
    let (mut texts, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "rs" => {
                    texts.push(fs::read_to_string(path).unwrap());
                }
                _ => {}
            }
        }
    }
    texts
}

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    let (mut names, mut is_test) = (BTreeSet::new(), false);
    for line in sources(&root().join("tests")).iter().flat_map(|text| text.lines()) {
        let line = line.trim();
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        let name = function.and_then(|function| function.split('(').next());
        if let Some(name) = name.filter(|_| std::mem::take(&mut is_test)) {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn every_item_and_test_that_the_table_names_exists() {
    let (items, tests, rows) = (Items::read(), tests(), rows());
    let mut missing = Vec::new();
    for row in rows.iter().filter(|row| !row.waits()) {
        assert!(quoted(&row.items).count() > 0, "{}: no item, nor why", row.place());
        assert!(quoted(&row.tests).count() > 0, "{}: no test", row.place());
        let no_item = quoted(&row.items).filter(|item| !items.has(item));
        let no_test = quoted(&row.tests).filter(|test| !tests.contains(*test));
        missing.extend(no_item.chain(no_test).map(|name| format!("{}: {name}", row.place())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_row_that_waits_names_no_test_and_no_method_has_two_rows() {
    let (rows, mut seen) = (rows(), BTreeSet::new());
    for row in &rows {
        assert!(!row.waits() || row.tests == "–", "{}", row.place());
        assert!(seen.insert(row.place()), "{} has two rows", row.place());
    }
    let systems: BTreeSet<_> = rows.iter().map(|row| row.system.as_str()).collect();
    assert_eq!(systems.len(), 5);
}

#[test]
fn what_does_not_exist_is_noticed() {
    let items = Items::read();
    assert!(items.has("FunctionExecution::plot") && items.has("Phase::Ended") && items.has("ping"));
    let none = ["FunctionExecution::plo", "Phase::End", "Plots", "Control::plot", "StartError::id"];
    assert_eq!(none.map(|item| items.has(item)), [false; 5]);
    // Public in its module, and not for users.
    assert!(!items.has("Record"));
    assert!(!tests().contains("what_does_not_exist"));
}
