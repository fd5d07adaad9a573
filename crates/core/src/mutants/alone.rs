//! A macro that runs alone: where it is called, what it may be given, and what it leaves.

use super::Macro;
use crate::asm::{Image, Line, Position};
use crate::geometry::Geometry;
use crate::linux::layout::USER_PCID_FLUSH_MASK_PHYSICAL as MASK;
use crate::linux::written::Macros;
use crate::linux::{Features, System};
use crate::machine::control::current_pcid;
use crate::machine::observe::{
    AccessKind, Attention, ControlAccess, Cr3Flush, DropCause, MemoryAccess, Watched, Written,
};
use crate::machine::rflags;
use crate::machine::tlb::Operation;
use crate::machine::{Cpu, Fault, Machine, Observer, Register, Stepper, Stop};
use std::collections::BTreeSet;
use std::ops::Range;

/// Steps after which a macro counts as endless. None of ours takes more than 20.
const ENDLESS: u32 = 200;

/// A place where a macro is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) part: Macro,
    /// The calls that lead to its code, outermost first.
    calls: Vec<Position>,
    /// Its code; nothing if it makes none.
    pub(super) code: Option<Range<u64>>,
    /// Registers that hold nothing of use behind the macro.
    pub(super) dead: &'static [Register],
}

impl Site {
    fn of(part: Macro, name: &str, line: &Line) -> Option<Self> {
        let last = line.expansion.iter().position(|(called, _)| called.eq_ignore_ascii_case(name))?;
        let calls = line.expansion[..=last].iter().map(|(_, position)| *position).collect();
        let code = Some(line.address..line.address + u64::from(line.length));
        Some(Self { part, calls, code, dead: dead(part) })
    }
}

/// Registers that its calls give a macro to work with, and that the code behind it loads anew. What paranoid entry saves is of use.
fn dead(part: Macro) -> &'static [Register] {
    match part {
        Macro::Restore => &[Register::Rax, Register::R14, Register::R15],
        Macro::Save => SCRATCH_OF_SAVE,
        Macro::User => &[Register::Rax, Register::Rdi],
    }
}

const SCRATCH_OF_SAVE: &[Register] = &[Register::Rax];

/// Those of paranoid entry where the macro that restores does not look at what was saved.
pub(super) const UNUSED_SAVE: &[Register] = &[Register::Rax, Register::R14];

/// The places where an image calls the macros. `None` if the code of one lies in several places.
pub(super) fn sites(image: &Image, macros: &Macros) -> Option<Vec<Site>> {
    let mut sites: Vec<Site> = Vec::new();
    for line in &image.listing {
        let of = |part: Macro| Site::of(part, part.called(macros), line);
        let Some(here) = Macro::ALL.into_iter().find_map(of) else { continue };
        let known = sites.iter_mut().find(|site| (site.part, &site.calls) == (here.part, &here.calls));
        match (known, here.code.clone()) {
            (None, _) => sites.push(here),
            (Some(Site { code: Some(code), .. }), Some(more)) if code.end == more.start => code.end = more.end,
            _ => return None,
        }
    }
    Some(sites)
}

impl Site {
    /// Whether it is the same call.
    pub(super) fn is_call_of(&self, other: &Self) -> bool {
        (self.part, &self.calls) == (other.part, &other.calls)
    }

    /// The same call as another image of the same texts has it.
    pub(super) fn among(&self, others: &[Self]) -> Self {
        let code = others.iter().find(|other| self.is_call_of(other)).and_then(|other| other.code.clone());
        Self { code, ..self.clone() }
    }
}

/// The machine in the kernel, on its tables and with its GS base. `None` if the run does not come there.
pub(super) fn in_kernel(system: &System) -> Option<Machine> {
    const LONG_ENOUGH: u32 = 10_000;
    let there = *system.image.symbols.get("do_syscall_64")?;
    let mut stepper = Stepper::new(system.machine.clone());
    for _ in 0..LONG_ENOUGH {
        if stepper.machine().cpu.rip == there {
            return Some(stepper.into_machine());
        }
        stepper.step(&mut ()).ok()?;
    }
    None
}

/// What a macro is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Input {
    /// CR3.
    pub(super) cr3: u64,
    /// What paranoid entry has saved, for the macro that restores.
    pub(super) saved: u64,
    /// `user_pcid_flush_mask`.
    pub(super) mask: u16,
    /// The status flags.
    pub(super) flags: u64,
}

/// `kernel` about to run the macro of `site`. Nothing is cached: what is cached agrees with the tables, so it changes nothing.
pub(super) fn begin(kernel: &Machine, site: &Site, input: &Input) -> Machine {
    let mut machine = kernel.clone();
    for register in Register::ALL.into_iter().filter(|register| *register != Register::Rsp) {
        machine.cpu.registers[register as usize] = 0x5eed_0000 + register as u64;
    }
    if site.part == Macro::Restore {
        machine.cpu.registers[Register::R14 as usize] = input.saved;
    }
    machine.cpu.rflags = machine.cpu.rflags & !rflags::STATUS | input.flags;
    machine.cpu.rip = site.code.as_ref().map_or(0, |code| code.start);
    machine.memory.write_u16(MASK, input.mask);
    with_cr3(machine, input.cr3)
}

/// `machine` with another CR3 and nothing cached.
pub(super) fn with_cr3(mut machine: Machine, cr3: u64) -> Machine {
    machine.cpu.cr3 = cr3;
    machine.tlb = Geometry::default().tlb().starting_at(current_pcid(&machine.cpu));
    machine
}

/// How a macro ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Behind its last instruction.
    Behind,
    /// It jumped elsewhere.
    Elsewhere,
    /// It faulted.
    Fault(Failure),
    /// It shut the processor down.
    Shutdown,
    /// It does not end.
    Endless,
}

/// A fault, as its handler can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Failure {
    vector: u8,
    error_code: Option<u32>,
    address: Option<u64>,
}

impl Failure {
    fn of(fault: &Fault) -> Self {
        Self { vector: fault.exception.vector(), error_code: fault.error_code, address: fault.address }
    }
}

/// What a macro leaves, as far as anything behind it can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    exit: Exit,
    /// The processor without dead registers, status flags and RIP. Nothing of it behind a fault, whose handler runs anyhow.
    cpu: Option<Box<Cpu>>,
    cr3: u64,
    mask: u16,
    /// Bytes of memory, the mask excepted, that are not what they were.
    bytes: Vec<(u64, u8)>,
    /// Invalidations but those by writes to CR3.
    invalidations: Vec<Operation>,
}

/// What a macro left and what it did meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) left: Left,
    pub(super) heard: Heard,
}

/// What a macro did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Writes to CR3.
    pub(super) writes: u32,
    /// PCIDs that those flushed, each time.
    pub(super) flushes: Vec<u16>,
    /// Physical addresses and sizes of stores.
    pub(super) stores: Vec<(u64, u8)>,
    invalidations: Vec<Operation>,
    pub(super) fault: Option<Failure>,
}

impl Heard {
    /// The words of eight bytes that were stored to.
    pub(super) fn words(&self) -> BTreeSet<u64> {
        self.stores.iter().flat_map(|(at, size)| [at / 8, (at + u64::from(*size) - 1) / 8]).collect()
    }

    /// Whether something but a write to CR3 invalidated translations.
    pub(super) fn has_invalidations(&self) -> bool {
        !self.invalidations.is_empty()
    }
}

impl Observer for Heard {
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: Watched::range(0, u64::MAX) }
    }

    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write && self.fault.is_none() {
            self.stores.push((access.physical, access.size));
        }
    }

    fn control(&mut self, access: &ControlAccess) {
        if let ControlAccess::Write { written: Written::Cr3 { flush, pcids }, .. } = access {
            self.writes += 1;
            self.flushes.extend((*flush == Cr3Flush::Flush).then_some(pcids[1]));
        }
    }

    fn invalidation(&mut self, operation: Operation, cause: DropCause) {
        if !matches!(cause, DropCause::Cr3Write | DropCause::PageFault) {
            self.invalidations.push(operation);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.fault = self.fault.or(Some(Failure::of(fault)));
    }
}

/// The processor as far as it matters behind the macro.
pub(super) fn visible(cpu: &Cpu, site: &Site) -> Cpu {
    let mut cpu = cpu.clone();
    site.dead.iter().for_each(|register| cpu.registers[*register as usize] = 0);
    cpu.rflags &= !rflags::STATUS;
    cpu.rip = 0;
    cpu
}

/// Runs the macro of `site` alone.
pub(super) fn run(kernel: &Machine, site: &Site, input: &Input) -> Outcome {
    let machine = begin(kernel, site, input);
    let before = machine.memory.clone();
    let mut stepper = Stepper::new(machine);
    let mut heard = Heard::default();
    let exit = walk(&mut stepper, site, &mut heard);
    let machine = stepper.machine();
    let cpu = matches!(exit, Exit::Behind | Exit::Elsewhere).then(|| Box::new(visible(&machine.cpu, site)));
    let stored = heard.stores.iter().flat_map(|(at, size)| *at..at + u64::from(*size)).collect::<BTreeSet<_>>();
    let byte = |at: u64| (at, machine.memory.read_u8(at));
    let changed = |&(at, value): &(u64, u8)| before.read_u8(at) != value && !(MASK..MASK + 2).contains(&at);
    let left = Left {
        exit,
        cpu,
        cr3: machine.cpu.cr3,
        mask: machine.memory.read_u16(MASK),
        bytes: stored.into_iter().map(byte).filter(changed).collect(),
        invalidations: std::mem::take(&mut heard.invalidations),
    };
    Outcome { left, heard }
}

fn walk(stepper: &mut Stepper, site: &Site, heard: &mut Heard) -> Exit {
    let Some(code) = &site.code else { return Exit::Behind };
    for _ in 0..ENDLESS {
        let rip = stepper.machine().cpu.rip;
        if !code.contains(&rip) {
            return if rip == code.end { Exit::Behind } else { Exit::Elsewhere };
        }
        match stepper.step(heard) {
            Err(Stop::Shutdown { .. } | Stop::Halted) => return Exit::Shutdown,
            Ok(()) if heard.fault.is_some() => return heard.fault.map_or(Exit::Endless, Exit::Fault),
            Ok(()) => {}
        }
    }
    Exit::Endless
}

// --- What a macro may be given --------------------------------------------------------------------------------------

/// The PCIDs of the kernel's halves that are in use.
fn pcids(features: Features) -> Vec<u64> {
    use crate::linux::layout::{TLB_NR_DYN_ASIDS, kernel_pcid};
    match features.pcid {
        true => (0..TLB_NR_DYN_ASIDS).map(|asid| kernel_pcid(asid).into()).collect(),
        false => vec![0],
    }
}

/// The CR3 of the kernel's half and, with page-table isolation, of the user's, for a kernel PCID.
fn halves(kernel: &Machine, features: Features, pcid: u64) -> Vec<u64> {
    use crate::linux::layout::{PTI_USER_PCID_MASK, PTI_USER_PGTABLE_MASK};
    let own = kernel.cpu.cr3 & !0x1fff | pcid;
    let user = own | PTI_USER_PGTABLE_MASK | if features.pcid { PTI_USER_PCID_MASK } else { 0 };
    if features.pti { vec![own, user] } else { vec![own] }
}

/// Masks with any of the bits that are in use.
fn every_mask(features: Features) -> Vec<u16> {
    let bits = pcids(features).iter().fold(0, |bits, pcid| bits | 1_u16 << pcid);
    (0..=bits).filter(|mask| mask & !bits == 0).collect()
}

/// No bit, the one of the PCID in `cr3`, all others in use, all in use.
pub(super) fn chosen_masks(features: Features, cr3: u64) -> [u16; 4] {
    let all = pcids(features).iter().fold(0, |bits, pcid| bits | 1_u16 << pcid);
    let own = 1 << (cr3 & 0xf) & all;
    [0, own, all & !own, all]
}

/// Every setting of the status flags.
fn every_flag() -> impl Iterator<Item = u64> {
    let bits = [rflags::CF, rflags::PF, rflags::AF, rflags::ZF, rflags::SF, rflags::OF];
    (0..1_u32 << bits.len()).map(move |set| (0..bits.len()).filter(|n| set >> n & 1 != 0).map(|n| bits[n]).sum())
}

/// CR3 and what was saved of it, for a macro: every half and PCID in use. Without page-table isolation nothing returns by the macro to the
/// user's tables.
pub(super) fn spaces(kernel: &Machine, part: Macro, features: Features) -> Vec<(u64, u64)> {
    let all = pcids(features).into_iter().flat_map(|pcid| halves(kernel, features, pcid));
    match part {
        Macro::Restore => saved(kernel, features, &all.collect::<Vec<_>>()),
        Macro::User if !features.pti => Vec::new(),
        Macro::Save | Macro::User => all.map(|cr3| (cr3, 0)).collect(),
    }
}

/// The kernel's CR3 and what was saved: under the PCID that is loaded or under another one. With PCIDs it may also have the no-flush bit or
/// be zero, as no MOV from CR3 gives it. Without isolation paranoid entry leaves zero, or what the kernel's CR3 is.
fn saved(kernel: &Machine, features: Features, all: &[u64]) -> Vec<(u64, u64)> {
    const NO_FLUSH: u64 = 1 << 63;
    const PCID: u64 = 0x7ff;
    let own = kernel.cpu.cr3 & !0x1fff;
    let last = own | pcids(features).last().copied().unwrap_or(0);
    let mut found: Vec<_> = all.iter().flat_map(|saved| [(own | saved & PCID, *saved), (last, *saved)]).collect();
    if features.pcid {
        found.extend(all.iter().map(|saved| (own | saved & PCID, saved | NO_FLUSH)));
    }
    if features.pcid || !features.pti {
        found.push((last, 0));
    }
    found.dedup();
    found
}

/// Everything a macro may be given: every mask with the status flags all clear and all set, and every setting of the status flags with
/// the chosen masks of the first PCID.
pub(super) fn inputs(kernel: &Machine, part: Macro, features: Features) -> Vec<Input> {
    let spaces = spaces(kernel, part, features);
    let masks = every_mask(features);
    let flags = [0, rflags::STATUS];
    let with_masks = spaces.iter().flat_map(|&(cr3, saved)| {
        let masks = masks.iter();
        masks.flat_map(move |&mask| flags.map(|flags| Input { cr3, saved, mask, flags }))
    });
    let with_flags = spaces.iter().take(2).flat_map(|&(cr3, saved)| {
        let masks = chosen_masks(features, cr3);
        every_flag().flat_map(move |flags| masks.map(|mask| Input { cr3, saved, mask, flags }))
    });
    with_flags.chain(with_masks).collect()
}

/// Whether `all` has every PCID of `some`.
pub(super) fn flushed(some: &[u16], all: &[u16]) -> bool {
    some.iter().all(|pcid| all.contains(pcid))
}
