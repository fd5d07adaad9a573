//! What is run.

use crate::choice::{FormChoice, Side};
use cr3_core::linux::{Config, Features, Geometry, Handlers};
use cr3_core::scenario::{Scenario, Schedule};
use std::sync::Arc;

/// What is run: everything that decides the two traces but the text of the custom form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The form of each side: left, right.
    pub forms: [FormChoice; 2],
    /// Switches of the processor and the kernel, the same on both sides.
    pub features: Features,
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
        let form = self.forms[side.index()].form(custom);
        let config = Config { features: self.features, form, handler: self.handler, geometry: self.geometry };
        Scenario { config, schedule: self.schedule.clone() }
    }
}
