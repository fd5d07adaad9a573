//! What a call depends on, said of what its caller interrupted.

use super::classes::FamilyId;
use super::family::{Node, RunId};
use super::guard::{Comparison, Guard, Held, Item, Operand};
use super::round::{PROGRAM, Round};
use super::value::{BLOCKED, CHECKING, Loc, Part, RIP, Source, Value};
use crate::explore::assume::DOUBLE_FAULT_RIP;
use crate::machine::Register;
use crate::scenario::Vector;

impl Round {
    /// At each boundary of `run` at which `callee` is called.
    pub(super) fn lift_to(&mut self, run: RunId, callee: FamilyId, number: usize) {
        let family = self.run(run).family;
        let Some(&number) = self.family(callee).items.get(number) else { return };
        let item = self.classes.item(number);
        // The program's state is known, except for its opaque parts.
        if family == PROGRAM && !item.places().any(|loc| self.is_ever_opaque(run, loc)) {
            return;
        }
        let Some(call) = self.run_mut(run).calls.get_mut(&callee) else { return };
        let boundaries = std::mem::take(&mut call.boundaries);
        let mut lifted = Vec::new();
        let mut rest = boundaries.as_slice();
        while let Some(&boundary) = rest.first() {
            let (mut version, mut until) = ([0; 2], u32::MAX);
            for (version, loc) in version.iter_mut().zip(item.places()) {
                let (first, after) = self.run(run).history.version(loc, boundary);
                *version = first;
                until = until.min(after);
            }
            if self.run_mut(run).lifted.insert((number, version)) {
                self.lift(Node { run, boundary }, item, &mut lifted);
            }
            // Up to there it comes to the same.
            rest = &rest[rest.partition_point(|&later| later < until)..];
        }
        if let Some(call) = self.run_mut(run).calls.get_mut(&callee) {
            call.boundaries = boundaries;
        }
        for item in lifted {
            self.depend(family, item);
        }
    }

    /// Whether a place holds something opaque somewhere in a run.
    fn is_ever_opaque(&self, run: RunId, loc: Loc) -> bool {
        let run = self.run(run);
        let untouched = || match loc {
            Loc::Memory(word) => self.learned.held(self.family(run.family).frame, word, None).opaque() != 0,
            Loc::Register(_) | Loc::Flags => false,
        };
        run.history.was_opaque(loc).unwrap_or_else(untouched)
    }

    /// An item on a boundary, as items on what the family interrupted.
    fn lift(&mut self, node: Node, item: Item, out: &mut Vec<Item>) {
        match item {
            Item::Bits { loc, mask } => self.lift_part(node, Part { source: Source::Input(loc), shift: 0, mask }, out),
            Item::Taken { guard, condition } => self.lift_guard(node, guard, condition, out),
            Item::ReturnsToNone { rip, stack, cpl } => self.lift_return(node, [rip, stack, cpl.into()], out),
            Item::InsideNmi => {
                let family = self.family(self.run(node.run).family);
                if family.kind.is_some_and(|kind| kind.vector != Vector::Nmi) {
                    out.push(item);
                }
            }
        }
    }

    fn lift_part(&mut self, node: Node, part: Part, out: &mut Vec<Item>) {
        let Some(loc) = part.input() else { return };
        if loc == Loc::Flags {
            self.lift_flags(node, out);
        }
        match self.at(node, loc).0 {
            Held::Word(value) => {
                self.note_opaque(value.masked(part.source_bits()));
                out.extend(value.masked(part.source_bits()).parts().filter_map(Item::bits));
            }
            Held::Sum(sum) => out.extend(sum.part.and_then(Item::bits)),
        }
    }

    fn note_opaque(&mut self, value: Value) {
        for part in value.parts() {
            if let Source::Opaque(origin) = part.source
                && !self.learned.looked.contains(&origin)
            {
                self.fresh.looked.insert(origin);
                self.make_again();
            }
        }
    }

    /// Flags that come from comparisons.
    fn lift_flags(&self, node: Node, out: &mut Vec<Item>) {
        let flags = self.run(node.run).history.flags_at(node.boundary);
        let guards = flags.into_iter().flat_map(|(flags, _)| flags.guards());
        out.extend(guards.flat_map(Guard::parts).filter_map(Item::bits));
    }

    fn lift_guard(&mut self, node: Node, guard: Guard, condition: u8, out: &mut Vec<Item>) {
        let lifted = guard.operands().map(|operand| self.lift_operand(node, operand));
        if let [Some(left), Some(right)] = lifted {
            let guard = Guard { left, right, ..guard };
            if guard.parts().next().is_some() {
                out.push(Item::Taken { guard, condition });
            }
            return;
        }
        for part in guard.parts() {
            self.lift_part(node, part, out);
        }
    }

    /// Nothing if it cannot be said in one part.
    fn lift_operand(&mut self, node: Node, operand: Operand) -> Option<Operand> {
        let Some(part) = operand.part else { return Some(operand) };
        let loc = part.input().filter(|&loc| loc != Loc::Flags)?;
        let (held, sample) = self.at(node, loc);
        // The sum of a word is one of some of its bits alone.
        if matches!((loc, held), (Loc::Memory(_), Held::Sum(_))) {
            return None;
        }
        let lifted = operand.through(held, sample).ok()?;
        match lifted.part {
            Some(part) if part.input().is_none_or(|loc| loc == Loc::Flags) => None,
            _ => Some(lifted),
        }
    }

    /// The innermost of the handlers around the call is the caller's own, which returns to what it interrupted.
    fn lift_return(&mut self, node: Node, place: [u64; 3], out: &mut Vec<Item>) {
        let [rip, stack, cpl] = place;
        out.push(Item::ReturnsToNone { rip, stack, cpl: cpl as u8 });
        let family = self.run(node.run).family;
        if family != PROGRAM {
            out.extend(self.differs_from_entry(family, rip, stack));
        }
    }

    /// That the place is not where the family returns to.
    pub(super) fn differs_from_entry(&self, family: FamilyId, rip: u64, stack: u64) -> Option<Item> {
        let entry = &self.family(family).entry.machine().cpu;
        let places = [
            (Loc::Register(RIP as u8), entry.rip, rip),
            (Loc::Register(Register::Rsp as u8), entry.registers[Register::Rsp as usize], stack),
        ];
        let (loc, _, other) = places.into_iter().find(|(_, own, other)| own != other)?;
        Some(equals(loc, other))
    }

    /// What the processor looks at before it lets a vector strike, and is not part of the context.
    pub(super) fn depend_on_refusal(&mut self, node: Node, vector: Vector) {
        let number = match vector {
            Vector::Nmi => BLOCKED,
            Vector::MachineCheck => CHECKING,
            _ => return,
        };
        let loc = Loc::Register(number as u8);
        if self.at(node, loc).0 == Held::KNOWN {
            return;
        }
        let mut out = Vec::new();
        self.lift_part(node, Part::whole(Source::Input(loc)), &mut out);
        let family = self.run(node.run).family;
        out.into_iter().for_each(|item| self.depend(family, item));
    }

    /// What the assumptions look at before a vector strikes, and is not part of the context.
    pub(super) fn depend_for(&mut self, node: Node, vector: Vector) {
        if vector != Vector::DoubleFault {
            return;
        }
        let family = self.run(node.run).family;
        let operand = |loc| Operand { part: Some(Part::whole(Source::Input(loc))), or: 0, add: 0 };
        let guard = Guard {
            comparison: Comparison::Subtract,
            left: operand(Loc::Memory(DOUBLE_FAULT_RIP >> 3)),
            right: operand(Loc::Register(RIP as u8)),
            width: 64,
        };
        let mut out = Vec::new();
        self.lift_guard(node, guard, EQUAL, &mut out);
        for item in out {
            self.depend(family, item);
        }
    }
}

/// JE.
const EQUAL: u8 = 4;

/// Whether a place holds a number.
pub(super) fn equals(loc: Loc, number: u64) -> Item {
    let left = Operand { part: Some(Part::whole(Source::Input(loc))), or: 0, add: 0 };
    let guard = Guard { comparison: Comparison::Subtract, left, right: Operand::number(number), width: 64 };
    Item::Taken { guard, condition: EQUAL }
}
