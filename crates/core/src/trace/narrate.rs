//! One sentence for each step: what it did, then the effect on the translation caches.

use super::{Origin, RegisterChange, StepDetail, StepKind, Trace};
use crate::counters::Counter;
use crate::linux::{Half, Pcids, describe_stack, tables_half};
use crate::machine::bits::cr3;
use crate::machine::observe::{AccessKind, ControlAccess, ControlRegister, Cr3Flush, Delivered, Written};
use crate::machine::rflags;
use iced_x86::{Instruction, Mnemonic, OpKind};

impl StepDetail {
    /// One sentence about the step, which belongs to `trace`.
    pub fn sentence(&self, trace: &Trace) -> String {
        let mut clauses = match self.kind {
            StepKind::Instruction => instruction(trace, self),
            StepKind::Delivery { origin, .. } => delivery(trace, self, origin),
            StepKind::Shutdown { .. } => shutdown(self),
        };
        clauses.extend(pending(self));
        clauses.extend(misses(trace, self));
        clauses.join("; ")
    }
}

/// An address by its place, or in hexadecimal.
fn place(trace: &Trace, address: u64) -> String {
    trace.places.describe(address).unwrap_or_else(|| format!("{address:#x}"))
}

fn instruction(trace: &Trace, detail: &StepDetail) -> Vec<String> {
    let Some(decoded) = &detail.decoded else {
        return vec!["nothing was executed".to_owned()];
    };
    if let Some(access) = detail.control.iter().find(|access| concerns_cr3(access)) {
        return cr3_access(trace, detail, access);
    }
    let target = place(trace, detail.rip_after);
    let mut clauses = vec![match decoded.mnemonic() {
        Mnemonic::Swapgs => swapgs(detail),
        Mnemonic::Iretq | Mnemonic::Iretd | Mnemonic::Iret => {
            format!("returns to {target} at CPL {}", detail.cpl_after)
        }
        Mnemonic::Sysretq | Mnemonic::Sysret => format!("returns to user mode at {target}"),
        Mnemonic::Syscall => format!("enters the kernel at {target}"),
        Mnemonic::Call => format!("calls {target}"),
        Mnemonic::Ret => format!("returns to {target}"),
        Mnemonic::Hlt => "halts until an event".to_owned(),
        Mnemonic::Invlpg => "invalidates one page of the current PCID and of globals".to_owned(),
        Mnemonic::Invpcid => "invalidates by PCID".to_owned(),
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => {
            format!("the bit was {}", detail.rflags_after & rflags::CF)
        }
        _ if is_branch(decoded) => branch(detail, decoded, &target),
        mnemonic => plain(detail, mnemonic),
    }];
    clauses.extend(dropped(trace, detail));
    clauses
}

fn concerns_cr3(access: &ControlAccess) -> bool {
    access.register() == ControlRegister::Cr3
}

fn cr3_access(trace: &Trace, detail: &StepDetail, access: &ControlAccess) -> Vec<String> {
    let pcids = Pcids::of(detail.cr4);
    match *access {
        ControlAccess::Read { value, .. } => vec![format!("reads CR3: {}", describe_cr3(trace, value, pcids))],
        ControlAccess::Write { before, after, written, .. } => {
            let moved = (before ^ after) & cr3::TABLE != 0;
            let tables = match (moved, pcids) {
                (true, _) => describe_cr3(trace, after, pcids),
                (false, Pcids::On) => format!("same tables, {}", pcid(after)),
                (false, Pcids::Off) => "same tables".to_owned(),
            };
            let flush = match (written, pcids) {
                (Written::Cr3 { flush: Cr3Flush::NoFlush, .. }, _) => "no flush",
                (_, Pcids::On) => "flush",
                (_, Pcids::Off) => "flush (no PCID)",
            };
            let mut clauses = vec![format!("writes CR3: {tables}, {flush}")];
            clauses.push(dropped(trace, detail).unwrap_or_else(|| "nothing dropped".to_owned()));
            if counted(trace, detail, Counter::RedundantCr3Writes) != 0 {
                clauses.push("redundant".to_owned());
            }
            clauses
        }
    }
}

/// The tables and the PCID that a CR3 value selects.
fn describe_cr3(trace: &Trace, value: u64, pcids: Pcids) -> String {
    let tables = match (trace.scenario.config.features.pti, tables_half(value)) {
        (false, _) => "page tables".to_owned(),
        (true, Half::Kernel) => "kernel tables".to_owned(),
        (true, Half::User) => "user tables".to_owned(),
    };
    match pcids {
        Pcids::On => format!("{tables}, {}", pcid(value)),
        Pcids::Off => tables,
    }
}

fn pcid(value: u64) -> String {
    match value & cr3::PCID {
        small @ 0..10 => format!("PCID {small}"),
        other => format!("PCID {other:#x}"),
    }
}

fn counted(trace: &Trace, detail: &StepDetail, counter: Counter) -> u32 {
    let counts = trace.counts(detail.index).iter();
    counts.filter(|(counted, _)| *counted == counter).map(|(_, amount)| amount).sum()
}

fn plural(count: u32, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

fn dropped(trace: &Trace, detail: &StepDetail) -> Option<String> {
    let dropped = counted(trace, detail, Counter::DroppedEntries);
    (dropped != 0).then(|| format!("drops {}", plural(dropped, "TLB entry", "TLB entries")))
}

fn misses(trace: &Trace, detail: &StepDetail) -> Option<String> {
    let count = counted(trace, detail, Counter::TlbMisses);
    let refills = counted(trace, detail, Counter::RefillMisses);
    let misses = (count != 0).then(|| plural(count, "TLB miss", "TLB misses"))?;
    Some(match refills {
        0 => misses,
        all if all == count => format!("{misses} after a flush"),
        some => format!("{misses}, {some} after a flush"),
    })
}

fn pending(detail: &StepDetail) -> Vec<String> {
    let (before, after) = detail.pending_flush;
    let clause = |bits: u16, what: &str| {
        let pcids: Vec<_> =
            (0..16).filter(|bit| bits >> bit & 1 != 0).map(|bit| format!("{:#x}", 0x800 + bit)).collect();
        (!pcids.is_empty()).then(|| format!("{what} PCID {}", pcids.join(", ")))
    };
    let requested = clause(after & !before, "requests a flush of");
    let cleared = clause(before & !after, "clears the request to flush");
    requested.into_iter().chain(cleared).collect()
}

fn change<'a>(detail: &'a StepDetail, name: &str) -> Option<&'a RegisterChange> {
    detail.registers.iter().find(|change| change.name == name)
}

fn swapgs(detail: &StepDetail) -> String {
    match change(detail, "gs_base") {
        None => "swaps the GS bases, which are equal".to_owned(),
        Some(RegisterChange { after, .. }) if after >> 63 == 1 => "GS base is now the kernel's".to_owned(),
        Some(_) => "GS base is now the user's".to_owned(),
    }
}

fn is_branch(decoded: &Instruction) -> bool {
    let direct = decoded.op_count() != 0 && decoded.op0_kind() == OpKind::NearBranch64;
    direct || decoded.mnemonic() == Mnemonic::Jmp
}

fn branch(detail: &StepDetail, decoded: &Instruction, target: &str) -> String {
    match detail.rip_after == decoded.next_ip() && decoded.mnemonic() != Mnemonic::Jmp {
        true => "does not jump".to_owned(),
        false => format!("jumps to {target}"),
    }
}

/// Registers and memory. More than three registers are only counted.
fn plain(detail: &StepDetail, mnemonic: Mnemonic) -> String {
    let shown = |change: &&RegisterChange| change.name != "rflags" && !(change.name == "rsp" && moves_stack(mnemonic));
    let named: Vec<_> = detail.registers.iter().filter(shown).collect();
    let mut clauses = match named.as_slice() {
        few @ ([] | [_] | [_, _] | [_, _, _]) => few.iter().map(|c| format!("{} = {:#x}", c.name, c.after)).collect(),
        many => vec![format!("changes {} registers", many.len())],
    };
    clauses.extend(accesses(detail, AccessKind::Write, "stores"));
    if clauses.is_empty() {
        clauses.extend(accesses(detail, AccessKind::Read, "reads"));
    }
    match (clauses.is_empty(), change(detail, "rflags")) {
        (true, Some(_)) => "changes flags only".to_owned(),
        (true, None) => "changes nothing".to_owned(),
        (false, _) => clauses.join(", "),
    }
}

fn accesses(detail: &StepDetail, kind: AccessKind, verb: &str) -> impl Iterator<Item = String> {
    let accesses = detail.memory.iter().filter(move |access| access.kind == kind);
    accesses.map(move |access| format!("{verb} {:#x} at {:#x}", access.value, access.linear))
}

/// Instructions that obviously move RSP.
fn moves_stack(mnemonic: Mnemonic) -> bool {
    matches!(mnemonic, Mnemonic::Push | Mnemonic::Pop | Mnemonic::Pushfq | Mnemonic::Popfq)
}

fn delivery(trace: &Trace, detail: &StepDetail, origin: Origin) -> Vec<String> {
    let mut clauses = Vec::new();
    if let (Origin::Faulted, Some(fault)) = (origin, detail.faults.first()) {
        clauses.push(format!("{}: {}", fault.exception.name(), fault.cause));
    }
    let Some(delivered) = &detail.delivered else {
        return clauses;
    };
    let words = super::delivery(delivered.event, origin);
    clauses.push(match origin {
        Origin::Injected(_) => format!("{words} before {}", detail.place),
        _ => words,
    });
    clauses.push(frame(trace, delivered));
    clauses
}

fn frame(trace: &Trace, delivered: &Delivered) -> String {
    let handler = place(trace, delivered.handler);
    match describe_stack(delivered.stack) {
        Some(stack) => format!("frame on the {} stack, handler {handler}", stack.name()),
        None => format!("frame at {:#x}, handler {handler}", delivered.stack),
    }
}

fn shutdown(detail: &StepDetail) -> Vec<String> {
    let chain = detail.faults.iter().map(|fault| format!("{}: {}", fault.exception.name(), fault.cause));
    std::iter::once("the processor shuts down".to_owned()).chain(chain).collect()
}
