//! What is run.

use crate::choice::{Form, Own, Side};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Base, Config, Features, Handlers, Kernel, TreeId};
use cr3_core::scenario::{Scenario, Schedule};
use std::sync::Arc;

/// What is run: everything that decides the two traces except the text of the custom form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The form of each side: left, right.
    pub forms: [Form; 2],
    /// What the custom form of each side is.
    pub own: [Own; 2],
    /// Switches of the processor and the kernel, the same on both sides.
    pub features: Features,
    /// In what the kernel of both sides differs from v6.12.
    pub kernel: Kernel,
    /// The modelled handlers of both sides.
    pub handler: Handlers,
    /// The TLB model of both sides.
    pub geometry: Geometry,
    /// The injections into both sides.
    pub schedule: Schedule,
}

impl Setup {
    /// The scenario of one side.
    #[must_use]
    pub fn scenario(&self, side: Side, custom: &Arc<str>) -> Scenario {
        let form = self.forms[side.index()];
        let Self { features, kernel, handler, geometry, .. } = *self;
        let base = self.tree(side).map_or(Base::BuiltIn, Base::Elsewhere);
        let custom = match self.own[side.index()] {
            Own::Tree(_) if form == Form::Custom => Arc::default(),
            _ => custom.clone(),
        };
        let config = Config { features, kernel, base, form, custom, handler, geometry };
        Scenario { config, schedule: self.schedule.clone() }
    }

    /// The systems of both sides.
    pub(crate) fn configs(&self, custom: &Arc<str>) -> [Config; 2] {
        Side::BOTH.map(|side| self.scenario(side, custom).config)
    }

    /// The kernel tree that a side runs.
    #[must_use]
    pub fn tree(&self, side: Side) -> Option<TreeId> {
        self.own[side.index()].tree().filter(|_| self.forms[side.index()] == Form::Custom)
    }

    /// Whether a side runs the text of the custom form.
    #[must_use]
    pub fn uses_text(&self, side: Side) -> bool {
        self.forms[side.index()] == Form::Custom && self.own[side.index()].has_text()
    }
}
