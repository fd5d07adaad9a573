//! rustfmt and clippy: parts of the Rust toolchain that a minimal one lacks.

use std::time::Duration;

use crate::failure::Failure;
use crate::project::{Project, on_path};
use crate::steps::{self, ask};

/// A part of the toolchain: cargo's subcommand, rustup's component and Debian's package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Component {
    subcommand: &'static str,
    rustup: &'static str,
    debian: &'static str,
}

const COMPONENTS: [Component; 2] = [
    Component { subcommand: "fmt", rustup: "rustfmt", debian: "rustfmt" },
    Component { subcommand: "clippy", rustup: "clippy", debian: "rust-clippy" },
];

/// Without a network rustup does not fail; it waits.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// Adds missing parts with rustup, if the toolchain is rustup's.
pub(crate) fn ensure(project: &Project) -> Result<(), Failure> {
    let missing = missing(project);
    if missing.is_empty() {
        return Ok(());
    }
    if on_path("rustup").is_some() {
        let mut rustup = project.command("rustup");
        rustup.args(["component", "add"]).args(missing.iter().map(|component| component.rustup));
        let headline = format!("rustup component add {}", names(&missing, |component| component.rustup));
        steps::try_run(&headline, &mut rustup, Some(RUSTUP_LIMIT))?;
    }
    match self::missing(project).as_slice() {
        [] => Ok(()),
        missing => Err(failure(missing)),
    }
}

fn missing(project: &Project) -> Vec<Component> {
    let runs = |component: &Component| ask(&mut project.cargo(&[component.subcommand, "--version"])).is_some();
    COMPONENTS.into_iter().filter(|component| !runs(component)).collect()
}

fn names(components: &[Component], name: fn(&Component) -> &'static str) -> String {
    components.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn failure(missing: &[Component]) -> Failure {
    let rustup = names(missing, |component| component.rustup);
    let debian = names(missing, |component| component.debian);
    Failure::new(
        format!("the Rust toolchain has no {}", rustup.replace(' ', " and no ")),
        format!("rustup component add {rustup}; for Debian's own toolchain: apt-get install {debian}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_what_is_missing_and_both_mends() {
        assert_eq!(
            failure(&COMPONENTS).to_string(),
            "failed: the Rust toolchain has no rustfmt and no clippy\n  mend: rustup component add rustfmt clippy; \
             for Debian's own toolchain: apt-get install rustfmt rust-clippy"
        );
        let one = failure(&COMPONENTS[1..]).to_string();
        assert!(one.contains("no clippy\n") && one.ends_with("install rust-clippy"), "{one}");
    }
}
