//! The engines that play a scene.

use super::{Action, ExpectedFault, Scene};
use cr3_machine::tlb::{Entry, Reading, StructureEntry};

/// Something with registers, translation caches and memory.
pub(super) trait Engine: Sized {
    /// The state before the scene.
    ///
    /// # Errors
    /// Why this engine cannot play the scene.
    fn begin(scene: &Scene, reading: Reading) -> Result<Self, String>;

    /// Performs one step, except edits of tables.
    fn perform(&mut self, action: &Action) -> Performed;

    /// All cached translations.
    fn entries(&self) -> Vec<Entry>;

    /// All cached paging-structure entries.
    fn structures(&self) -> Vec<StructureEntry>;

    /// The registers that vectors check.
    fn registers(&self) -> Registers;

    /// The quadword of memory at `physical`.
    fn quadword(&self, physical: u64) -> u64;

    /// Writes a quadword of memory without the caches noticing.
    fn set_quadword(&mut self, physical: u64, value: u64);
}

/// The result of a step.
pub(super) struct Performed {
    /// A value or physical address, nothing, or a fault.
    pub(super) done: Result<Option<u64>, Refused>,
    /// The cached translation that served the access.
    pub(super) served: Option<Entry>,
}

impl Performed {
    pub(super) fn done(value: Option<u64>) -> Self {
        Self { done: Ok(value), served: None }
    }
}

/// A fault, and why.
pub(super) struct Refused {
    pub(super) fault: ExpectedFault,
    pub(super) cause: String,
}

/// What a vector may expect of the registers.
pub(super) struct Registers {
    pub(super) cr3: u64,
    pub(super) pcid: u16,
    pub(super) long_mode_active: bool,
}
