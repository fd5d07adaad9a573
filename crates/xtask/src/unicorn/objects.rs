//! The files of Unicorn that an x86-64 without threads, files or devices needs, and how each is compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use super::folders::Build;
use super::patch;
use crate::failure::Failure;

/// QEMU's system emulation, compiled for the target x86_64; below `qemu/`.
const EMULATION: [&str; 40] = [
    "accel/tcg/cpu-exec",
    "accel/tcg/cpu-exec-common",
    "accel/tcg/cputlb",
    "accel/tcg/tcg-all",
    "accel/tcg/tcg-runtime",
    "accel/tcg/tcg-runtime-gvec",
    "accel/tcg/translate-all",
    "accel/tcg/translator",
    "exec",
    "exec-vary",
    "fpu/softfloat",
    "hw/i386/x86",
    "softmmu/cpus",
    "softmmu/ioport",
    "softmmu/memory",
    "softmmu/memory_mapping",
    "softmmu/unicorn_vtlb",
    "target/i386/arch_memory_mapping",
    "target/i386/bpt_helper",
    "target/i386/cc_helper",
    "target/i386/cpu",
    "target/i386/excp_helper",
    "target/i386/fpu_helper",
    "target/i386/helper",
    "target/i386/int_helper",
    "target/i386/machine",
    "target/i386/mem_helper",
    "target/i386/misc_helper",
    "target/i386/mpx_helper",
    "target/i386/seg_helper",
    "target/i386/smm_helper",
    "target/i386/svm_helper",
    "target/i386/translate",
    "target/i386/unicorn",
    "target/i386/xsave_helper",
    "tcg/optimize",
    "tcg/tcg",
    "tcg/tcg-op",
    "tcg/tcg-op-gvec",
    "tcg/tcg-op-vec",
];

/// Unicorn's own files and its libraries. host/host.c replaces what is missing here (see there).
const COMMON: [&str; 23] = [
    "glib_compat/garray",
    "glib_compat/glib_compat",
    "glib_compat/glist",
    "glib_compat/gmem",
    "glib_compat/gpattern",
    "glib_compat/gslice",
    "glib_compat/gtestutils",
    "glib_compat/gtree",
    "list",
    "qemu/crypto/aes",
    "qemu/hw/core/cpu",
    "qemu/softmmu/vl",
    "qemu/util/bitmap",
    "qemu/util/bitops",
    "qemu/util/crc32c",
    "qemu/util/cutils",
    "qemu/util/host-utils",
    "qemu/util/qdist",
    "qemu/util/qemu-timer",
    "qemu/util/qemu-timer-common",
    "qemu/util/qht",
    "qemu/util/range",
    "uc",
];

/// Our files that see QEMU's inside, and those that do not.
const OWN_EMULATION: [&str; 2] = ["interpreter", "x86"];
const OWN: [&str; 4] = ["engine", "host/host", "host/setjmp", "host/wasi"];

#[derive(Clone, Copy)]
enum Kind {
    Emulation,
    Common,
    Assembly,
}

struct Unit {
    source: PathBuf,
    object: PathBuf,
    kind: Kind,
}

fn units(build: &Build) -> Vec<Unit> {
    let unit = |folder: &Path, name: &str, extension: &str, kind: Kind| Unit {
        source: patch::changed(&build.source, &build.work, &folder.join(name).with_extension(extension)),
        object: build.work.join("objects").join(name.replace('/', "-")).with_extension("o"),
        kind,
    };
    let qemu = build.source.join("qemu");
    let emulation = EMULATION.iter().map(|name| unit(&qemu, name, "c", Kind::Emulation));
    let common = COMMON.iter().map(|name| unit(&build.source, name, "c", Kind::Common));
    let own_emulation = OWN_EMULATION.iter().map(|name| unit(&build.own, name, "c", Kind::Emulation));
    let own = OWN.iter().map(|name| unit(&build.own, name, "c", Kind::Common));
    let tag = std::iter::once(unit(&build.own, "host/setjmp-tag", "s", Kind::Assembly));
    emulation.chain(common).chain(own_emulation).chain(own).chain(tag).collect()
}

/// The objects to link.
pub(super) fn all(build: &Build) -> Vec<PathBuf> {
    units(build).into_iter().map(|unit| unit.object).collect()
}

/// Compiles what is out of date, on all processors. Returns the number of files.
pub(super) fn compile(build: &Build) -> Result<usize, Failure> {
    let headers = newest_below(&build.own)?.max(newest_below(&build.work.join("include"))?);
    let stale: Vec<Unit> = units(build).into_iter().filter(|unit| !up_to_date(build, unit, headers)).collect();
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(unit) = stale.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = compile_one(build, unit) {
                        next.store(stale.len(), Ordering::Relaxed);
                        if let Ok(mut failure) = failure.lock() {
                            *failure = Some(why);
                        }
                    }
                }
            });
        }
    });
    match failure.into_inner() {
        Ok(None) => Ok(stale.len()),
        Ok(Some(why)) => Err(why),
        Err(_) => Err(Failure::new("a compiling thread ended early", "run the command again")),
    }
}

fn up_to_date(build: &Build, unit: &Unit, headers: SystemTime) -> bool {
    let command = fs::read_to_string(command_file(unit));
    let made = modified(&unit.object);
    made.is_some_and(|made| made > headers && modified(&unit.source).is_some_and(|source| made > source))
        && command.is_ok_and(|command| command == note(build, unit))
}

/// The command that makes an object, and the identity of the compiler.
fn note(build: &Build, unit: &Unit) -> String {
    format!("{}\n{}", build.toolchain.version, command_line(build, unit).join("\n"))
}

/// The command that made an object, kept beside it: other flags make another object.
fn command_file(unit: &Unit) -> PathBuf {
    unit.object.with_extension("command")
}

fn compile_one(build: &Build, unit: &Unit) -> Result<(), Failure> {
    let arguments = command_line(build, unit);
    let output = build
        .toolchain
        .command()
        .args(&arguments)
        .output()
        .map_err(|error| Failure::new(format!("cannot run clang: {error}"), MEND))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(format!("{} does not compile:\n{text}", unit.source.display()), MEND));
    }
    let file = command_file(unit);
    fs::write(&file, note(build, unit)).map_err(|error| Failure::io(&file, &error))
}

const MEND: &str = "see the compiler's message above; clang 19 with wasi-libc is what Debian 12 has";

fn command_line(build: &Build, unit: &Unit) -> Vec<String> {
    let mut line = Vec::new();
    if !matches!(unit.kind, Kind::Assembly) {
        line.extend(c_flags(build));
    }
    if matches!(unit.kind, Kind::Emulation) {
        line.extend(["-DNEED_CPU_H", "-include", "x86_64.h"].map(String::from));
        line.push(include(&build.own.join("config/x86_64-softmmu")));
        line.push(include(&build.source.join("qemu/target/i386")));
    }
    if unit.source.ends_with("qemu/tcg/tcg.c") {
        // See host/host.c.
        line.push("-Dg_tree_new=host_tree_new".into());
    }
    line.extend(["-c".into(), "-o".into(), unit.object.display().to_string(), unit.source.display().to_string()]);
    line
}

fn include(folder: &Path) -> String {
    format!("-I{}", folder.display())
}

fn c_flags(build: &Build) -> Vec<String> {
    let (own, source) = (&build.own, &build.source);
    let mut flags: Vec<String> = [
        "-Oz",
        "-mexception-handling",
        "-mllvm",
        "-wasm-enable-sjlj",
        "-fvisibility=hidden",
        // QEMU 5's own code. Ours compiles without a warning under -Wall.
        "-w",
        "-D_GNU_SOURCE",
        "-D_FILE_OFFSET_BITS=64",
        "-D_LARGEFILE_SOURCE",
        "-DUNICORN_HAS_X86",
        "-include",
    ]
    .map(String::from)
    .to_vec();
    flags.push(own.join("host/compat.h").display().to_string());
    // The patched header comes before the crate's own.
    let folders = [
        build.work.join("include"),
        own.clone(),
        own.join("host/include"),
        own.join("config"),
        own.join("backend"),
        source.join("glib_compat"),
        source.join("qemu"),
        source.join("qemu/include"),
        source.join("include"),
        source.join("qemu/tcg"),
    ];
    flags.extend(folders.iter().map(|folder| include(folder)));
    flags
}

pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// The time of the newest header or included file below `folder`.
fn newest_below(folder: &Path) -> Result<SystemTime, Failure> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder).map_err(|error| Failure::io(folder, &error))? {
        let path = entry.map_err(|error| Failure::io(folder, &error))?.path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            newest = newest.max(newest_below(&path)?);
        } else if name.ends_with(".h") || name.ends_with(".inc.c") {
            newest = newest.max(modified(&path).unwrap_or(newest));
        }
    }
    Ok(newest)
}
