//! What a person is doing in the playground: actions, state, links, view data and the text report.
//!
//! Invariant: this crate knows no browser. The page, the tests and a terminal run the same actions.

pub mod action;
pub mod aim;
pub mod announce;
pub mod assembly;
pub mod check;
pub mod choice;
pub mod command;
pub mod counterexample;
mod document;
pub mod drafts;
pub mod explore;
pub mod export;
mod fields;
pub mod find;
pub mod glossary;
mod inject;
pub mod library;
pub mod link;
pub mod moment;
pub mod opening;
pub mod panes;
pub mod report;
pub mod role;
pub mod runs;
pub mod setup;
pub mod state;
pub mod stops;
pub mod story;
pub mod study;
pub mod tree;
mod update;
pub mod view;
pub mod words;
mod zoom;

pub use action::Action;
pub use assembly::{Assembler, Failure, Texts};
pub use choice::{
    Against, Direction, Feature, Filter, Form, Goal, Judging, Landing, Overlay, Pace, Pane, Scope, Side, Spot, Tab,
    Target, Theme,
};
pub use document::{Document, Paper, Papers};
pub use moment::Moment;
pub use opening::Opening;
pub use role::Role;
pub use runs::Runs;
pub use setup::Setup;
pub use state::{Settings, State};
pub use stops::{Run, Stop};
pub use update::{is_valid, update};
pub use zoom::Zoom;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
