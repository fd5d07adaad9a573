//! Linux's entry code on the machine: every path with every form of the macro that restores CR3.

mod arguments;
mod broken;
mod communication;
mod custom;
mod handlers;
mod handlers_in_entry;
mod inside_handlers;
mod inside_paths;
mod mended;
mod nested;
mod nested_places;
mod no_flush_window;
mod odd_tables;
mod one_page;
mod patches;
mod refills;
mod restore;
mod spaces;
mod support;
mod uninterrupted;
mod windows;
