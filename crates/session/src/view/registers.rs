//! The registers of both runs.

use super::{Value, differing};
use crate::choice::Side;
use crate::glossary::Word;
use crate::moment::Moment;
use crate::runs::Runs;
use cr3_core::machine::Machine;
use cr3_core::trace;

/// A register of both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The name in AT&T syntax without `%`.
    pub name: &'static str,
    /// What the glossary calls it.
    pub word: Word,
    /// Each run.
    pub values: [Option<Value>; 2],
    /// The meaning of each value: a place for RIP, a stack for RSP, set flags for RFLAGS.
    pub meanings: [Option<String>; 2],
    /// Bits in which the runs differ. Code addresses that name the same place do not differ.
    pub differing: u64,
}

/// The registers to show, in this order, by the core's names.
const REGISTERS: [&str; 24] = [
    "rip",
    "rsp",
    "rflags",
    "cpl",
    "rax",
    "rbx",
    "rcx",
    "rdx",
    "rsi",
    "rdi",
    "rbp",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "gs_base",
    "kernel_gs_base",
    "cs",
    "ss",
    "cr2",
];

/// The registers at a moment.
#[must_use]
pub fn registers(runs: &Runs, moment: &Moment) -> Vec<Register> {
    REGISTERS.iter().map(|name| register(runs, moment, name)).collect()
}

fn register(runs: &Runs, moment: &Moment, name: &'static str) -> Register {
    let values = Side::BOTH.map(|side| {
        let instant = moment.side(side)?;
        Some(Value::new(trace::register(&instant.after.cpu, name)?, trace::register(&instant.earlier().cpu, name)?))
    });
    let meanings = Side::BOTH.map(|side| meaning(runs, side, name, &moment.side(side)?.after));
    let same_place = name == "rip" && meanings[0].is_some() && meanings[0] == meanings[1];
    let differing = if same_place { 0 } else { differing(&values) };
    Register { name, word: word(name), values, meanings, differing }
}

fn word(name: &str) -> Word {
    match name {
        "rip" => Word::Rip,
        "rsp" => Word::Rsp,
        "rflags" => Word::Rflags,
        "cpl" => Word::Cpl,
        "gs_base" => Word::GsBase,
        "kernel_gs_base" => Word::KernelGsBase,
        "cs" | "ss" => Word::Segment,
        "cr2" => Word::Cr2,
        _ => Word::Register,
    }
}

fn meaning(runs: &Runs, side: Side, name: &str, machine: &Machine) -> Option<String> {
    match name {
        "rip" => runs.trace(side)?.places.describe(machine.cpu.rip),
        "rsp" => Some(stack_name(machine.cpu.registers[4])),
        "rflags" => Some(flags(machine.cpu.rflags)),
        "cpl" => Some(if machine.cpu.cpl == 0 { "kernel mode".into() } else { "user mode".into() }),
        _ => None,
    }
}

/// The stack that an address lies on.
#[must_use]
pub fn stack_name(rsp: u64) -> String {
    match cr3_core::linux::describe_stack(rsp) {
        Some(stack) => format!("{} stack", stack.name()),
        None => "no stack".into(),
    }
}

const FLAGS: [(u32, &str); 10] =
    [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF"), (18, "AC")];

fn flags(rflags: u64) -> String {
    let set: Vec<_> = FLAGS.iter().filter(|(bit, _)| rflags >> bit & 1 == 1).map(|(_, name)| *name).collect();
    if set.is_empty() { "none set".into() } else { set.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Settings, State};

    #[test]
    fn every_register_has_a_value_of_its_own() {
        let state = State::open("", Settings::default());
        let moment = Moment::at(&state.runs, state.cursor);
        let shown = registers(&state.runs, &moment);
        assert!(shown.iter().all(|register| register.values.iter().all(Option::is_some)));
        let names: std::collections::BTreeSet<_> = shown.iter().map(|register| register.name).collect();
        assert_eq!(names.len(), REGISTERS.len());
    }
}
