//! The WebAssembly build against native Unicorn: the same interface linked natively executes random code, and Node
//! replays every case on the module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ensure;
use super::folders::Build;
use crate::failure::Failure;
use crate::project::{NATIVE, Project, on_path};
use crate::steps;

/// Blobs per process. Each one that Unicorn gives up on leaves an engine behind, so a process must not run for ever.
const BATCH: u32 = 20_000;

/// Minimum number of blobs that `cargo xtask fuzz` runs in Node, however short its time, and the same number in a
/// browser.
const AT_LEAST: u32 = 400_000;

/// Blobs of `cargo xtask test` in a browser.
const IN_BROWSER: u32 = 4_000;

/// The seed of `cargo xtask test`.
const SEED: u64 = 1;

/// What can go wrong inside the module, and a batch of random blobs, in Node and in a browser; for `cargo xtask test`.
pub(crate) fn test(project: &Project) -> Result<(), Failure> {
    let folder = ensure(project)?;
    faults(project, &folder)?;
    let blobs = native(project)?;
    batch(project, &folder, &blobs, SEED)?;
    let mut node = browser(project, &folder, &blobs);
    node.arg(BROWSER).env("SEED", (SEED + 1).to_string()).env("COUNT", IN_BROWSER.to_string());
    steps::run_showing("Unicorn as WebAssembly: in a browser", &mut node, closes_browser, BROWSER_MEND).map(drop)
}

/// New seeds for at least `time` and for a minimum number of blobs in Node, and the same number in a browser; for
/// `cargo xtask fuzz`.
pub(crate) fn fuzz(project: &Project, time: Duration) -> Result<(), Failure> {
    let folder = ensure(project)?;
    let blobs = native(project)?;
    let started = Instant::now();
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(SEED, |since| since.as_secs());
    let mut count = 0;
    for seed in first.. {
        batch(project, &folder, &blobs, seed)?;
        count += BATCH;
        if started.elapsed() > time && count >= AT_LEAST {
            break;
        }
    }
    println!("{count} blobs of random code in Node: WebAssembly equals native Unicorn in all of them");
    let mut node = browser(project, &folder, &blobs);
    node.args(["--test-name-pattern", "random code", BROWSER]);
    node.env("SEED", (first + u64::from(count / BATCH)).to_string()).env("COUNT", BATCH.to_string());
    node.env("BATCHES", (AT_LEAST / BATCH).to_string());
    steps::run_showing("Unicorn as WebAssembly: random code in a browser", &mut node, closes_browser, BROWSER_MEND)?;
    println!("{AT_LEAST} blobs of random code in a browser: WebAssembly equals native Unicorn in all of them");
    Ok(())
}

fn faults(project: &Project, folder: &Path) -> Result<(), Failure> {
    let mut node = project.command("node");
    node.args(["--test", "crates/unicorn/differential/faults.mjs"]).env("UNICORN_WASM", folder.join("unicorn.wasm"));
    let mend =
        "UNICORN_WASM=target/unicorn-wasm/product/unicorn.wasm node --test crates/unicorn/differential/faults.mjs";
    steps::run_showing("Unicorn as WebAssembly: faults", &mut node, |line| line.starts_with("# pass "), mend).map(drop)
}

fn batch(project: &Project, folder: &Path, blobs: &Path, seed: u64) -> Result<(), Failure> {
    let mut node = project.command("node");
    node.arg("crates/unicorn/differential/replay.mjs").arg(folder.join("unicorn.wasm")).arg(blobs);
    node.args([seed.to_string(), BATCH.to_string()]);
    let mend = "the cases above are numbered: replay.mjs SEED COUNT runs them again";
    steps::run_showing("Unicorn as WebAssembly: random code", &mut node, tells_of_blobs, mend).map(drop)
}

const BROWSER: &str = "crates/unicorn/differential/browser.mjs";

const BROWSER_MEND: &str = "cargo xtask setup, if the browser did not start; else mend the test named above";

/// `browser.mjs`. SEED, COUNT and BATCHES tell it which blobs to run.
fn browser(project: &Project, folder: &Path, blobs: &Path) -> Command {
    let mut node = project.command("node");
    node.arg("--test").env("UNICORN_WASM", folder.join("unicorn.wasm")).env("BLOBS", blobs);
    if let Some(chromium) = on_path("chromium") {
        node.env("CHROMIUM", chromium);
    }
    node
}

fn closes_browser(line: &str) -> bool {
    line.starts_with("# pass ") || tells_of_blobs(line) || line.contains("million per second")
}

fn tells_of_blobs(line: &str) -> bool {
    line.contains(" blobs of seed ")
}

/// Compiles blobs.c with native Unicorn, as cargo has built it.
fn native(project: &Project) -> Result<PathBuf, Failure> {
    let build = Build::new(project)?;
    let native = cargo_build(project)?;
    let program = build.work.join("blobs");
    let emulation = ["csrc/x86.c"];
    let plain = ["csrc/engine.c", "differential/blobs.c"];
    let own = project.root().join("crates/unicorn");
    let mut objects = Vec::new();
    for (name, is_emulation) in emulation.map(|name| (name, true)).into_iter().chain(plain.map(|name| (name, false))) {
        let object = build.work.join(name.replace('/', "-")).with_extension("native.o");
        let mut compiler = compiler(&build, &native);
        if is_emulation {
            compiler.args(["-DNEED_CPU_H", "-include", "x86_64.h"]);
            compiler.arg(include(&native.join("x86_64-softmmu")));
            compiler.arg(include(&build.source.join("qemu/target/i386")));
        }
        compiler.arg("-c").arg("-o").arg(&object).arg(own.join(name));
        steps::run(&format!("compile {name} natively"), &mut compiler, MEND)?;
        objects.push(object);
    }
    let mut linker = Command::new("cc");
    linker.arg("-o").arg(&program).args(objects);
    linker.args(["libunicorn.a", "libx86_64-softmmu.a", "libunicorn-common.a"].map(|name| native.join(name)));
    linker.args(["-lpthread", "-lm"]);
    steps::run("link native Unicorn", &mut linker, MEND)?;
    Ok(program)
}

const MEND: &str = "see the compiler's message above; gcc 12 or clang 14 or later is enough";

fn compiler(build: &Build, native: &Path) -> Command {
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-w", "-D_GNU_SOURCE", "-DUNICORN_HAS_X86"]);
    let source = &build.source;
    let folders = [
        source.join("glib_compat"),
        source.join("qemu"),
        source.join("qemu/include"),
        source.join("include"),
        source.join("qemu/tcg"),
        source.join("qemu/tcg/i386"),
        native.to_path_buf(),
        build.own.clone(),
    ];
    compiler.args(folders.iter().map(|folder| include(folder)));
    compiler
}

fn include(folder: &Path) -> String {
    format!("-I{}", folder.display())
}

/// The folder in which cmake built unicorn-engine-sys. Builds it if need be.
fn cargo_build(project: &Project) -> Result<PathBuf, Failure> {
    // As the native tests are built, so that Unicorn's C sources are compiled once.
    let mend = "cargo test --no-run --package cr3-unicorn-testing";
    let arguments = [&["test", "--no-run", "--lib"], NATIVE.as_slice()].concat();
    steps::run("native Unicorn", &mut project.cargo(&arguments), mend)?;
    let mut cargo = project.cargo(&arguments);
    cargo.arg("--message-format=json");
    let messages = steps::ask(&mut cargo).unwrap_or_default();
    let found = messages.lines().find_map(out_dir).map(|folder| PathBuf::from(folder).join("build"));
    let found = found.filter(|folder| fs::exists(folder.join("libunicorn.a")).is_ok_and(|exists| exists));
    found.ok_or_else(|| Failure::new("cargo does not say where unicorn-engine-sys was built", mend))
}

/// `out_dir` of the message about the build script of unicorn-engine-sys.
fn out_dir(message: &str) -> Option<&str> {
    let told = message.contains("\"reason\":\"build-script-executed\"") && message.contains("unicorn-engine-sys");
    let (_, rest) = message.split_once("\"out_dir\":\"").filter(|_| told)?;
    rest.split_once('"').map(|(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_tells_how_many_blobs_are_run() {
        let row = "| random code on Unicorn's JIT and on its WebAssembly build | 20,000 blobs in Node, 4,000 others in a browser |";
        assert!(include_str!("../../../../docs/TRUST.md").contains(row));
        assert_eq!((BATCH, IN_BROWSER), (20_000, 4_000));
    }

    #[test]
    fn the_folder_of_the_build_script_is_found() {
        let told = r#"{"reason":"build-script-executed","package_id":"registry+x#unicorn-engine-sys@2.1.5","out_dir":"/t/out"}"#;
        assert_eq!(out_dir(told), Some("/t/out"));
        assert_eq!(out_dir(&told.replace("unicorn-engine-sys", "other")), None);
        assert_eq!(out_dir(&told.replace("executed", "planned")), None);
    }
}
