//! The explorer: what it says of each form, whether its ways of searching agree, and macros that are written to fool it.

mod adversarial;
mod any_depth;
mod assumptions;
mod by_place;
mod forms;
mod named;
mod support;
mod twins;
mod working;
