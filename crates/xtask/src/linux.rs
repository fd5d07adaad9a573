//! `cargo xtask linux`: the built-in entry code beside that of real kernels.
//!
//! Debian's packages of kernel sources are taken as they are. Only what entry code includes is kept, in `.tools/linux`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::Verdict;
use crate::debian::{make_folder, write};
use crate::failure::Failure;
use crate::project::Project;
use crate::{build, steps};

/// Debian's package of a kernel's sources, and a suite that has it if those of this machine do not.
struct Package {
    release: &'static str,
    suite: &'static str,
}

const PACKAGES: [Package; 2] =
    [Package { release: "6.1", suite: "bookworm" }, Package { release: "6.12", suite: "trixie" }];

/// What the entry code of a kernel includes.
const KEPT: [&str; 8] = [
    "Makefile",
    "arch/x86/entry",
    "arch/x86/include",
    "arch/x86/mm",
    "include/linux",
    "include/asm-generic",
    "include/uapi",
    "include/vdso",
];

impl Package {
    fn name(&self) -> String {
        format!("linux-source-{}", self.release)
    }

    fn folder(&self, project: &Project) -> PathBuf {
        project.tools().join("linux").join(self.release)
    }

    /// The version of the package whose sources are there.
    fn version(&self, project: &Project) -> Option<String> {
        let version = fs::read_to_string(self.folder(project).join("VERSION")).ok()?;
        Some(version.trim().to_owned())
    }
}

/// Gets the packages and compares.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    for package in PACKAGES.iter().filter(|package| package.version(project).is_none()) {
        get(project, package)?;
    }
    compare(project)
}

/// Compares with the packages that are there already.
pub(crate) fn check(project: &Project) -> Result<Verdict, Failure> {
    if PACKAGES.iter().all(|package| package.version(project).is_none()) {
        println!("entry code beside Linux's: skipped; `cargo xtask linux` gets the kernels' sources");
        return Ok(Verdict::Skipped("entry code beside Linux's"));
    }
    compare(project).map(|()| Verdict::Passed)
}

fn compare(project: &Project) -> Result<(), Failure> {
    let cr3play = build::cr3play(project)?;
    for package in &PACKAGES {
        let Some(version) = package.version(project) else { continue };
        let mut command = Command::new(&cr3play);
        command.args(["tree", "--every-configuration", "--runs", "--tree"]).arg(package.folder(project));
        let headline = format!("entry code beside {} {version}, 16 configurations", package.name());
        let mend =
            "mend the text that differs, or declare the difference in crates/core/src/linux/lockstep/declared.rs";
        steps::run_showing(&headline, &mut command, closes, mend)?;
        alone(&cr3play, package, &package.folder(project))?;
    }
    Ok(())
}

/// The kernel's entry_64.S as a person pastes it: without its tree, with stand-ins for its headers. The run keeps every promise.
fn alone(cr3play: &Path, package: &Package, folder: &Path) -> Result<(), Failure> {
    let mut command = Command::new(cr3play);
    command.args(["run", "--steps", "none", "--macro"]).arg(folder.join("arch/x86/entry/entry_64.S"));
    let headline = format!("entry_64.S of {} without its tree", package.name());
    steps::run(&headline, &mut command, "add what its headers lack to testdata/tree").map(drop)
}

fn closes(line: &str) -> bool {
    line.contains("configurations, ") || line.starts_with("undeclared") || line.starts_with("text;")
}

// --- Getting the sources -----------------------------------------------------------------------------------------------

fn get(project: &Project, package: &Package) -> Result<(), Failure> {
    let name = package.name();
    let folder = package.folder(project);
    let work = project.tools().join("linux").join(format!("{}.new", package.release));
    remove(&work)?;
    make_folder(&work)?;
    println!("Debian package for the comparison with Linux, about 150 MB, into .tools/linux: {name}");
    let mend = format!("apt-get download {name}, where Debian's archive can be reached");
    download(&work, package, &mend)?;
    let archive = found(&work, ".deb", &mend)?;
    let version = version_of(&archive, &name).ok_or_else(|| Failure::new(format!("{name} has no version"), &mend))?;
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(&archive).arg(&work);
    steps::run(&format!("unpack {name} {version}"), &mut unpack, &mend)?;
    let sources = found(&work.join("usr/src"), ".tar.xz", &mend)?;
    let kept = work.join("kept");
    make_folder(&kept)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--xz").arg("--file").arg(&sources).arg("--directory").arg(&kept);
    tar.arg("--strip-components=1").args(KEPT.map(|path| format!("{name}/{path}")));
    steps::run(&format!("unpack entry code and headers of {name}"), &mut tar, "apt-get install tar xz-utils")?;
    write(&kept.join("VERSION"), &format!("{version}\n"))?;
    remove(&folder)?;
    fs::rename(&kept, &folder).map_err(|error| Failure::io(&folder, &error))?;
    remove(&work)
}

/// From a suite of this machine, or else from one with a list of its own, which changes nothing outside `work`.
fn download(work: &Path, package: &Package, mend: &str) -> Result<(), Failure> {
    let name = package.name();
    let mut usual = Command::new("apt-get");
    usual.args(["download", &name]).current_dir(work);
    if steps::try_run(&format!("apt-get download {name}"), &mut usual, None)?.success() {
        return Ok(());
    }
    let own = OwnList::new(work, package)?;
    let headline = format!("apt-get update, for {} alone", package.suite);
    steps::run(&headline, own.apt_get(&["update"]).current_dir(work), mend)?;
    let headline = format!("apt-get download {name}, from {}", package.suite);
    steps::run(&headline, own.apt_get(&["download", &name]).current_dir(work), mend).map(drop)
}

/// A list of sources in a folder, with one suite.
struct OwnList {
    folder: PathBuf,
}

impl OwnList {
    fn new(work: &Path, package: &Package) -> Result<Self, Failure> {
        let folder = work.join("apt");
        for part in ["lists/partial", "cache/archives/partial", "parts"] {
            make_folder(&folder.join(part))?;
        }
        let list = format!(
            "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: {}\nComponents: main\nSigned-By: {KEYS}\n",
            package.suite
        );
        write(&folder.join("parts/suite.sources"), &list)?;
        Ok(Self { folder })
    }

    fn apt_get(&self, arguments: &[&str]) -> Command {
        let at = |option: &str, part: &str| format!("{option}={}", self.folder.join(part).display());
        let mut command = Command::new("apt-get");
        command.args(["-o", "Dir::Etc::sourcelist=/dev/null", "-o", &at("Dir::Etc::sourceparts", "parts")]);
        command.args(["-o", &at("Dir::State::lists", "lists"), "-o", &at("Dir::Cache", "cache")]);
        command.args(arguments);
        command
    }
}

/// The keys of Debian's archive.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// `6.1.172-1` for `linux-source-6.1_6.1.172-1_all.deb`.
fn version_of(archive: &Path, name: &str) -> Option<String> {
    let file = archive.file_name()?.to_str()?;
    let version = file.strip_prefix(name)?.strip_prefix('_')?.strip_suffix("_all.deb")?;
    Some(version.replace("%3a", ":"))
}

/// The file of a folder whose name has this ending.
fn found(folder: &Path, end: &str, mend: &str) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io(folder, &error))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .find(|path| path.to_string_lossy().ends_with(end))
        .ok_or_else(|| Failure::new(format!("no file {end} in {}", folder.display()), mend))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(folder, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_package_has_its_version() {
        let version = |file: &str| version_of(Path::new(file), "linux-source-6.1");
        assert_eq!(version("a/linux-source-6.1_6.1.172-1_all.deb").as_deref(), Some("6.1.172-1"));
        assert_eq!(version("linux-source-6.12_6.12.117-1_all.deb"), None);
        assert_eq!(version("linux-source-6.1_6.1.172-1_amd64.deb"), None);
    }

    #[test]
    fn closing_lines_are_the_sums() {
        assert!(closes("v6.12.117, form E: 16 configurations, 1 pairs of instructions, 2 runs of each text;"));
        assert!(!closes("pti,pcid, v6.12: 637 pairs, 0 runs"));
    }
}
