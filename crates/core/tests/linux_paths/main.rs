//! Linux's entry code on the machine: every path with every form of the macro that restores CR3.

mod arguments;
#[path = "../common/cases.rs"]
mod cases;
mod communication;
mod custom;
mod handlers;
mod mended;
mod nested;
mod restore;
mod spaces;
mod support;
mod uninterrupted;
mod windows;
