//! Writes to control registers and the invalidation instructions: what they check, what they change, what they
//! invalidate (SDM vol. 3A 2.5, 4.10.1, 4.10.4.1; vol. 2, MOV to control registers, INVLPG, INVPCID).
//!
//! A write that faults changes nothing. The manual does not define the order of the checks.

pub use super::cpu::current_pcid;

use super::bits::{cr0, cr3, cr4, efer, low_bits, segment};
use super::cpu::canonical;
use super::fault::Fault;
use super::observe::{ControlAccess, ControlRegister, Cr3Flush, DropCause, Observer, Written};
use super::tlb::Operation;
use super::{Cpu, Machine, SegmentRegister};

/// Reads a control register, as MOV from it does.
///
/// # Errors
/// #GP(0) unless CPL is 0.
pub fn read_control(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    register: ControlRegister,
) -> Result<u64, Fault> {
    require_cpl0(&machine.cpu)?;
    let value = value(&machine.cpu, register);
    if register == ControlRegister::Cr3 {
        observer.control(&ControlAccess::Read { register, value });
    }
    Ok(value)
}

fn value(cpu: &Cpu, register: ControlRegister) -> u64 {
    match register {
        ControlRegister::Cr0 => cpu.cr0,
        ControlRegister::Cr2 => cpu.cr2,
        ControlRegister::Cr3 => cpu.cr3,
        ControlRegister::Cr4 => cpu.cr4,
        ControlRegister::Cr8 => cpu.cr8,
        ControlRegister::Efer => cpu.efer,
    }
}

/// MOV to CR0.
///
/// # Errors
/// #GP(0) unless CPL is 0; for bits 63:32; for PG without PE, NW without CD; for clearing PG in 64-bit mode or while
/// CR4.PCIDE=1; for setting PG without entering IA-32e mode, the only mode with paging here.
pub fn write_cr0(machine: &mut Machine, observer: &mut dyn Observer, source: u64) -> Result<(), Fault> {
    let cpu = &machine.cpu;
    require_cpl0(cpu)?;
    check_cr0(cpu, source)?;
    let before = cpu.cr0;
    // Other bits below 32 are ignored; ET always reads as one.
    let after = source & CR0_DEFINED | cr0::ET;
    machine.cpu.cr0 = after;
    let lma = if after & cr0::PG != 0 { machine.cpu.efer & efer::LME } else { 0 };
    machine.cpu.efer = machine.cpu.efer & !efer::LMA | lma << (efer::LMA / efer::LME).trailing_zeros();
    let loses_paging = before & !after & cr0::PG != 0;
    let operation = if loses_paging { Operation::Everything } else { Operation::Optional };
    machine.invalidate(observer, operation, DropCause::Cr0Write);
    report(observer, Written::Cr0, before, source, after);
    Ok(())
}

const CR0_DEFINED: u64 =
    cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::NW | cr0::CD | cr0::PG;

fn check_cr0(cpu: &Cpu, source: u64) -> Result<(), Fault> {
    let set = source & !cpu.cr0;
    let cleared = cpu.cr0 & !source;
    forbid(source >> 32 != 0, "CR0 bits 63:32 are reserved")?;
    forbid(source & cr0::PG != 0 && source & cr0::PE == 0, "CR0.PG needs CR0.PE")?;
    forbid(source & cr0::NW != 0 && source & cr0::CD == 0, "CR0.NW needs CR0.CD")?;
    forbid(cleared & cr0::PG != 0 && cpu.cr4 & cr4::PCIDE != 0, "CR0.PG may not be cleared while CR4.PCIDE=1")?;
    forbid(cleared & cr0::PG != 0 && in_64_bit_mode(cpu), "CR0.PG may not be cleared in 64-bit mode")?;
    let enters_ia32e = cpu.efer & efer::LME != 0 && cpu.cr4 & cr4::PAE != 0 && !code_is_long(cpu);
    forbid(set & cr0::PG != 0 && !enters_ia32e, "paging outside IA-32e mode is not modelled")
}

fn code_is_long(cpu: &Cpu) -> bool {
    cpu.segments[SegmentRegister::Cs as usize].attributes & segment::LONG != 0
}

fn in_64_bit_mode(cpu: &Cpu) -> bool {
    cpu.efer & efer::LMA != 0 && code_is_long(cpu)
}

/// MOV to CR3 (SDM vol. 3A 4.10.4.1). With CR4.PCIDE=1 and bit 63 set it invalidates nothing. Otherwise it invalidates
/// the non-global translations and all paging-structure entries of the PCID that it loads, even if the value stays the
/// same.
///
/// # Errors
/// #GP(0) unless CPL is 0, or for a reserved bit: 62:MAXPHYADDR, and bit 63 while CR4.PCIDE=0.
pub fn write_cr3(machine: &mut Machine, observer: &mut dyn Observer, source: u64) -> Result<(), Fault> {
    let cpu = &machine.cpu;
    require_cpl0(cpu)?;
    forbid(source & cr3_reserved(cpu) != 0, "a reserved bit of CR3 is set")?;
    let (before, old_pcid) = (cpu.cr3, current_pcid(cpu));
    let after = source & !cr3::NO_FLUSH;
    let flush = if source & cr3::NO_FLUSH != 0 { Cr3Flush::NoFlush } else { Cr3Flush::Flush };
    machine.cpu.cr3 = after;
    let pcid = current_pcid(&machine.cpu);
    let operation = match flush {
        Cr3Flush::Flush => Operation::Cr3Flush { pcid },
        Cr3Flush::NoFlush => Operation::Optional,
    };
    machine.invalidate(observer, operation, DropCause::Cr3Write);
    machine.tlb.load_pcid(&mut |event| observer.tlb(event), pcid, flush);
    report(observer, Written::Cr3 { flush, pcids: [old_pcid, pcid] }, before, source, after);
    Ok(())
}

fn cr3_reserved(cpu: &Cpu) -> u64 {
    let address = low_bits(u32::from(cpu.features.physical_address_bits));
    let lam = if cpu.features.lam { cr3::LAM } else { 0 };
    let no_flush = if cpu.cr4 & cr4::PCIDE != 0 { cr3::NO_FLUSH } else { 0 };
    !(address | lam | no_flush)
}

/// MOV to CR4.
///
/// # Errors
/// #GP(0) unless CPL is 0; for a bit that this processor does not have; for setting PCIDE outside IA-32e mode or while
/// CR3 bits 11:0 are not zero; for changing PAE or LA57 in IA-32e mode.
pub fn write_cr4(machine: &mut Machine, observer: &mut dyn Observer, source: u64) -> Result<(), Fault> {
    require_cpl0(&machine.cpu)?;
    check_cr4(&machine.cpu, source)?;
    let before = machine.cpu.cr4;
    let operation = cr4_invalidates(before, source, current_pcid(&machine.cpu));
    machine.cpu.cr4 = source;
    machine.invalidate(observer, operation, DropCause::Cr4Write);
    report(observer, Written::Cr4, before, source, source);
    Ok(())
}

fn check_cr4(cpu: &Cpu, source: u64) -> Result<(), Fault> {
    let changed = source ^ cpu.cr4;
    let sets_pcide = source & !cpu.cr4 & cr4::PCIDE != 0;
    let ia32e = cpu.efer & efer::LMA != 0;
    forbid(source & !cr4_supported(cpu) != 0, "a bit of CR4 that this processor does not have is set")?;
    forbid(sets_pcide && !ia32e, "CR4.PCIDE may be set in IA-32e mode only")?;
    forbid(sets_pcide && cpu.cr3 & cr3::PCID != 0, "CR4.PCIDE may be set only while CR3 bits 11:0 are zero")?;
    forbid(ia32e && changed & cr4::PAE != 0, "CR4.PAE may not be cleared in IA-32e mode")?;
    forbid(ia32e && changed & cr4::LA57 != 0, "CR4.LA57 may not be changed in IA-32e mode")
}

/// Bits of CR4 that this processor has.
pub(crate) fn cr4_supported(cpu: &Cpu) -> u64 {
    let features = &cpu.features;
    let optional = [
        (features.umip, cr4::UMIP),
        (features.la57, cr4::LA57),
        (features.fsgsbase, cr4::FSGSBASE),
        (features.pcid, cr4::PCIDE),
        (features.smep, cr4::SMEP),
        (features.smap, cr4::SMAP),
        (features.lam, cr4::LAM_SUP),
    ];
    optional.into_iter().filter(|(present, _)| *present).fold(CR4_ALWAYS, |bits, (_, bit)| bits | bit)
}

/// VME and PVI are not among them: long mode has no virtual-8086 mode, and CLI and STI do not know the virtual IF.
const CR4_ALWAYS: u64 =
    cr4::TSD | cr4::DE | cr4::PSE | cr4::PAE | cr4::MCE | cr4::PGE | cr4::PCE | cr4::OSFXSR | cr4::OSXMMEXCPT;

/// What changing CR4 from `before` to `after` invalidates (SDM vol. 3A 4.10.4.1). `pcid` is the current one before the write.
fn cr4_invalidates(before: u64, after: u64, pcid: u16) -> Operation {
    let changed = before ^ after;
    let set = changed & after;
    let cleared = changed & before;
    if changed & cr4::PGE != 0 || cleared & cr4::PCIDE != 0 {
        Operation::Everything
    } else if changed & cr4::PAE != 0 || set & cr4::SMEP != 0 {
        Operation::CurrentPcid { pcid }
    } else {
        Operation::Optional
    }
}

/// MOV to CR8.
///
/// # Errors
/// #GP(0) unless CPL is 0, or for bits 63:4.
pub fn write_cr8(machine: &mut Machine, observer: &mut dyn Observer, source: u64) -> Result<(), Fault> {
    require_cpl0(&machine.cpu)?;
    forbid(source >> 4 != 0, "CR8 bits 63:4 are reserved")?;
    let before = std::mem::replace(&mut machine.cpu.cr8, source);
    report(observer, Written::Cr8, before, source, source);
    Ok(())
}

/// WRMSR to IA32_EFER. LMA is read-only and keeps its value.
///
/// The manual names no invalidation for a change of NXE; every access checks XD against NXE.
///
/// # Errors
/// #GP(0) unless CPL is 0; for a reserved bit, NXE included where the processor has none; for changing LME while
/// CR0.PG=1.
pub fn write_efer(machine: &mut Machine, observer: &mut dyn Observer, source: u64) -> Result<(), Fault> {
    let cpu = &machine.cpu;
    require_cpl0(cpu)?;
    let nxe = if cpu.features.nx { efer::NXE } else { 0 };
    forbid(source & !(efer::SCE | efer::LME | efer::LMA | nxe) != 0, "a reserved bit of EFER is set")?;
    let changes_lme = (source ^ cpu.efer) & efer::LME != 0;
    forbid(changes_lme && cpu.cr0 & cr0::PG != 0, "EFER.LME may not be changed while CR0.PG=1")?;
    let before = cpu.efer;
    let after = source & !efer::LMA | before & efer::LMA;
    machine.cpu.efer = after;
    if (before ^ after) & efer::NXE != 0 {
        machine.invalidate(observer, Operation::Optional, DropCause::EferWrite);
    }
    report(observer, Written::Efer, before, source, after);
    Ok(())
}

/// INVLPG. A non-canonical address does nothing, nor does one with linear-address-masking metadata.
///
/// # Errors
/// #GP(0) unless CPL is 0.
pub fn invlpg(machine: &mut Machine, observer: &mut dyn Observer, linear: u64) -> Result<(), Fault> {
    require_cpl0(&machine.cpu)?;
    if canonical(&machine.cpu, linear) {
        let operation = Operation::Invlpg { pcid: current_pcid(&machine.cpu), linear };
        machine.invalidate(observer, operation, DropCause::Invlpg);
    }
    Ok(())
}

/// INVPCID with its type and the two halves of its descriptor: `low` holds the PCID, `high` the linear address.
///
/// # Errors
/// #UD where the processor has no INVPCID; #GP(0) unless CPL is 0; for a type above 3; for descriptor bits 63:12; for
/// types 0 and 1 with a PCID other than 0 while CR4.PCIDE=0; for type 0 with a non-canonical address.
pub fn invpcid(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    kind: u64,
    low: u64,
    high: u64,
) -> Result<(), Fault> {
    check_invpcid(&machine.cpu)?;
    let operation = invpcid_operation(machine, kind, low, high)?;
    machine.invalidate(observer, operation, DropCause::Invpcid);
    Ok(())
}

/// The checks of INVPCID that precede reading its descriptor.
///
/// # Errors
/// #UD where the processor has no INVPCID; #GP(0) unless CPL is 0.
pub fn check_invpcid(cpu: &Cpu) -> Result<(), Fault> {
    if !cpu.features.invpcid {
        return Err(Fault::invalid_opcode("this processor has no INVPCID"));
    }
    require_cpl0(cpu)
}

fn invpcid_operation(machine: &Machine, kind: u64, low: u64, high: u64) -> Result<Operation, Fault> {
    let pcid = (low & cr3::PCID) as u16;
    let pcide = machine.cpu.cr4 & cr4::PCIDE != 0;
    forbid(kind > 3, "the type of INVPCID is above 3")?;
    forbid(low >> 12 != 0, "bits 63:12 of the INVPCID descriptor are reserved")?;
    forbid(kind < 2 && !pcide && pcid != 0, "INVPCID names a PCID other than 0 while CR4.PCIDE=0")?;
    forbid(kind == 0 && !canonical(&machine.cpu, high), "the address of INVPCID is not canonical")?;
    Ok(match kind {
        0 => Operation::InvpcidAddress { pcid, linear: high },
        1 => Operation::InvpcidContext { pcid },
        2 => Operation::InvpcidAll,
        _ => Operation::InvpcidAllButGlobal,
    })
}

/// The check that most functions of this module begin with.
///
/// # Errors
/// #GP(0) unless CPL is 0.
pub(crate) fn require_cpl0(cpu: &Cpu) -> Result<(), Fault> {
    forbid(cpu.cpl != 0, "the instruction needs CPL 0")
}

fn forbid(broken: bool, cause: &'static str) -> Result<(), Fault> {
    if broken { Err(Fault::general_protection(cause)) } else { Ok(()) }
}

fn report(observer: &mut dyn Observer, written: Written, before: u64, source: u64, after: u64) {
    observer.control(&ControlAccess::Write { written, before, source, after });
}
