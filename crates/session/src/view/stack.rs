//! The stack of both runs around RSP, with the words of exception frames by name.

use super::{Value, differing};
use crate::choice::Side;
use crate::moment::{Instant, Moment};
use crate::runs::Runs;
use cr3_core::lookup;
use cr3_core::machine::{Event, Machine};
use cr3_core::trace::{StepKind, Trace};

/// Words shown from RSP upwards.
pub(super) const WORDS: u64 = 24;

/// A word of the stacks of both runs, at the same distance from RSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Distance from RSP in bytes.
    pub offset: u64,
    /// Address in each run.
    pub addresses: [Option<u64>; 2],
    /// The word; none if the current tables do not map it.
    pub values: [Option<Value>; 2],
    /// The meaning of the word: part of an exception frame, or a return address.
    pub names: [Option<String>; 2],
    /// Bits in which the runs differ. Addresses of code are compared by place.
    pub differing: u64,
}

/// The stacks at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The stack that RSP is on, by run.
    pub stacks: [Option<String>; 2],
    /// The words from RSP upwards.
    pub slots: Vec<Slot>,
}

/// The stacks at a moment.
#[must_use]
pub fn stack(runs: &Runs, moment: &Moment) -> Stack {
    let frames = Side::BOTH.map(|side| runs.trace(side).map(|trace| frames(trace, runs.taken(side, moment.row))));
    Stack {
        stacks: Side::BOTH.map(|side| moment.side(side).map(|it| super::registers::stack_name(rsp(&it.after)))),
        slots: (0..WORDS).map(|word| slot(runs, moment, &frames, word * 8)).collect(),
    }
}

/// Addresses with their names; the first of several is the innermost.
type Frames = Vec<(u64, &'static str)>;

fn slot(runs: &Runs, moment: &Moment, frames: &[Option<Frames>; 2], offset: u64) -> Slot {
    let addresses = Side::BOTH.map(|side| moment.side(side).map(|it| rsp(&it.after).wrapping_add(offset)));
    let values = Side::BOTH.map(|side| word(moment.side(side)?, addresses[side.index()]?));
    let names = Side::BOTH.map(|side| {
        let address = addresses[side.index()]?;
        let framed =
            frames[side.index()].as_ref()?.iter().find(|(framed, _)| *framed == address).map(|(_, name)| *name);
        let code = || runs.trace(side)?.places.describe(values[side.index()]?.now);
        match (framed, code()) {
            (Some(framed), Some(code)) => Some(format!("{framed} {code}")),
            (Some(framed), None) => Some(framed.to_owned()),
            (None, code) => code,
        }
    });
    let same_place = names[0].is_some() && names[0] == names[1];
    let differing = if same_place { 0 } else { differing(&values) };
    Slot { offset, addresses, values, names, differing }
}

fn rsp(machine: &Machine) -> u64 {
    machine.cpu.registers[4]
}

fn word(instant: &Instant, linear: u64) -> Option<Value> {
    let read = |machine: &Machine| lookup::read_u64(&machine.cpu, &machine.memory, linear);
    let now = read(&instant.after)?;
    Some(Value::new(now, read(instant.earlier()).unwrap_or(now)))
}

/// The words of the frames that deliveries pushed and that have not been popped, by address.
fn frames(trace: &Trace, taken: usize) -> Frames {
    let mut frames = Frames::new();
    let mut level = trace.steps.get(taken).map_or(u8::MAX, |step| step.level);
    for (index, step) in trace.steps.iter().enumerate().take(taken).rev() {
        if level == 0 {
            break;
        }
        if let StepKind::Delivery { event, .. } = step.kind
            && step.level < level
        {
            level = step.level;
            let pushed = trace.detail(index).and_then(|detail| detail.delivered);
            if let Some(delivered) = pushed {
                name_frame(&mut frames, delivered.stack, event);
            }
        }
    }
    frames
}

/// The error code if the vector has one, then RIP, CS, RFLAGS, RSP, SS (SDM vol. 3A 6.14.2).
fn name_frame(frames: &mut Frames, stack: u64, event: Event) {
    let error: &[&str] = if pushes_error_code(event) { &["error code"] } else { &[] };
    let names = error.iter().chain(&["RIP", "CS", "RFLAGS", "RSP", "SS"]);
    for (name, address) in names.zip((0..).map(|word| stack.wrapping_add(8 * word))) {
        frames.push((address, name));
    }
}

fn pushes_error_code(event: Event) -> bool {
    matches!(event, Event::Exception(exception) if exception.has_error_code())
}
