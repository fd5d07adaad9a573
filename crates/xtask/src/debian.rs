//! Debian's Rust compiler for the page, for machines on which rustup can download nothing. It needs Debian's packages,
//! and a standard library for wasm32 built from their source into a private folder, because Debian ships none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::Failure;
use crate::project::{Project, TARGET, cargo_home, version_numbers};
use crate::steps::{self, ask};
use crate::timings;

const PURPOSE: &str = "a compiler for WebAssembly";
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "rust-web-clippy"];
const RUSTC: &str = "/usr/bin/rustc";
/// Until its linker is installed, a dangling link into the folder of the right LLVM.
const LINKER: &str = "/usr/bin/rust-lld";
/// `rust-version` in Cargo.toml.
const OLDEST: [u32; 3] = [1, 95, 0];
/// Programs that must be Debian's, not rustup's.
const PROGRAMS: [&str; 5] = ["cargo", "rustc", "rustdoc", "cargo-clippy", "clippy-driver"];
/// wasm-bindgen's tests need `test` besides the standard library.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort,panic_unwind,test,proc_macro";
/// The crate for which the standard library is built; its own rlib is discarded.
const EMPTY_CRATE: &str = "nothing";

/// Debian's compiler with the standard library built here.
pub(crate) struct Toolchain {
    /// Links to Debian's programs, which PATH finds before rustup's.
    programs: PathBuf,
    sysroot: PathBuf,
}

impl Toolchain {
    fn at(project: &Project) -> Self {
        let folder = project.tools().join("wasm");
        Self { programs: folder.join("bin"), sysroot: folder.join("sysroot") }
    }

    fn library(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(TARGET).join("lib")
    }

    /// Names the compiler that built the standard library.
    fn stamp(&self) -> PathBuf {
        self.sysroot.join("built-with")
    }

    /// Makes `command` find this compiler and this standard library.
    pub(crate) fn prepare(&self, project: &Project, command: &mut Command) {
        let mut path = project.search_path(std::slice::from_ref(&self.programs));
        if let Some(home) = cargo_home() {
            // Cargo looks for its subcommands there first, unless the folder is on PATH.
            path.push(":");
            path.push(home.join("bin"));
        }
        let sysroot = format!("--sysroot={}", self.sysroot.display());
        command
            .env("PATH", path)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", &sysroot)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTDOCFLAGS", &sysroot);
        // Variables that rustup and cargo set for their children; they describe the other compiler.
        for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
            command.env_remove(name);
        }
    }
}

/// The toolchain, if the compiler that Debian has installed now built it.
pub(crate) fn built(project: &Project) -> Option<Toolchain> {
    let toolchain = Toolchain::at(project);
    let stamp = fs::read_to_string(toolchain.stamp()).ok()?;
    (stamp == compiler()?).then_some(toolchain)
}

/// Installs Debian's compiler and builds the standard library.
pub(crate) fn install(project: &Project) -> Result<Toolchain, Failure> {
    apt::ensure_packages(project, &PACKAGES, PURPOSE)?;
    apt::ensure_packages(project, &[&linker_package()?], PURPOSE)?;
    let compiler = new_enough_compiler()?;
    let toolchain = Toolchain::at(project);
    link_programs(&toolchain.programs)?;
    build_library(project, &toolchain)?;
    write(&toolchain.stamp(), &compiler)?;
    Ok(toolchain)
}

fn compiler() -> Option<String> {
    ask(Command::new(RUSTC).arg("--version"))
}

fn new_enough_compiler() -> Result<String, Failure> {
    let mend = format!("rustup target add {TARGET}, on a machine where rustup reaches its server");
    let answer = compiler().ok_or_else(|| Failure::new(format!("{RUSTC} does not run"), &mend))?;
    match version_numbers(&answer) {
        Some(version) if version >= OLDEST => Ok(answer),
        _ => Err(Failure::new(format!("Debian's compiler is too old: {answer}, and 1.95 is needed"), mend)),
    }
}

fn linker_package() -> Result<String, Failure> {
    let link = Path::new(LINKER);
    let target = fs::read_link(link).map_err(|error| Failure::io(link, &error))?;
    package_of_linker(&target.to_string_lossy()).ok_or_else(|| {
        Failure::new(
            format!("{LINKER} points to {}, which names no LLVM version", target.display()),
            format!("install the lld package whose program {LINKER} points to"),
        )
    })
}

/// `lld-22` for `../lib/llvm-22/bin/lld` and for `lld-22`.
fn package_of_linker(target: &str) -> Option<String> {
    let (_, rest) = target.split_once("llvm-").or_else(|| target.split_once("lld-"))?;
    let version: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!version.is_empty()).then(|| format!("lld-{version}"))
}

fn link_programs(folder: &Path) -> Result<(), Failure> {
    make_folder(folder)?;
    for program in PROGRAMS {
        let link = folder.join(program);
        // An earlier link may exist and point elsewhere.
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(program), &link)
            .map_err(|error| Failure::io(&link, &error))?;
    }
    Ok(())
}

fn build_library(project: &Project, toolchain: &Toolchain) -> Result<(), Failure> {
    let workshop = project.tools().join("wasm/workshop");
    let source = workshop.join("src");
    make_folder(&source)?;
    let manifest = format!(
        "[package]\nname = \"{EMPTY_CRATE}\"\nedition = \"2024\"\n\n[profile.release]\ndebug = false\n\n[workspace]\n"
    );
    write(&workshop.join("Cargo.toml"), &manifest)?;
    write(&source.join("lib.rs"), "#![no_std]\n")?;
    let target = workshop.join("target");
    let mut cargo = Command::new(toolchain.programs.join("cargo"));
    toolchain.prepare(project, &mut cargo);
    cargo
        .current_dir(&workshop)
        .args(["build", "--release", BUILD_STD, "--target", TARGET, "--target-dir"])
        .arg(&target)
        // For -Zbuild-std, and for this one command.
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode the release build's link-time optimisation fails.
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes");
    let headline = format!("standard library for {TARGET} (about 1 min)");
    let mend = "check that cargo reaches crates.io (cargo search trunk), then run the command again";
    let elapsed = steps::run(&headline, &mut cargo, mend)?;
    timings::record(project, "standard library for wasm32", elapsed);
    replace_library(&target.join(TARGET).join("release/deps"), &toolchain.library())?;
    // Only the rlibs are needed from here on.
    let _ = fs::remove_dir_all(&workshop);
    Ok(())
}

/// Moves the rlibs of `built` to an emptied `library`. Otherwise the compiler would also find one from an earlier
/// build.
fn replace_library(built: &Path, library: &Path) -> Result<(), Failure> {
    if library.exists() {
        fs::remove_dir_all(library).map_err(|error| Failure::io(library, &error))?;
    }
    make_folder(library)?;
    let entries = fs::read_dir(built).map_err(|error| Failure::io(built, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with(&format!("lib{EMPTY_CRATE}-")) {
            let path = entry.path();
            fs::rename(&path, library.join(&name)).map_err(|error| Failure::io(&path, &error))?;
        }
    }
    Ok(())
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::io(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_package_follows_the_link() {
        let check = |target, expected: Option<&str>| {
            assert_eq!(package_of_linker(target).as_deref(), expected, "{target}");
        };
        check("../lib/llvm-22/bin/lld", Some("lld-22"));
        check("lld-19", Some("lld-19"));
        check("../lib/llvm-/bin/lld", None);
        check("ld.gold", None);
    }
}
