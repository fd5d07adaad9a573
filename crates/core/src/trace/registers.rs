//! The registers by name, in the order in which they are shown.

use crate::machine::cpu::GENERAL;
use crate::machine::{Cpu, SegmentRegister};

/// A register's name and value.
pub type Named = (&'static str, u64);

/// Every register of interest except RIP, in a fixed order. Names are those of AT&T syntax without `%`. Segment bases
/// are `fs_base` and the like; model-specific registers have the kernel's names (arch/x86/include/asm/msr-index.h,
/// v6.12) in lower case.
pub fn registers(cpu: &Cpu) -> impl Iterator<Item = Named> {
    let general = GENERAL.into_iter().zip(cpu.registers);
    general.chain(segments(cpu)).chain(control(cpu)).chain(debug(cpu)).chain(model_specific(cpu)).chain(latches(cpu))
}

/// The register of that name, RIP included.
pub fn register(cpu: &Cpu, name: &str) -> Option<u64> {
    std::iter::once(("rip", cpu.rip)).chain(registers(cpu)).find(|(other, _)| *other == name).map(|(_, value)| value)
}

fn segments(cpu: &Cpu) -> [Named; 9] {
    let segment = |register: SegmentRegister| cpu.segments[register as usize];
    let selector = |register| u64::from(segment(register).selector);
    [
        ("rflags", cpu.rflags),
        ("cs", selector(SegmentRegister::Cs)),
        ("ss", selector(SegmentRegister::Ss)),
        ("ds", selector(SegmentRegister::Ds)),
        ("es", selector(SegmentRegister::Es)),
        ("fs", selector(SegmentRegister::Fs)),
        ("gs", selector(SegmentRegister::Gs)),
        ("fs_base", segment(SegmentRegister::Fs).base),
        ("gs_base", segment(SegmentRegister::Gs).base),
    ]
}

fn control(cpu: &Cpu) -> [Named; 8] {
    [
        ("kernel_gs_base", cpu.msr.kernel_gs_base),
        ("cpl", u64::from(cpu.cpl)),
        ("cr0", cpu.cr0),
        ("cr2", cpu.cr2),
        ("cr3", cpu.cr3),
        ("cr4", cpu.cr4),
        ("cr8", cpu.cr8),
        ("efer", cpu.efer),
    ]
}

fn debug(cpu: &Cpu) -> impl Iterator<Item = Named> {
    ["dr0", "dr1", "dr2", "dr3", "dr6", "dr7"].into_iter().zip(cpu.debug)
}

fn model_specific(cpu: &Cpu) -> [Named; 11] {
    let msr = &cpu.msr;
    [
        ("star", msr.star),
        ("lstar", msr.lstar),
        ("cstar", msr.cstar),
        ("syscall_mask", msr.fmask),
        ("tsc_aux", msr.tsc_aux),
        ("spec_ctrl", msr.spec_ctrl),
        ("sysenter_cs", msr.sysenter_cs),
        ("sysenter_esp", msr.sysenter_esp),
        ("sysenter_eip", msr.sysenter_eip),
        ("mcg_status", msr.mcg_status),
        ("debugctl", msr.debug_ctl),
    ]
}

fn latches(cpu: &Cpu) -> [Named; 3] {
    let events = &cpu.events;
    [
        ("nmi_blocked", u64::from(events.nmi_blocked)),
        ("nmi_pending", u64::from(events.nmi_pending)),
        ("mcip", u64::from(events.machine_check_in_progress)),
    ]
}
