//! What the dependencies are allowed to be: deny.toml, checked by cargo-deny without a network.

use crate::failure::Failure;
use crate::project::{Project, cargo_home};
use crate::steps;
use crate::test::Verdict;

/// Licences that fit GPL-2.0-only, no crate twice that must not be, and crates.io as the only source.
pub(crate) fn licences(project: &Project) -> Result<(), Failure> {
    let mut deny = project.command("cargo-deny");
    deny.args(["--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    let mend = "replace the crate named above, or, if its licence does fit GPL-2.0-only, name it in deny.toml";
    steps::run("licences and sources of dependencies", &mut deny, mend).map(drop)
}

/// Known advisories, if somebody has fetched the database: a test does not reach for the network.
pub(crate) fn advisories(project: &Project) -> Result<Verdict, Failure> {
    const NAME: &str = "advisories on dependencies";
    if !has_database() {
        println!("{NAME}: SKIPPED, no advisory database here (.tools/bin/cargo-deny fetch db brings it)");
        return Ok(Verdict::Skipped(NAME));
    }
    let mut deny = project.command("cargo-deny");
    deny.args(["--offline", "check", "--hide-inclusion-graph", "advisories"]);
    let mend = "cargo update -p CRATE for the crate named above; .tools/bin/cargo-deny fetch db for a database that is too old";
    steps::run(NAME, &mut deny, mend).map(|_| Verdict::Passed)
}

/// Whether cargo-deny's default folder for databases has one.
fn has_database() -> bool {
    cargo_home()
        .map(|home| home.join("advisory-dbs"))
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .is_some_and(|entries| entries.flatten().any(|entry| entry.path().is_dir()))
}
