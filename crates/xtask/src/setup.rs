//! What each command needs installed, in one place.

use crate::apt::{self, Program};
use crate::failure::Failure;
use crate::project::Project;
use crate::wasm_target::{self, WasmToolchain};
use crate::{audit, components, npm, steps, tools, unicorn};

const BROWSER: [Program; 2] =
    [Program { name: "chromium", package: "chromium" }, Program { name: "chromedriver", package: "chromium-driver" }];

/// What the crate unicorn-engine-sys needs to build Unicorn's C sources.
const NATIVE_UNICORN: [Program; 3] = [
    Program { name: "cc", package: "gcc" },
    Program { name: "make", package: "make" },
    Program { name: "cmake", package: "cmake" },
];

/// The judges of the assembler's bytes.
const BINUTILS: [Program; 2] =
    [Program { name: "as", package: "binutils" }, Program { name: "ld", package: "binutils" }];

/// What it needs to read Unicorn's headers: libclang and the headers of the compiler.
const LIBCLANG: [&str; 2] = ["libclang1-19", "libclang-common-19-dev"];

/// `cargo xtask setup`: everything that any command would install.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    for_tests(project)?;
    audit::fetch_advisories(project)?;
    println!("Everything is installed: cargo xtask serve, cargo xtask test");
    Ok(())
}

/// What serving a development build needs.
pub(crate) fn for_serve(project: &Project) -> Result<WasmToolchain, Failure> {
    let wasm = wasm_target::ensure(project)?;
    tools::ensure_for_build(project)?;
    npm::ensure_editor(project)?;
    fetch_crates(project)?;
    Ok(wasm)
}

/// What the release build needs: a browser too, which says what the first sight of the page calls.
pub(crate) fn for_build(project: &Project) -> Result<WasmToolchain, Failure> {
    for_browser(project)?;
    let wasm = for_serve(project)?;
    npm::ensure(project)?;
    Ok(wasm)
}

/// What all tests need.
pub(crate) fn for_tests(project: &Project) -> Result<WasmToolchain, Failure> {
    components::ensure(project)?;
    for_native_unicorn(project)?;
    for_assembler(project)?;
    unicorn::ensure_toolchain(project)?;
    let wasm = for_build(project)?;
    tools::ensure_for_tests(project)?;
    Ok(wasm)
}

/// A browser that runs without a screen.
pub(crate) fn for_browser(project: &Project) -> Result<(), Failure> {
    apt::ensure_programs(project, &BROWSER, "the release build and the tests in a browser")
}

/// What the assembler is compared with.
pub(crate) fn for_assembler(project: &Project) -> Result<(), Failure> {
    apt::ensure_programs(project, &BINUTILS, "GNU as, which the assembler is compared with")
}

/// What building crates/unicorn needs. LIBCLANG_PATH names another libclang, as its bindings generator documents.
pub(crate) fn for_native_unicorn(project: &Project) -> Result<(), Failure> {
    const PURPOSE: &str = "Unicorn Engine as the second CPU";
    apt::ensure_programs(project, &NATIVE_UNICORN, PURPOSE)?;
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return Ok(());
    }
    apt::ensure_packages(project, &LIBCLANG, PURPOSE)
}

/// Lets everything after it run without a network.
fn fetch_crates(project: &Project) -> Result<(), Failure> {
    let mend = "if Cargo.lock is behind Cargo.toml: cargo check, and commit Cargo.lock; \
                else check that cargo reaches crates.io (cargo search trunk)";
    steps::run("crates of Cargo.lock", &mut project.cargo(&["fetch", "--locked"]), mend).map(drop)
}
