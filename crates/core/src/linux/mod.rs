//! What Linux puts on the machine: page tables, per-CPU data, entry code, modelled handlers.

mod bare;
mod boot;
mod constants;
mod cr3_macros;
mod features;
mod form;
mod handlers;
pub mod layout;
pub mod lockstep;
mod naming;
mod own;
pub mod records;
pub mod regions;
pub mod sources;
mod tables;
pub mod tree;
mod variations;
pub mod written;

pub use boot::{boot, start};
pub use constants::askable;
pub use cr3_macros::Macro;
pub use features::{Feature, Features, Pcids};
pub use form::Form;
pub use handlers::{Handler, Handlers};
pub use layout::USER_PCID_FLUSH_MASK;
pub use own::note_kind::NoteKind;
pub use regions::{Half, Stack, describe_stack, tables_half};
pub use tree::{Base, Tree, TreeId, is_entry_text};
pub use variations::{Kernel, Variation};

use crate::asm::Image;
use crate::geometry::Geometry;
use crate::machine::Machine;
use std::sync::Arc;

/// The lines at the beginning of a person's text that set names of the configuration.
pub fn settings(text: &str) -> &str {
    own::settings(text).0
}

/// Everything that decides how the system starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Config {
    /// Switches of the processor and the kernel.
    pub features: Features,
    /// Differences of the kernel from v6.12.
    pub kernel: Kernel,
    /// The text that a person's own text changes. Only [`Form::Custom`] uses it.
    pub base: Base,
    /// The macro that restores CR3.
    pub form: Form,
    /// The text of [`Form::Custom`] as a person has it: macros, a diff, mails. No other form uses it.
    pub custom: Arc<str>,
    /// What runs when an exception or NMI strikes.
    pub handler: Handlers,
    /// How the TLB is built.
    pub geometry: Geometry,
}

impl Default for Config {
    /// The form that was merged, every feature, v6.12, the quiet handler, the architectural TLB.
    fn default() -> Self {
        Self {
            features: Features::default(),
            kernel: Kernel::V6_12,
            base: Base::BuiltIn,
            form: Form::E,
            custom: Arc::default(),
            handler: Handlers::QUIET,
            geometry: Geometry::default(),
        }
    }
}

impl Config {
    /// Whether both start the same system: only [`Form::Custom`] looks at its text and what that changes.
    #[must_use]
    pub fn starts_as(&self, other: &Self) -> bool {
        let Self { features, kernel, base, form, custom, handler, geometry } = self;
        (features, kernel, form, handler, geometry)
            == (&other.features, &other.kernel, &other.form, &other.handler, &other.geometry)
            && (*form != Form::Custom || (custom, base) == (&other.custom, &other.base))
    }
}

/// A machine about to run the user program, and the texts behind it.
#[derive(Clone, Debug)]
pub struct System {
    /// The machine before its first instruction, at CPL 3.
    pub machine: Machine,
    /// Entry code, handlers, kernel loop and user program, as assembled.
    pub image: Arc<Image>,
    /// The texts, indexed by [`crate::asm::Position::source`]. Ours omit the macros that a person's text replaces.
    pub sources: Arc<[crate::asm::Source]>,
    /// Notes on a person's own text that assembles, in the order of its lines. There are none on our texts.
    pub notes: Arc<[crate::asm::Diagnostic]>,
    /// Where the lines that a person gave stand in the texts. A patch is taken apart, so that they stand elsewhere than in it.
    pub given: Arc<[GivenLine]>,
}

/// A line that a person gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenLine {
    /// The text that has it, in [`System::sources`].
    pub source: usize,
    /// Its number there, from 1.
    pub line: u32,
    /// Its number in what the person gave, from 1.
    pub given: u32,
}
