//! What the page serves: the linked and optimised module, its version, the licences and the location of the source.

use std::fs;
use std::path::{Path, PathBuf};

use super::folders::{Build, product_folder};
use super::objects;
use crate::failure::Failure;
use crate::project::Project;
use crate::steps;
use crate::version::{VERSION, write_version};

const MODULE: &str = "unicorn.wasm";

/// Licence texts to ship with the binary, by their names in the crate.
const LICENCES: [&str; 4] = ["COPYING", "COPYING.LGPL2", "COPYING_GLIB", "AUTHORS.TXT"];

/// In `csrc/`: notices of the C library and the compiler's run-time library, and the location of the source.
const NOTICES: [&str; 2] = ["NOTICES.TXT", "SOURCE.TXT"];

/// The features that clang's output uses. wasm-opt accepts only those it is given.
const WASM_FEATURES: [&str; 7] = [
    "exception-handling",
    "bulk-memory",
    "sign-ext",
    "nontrapping-float-to-int",
    "mutable-globals",
    "multivalue",
    "reference-types",
];

/// Tells `cargo xtask stage` that there is nothing to stage.
pub(crate) const WITHOUT: &str = "CR3_WITHOUT_UNICORN";

/// Puts the module and its companions into the page that trunk has staged. The page loads them on demand.
pub(crate) fn stage(project: &Project, staged: &Path) -> Result<(), Failure> {
    let product = product_folder(project);
    if !product.join(VERSION).is_file() || std::env::var_os(WITHOUT).is_some() {
        println!("the page is built without Unicorn: cargo xtask unicorn builds it");
        return Ok(());
    }
    copy_folder(&product, &staged.join("unicorn"))
}

/// Whether the current objects and commands would make another module.
pub(super) fn is_stale(project: &Project, build: &Build) -> bool {
    let module = build.folder.join(MODULE);
    let Some(made) = objects::modified(&module) else { return true };
    let newer = |object: &PathBuf| objects::modified(object).is_none_or(|changed| changed > made);
    objects::all(build).iter().any(newer) || fs::read_to_string(note_file(build)).ok() != Some(note(project, build))
}

/// The commands that made the module, kept beside it.
fn note_file(build: &Build) -> PathBuf {
    build.work.join("linked.command")
}

fn note(project: &Project, build: &Build) -> String {
    let version = steps::ask(project.command("wasm-opt").arg("--version")).unwrap_or_default();
    let line = [link_arguments(build), optimise_arguments()].concat();
    format!("{}\n{version}\n{}", build.toolchain.version, line.join("\n"))
}

fn link_arguments(build: &Build) -> Vec<String> {
    let mut line = build.toolchain.link_arguments();
    line.extend(["-Wl,-z,stack-size=1048576", "-Wl,--gc-sections", "-Wl,--strip-all"].map(String::from));
    line.extend(objects::all(build).iter().map(|object| object.display().to_string()));
    line
}

fn optimise_arguments() -> Vec<String> {
    let features = WASM_FEATURES.iter().map(|feature| format!("--enable-{feature}"));
    features.chain(std::iter::once("-Oz".to_owned())).collect()
}

/// Links and optimises. Removes the old result first, so that a failure leaves nothing that looks new.
pub(super) fn link(project: &Project, build: &Build) -> Result<(), Failure> {
    for stale in [build.folder.join(MODULE), build.folder.join(VERSION), note_file(build)] {
        if stale.exists() {
            fs::remove_file(&stale).map_err(|error| Failure::io(&stale, &error))?;
        }
    }
    let linked = build.work.join("linked.wasm");
    let mut clang = build.toolchain.command();
    clang.args(link_arguments(build)).arg("-o").arg(&linked);
    steps::run("link Unicorn", &mut clang, "rm -r target/unicorn-wasm, then run the command again")?;
    let mut optimise = project.command("wasm-opt");
    optimise.args(optimise_arguments()).arg(&linked).arg("-o").arg(build.folder.join(MODULE));
    steps::run("wasm-opt Unicorn", &mut optimise, "npm ci, then run the command again")?;
    let file = note_file(build);
    fs::write(&file, note(project, build)).map_err(|error| Failure::io(&file, &error))
}

/// Puts the module's companions beside it.
pub(super) fn complete(project: &Project, build: &Build) -> Result<(), Failure> {
    for name in LICENCES {
        copy(&build.source.join(name), &build.folder.join(name))?;
    }
    for name in NOTICES {
        copy(&build.own.join(name), &build.folder.join(name))?;
    }
    copy_folder(&build.own, &build.folder.join("source/csrc"))?;
    copy_folder(&project.root().join("crates/xtask/src/unicorn"), &build.folder.join("source/build"))?;
    let module = build.folder.join(MODULE);
    let bytes = fs::read(&module).map_err(|error| Failure::io(&module, &error))?;
    write_version(&build.folder, &bytes)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(|error| Failure::io(from, &error))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::io(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| Failure::io(from, &error))? {
        let path = entry.map_err(|error| Failure::io(from, &error))?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}
