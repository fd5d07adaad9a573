//! Where the cursor goes when the runs that an action asks for are there. They may have to wait until a text is assembled.

use crate::choice::{Landing, Side};
use cr3_core::scenario::Vector;

/// A row of runs to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Aim {
    /// The step at which the cursor stood.
    #[default]
    Step,
    /// The row with the number of the one at which the cursor stood, if there is one.
    SameRow,
    /// The decisive row.
    Decisive,
    /// The row that a link names, or the decisive one. The place that it reads in the listing stays.
    Link(Option<usize>),
    /// The strike of the injection with this index.
    Strike(usize),
    /// The same of one that a person just added; if it does not strike, the page says why.
    Added(usize, Vector),
    /// What a sweep found, on this side.
    Swept(Side),
    /// The step of a counterexample at which it breaks its promise, or the injection before it.
    Counterexample(Side, Landing, u32),
    /// What the claim with this number shows, by index.
    Claim(u32, usize),
}
