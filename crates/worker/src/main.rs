//! What the page lets workers do: assemble, follow runs with Unicorn, search with the explorer, judge claims and lines. It is a separate
//! WebAssembly module, so that the page draws before it loads the engines. All workers run it; a worker's name says which of them it is.

mod assembler;
mod check;
mod export;
mod jobs;
mod ready;
#[cfg(feature = "bench")]
mod speed;
mod worker;

pub use ready::ready;

use cr3_session::Role;

fn main() {
    // The build and measurements load it without one.
    let Some(scope) = worker::scope() else { return };
    worker::tell_panics();
    match Role::named(&scope.name()) {
        Some(Role::SecondCpu) => worker::serve(scope, check::Bench::default()),
        Some(Role::Explorer | Role::Studies) => worker::serve(scope, jobs::Served::default()),
        Some(Role::Assembler) => worker::serve(scope, assembler::Served::default()),
        Some(Role::Exports) => worker::serve(scope, export::Files::default()),
        None => wasm_bindgen::throw_str("a worker is started by the name of what it does"),
    }
}
