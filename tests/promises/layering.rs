//! The arrows between the rooms point the way ARCHITECTURE.md draws them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Room, and the rooms it may name. Tests and examples may name all of them.
const ARROWS: [(&str, &[&str]); 6] = [
    ("selsyn-codegen", &[]),
    ("selsyn-common", &[]),
    ("selsyn-master", &["selsyn-common"]),
    ("selsyn-slave", &["selsyn-common"]),
    ("selsyn", &["selsyn-common", "selsyn-master", "selsyn-slave"]),
    ("selsyn-testing", &["selsyn"]),
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo speaks JSON")
}

#[test]
fn no_room_names_a_room_that_it_must_not() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    for (room, allowed) in ARROWS {
        let package = packages.iter().find(|package| package["name"] == room).expect(room);
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let ours: BTreeSet<_> = dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| name.starts_with("selsyn"))
            .collect();
        let allowed: BTreeSet<_> = allowed.iter().copied().collect();
        assert!(ours.is_subset(&allowed), "{room} names {:?}", ours.difference(&allowed));
    }
}
