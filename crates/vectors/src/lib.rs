#![doc = include_str!("../README.md")]

mod engine;
mod fields;
pub mod manual_tlb;
mod on_machine;
mod on_manual;
mod parse;
mod run;
mod tables;

pub use fields::VectorError;
pub use parse::{blank_cpu, parse};
pub use run::{Outcome, Player, Report, run, run_on};

use cr3_machine::observe::{AccessKind, ControlRegister};
use cr3_machine::tlb::{Entry, Reading, StaleRights, StructureEntry};
use cr3_machine::{Cpu, Exception, Memory};

/// The vectors of one file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// In the order of the file.
    pub vectors: Vec<Vector>,
}

/// One vector.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Unique within its file.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// Where the expectation comes from.
    pub source: String,
    case: Case,
}

#[derive(Clone, Debug)]
enum Case {
    Run(Box<Scene>),
    /// Neither player can represent it, for this reason.
    Unrepresentable(String),
}

/// State before, operations, state after.
#[derive(Clone, Debug)]
struct Scene {
    cpu: Cpu,
    memory: Memory,
    stale_rights: StaleRights,
    cached: Vec<(String, Entry)>,
    structures: Vec<(String, StructureEntry)>,
    steps: Vec<Step>,
    survivors: PerReading<Option<Vec<String>>>,
    after: After,
}

/// One value for each reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PerReading<T> {
    min: T,
    max: T,
}

impl<T> PerReading<T> {
    fn of(&self, reading: Reading) -> &T {
        match reading {
            Reading::Min => &self.min,
            Reading::Max => &self.max,
        }
    }
}

#[derive(Clone, Debug)]
struct Step {
    action: Action,
    /// The only reading under which it happens.
    only: Option<Reading>,
    fault: PerReading<Option<ExpectedFault>>,
    /// Physical addresses; the access may reach any of them.
    physical: PerReading<Option<Vec<u64>>>,
    /// The cached translation that must serve the access, under [`Reading::Min`].
    from: Option<String>,
    /// The value that MOV from CR3 must return.
    gives: Option<u64>,
}

#[derive(Clone, Debug)]
enum Action {
    MovToCr3(u64),
    MovFromCr3,
    /// MOV to CR0 or CR4, or WRMSR to EFER, of the present value with bits set and cleared.
    ChangeControl {
        register: ControlRegister,
        set: u64,
        clear: u64,
    },
    Invlpg(u64),
    Invpcid {
        kind: u64,
        low: u64,
        high: u64,
    },
    /// INVPCID whose descriptor is read from this linear address.
    InvpcidFromMemory {
        kind: u64,
        descriptor: u64,
    },
    Access {
        kind: AccessKind,
        linear: u64,
    },
    /// One instruction, given by its bytes, at this linear address.
    Execute {
        linear: u64,
    },
    /// Software changes a paging-structure entry in memory and invalidates nothing.
    Edit {
        entry: TableEntry,
        edit: Edit,
    },
    /// The paging-structure entry must have bits set and clear.
    Expect {
        entry: TableEntry,
        set: u64,
        clear: u64,
    },
    /// The processor drops every cached entry on its own, as it may at any time (SDM vol. 3A 4.10.2.2).
    ProcessorDropsEverything,
}

/// A paging-structure entry, by its place under a root when the step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TableEntry {
    root: u64,
    linear: u64,
    level: u8,
}

/// How a paging-structure entry changes: bits are cleared, the address is replaced, bits are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edit {
    frame: Option<u64>,
    set: u64,
    clear: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ExpectedFault {
    exception: Exception,
    error_code: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct After {
    cr3: Option<u64>,
    pcid: Option<u16>,
    long_mode_active: Option<bool>,
    cr3_writes: Option<u64>,
    /// Cached translations that must be present with a dirty flag known to be set.
    dirty: Vec<String>,
    /// Addresses for which no paging-structure entry of the current PCID may be cached.
    no_structures_for: Vec<u64>,
}
