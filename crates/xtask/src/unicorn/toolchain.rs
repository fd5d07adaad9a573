//! The compiler from C to WebAssembly: any clang that can link a program for WASI, or Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::failure::Failure;
use crate::project::{Project, on_path};
use crate::steps;

/// The compiler, its linker, a C library and the compiler's run-time library.
const PACKAGES: [&str; 4] = ["clang-19", "lld-19", "wasi-libc", "libclang-rt-19-dev-wasm32"];

const PURPOSE: &str = "Unicorn Engine as WebAssembly";

/// What to do where there is no apt-get.
const MEND: &str = "install clang and lld 19 or later with wasi-libc and compiler-rt's builtins for wasm32 \
                    (Debian: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32), or unpack the WASI SDK \
                    and name its clang: CR3_CLANG=/opt/wasi-sdk/bin/clang; CR3_WASI_SYSROOT names another C library";

/// A compiler that was found to work.
pub(super) struct Toolchain {
    clang: PathBuf,
    linker: Option<PathBuf>,
    sysroot: Option<String>,
    /// What it calls itself: another version makes other objects.
    pub(super) version: String,
}

impl Toolchain {
    /// Finds a compiler, or installs Debian's.
    pub(super) fn ensure(project: &Project, work: &Path) -> Result<Self, Failure> {
        if let Some(found) = Self::find(work) {
            return Ok(found);
        }
        apt::ensure_packages(project, &PACKAGES, PURPOSE).map_err(|failure| {
            println!("{failure}");
            Failure::new("there is no clang here that compiles for WebAssembly", MEND)
        })?;
        Self::find(work).ok_or_else(|| Failure::new("clang does not compile and link a program for WebAssembly", MEND))
    }

    fn find(work: &Path) -> Option<Self> {
        let chosen = std::env::var_os("CR3_CLANG").map(PathBuf::from);
        let candidates = match chosen {
            Some(clang) => vec![clang],
            None => ["clang-19", "clang"].into_iter().filter_map(on_path).collect(),
        };
        candidates.into_iter().find_map(|clang| Self::with(clang).filter(|found| found.links(work)))
    }

    fn with(clang: PathBuf) -> Option<Self> {
        let version = steps::ask(Command::new(&clang).arg("--version"))?.lines().next()?.to_owned();
        let linker = beside(&clang).or_else(|| ["wasm-ld-19", "wasm-ld"].into_iter().find_map(on_path));
        let sysroot = std::env::var("CR3_WASI_SYSROOT").ok();
        Some(Self { clang, linker, sysroot, version })
    }

    /// Whether it makes a program of a file that asks for the C library.
    fn links(&self, work: &Path) -> bool {
        let (source, program) = (work.join("probe.c"), work.join("probe.wasm"));
        let text = "#include <stdlib.h>\nint main(void) { return abs(-(int)sizeof(void *)) - 4; }\n";
        let written = fs::write(&source, text).is_ok();
        let mut command = self.command();
        command.args(self.link_arguments()).arg("-o").arg(program).arg(source);
        written && steps::ask(&mut command).is_some()
    }

    /// The compiler, told what it compiles for.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.clang);
        command.arg("--target=wasm32-wasi");
        if let Some(sysroot) = &self.sysroot {
            command.arg(format!("--sysroot={sysroot}"));
        }
        command
    }

    /// What it takes to link a module that is called, and does not run by itself.
    pub(super) fn link_arguments(&self) -> Vec<String> {
        let linker = self.linker.as_ref().map(|linker| format!("-fuse-ld={}", linker.display()));
        std::iter::once("-mexec-model=reactor".to_owned()).chain(linker).collect()
    }
}

/// The linker that came with the compiler.
fn beside(clang: &Path) -> Option<PathBuf> {
    let linker = clang.parent()?.join("wasm-ld");
    linker.is_file().then_some(linker)
}
