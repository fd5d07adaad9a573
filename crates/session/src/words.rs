//! Names that only the page has. The core has those of forms, features, handlers, TLB models and vectors.

use crate::choice::{Feature, Filter, Form, Pane, Scope, Side, Tab};
use cr3_core::scenario::Vector;

/// Where commands find what a person has: the file of a text, and the folder of a kernel tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// The file of the text.
    pub text: &'static str,
    /// What stands for the folder.
    pub tree: &'static str,
}

impl Files {
    /// Those of each side, where the sides have different ones.
    pub const OF_SIDES: [Self; 2] =
        [Self { text: "left.S", tree: "LEFT_DIR" }, Self { text: "right.S", tree: "RIGHT_DIR" }];
}

impl Default for Files {
    fn default() -> Self {
        Self { text: "my.S", tree: "DIR" }
    }
}

/// The origin of a form, in as few words as a column head has room for.
#[must_use]
pub fn form_origin(form: Form) -> &'static str {
    match form {
        Form::A => "2017 to v6.8",
        Form::B2 => "posted 2020",
        Form::C => "resent 2023",
        Form::E => "merged in v6.9",
        Form::Never => "for teaching",
        Form::Custom => "your own",
    }
}

/// The name of a side in links.
#[must_use]
pub fn side_key(side: Side) -> &'static str {
    match side {
        Side::Left => "a",
        Side::Right => "b",
    }
}

/// The name of a filter in links.
#[must_use]
pub fn filter_key(filter: Filter) -> &'static str {
    match filter {
        Filter::All => "all",
        Filter::Translation => "cr3",
        Filter::Differences => "differences",
    }
}

/// The filter of a key.
#[must_use]
pub fn filter_of(key: &str) -> Option<Filter> {
    Filter::ALL.into_iter().find(|filter| filter_key(*filter) == key)
}

/// The side of a key.
#[must_use]
pub fn side_of(key: &str) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| side_key(*side) == key)
}

/// The name of a part of the inspector in links.
#[must_use]
pub fn tab_key(tab: Tab) -> &'static str {
    match tab {
        Tab::Tlb => "tlb",
        Tab::Registers => "registers",
        Tab::Stack => "stack",
    }
}

/// The name of a pane in links and in the page's styles.
#[must_use]
pub fn pane_key(pane: Pane) -> &'static str {
    match pane {
        Pane::Code => "code",
        Pane::Runs => "runs",
        Pane::Inspector => "inspector",
    }
}

/// The pane of a key.
#[must_use]
pub fn pane_of(key: &str) -> Option<Pane> {
    Pane::ALL.into_iter().find(|pane| pane_key(*pane) == key)
}

/// As links name what is judged.
#[must_use]
pub fn scope_key(scope: Scope) -> &'static str {
    match scope {
        Scope::Displayed => "displayed",
        Scope::Standard => "standard",
    }
}

/// What is judged, of a key.
#[must_use]
pub fn scope_of(key: &str) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| scope_key(*scope) == key)
}

/// The part of the inspector of a key.
#[must_use]
pub fn tab_of(key: &str) -> Option<Tab> {
    Tab::ALL.into_iter().find(|tab| tab_key(*tab) == key)
}

/// The key that chooses a vector in the injection menu.
#[must_use]
pub fn vector_letter(vector: Vector) -> &'static str {
    match vector {
        Vector::Nmi => "n",
        Vector::Debug => "d",
        Vector::MachineCheck => "m",
        Vector::VmmCommunication => "v",
        Vector::DoubleFault => "f",
        Vector::Interrupt => "i",
    }
}

/// A count with its digits in groups of three.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A feature as people write it.
#[must_use]
pub fn feature_label(feature: Feature) -> &'static str {
    match feature {
        Feature::Pti => "PTI",
        Feature::Pcid => "PCID",
        Feature::Invpcid => "INVPCID",
        Feature::Fsgsbase => "FSGSBASE",
        Feature::Nx => "NX",
        Feature::SevEs => "SEV-ES",
    }
}
