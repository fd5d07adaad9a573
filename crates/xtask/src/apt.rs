//! Debian packages: named first, then installed as root or with sudo.

use std::collections::BTreeSet;
use std::process::Command;

use crate::failure::Failure;
use crate::project::{Project, on_path};
use crate::steps::{self, ask};
use crate::timings;

/// A program and its Debian package.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// Installs the packages of those `programs` that are not on PATH; `purpose` says what needs them.
pub(crate) fn ensure_programs(project: &Project, programs: &[Program], purpose: &str) -> Result<(), Failure> {
    install(project, &missing_packages(programs, |name| on_path(name).is_some()), purpose)
}

/// Each package once, even if it has several of the programs.
fn missing_packages<'a>(programs: &[Program], there: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let missing: BTreeSet<&str> =
        programs.iter().filter(|program| !there(program.name)).map(|program| program.package).collect();
    missing.into_iter().collect()
}

/// Installs those `packages` that dpkg does not list as installed.
pub(crate) fn ensure_packages(project: &Project, packages: &[&str], purpose: &str) -> Result<(), Failure> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    install(project, &missing, purpose)
}

fn install(project: &Project, packages: &[&str], purpose: &str) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    let mend = format!("sudo apt-get update && sudo apt-get install {names}");
    println!("Debian packages needed for {purpose}: {names}");
    let authority = Authority::find(purpose, &mend)?;
    if packages.iter().any(|package| !has_candidate(package)) {
        update(&authority, &mend)?;
    }
    let headline = format!("apt-get install {names}");
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    let first = steps::try_run(&headline, &mut authority.apt_get(&arguments), None)?;
    let elapsed = if first.success() {
        first.elapsed
    } else {
        // The usual cause is a package list older than the archive.
        update(&authority, &mend)?;
        steps::run(&headline, &mut authority.apt_get(&arguments), &mend)?
    };
    timings::record(project, &format!("apt: {names}"), elapsed);
    Ok(())
}

fn update(authority: &Authority, mend: &str) -> Result<(), Failure> {
    steps::run("apt-get update", &mut authority.apt_get(&["update"]), mend).map(drop)
}

fn installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    ask(&mut query).is_some_and(|status| status == "installed")
}

fn has_candidate(package: &str) -> bool {
    ask(Command::new("apt-cache").args(["policy", package])).is_some_and(|policy| names_candidate(&policy))
}

fn names_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate:"))
        .any(|candidate| candidate.trim() != "(none)")
}

/// The authority to run apt-get.
#[derive(Debug, PartialEq, Eq)]
enum Authority {
    Root,
    Sudo,
}

impl Authority {
    fn find(purpose: &str, mend: &str) -> Result<Self, Failure> {
        if on_path("apt-get").is_none() {
            return Err(Failure::new(
                format!("Debian packages are needed for {purpose}, and there is no apt-get here"),
                format!("install what these Debian packages contain, then run the command again ({mend})"),
            ));
        }
        if ask(Command::new("id").arg("-u")).is_some_and(|id| id == "0") {
            return Ok(Self::Root);
        }
        let may_ask = steps::someone_can_answer();
        let has_sudo = on_path("sudo").is_some();
        if has_sudo && (may_ask || ask(Command::new("sudo").args(["-n", "true"])).is_some()) {
            return Ok(Self::Sudo);
        }
        Err(Failure::new(
            format!("Debian packages are needed for {purpose}, and this is not root and cannot use sudo"),
            mend,
        ))
    }

    fn apt_get(&self, arguments: &[&str]) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.arg("env");
                sudo
            }
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]);
        command.args(arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_asked_for_once() {
        let programs = [("as", "binutils"), ("ld", "binutils"), ("cc", "gcc")];
        let programs = programs.map(|(name, package)| Program { name, package });
        assert_eq!(missing_packages(&programs, |_| false), ["binutils", "gcc"]);
        assert_eq!(missing_packages(&programs, |name| name == "as"), ["binutils", "gcc"]);
        assert_eq!(missing_packages(&programs, |name| name != "cc"), ["gcc"]);
    }

    #[test]
    fn a_package_without_candidate_needs_an_update() {
        assert!(names_candidate("chromium:\n  Installed: (none)\n  Candidate: 156.0-1\n"));
        assert!(!names_candidate("chromium:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!names_candidate(""));
    }

    #[test]
    fn sudo_runs_the_same_command() {
        let words = |authority: &Authority| {
            let command = authority.apt_get(&["update"]);
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(format!("sudo {}", words(&Authority::Root)), words(&Authority::Sudo));
    }
}
