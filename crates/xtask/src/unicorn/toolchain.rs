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

/// What to do if there is no apt-get.
const MEND: &str = "install clang and lld 19 or later with wasi-libc and compiler-rt's builtins for wasm32 \
                    (Debian: apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32), or unpack the WASI SDK \
                    and name its clang: CR3_CLANG=/opt/wasi-sdk/bin/clang; CR3_WASI_SYSROOT names another C library";

/// A compiler that works.
pub(super) struct Toolchain {
    clang: PathBuf,
    linker: Option<PathBuf>,
    sysroot: Option<String>,
    /// The compiler's name for itself: another version makes other objects.
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

    /// Whether it can link a program that includes the C library.
    fn links(&self, work: &Path) -> bool {
        let (source, program) = (work.join("probe.c"), work.join("probe.wasm"));
        let text = "#include <stdlib.h>\nint main(void) { return abs(-(int)sizeof(void *)) - 4; }\n";
        let written = fs::write(&source, text).is_ok();
        let mut command = self.command();
        command.args(self.link_arguments()).arg("-o").arg(program).arg(source);
        written && steps::ask(&mut command).is_some()
    }

    /// The compiler with its target.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.clang);
        command.arg("--target=wasm32-wasi");
        if let Some(sysroot) = &self.sysroot {
            command.arg(format!("--sysroot={sysroot}"));
        }
        command
    }

    /// The arguments for linking a module that is called and does not run by itself.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder laid out as the WASI SDK's `bin`: a clang, here replaced by another program, and its linker beside it.
    struct Sdk(PathBuf);

    impl Sdk {
        fn new(program: &str) -> Self {
            let name = Path::new(program).file_name().unwrap().to_string_lossy().into_owned();
            let folder = std::env::temp_dir().join(format!(
                "cr3-xtask-sdk-{name}-{}-{:?}",
                std::process::id(),
                std::thread::current().id()
            ));
            fs::create_dir_all(&folder).unwrap();
            symlink(program, folder.join("clang")).unwrap();
            fs::write(folder.join("wasm-ld"), "").unwrap();
            Self(folder)
        }

        fn toolchain(&self) -> Option<Toolchain> {
            Toolchain::with(self.0.join("clang"))
        }
    }

    impl Drop for Sdk {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_named_clang_takes_the_linker_beside_it() {
        // echo answers everything and succeeds.
        let sdk = Sdk::new("/bin/echo");
        let found = sdk.toolchain().unwrap();
        let linker = format!("-fuse-ld={}", sdk.0.join("wasm-ld").display());
        assert_eq!(found.link_arguments(), ["-mexec-model=reactor", &linker]);
        assert_eq!(found.command().get_program(), sdk.0.join("clang"));
        assert!(found.links(&sdk.0));
    }

    #[test]
    fn a_clang_that_has_no_version_or_is_not_there_is_passed_over() {
        let sdk = Sdk::new("/bin/false");
        assert!(sdk.toolchain().is_none());
        assert!(Toolchain::with(sdk.0.join("no-clang")).is_none());
    }

    #[test]
    fn a_clang_that_does_not_link_is_passed_over() {
        let sdk = Sdk::new("/bin/false");
        let version = String::new();
        let toolchain = Toolchain { clang: sdk.0.join("clang"), linker: None, sysroot: None, version };
        assert!(!toolchain.links(&sdk.0));
    }

    #[test]
    fn another_c_library_is_named_to_the_compiler() {
        let sysroot = Some("/opt/wasi-sysroot".to_owned());
        let toolchain = Toolchain { clang: "clang".into(), linker: None, sysroot, version: String::new() };
        let command = toolchain.command();
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!(arguments, ["--target=wasm32-wasi", "--sysroot=/opt/wasi-sysroot"]);
        assert_eq!(toolchain.link_arguments(), ["-mexec-model=reactor"]);
    }
}
