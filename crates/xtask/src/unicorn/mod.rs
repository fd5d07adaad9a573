//! Unicorn Engine as WebAssembly: compiles the C sources of the crate unicorn-engine-sys with the TCG backend, host and
//! interface of `crates/unicorn/csrc`. Out of tree, each object once, again only when something it is made from changed.

pub(crate) mod differential;
mod objects;
mod patch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::failure::Failure;
use crate::project::{Project, on_path};
use crate::steps::{self, seconds};
use crate::{apt, npm, timings};

/// The compiler for C to WebAssembly, its linker, a C library and the compiler's run-time library.
const PACKAGES: [&str; 4] = ["clang-19", "lld-19", "wasi-libc", "libclang-rt-19-dev-wasm32"];

/// Licence texts that go with the binary, by their names in the crate.
const LICENCES: [&str; 4] = ["COPYING", "COPYING.LGPL2", "COPYING_GLIB", "AUTHORS.TXT"];

/// What the wasm is allowed to weigh with gzip -9; the page says how much it loads before it does.
const SIZE_LIMIT: u64 = 260 * 1024;

/// Installs the compiler if it is missing and builds; gives the folder with `unicorn.wasm` and the licences.
pub(crate) fn ensure(project: &Project) -> Result<PathBuf, Failure> {
    apt::ensure_packages(project, &PACKAGES, "Unicorn Engine as WebAssembly")?;
    npm::ensure(project)?;
    let build = Build::new(project)?;
    let started = Instant::now();
    let compiled = objects::compile(&build)?;
    if compiled > 0 || !build.product().is_file() {
        link(project, &build)?;
        timings::record(project, "Unicorn as WebAssembly", started.elapsed());
        println!("Unicorn as WebAssembly: {compiled} files compiled in {}", seconds(started.elapsed()));
    }
    for name in LICENCES {
        copy(&build.source.join(name), &build.folder.join(name))?;
    }
    check_size(project, &build.product())?;
    Ok(build.folder)
}

/// Called by trunk after it has built a page: puts the module and its licences into the page, to be loaded on demand.
pub(crate) fn stage(project: &Project) -> Result<(), Failure> {
    let product = project.target().join("unicorn-wasm/product");
    let Some(stage) = std::env::var_os("TRUNK_STAGING_DIR").filter(|_| product.is_dir()) else {
        println!("the page is built without Unicorn: cargo xtask unicorn builds it");
        return Ok(());
    };
    let folder = Path::new(&stage).join("unicorn");
    fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    for name in LICENCES.into_iter().chain(["unicorn.wasm"]) {
        copy(&product.join(name), &folder.join(name))?;
    }
    Ok(())
}

/// Where everything lies.
struct Build {
    /// The unpacked crate, never written to.
    source: PathBuf,
    /// `crates/unicorn/csrc`.
    own: PathBuf,
    /// Objects and patched headers.
    work: PathBuf,
    /// What the page serves.
    folder: PathBuf,
}

impl Build {
    fn new(project: &Project) -> Result<Self, Failure> {
        let work = project.target().join("unicorn-wasm");
        let folder = work.join("product");
        for folder in [work.join("objects"), work.join("include/exec"), folder.clone()] {
            fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        }
        let source = crate_source(project)?;
        patch::helper_head(&source, &work)?;
        Ok(Self { source, own: project.root().join("crates/unicorn/csrc"), work, folder })
    }

    fn product(&self) -> PathBuf {
        self.folder.join("unicorn.wasm")
    }
}

/// Where cargo has unpacked unicorn-engine-sys.
fn crate_source(project: &Project) -> Result<PathBuf, Failure> {
    let version = project.locked_version("unicorn-engine-sys")?;
    let mut cargo = project.cargo(&["metadata", "--format-version", "1", "--locked"]);
    let wanted = format!("unicorn-engine-sys-{version}/Cargo.toml\"");
    let answer = steps::ask(&mut cargo).unwrap_or_default();
    let path = answer.split_inclusive('"').find(|text| text.ends_with(&wanted));
    path.and_then(|text| Path::new(text.trim_end_matches('"')).parent().map(Path::to_path_buf)).ok_or_else(|| {
        Failure::new(
            format!("cargo does not say where unicorn-engine-sys {version} is unpacked"),
            "cargo fetch --locked",
        )
    })
}

fn link(project: &Project, build: &Build) -> Result<(), Failure> {
    let linked = build.work.join("linked.wasm");
    let linker = on_path("wasm-ld-19").ok_or_else(|| {
        Failure::new("there is no wasm-ld-19 on PATH", "install LLVM's lld 19 (Debian: apt-get install lld-19)")
    })?;
    let mut clang = Command::new("clang-19");
    clang
        .args(["--target=wasm32-wasi", "-mexec-model=reactor"])
        .arg(format!("-fuse-ld={}", linker.display()))
        .arg("-o")
        .arg(&linked);
    clang.args(objects::all(build));
    clang.args(["-Wl,-z,stack-size=1048576", "-Wl,--gc-sections", "-Wl,--strip-all"]);
    steps::run("link Unicorn", &mut clang, "rm -r target/unicorn-wasm, then run the command again")?;
    let mut optimise = project.command("wasm-opt");
    optimise.args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")));
    optimise.arg("-Oz").arg(&linked).arg("-o").arg(build.product());
    steps::run("wasm-opt Unicorn", &mut optimise, "npm ci, then run the command again").map(drop)
}

/// What clang's output uses; wasm-opt accepts only what is named.
const WASM_FEATURES: [&str; 7] = [
    "exception-handling",
    "bulk-memory",
    "sign-ext",
    "nontrapping-float-to-int",
    "mutable-globals",
    "multivalue",
    "reference-types",
];

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(|error| Failure::io(from, &error))
}

fn check_size(project: &Project, wasm: &Path) -> Result<(), Failure> {
    const COUNT: &str = "import { readFileSync } from 'node:fs'; import { gzipSync } from 'node:zlib'; \
                         console.log(gzipSync(readFileSync(process.argv[1]), { level: 9 }).length)";
    let mut node = project.command("node");
    node.args(["--input-type=module", "--eval", COUNT, "--"]).arg(wasm);
    let size = steps::ask(&mut node).and_then(|text| text.parse::<u64>().ok());
    match size {
        Some(size) if size <= SIZE_LIMIT => Ok(()),
        Some(size) => Err(Failure::new(
            format!("Unicorn as WebAssembly has grown to {size} bytes with gzip; the limit is {SIZE_LIMIT}"),
            "find what a change to crates/unicorn/csrc drew in (twiggy top), or raise the limit with a reason",
        )),
        None => Err(Failure::new("node could not weigh unicorn.wasm", "node --version must be 20 or later")),
    }
}
