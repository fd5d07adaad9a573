//! Search of any depth and number: what handlers do is summed up, until nothing new is found.

mod agenda;
mod apply;
mod arithmetic;
mod caches;
mod calls;
mod classes;
mod context;
mod demand;
mod ends;
mod family;
#[cfg(test)]
mod flaws;
mod follow;
mod gather;
mod guard;
mod hash;
mod history;
mod learned;
mod lift;
mod listen;
mod operands;
mod predict;
mod registers;
mod round;
mod rules;
mod saturate;
mod shadow;
mod translate;
mod value;

pub use predict::{Played, Wrong};
pub(in crate::explore) use round::{Aim, Flaw};
pub(in crate::explore) use saturate::{Reached, Saturation};
