//! The second CPU behind the page, in a worker: follows runs with Unicorn and reports. A WebAssembly module of its own, so that the
//! page does not load the checker before a person asks for it.
//!
//! Work goes on in slices, between which messages are taken, so that a newer request ends an older one at once.

mod bench;
#[cfg(feature = "bench")]
mod speed;
mod worker;

fn main() {
    // In a page it is loaded to be measured.
    if let Some(scope) = worker::scope() {
        worker::serve(scope);
    }
}
