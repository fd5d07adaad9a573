//! `cargo xtask bench`: how fast the machine runs, how long the set-up took here, how heavy the page is, and what its
//! code consists of.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::project::TARGET;
use crate::project::{Project, on_path};
use crate::steps::{self, ask, cannot_start, seconds};
use crate::{budget, build, npm, setup, timings, wasm_module, weight};

/// The page's modules as the compiler left them, still with names: below `target/wasm32-unknown-unknown/web`.
const MODULES: [&str; 2] = ["cr3-web.wasm", "cr3-worker.wasm"];

/// Number of crates to list for a module.
const LARGEST: usize = 12;

/// What to measure in Chromium, in a page built with the necessary exports: the benchmark of `cr3play bench`, its searches, and
/// the check with Unicorn.
const IN_BROWSER: [&str; 3] = ["e2e/speed.mjs", "e2e/explore_speed.mjs", "e2e/check_speed.mjs"];

/// How long a visitor waits, in the page that visitors get.
const FIRST_SIGHT: &str = "e2e/first_sight.mjs";

/// Builds the page, then prints the measurements.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let wasm = setup::for_build(project)?;
    build::Release::start(project, &wasm)?.wait(project)?;
    let page = build::for_bench(project, &wasm)?;
    let cr3play = build::cr3play(project)?;
    println!("\nspeed:");
    run_benchmark(project, &cr3play, &["bench"])?;
    println!("\nthe explorer, and a protocol that readers know in Stateright:");
    run_benchmark(project, &cr3play, &["bench", "--explore", "2", "--samples", "5"])?;
    print_stateright(project)?;
    setup::for_browser(project)?;
    npm::ensure_lighthouse(project)?;
    let in_browser = IN_BROWSER.map(|program| print_browser_speed(project, &page, program));
    let first_sight = print_browser_speed(project, &project.dist(), FIRST_SIGHT);
    print_beside_unicorn(project)?;
    print_setup_times(project);
    print_page_weight(project)?;
    // An exceeded limit is reported last and suppresses no number.
    in_browser.into_iter().chain([first_sight]).collect()
}

/// Our machine and Unicorn on the same loops, in the same process.
fn print_beside_unicorn(project: &Project) -> Result<(), Failure> {
    setup::for_native_unicorn(project)?;
    let cargo =
        |verb| project.cargo(&[verb, "--release", "--locked", "--package", "cr3-unicorn", "--example", "bench"]);
    let mend = "cargo build --release -p cr3-unicorn --example bench";
    steps::run("building the comparison with Unicorn", &mut cargo("build"), mend)?;
    let mut bench = cargo("run");
    let table = ask(&mut bench).ok_or_else(|| cannot_start(&bench, &std::io::Error::other("the comparison failed")))?;
    println!("\n{table}");
    Ok(())
}

fn print_browser_speed(project: &Project, page: &Path, program: &str) -> Result<(), Failure> {
    let mut node = project.command("node");
    node.arg(program).arg(page);
    if let Some(chromium) = on_path("chromium") {
        node.env("CHROMIUM", chromium);
    }
    let mend = format!(
        "node {program} {} says why; where a limit is exceeded, measure again on an idle machine first",
        page.display()
    );
    let all = |_: &str| true;
    steps::run_showing(&format!("in Chromium, {program}"), &mut node, all, &mend).map(drop)
}

/// Two-phase commit, to place the rates of the explorer.
fn print_stateright(project: &Project) -> Result<(), Failure> {
    let cargo =
        |verb| project.cargo(&[verb, "--release", "--locked", "--package", "cr3-cli", "--example", "two_phase_commit"]);
    let mend = "cargo build --release -p cr3-cli --example two_phase_commit";
    steps::run("building two-phase commit in Stateright", &mut cargo("build"), mend)?;
    let mut bench = cargo("run");
    let line = ask(&mut bench).ok_or_else(|| cannot_start(&bench, &std::io::Error::other("it found other states")))?;
    println!("{line}");
    Ok(())
}

fn run_benchmark(project: &Project, cr3play: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let mut bench = project.command(cr3play);
    bench.args(arguments);
    let status = bench.status().map_err(|error| cannot_start(&bench, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("cr3play bench ended with {status}"), "mend what it names above"))
}

fn print_setup_times(project: &Project) {
    let times = timings::read(project);
    println!("\nset-up on this machine, each part when it was installed:");
    for (part, elapsed) in &times {
        println!("  {:>11}  {part}", seconds(*elapsed));
    }
    let total: Duration = times.iter().map(|(_, elapsed)| *elapsed).sum();
    println!("  {:>11}  in all", seconds(total));
}

fn print_page_weight(project: &Project) -> Result<(), Failure> {
    println!("\npage weight in bytes:\n{}", budget::table(&weight::files(project)?));
    MODULES.iter().try_for_each(|module| print_largest(project, module))
}

/// wasm-opt removes the names, so these are the bytes before it.
fn print_largest(project: &Project, module: &str) -> Result<(), Failure> {
    let path = project.target().join(TARGET).join("web").join(module);
    let bytes = fs::read(&path).map_err(|error| Failure::io(&path, &error))?;
    let crates = project.locked_packages()?.iter().map(|name| name.replace('-', "_")).collect();
    let sizes = wasm_module::code_by_crate(&bytes, &crates).ok_or_else(|| {
        Failure::new(
            format!("{} has no names", path.display()),
            "keep strip = \"debuginfo\" in the profile web of Cargo.toml",
        )
    })?;
    println!("code of {module} by crate, before wasm-bindgen and wasm-opt:");
    sizes.iter().take(LARGEST).for_each(|(name, size)| println!("  {size:>11}  {name}"));
    Ok(())
}
