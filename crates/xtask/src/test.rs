//! `cargo xtask test`: every check of the project. A failed check does not stop the others.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::checks::Checks;
use crate::failure::Failure;
use crate::project::{NATIVE, Project, TARGET, on_path};
use crate::steps;
use crate::wasm_target::WasmToolchain;
use crate::{audit, budget, build, linux, setup, unicorn};

/// Runs every check with the installed tools, after installing what is missing.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let started = Instant::now();
    let wasm = setup::for_tests(project)?;
    let mut checks = Checks::default();
    checks.note(format(project));
    checks.note(audit::licences(project));
    checks.judge(audit::advisories(project));
    // Its linker works on one processor for minutes, so it goes on beside the lints and the compilation of the tests.
    let page = build::Release::start(project, &wasm);
    checks.note(native_lints(project));
    checks.note(native_tests(project));
    checks.note(doc_tests(project));
    checks.judge(linux::check(project));
    checks.note(unicorn::differential::test(project));
    checks.note(browser_lints(project, &wasm));
    checks.note(browser_tests(project, &wasm));
    if checks.note(page.and_then(|page| page.wait(project))) {
        checks.note(budget::check(project));
        checks.note(end_to_end(project));
    }
    checks.conclude(started.elapsed())
}

fn format(project: &Project) -> Result<(), Failure> {
    let mut cargo = project.cargo(&["fmt", "--all", "--check", "--", "--color=never"]);
    steps::run("format", &mut cargo, "cargo fmt --all").map(drop)
}

fn native_lints(project: &Project) -> Result<(), Failure> {
    // With the profile of the tests: otherwise Unicorn's C sources are compiled once for the lints and once for the tests.
    let mut cargo = project.cargo(&["clippy", "--all-targets", "--profile", "test"]);
    cargo.args(NATIVE).args(["--", "--deny", "warnings"]);
    let mend = "cargo clippy --workspace --exclude cr3-web --exclude cr3-worker --all-targets";
    steps::run("lints, native", &mut cargo, mend).map(drop)
}

fn browser_lints(project: &Project, wasm: &WasmToolchain) -> Result<(), Failure> {
    // Only the library of the second CPU: its other tests are native.
    for (package, targets) in [("cr3-web", "--all-targets"), ("cr3-worker", "--bins"), ("cr3-unicorn", "--lib")] {
        let mut cargo = wasm.command(project, "cargo");
        cargo.args(["clippy", "--package", package, "--target", TARGET, targets, "--all-features"]);
        cargo.args(["--no-deps", "--locked"]);
        cargo.args(["--", "--deny", "warnings"]);
        let mend = format!("cargo clippy --package {package} --target {TARGET} {targets} --all-features");
        steps::run(&format!("lints, browser: {package}"), &mut cargo, &mend)?;
    }
    Ok(())
}

fn native_tests(project: &Project) -> Result<(), Failure> {
    let nextest = on_path("cargo-nextest").is_some();
    let mut cargo = project.cargo(if nextest { &["nextest", "run"] } else { &["test", "--all-targets"] });
    cargo.arg("--no-fail-fast").args(NATIVE).env("CR3_REQUIRE_GAS", "1");
    // A commit passes or fails for good; `cargo xtask fuzz` draws new seeds.
    cargo.env("PROPTEST_RNG_SEED", "1");
    let mend = "run the failed test alone: cargo test -p PACKAGE NAME";
    steps::run_showing("native tests", &mut cargo, closes_rust_tests, mend).map(drop)
}

fn doc_tests(project: &Project) -> Result<(), Failure> {
    let mut cargo = project.cargo(&["test", "--doc"]);
    cargo.args(NATIVE);
    steps::run("documentation tests", &mut cargo, "cargo test --doc -p PACKAGE").map(drop)
}

/// The page's pieces in a browser, and the second CPU followed by the checker in a browser's worker and in Node. One
/// command for both: cargo compiles what they share once.
fn browser_tests(project: &Project, wasm: &WasmToolchain) -> Result<(), Failure> {
    let module = unicorn::ensure(project)?.join("unicorn.wasm");
    let mut cargo = in_browser(project, wasm);
    cargo.args([
        "--package",
        "cr3-web",
        "--package",
        "cr3-unicorn",
        "--test",
        "page",
        "--test",
        "wasm",
        "--test",
        "node",
    ]);
    cargo.env("UNICORN_WASM", module);
    steps::run_showing("tests in a browser and in Node", &mut cargo, closes_rust_tests, MEND_IN_BROWSER).map(drop)
}

const MEND_IN_BROWSER: &str = "cargo xtask setup, if the browser did not start; else mend the test named above";

/// `cargo test` with the runner of wasm-bindgen, which starts a browser without a screen and waits so long for each test program.
fn in_browser(project: &Project, wasm: &WasmToolchain) -> Command {
    const SECONDS: &str = "300";
    let mut cargo = wasm.command(project, "cargo");
    cargo.args(["test", "--target", TARGET, "--locked"]);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner");
    cargo.env("WASM_BINDGEN_TEST_TIMEOUT", SECONDS);
    if let Some(driver) = on_path("chromedriver") {
        // Otherwise a geckodriver on PATH would come first.
        cargo.env("CHROMEDRIVER", driver);
    }
    cargo
}

/// Runs Playwright against `dist/`, with the terminal program beside it to compare numbers with.
fn end_to_end(project: &Project) -> Result<(), Failure> {
    let mut playwright = playwright(project, &build::cr3play_of_the_tests(project)?);
    let mend = "npx playwright test --config e2e --trace on NAME runs one test; \
                npx playwright show-trace e2e/test-results/*/trace.zip shows each of its steps with the page";
    steps::run_showing("end-to-end tests", &mut playwright, closes_playwright, mend).map(drop)
}

fn playwright(project: &Project, cr3play: &Path) -> Command {
    let mut playwright = project.command("playwright");
    playwright.args(["test", "--config", "e2e"]).env("CR3PLAY", cr3play);
    if let Some(port) = free_port() {
        playwright.env("E2E_PORT", port.to_string());
    }
    if let Some(chromium) = on_path("chromium") {
        playwright.env("CHROMIUM", chromium);
    }
    playwright
}

/// A free port, so that two checkouts can be tested at the same time.
fn free_port() -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

/// The closing lines of nextest (`Summary [ 0.1s] 3 tests run: 3 passed`) and of cargo's own runner.
fn closes_rust_tests(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Summary [")
        || (line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed; 0 ignored"))
}

/// Playwright's closing lines: `12 passed (4.1s)`, and those of tests that did not simply pass.
fn closes_playwright(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|count| count.parse::<u32>().is_ok())
        && words.next().is_some_and(|word| ["passed", "flaky", "skipped", "failed"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_recognised() {
        assert!(closes_rust_tests("     Summary [   0.011s] 3 tests run: 3 passed, 0 skipped"));
        assert!(closes_rust_tests("test result: ok. 1 passed; 0 failed; 0 ignored; 0 filtered out"));
        assert!(!closes_rust_tests("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured"));
        assert!(!closes_rust_tests("test compare::forms ... ok"));
        assert!(closes_playwright("  12 passed (4.1s)"));
        assert!(closes_playwright("  1 flaky"));
        assert!(!closes_playwright("Running 12 tests using 1 worker"));
    }
}
