//! The second CPU behind the page, in a worker: follows runs with Unicorn and reports. It is a separate WebAssembly
//! module, so that the page does not load the checker before a person asks for it.
//!
//! Work is done in slices. Messages are taken between them, so that a newer request ends an older one at once.

mod bench;
#[cfg(feature = "bench")]
mod speed;
mod worker;

fn main() {
    // A page loads it only for measurements.
    if let Some(scope) = worker::scope() {
        worker::serve(scope);
    }
}
