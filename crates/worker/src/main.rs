//! What the page lets workers do: follow runs with Unicorn, search with the explorer, judge claims and lines. It is a separate WebAssembly
//! module, so that the page draws before it loads the engines. All workers run it; a worker's name says which of them it is.

mod check;
mod export;
mod jobs;
#[cfg(feature = "bench")]
mod speed;
mod worker;

use cr3_session::Role;

fn main() {
    // A page loads it only for measurements.
    let Some(scope) = worker::scope() else { return };
    worker::tell_panics();
    match Role::named(&scope.name()) {
        Some(Role::SecondCpu) => worker::serve(scope, check::Bench::default()),
        Some(Role::Explorer | Role::Studies) => worker::serve(scope, jobs::Served::default()),
        Some(Role::Exports) => worker::serve(scope, export::Files::default()),
        None => wasm_bindgen::throw_str("a worker is started by the name of what it does"),
    }
}
