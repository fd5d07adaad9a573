//! Where the project's files are, and how its commands are started.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// All crates except the page and its worker, which are only built for the browser. Commands that name the same crates and
/// the same profile share what cargo has built.
pub(crate) const NATIVE: [&str; 8] =
    ["--workspace", "--exclude", "cr3-web", "--exclude", "cr3-worker", "--locked", "--features", "cr3-cli/unicorn"];

/// The same crates; the terminal program is the one that `cargo install` installs.
pub(crate) const NATIVE_WITHOUT_UNICORN: &[&str] = NATIVE.split_at(6).0;

/// The target of everything that runs in a browser.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A checkout of the repository.
pub(crate) struct Project {
    root: PathBuf,
}

/// Variables that cargo sets for `cargo run`, or a person for their own terminal, and that would harm the commands
/// started here. Cargo's variables describe xtask and not the crate to build. Trunk accepts only true and false in
/// `NO_COLOR`.
const NOT_HANDED_DOWN: [&str; 3] = ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "NO_COLOR"];

impl Project {
    /// The checkout in which `cargo xtask` was called.
    pub(crate) fn find() -> Result<Self, Failure> {
        let from_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let here = std::env::current_dir().ok();
        from_cargo
            .iter()
            .chain(here.iter())
            .flat_map(|folder| folder.ancestors())
            .find(|folder| folder.join("crates/xtask/Cargo.toml").is_file())
            .map(|root| Self { root: root.to_path_buf() })
            .ok_or_else(|| {
                Failure::new(
                    "this is not a checkout of the project: no crates/xtask here or above",
                    "call cargo xtask inside the cloned repository",
                )
            })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What the commands install for themselves; git ignores it.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The release build of the page.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> PathBuf {
        let own = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(own)
    }

    /// `program`, run at the root of the checkout, with the project's own tools before the system's.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root).env("PATH", self.search_path(&[]));
        for name in NOT_HANDED_DOWN {
            command.env_remove(name);
        }
        command
    }

    /// `cargo` with these arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    /// PATH with `first` and the project's own tools in front.
    pub(crate) fn search_path(&self, first: &[PathBuf]) -> OsString {
        let own = [self.tools().join("bin"), self.root.join("node_modules/.bin")];
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = first.iter().cloned().chain(own).chain(std::env::split_paths(&inherited));
        // Only a folder with ':' in its name cannot be joined, and it could not have been on PATH either.
        std::env::join_paths(folders).unwrap_or(inherited)
    }

    fn lock(&self) -> Result<String, Failure> {
        let path = self.root.join("Cargo.lock");
        fs::read_to_string(&path).map_err(|error| Failure::io(&path, &error))
    }

    /// Every package in Cargo.lock.
    pub(crate) fn locked_packages(&self) -> Result<Vec<String>, Failure> {
        let lock = self.lock()?;
        let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        Ok(names.map(str::to_owned).collect())
    }

    /// The version of `package` in Cargo.lock.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String, Failure> {
        version_in_lock(&self.lock()?, package).map(str::to_owned).ok_or_else(|| {
            Failure::new(format!("Cargo.lock has no package {package}"), "restore Cargo.lock: git checkout Cargo.lock")
        })
    }
}

fn version_in_lock<'lock>(lock: &'lock str, package: &str) -> Option<&'lock str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// Cargo's folder of registries, databases and installed programs.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home)
}

/// The path of `program` on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The first three numbers in a program's answer to `--version`, for comparison.
pub(crate) fn version_numbers(text: &str) -> Option<[u32; 3]> {
    let word = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    Some([(); 3].map(|()| numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n[[package]]\nname = \"yew\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version_in_lock(lock, "wasm"), None);
        assert_eq!(version_in_lock(lock, "yew"), None);
    }

    #[test]
    fn versions_are_read_from_answers() {
        let check = |text, expected| assert_eq!(version_numbers(text), expected, "{text}");
        check("rustc 1.96.0 (0123456 2026-05-25) (built from a source tarball)", Some([1, 96, 0]));
        check("v20.20.2", Some([20, 20, 2]));
        check("trunk 0.22.0-beta.1", Some([0, 22, 0]));
        check("none", None);
    }
}
