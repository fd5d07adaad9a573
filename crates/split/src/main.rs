//! `cr3-split watch MODULE WATCHED` and `cr3-split split MODULE CALLED IMPORT FIRST REST`: what the build of the page calls.

use cr3_split::{Malformed, Module, called, split, watched};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "cr3-split watch MODULE WATCHED\n\
    cr3-split split MODULE CALLED IMPORT FIRST REST";

/// A function with at most so many bytes of code stays in the first part. In its place there would be a call of the rest, nearly as long, and chance
/// decides whether a visit calls one: two names with one hash in a map are compared by a function of 55 bytes. It makes the first part of the
/// page's module 6.5 KB heavier with gzip, and the rest 17 KB lighter.
const SMALL: usize = 72;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    match *arguments {
        ["watch", module, marked] => on(module, watched).and_then(|bytes| write(marked, &bytes)),
        ["split", module, names, import, first, rest] => {
            let called = called(&String::from_utf8_lossy(&read(names)?));
            let parts =
                on(module, |module| split(module, &called.into_iter().chain(module.small(SMALL)).collect(), import))?;
            write(first, &parts.first)?;
            write(rest, &parts.rest)
        }
        _ => Err(format!("wrong arguments\n\n{USAGE}")),
    }
}

fn on<T>(path: &str, work: impl FnOnce(&Module<'_>) -> Result<T, Malformed>) -> Result<T, String> {
    let bytes = read(path)?;
    Module::read(&bytes).and_then(|module| work(&module)).map_err(|error| format!("{path}: {error}"))
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(Path::new(path)).map_err(|error| format!("{path}: {error}"))
}

fn write(path: &str, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(Path::new(path), bytes).map_err(|error| format!("{path}: {error}"))
}
