//! A second CPU that checks ours: Unicorn Engine runs the same memory image, and every step is compared.
//!
//! [`checker::Checker`] is an observer of our machine: pass one to check any run. It knows the second CPU only as a
//! [`processor::Processor`], the interface of any CPU that can step the image. [`native::Native`] is Unicorn linked
//! natively; `wasm::Engine` is the same C sources as a WebAssembly module in a browser. [`limits`] lists what Unicorn
//! cannot judge.

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
