//! Who may depend on whom. `docs/ARCHITECTURE.md` opens with the table; `cargo metadata` reports the facts.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates from the bottom up, each with the crates of the workspace that it may build on. A crate must never know
/// any crate that its row does not name.
const MAY: [(&str, &[&str]); 15] = [
    ("cr3-machine", &[]),
    ("cr3-asm", &[]),
    ("cr3-patch", &[]),
    ("cr3-testing", &[]),
    ("cr3-vectors", &["cr3-machine"]),
    ("cr3-core", &["cr3-machine", "cr3-asm", "cr3-patch"]),
    ("cr3-session", &["cr3-core"]),
    ("cr3-jobs", &["cr3-core", "cr3-session"]),
    ("cr3-unicorn", &["cr3-core"]),
    ("cr3-unicorn-testing", &["cr3-core", "cr3-unicorn", "cr3-testing"]),
    // The session makes the text report, and the jobs have it judged: the terminal prints it.
    ("cr3-cli", &["cr3-vectors", "cr3-core", "cr3-session", "cr3-jobs", "cr3-unicorn"]),
    ("cr3-worker", &["cr3-core", "cr3-session", "cr3-jobs", "cr3-unicorn"]),
    // The part that loads before the page draws knows neither the check nor the engines that search.
    ("cr3-web", &["cr3-core", "cr3-session"]),
    // Only the build of the page calls it, as a program.
    ("cr3-split", &[]),
    ("xtask", &[]),
];

/// Crates that only tests use.
const FOR_TESTS: [&str; 2] = ["cr3-testing", "cr3-unicorn-testing"];

/// Libraries that belong to a layer, with the crates whose code may call them. Tests may call the others too.
const LIBRARIES: [(&str, &[&str]); 16] = [
    ("yew", &["cr3-web"]),
    ("gloo", &["cr3-worker", "cr3-web"]),
    ("web-sys", &["cr3-worker", "cr3-web"]),
    ("wasm-bindgen", &["cr3-unicorn", "cr3-worker", "cr3-web"]),
    ("js-sys", &["cr3-unicorn", "cr3-worker", "cr3-web"]),
    ("unicorn-engine", &["cr3-unicorn"]),
    ("iced-x86", &["cr3-machine", "cr3-core", "cr3-unicorn", "cr3-unicorn-testing"]),
    ("triomphe", &["cr3-machine"]),
    ("base64", &["cr3-patch", "cr3-session"]),
    ("quoted_printable", &["cr3-patch"]),
    ("clap", &["cr3-cli"]),
    ("serde_json", &["cr3-cli"]),
    ("serde", &["cr3-vectors", "cr3-cli"]),
    ("toml", &["cr3-vectors"]),
    ("wasm-encoder", &["cr3-split"]),
    ("wasmparser", &["cr3-split"]),
];

/// Features that are a layer of their own: the crate, the feature, and the crates that may ask for it.
const FEATURES: [(&str, &str, &[&str]); 2] =
    [("cr3-core", "search", &["cr3-jobs", "cr3-cli"]), ("cr3-core", "trees", &["cr3-jobs", "cr3-cli"])];

/// What a crate names in its Cargo.toml. A dependency that only a feature brings ends with `?`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Uses {
    normal: BTreeSet<String>,
    dev: BTreeSet<String>,
    build: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The packages of the workspace as cargo sees them.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).current_dir(root());
    let output = cargo.output().expect("cargo runs, because it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// What each package uses.
fn reality() -> BTreeMap<String, Uses> {
    packages().iter().map(|package| (text(&package["name"]), uses(package))).collect()
}

/// The crates that ask for a feature of a crate, by name or as one of its default features.
fn askers(of: &str, feature: &str) -> BTreeSet<String> {
    let asks = |dependency: &Value| {
        let named = dependency["features"].as_array().expect("a list of features");
        dependency["name"] == of
            && (dependency["uses_default_features"] == true || named.iter().any(|name| name == feature))
    };
    let of_package = |package: &Value| package["dependencies"].as_array().expect("a list").iter().any(asks);
    packages().iter().filter(|package| of_package(package)).map(|package| text(&package["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn uses(package: &Value) -> Uses {
    let mut uses = Uses::default();
    for dependency in package["dependencies"].as_array().expect("a list of dependencies") {
        let list = match dependency["kind"].as_str() {
            None => &mut uses.normal,
            Some("dev") => &mut uses.dev,
            Some("build") => &mut uses.build,
            Some(other) => panic!("a dependency of the kind {other}"),
        };
        let optional = if dependency["optional"] == Value::Bool(true) { "?" } else { "" };
        list.insert(text(&dependency["name"]) + optional);
    }
    uses
}

/// The table of the document: its rows in their order.
fn documented(document: &str) -> Vec<(String, Uses)> {
    let lines = document.lines().skip_while(|line| !line.starts_with("| crate |"));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let [_, name, _, normal, dev, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("crate, what it is, what it builds on, what its tests use: {row}");
        };
        let name = names(name).pop_first().unwrap_or_default();
        (name, Uses { normal: names(normal), dev: names(dev), build: BTreeSet::new() })
    })
    .collect()
}

/// The names between backticks.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the document is there")
}

/// The name without the mark of a feature.
fn bare(name: &str) -> &str {
    name.trim_end_matches('?')
}

#[test]
fn the_table_of_the_document_is_what_cargo_says() {
    let (document, reality) = (documented(&document()), reality());
    for (name, uses) in &document {
        assert_eq!(Some(uses), reality.get(name), "left: docs/ARCHITECTURE.md, right: Cargo.toml, of {name}");
    }
    assert_eq!(document.len(), reality.len(), "each crate has one row");
}

#[test]
fn the_table_goes_from_the_bottom_up() {
    let order: Vec<String> = documented(&document()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(order, MAY.map(|(name, _)| name));
}

#[test]
fn the_picture_shows_every_crate() {
    let document = document();
    let picture = document.split("```").nth(1).expect("the picture comes first");
    for (name, _) in MAY {
        assert!(picture.contains(name.trim_start_matches("cr3-")), "{name} is not in the picture");
    }
}

#[test]
fn no_crate_builds_on_what_it_must_never_know() {
    let reality = reality();
    for (name, uses) in &reality {
        let (_, may) = MAY.iter().find(|(of, _)| of == name).unwrap_or_else(|| panic!("what may {name} build on?"));
        for on in uses.normal.iter().map(|on| bare(on)).filter(|on| reality.contains_key(*on)) {
            assert!(may.contains(&on), "{name} must never know {on}");
        }
        assert_eq!(uses.build, BTreeSet::new(), "{name} has a build script that needs crates");
    }
    let below = |at: usize, on: &&str| MAY[..at].iter().any(|(name, _)| name == on);
    for (at, (name, may)) in MAY.iter().enumerate() {
        assert!(may.iter().all(|on| below(at, on)), "{name} may only build on what is below it");
    }
}

/// The tests of a crate may use what the crate may build on and the crates for tests, but nothing else of the
/// workspace.
#[test]
fn tests_bring_no_layer_in() {
    let reality = reality();
    for (name, may) in MAY {
        for on in reality[name].dev.iter().map(|on| bare(on)).filter(|on| reality.contains_key(*on)) {
            assert!(may.contains(&on) || FOR_TESTS.contains(&on), "the tests of {name} must never know {on}");
        }
    }
}

#[test]
fn each_library_stays_in_its_layer() {
    let reality = reality();
    for (library, may) in LIBRARIES {
        let users = reality.iter().filter(|(_, uses)| uses.normal.iter().any(|on| bare(on) == library));
        let users: BTreeSet<&str> = users.map(|(name, _)| name.as_str()).collect();
        let may = BTreeSet::from_iter(may.iter().copied());
        assert!(users.is_subset(&may), "{library} belongs to {may:?}, and {users:?} call it");
        assert!(!users.is_empty(), "nobody calls {library}");
    }
}

#[test]
fn who_asks_for_a_feature_may() {
    for (of, feature, may) in FEATURES {
        let may = may.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(askers(of, feature), may, "left: who asks for {feature} of {of}, right: who may");
    }
}

#[test]
fn the_assembler_and_xtask_stand_alone() {
    let reality = reality();
    assert_eq!(reality["cr3-asm"].normal, BTreeSet::new());
    assert_eq!(reality["xtask"], Uses::default(), "xtask compiles on a machine that has nothing yet, its tests too");
}
