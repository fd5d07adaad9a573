//! What is run.

use crate::choice::{Form, Own, Side};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Base, Config, Features, Handlers, Kernel, TreeId, Variation};
use cr3_core::scenario::{Scenario, Schedule};
use std::sync::Arc;

/// Steps after which a run stops, unless a terminal asks for others. Most stories take a few thousand. The bound keeps a task that faults for ever, or a
/// person's endless loop, from freezing the page.
pub const BUDGET: u32 = 100_000;

/// A person's own texts, one for each side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTexts([Arc<str>; 2]);

impl OwnTexts {
    /// Those of the left and the right side.
    #[must_use]
    pub fn new(left: Arc<str>, right: Arc<str>) -> Self {
        Self([left, right])
    }

    /// One text for both sides.
    #[must_use]
    pub fn both(text: Arc<str>) -> Self {
        Self([text.clone(), text])
    }

    /// That of a side.
    #[must_use]
    pub fn of(&self, side: Side) -> &Arc<str> {
        &self.0[side.index()]
    }

    /// The same with another text of a side.
    #[must_use]
    pub fn with(mut self, side: Side, text: Arc<str>) -> Self {
        self.0[side.index()] = text;
        self
    }

    /// Whether a side has this text.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|own| **own == *text)
    }

    /// Those of the sides exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        let Self([left, right]) = self;
        Self([right, left])
    }
}

/// What is run: everything that decides the two traces except the texts of the custom form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The form of each side: left, right.
    pub forms: [Form; 2],
    /// What the custom form of each side is.
    pub own: [Own; 2],
    /// Switches of the processor and the kernel, the same on both sides.
    pub features: Features,
    /// In what the kernel of both sides differs from v6.12, beside what trees have.
    pub kernel: Kernel,
    /// In what the C side of each side's tree differs; none where there is no tree, or nobody has it.
    pub of_trees: [Option<Kernel>; 2],
    /// The modelled handlers of both sides.
    pub handler: Handlers,
    /// The TLB model of both sides.
    pub geometry: Geometry,
    /// The injections into both sides.
    pub schedule: Schedule,
    /// Steps after which both runs stop.
    pub budget: u32,
}

/// What two sides are called: their forms. Where both run something of a person's own, it says what that is, and where it stands if both are the same.
pub(crate) fn names(forms: [Form; 2], own: [Own; 2]) -> [&'static str; 2] {
    let names = |own: Own| match own {
        Own::Text => ("text", ["left text", "right text"]),
        Own::Tree(_) => ("tree", ["left tree", "right tree"]),
        Own::EditedTree(_) => ("custom", ["left custom", "right custom"]),
    };
    match (forms, own.map(names)) {
        ([Form::Custom, Form::Custom], [left, right]) if left == right => left.1,
        ([Form::Custom, Form::Custom], own) => own.map(|(name, _)| name),
        (forms, _) => forms.map(|form| form.name()),
    }
}

/// A name in one word. Where both sides have the same, it says on which side that is.
pub(crate) fn short(name: &'static str) -> &'static str {
    name.split_once(' ').map_or(name, |(side, _)| side)
}

impl Setup {
    /// What the sides are called.
    #[must_use]
    pub fn names(&self) -> [&'static str; 2] {
        names(self.forms, self.own)
    }

    /// The scenario of one side.
    #[must_use]
    pub fn scenario(&self, side: Side, custom: &OwnTexts) -> Scenario {
        Scenario { config: self.config(side, custom), schedule: self.schedule.clone() }
    }

    /// The system of one side.
    pub(crate) fn config(&self, side: Side, custom: &OwnTexts) -> Config {
        let form = self.forms[side.index()];
        let Self { features, handler, geometry, .. } = *self;
        let kernel = self.kernel_of(side);
        let base = self.tree(side).map_or(Base::BuiltIn, Base::Elsewhere);
        let custom = match self.own[side.index()] {
            Own::Tree(_) if form == Form::Custom => Arc::default(),
            _ => custom.of(side).clone(),
        };
        Config { features, kernel, base, form, custom, handler, geometry }
    }

    /// In what the kernel of a side differs from v6.12. A tree has the C side of its release. The built-in text, which is written
    /// for each of them, has that of the tree beside it: entry code is compared.
    #[must_use]
    pub fn kernel_of(&self, side: Side) -> Kernel {
        let of_tree = self.of_trees[side.index()].or(self.of_trees[side.other().index()]);
        of_tree.iter().flat_map(|kernel| kernel.iter()).fold(self.kernel, Kernel::with)
    }

    /// What to know of kernels that are not the usual one, since nothing else on the page shows them.
    pub(crate) fn kernel_notice(&self) -> Option<String> {
        let [left, right] = Side::BOTH.map(|side| self.kernel_of(side));
        let said = |of: &str, kernel: Kernel| {
            let differences: Vec<_> = kernel.iter().map(Variation::description).collect();
            (kernel != Kernel::V6_12).then(|| format!("The kernel{of} is {kernel}: {}.", differences.join("; ")))
        };
        if left == right {
            return said("", left);
        }
        let sides = [said(" on the left", left), said(" on the right", right)];
        Some(sides.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// The systems of both sides.
    pub(crate) fn configs(&self, custom: &OwnTexts) -> [Config; 2] {
        Side::BOTH.map(|side| self.config(side, custom))
    }

    /// The kernel tree that a side runs.
    #[must_use]
    pub fn tree(&self, side: Side) -> Option<TreeId> {
        self.own[side.index()].tree().filter(|_| self.forms[side.index()] == Form::Custom)
    }

    /// The kernel trees that the sides run.
    pub(crate) fn trees(&self) -> [Option<TreeId>; 2] {
        Side::BOTH.map(|side| self.tree(side))
    }

    /// The side whose text is edited first: one that runs its text, if there is one.
    #[must_use]
    pub fn edited(&self) -> Side {
        if self.uses_text(Side::Left) && !self.uses_text(Side::Right) { Side::Left } else { Side::Right }
    }

    /// Whether a side runs the text of the custom form.
    #[must_use]
    pub fn uses_text(&self, side: Side) -> bool {
        self.forms[side.index()] == Form::Custom && self.own[side.index()].has_text()
    }
}
