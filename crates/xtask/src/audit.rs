//! The rules for dependencies: deny.toml, checked by cargo-deny without a network.

use crate::checks::Verdict;
use crate::failure::Failure;
use crate::project::Project;
use crate::steps;
use std::time::Duration;

/// Licences that fit GPL-2.0-only, no forbidden duplicates, and crates.io as the only source.
pub(crate) fn licences(project: &Project) -> Result<(), Failure> {
    let mut deny = project.command("cargo-deny");
    deny.args(["--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    let mend = "replace the crate named above, or, if its licence does fit GPL-2.0-only, name it in deny.toml";
    steps::run("licences and sources of dependencies", &mut deny, mend).map(drop)
}

/// How long the database of advisories may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fetches the database of advisories, or a newer one. Without a network the tests run without it, and say so.
pub(crate) fn fetch_advisories(project: &Project) -> Result<(), Failure> {
    let mut deny = project.command("cargo-deny");
    deny.args(["fetch", "db"]);
    let finished = steps::try_run("database of advisories", &mut deny, Some(PATIENCE))?;
    if !finished.success() {
        println!("database of advisories: SKIPPED, it could not be fetched; the other checks do not need it");
    }
    Ok(())
}

/// Known advisories, if the database has been fetched. A test does not use the network.
pub(crate) fn advisories(project: &Project) -> Result<Verdict, Failure> {
    const NAME: &str = "advisories on dependencies";
    if !has_database(project) {
        println!("{NAME}: SKIPPED, no advisory database here (cargo xtask setup brings it where there is a network)");
        return Ok(Verdict::Skipped(NAME));
    }
    let mut deny = project.command("cargo-deny");
    deny.args(["--offline", "check", "--hide-inclusion-graph", "advisories"]);
    let mend = "cargo update -p CRATE for the crate named above; cargo xtask setup for a database that is too old";
    steps::run(NAME, &mut deny, mend).map(|_| Verdict::Passed)
}

/// Whether the folder that deny.toml names contains a complete clone of the database.
fn has_database(project: &Project) -> bool {
    let entries = std::fs::read_dir(project.tools().join("advisory-dbs"));
    entries.is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join("crates").is_dir()))
}
