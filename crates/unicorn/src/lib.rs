//! A second CPU that checks ours: Unicorn Engine runs the same memory image, and every step is compared.
//!
//! [`checker::Checker`] is an observer of our machine: whatever runs a machine can be checked by passing one.
//! It is written against [`processor::Processor`], what any CPU offers that can step the image; [`native::Native`] is Unicorn linked
//! natively, `wasm::Engine` the same C sources as a WebAssembly module in a browser. What Unicorn cannot judge is listed in
//! [`limits`].

pub mod checker;
pub mod difference;
pub mod follow;
pub mod limits;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod paging_structures;
pub mod processor;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
pub mod wrong;

/// The example of the README, which is native.
#[cfg(all(doctest, not(target_arch = "wasm32")))]
#[doc = include_str!("../README.md")]
pub struct Readme;
