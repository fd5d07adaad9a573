//! What happens in a run: the configuration and the schedule of injections. A scenario has one text form.

use crate::linux::Config;

/// What can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vector {
    /// Non-maskable interrupt, `nmi`.
    Nmi,
    /// Debug exception, `db`.
    Debug,
    /// Machine check, `mc`.
    MachineCheck,
    /// VMM communication exception, `vc`.
    VmmCommunication,
    /// Double fault, `df`.
    DoubleFault,
    /// Timer interrupt, `irq`; refused while IF=0.
    Interrupt,
}

/// An instruction boundary: `label+offset#occurrence`, before the instruction `offset` instructions after `label`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Nearest label before it that is not local (`.L`).
    pub label: String,
    /// Instructions after the label.
    pub offset: u32,
    /// Which arrival counts, from 1, since the injection before it in the schedule.
    pub occurrence: u32,
}

/// When an injection may strike relative to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Nesting {
    /// `,`: after the handler of the one before has returned (or from the start, for the first).
    After,
    /// `>`: before the handler of the one before has returned.
    Inside,
}

/// One injection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Injection {
    pub place: Place,
    pub vector: Vector,
    pub nesting: Nesting,
}

/// Injections in the order in which they strike. Text form: `kernel_loop+1:nmi > exc_nmi+2:mc, sysret_exit+4#2:db`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Schedule {
    /// The injections.
    pub injections: Vec<Injection>,
}

/// A run is a function of this alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Scenario {
    pub config: Config,
    pub schedule: Schedule,
}
