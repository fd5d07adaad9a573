//! What differs between runs at one row.

use super::{Comparison, incidental};
use crate::counters::Counter;
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL;
use crate::machine::Machine;
use crate::trace::{Trace, registers};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// A register as in [`registers`], `rip`, `pending_flush`, or a counter's name.
    pub field: &'static str,
    /// The value after the row's step in each run; none in a run without a step here.
    pub values: Vec<Option<u64>>,
}

impl Comparison {
    /// The fields that differ after `row` between the runs that have a step there. Addresses of code are compared by
    /// their label, so code at another address is no difference.
    pub fn fields(&self, runs: &[&Trace], row: usize) -> Vec<FieldDifference> {
        let Some(row) = self.rows.get(row) else {
            return Vec::new();
        };
        let states: Vec<Option<Vec<(&'static str, u64)>>> =
            runs.iter().zip(&row.steps).map(|(trace, step)| Some(state(trace, (*step)? as usize))).collect();
        let Some(names) = states.iter().flatten().next() else {
            return Vec::new();
        };
        let field = |index: usize| {
            let value = |state: &Option<Vec<(_, u64)>>| Some(state.as_ref()?.get(index)?.1);
            FieldDifference { field: names[index].0, values: states.iter().map(value).collect() }
        };
        (0..names.len()).map(field).filter(|field| differs(runs, &field.values)).collect()
    }
}

/// Every field after a step, in a fixed order.
fn state(trace: &Trace, step: usize) -> Vec<(&'static str, u64)> {
    let machine = trace.machine_after(step);
    let counters = trace.counters_before(step + 1);
    let incidental = incidental();
    let counted = Counter::ALL.iter().filter(|&&counter| !incidental.contains(counter));
    [("rip", machine.cpu.rip), ("pending_flush", pending_flush(&machine))]
        .into_iter()
        .chain(registers(&machine.cpu))
        .chain(counted.map(|&counter| (counter.name(), counters[counter])))
        .collect()
}

fn pending_flush(machine: &Machine) -> u64 {
    u64::from(machine.memory.read_u16(USER_PCID_FLUSH_MASK_PHYSICAL))
}

fn differs(runs: &[&Trace], values: &[Option<u64>]) -> bool {
    let mut present = runs.iter().zip(values).filter_map(|(trace, value)| Some(Meaning::of(trace, (*value)?)));
    let first = present.next();
    present.any(|value| Some(&value) != first.as_ref())
}

/// A value, or the label that it points into.
#[derive(PartialEq, Eq)]
enum Meaning<'a> {
    Code(&'a str),
    Value(u64),
}

impl<'a> Meaning<'a> {
    fn of(trace: &'a Trace, value: u64) -> Self {
        match trace.places.at(value) {
            Some(place) => Self::Code(trace.places.label(trace.places.site(place).label)),
            None => Self::Value(value),
        }
    }
}
