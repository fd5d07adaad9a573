//! Model-specific registers: what RDMSR returns and what WRMSR accepts (SDM vol. 4 chapter 2).

use super::Context;
use crate::Fault;
use crate::control::write_efer;
use crate::cpu::canonical;
use crate::cpu::{Cpu, ModelSpecific, SegmentRegister};

/// Cycles between two readings of the time stamp; see [`ModelSpecific::time_stamp`].
pub const TIME_STAMP_STEP: u64 = 100;

const TIME_STAMP_COUNTER: u32 = 0x10;
const SPEC_CTRL: u32 = 0x48;
const PRED_CMD: u32 = 0x49;
const FLUSH_CMD: u32 = 0x10b;
const SYSENTER_CS: u32 = 0x174;
const SYSENTER_ESP: u32 = 0x175;
const SYSENTER_EIP: u32 = 0x176;
const MCG_CAP: u32 = 0x179;
const MCG_STATUS: u32 = 0x17a;
const DEBUGCTL: u32 = 0x1d9;
const EFER: u32 = 0xc000_0080;
const STAR: u32 = 0xc000_0081;
const LSTAR: u32 = 0xc000_0082;
const CSTAR: u32 = 0xc000_0083;
const FMASK: u32 = 0xc000_0084;
const FS_BASE: u32 = 0xc000_0100;
const GS_BASE: u32 = 0xc000_0101;
const KERNEL_GS_BASE: u32 = 0xc000_0102;
const TSC_AUX: u32 = 0xc000_0103;

/// IA32_MCG_STATUS.MCIP.
const MACHINE_CHECK_IN_PROGRESS: u64 = 1 << 2;
/// IBRS, STIBP and SSBD.
const SPEC_CTRL_DEFINED: u64 = 7;

/// What the register `number` holds.
///
/// # Errors
/// #GP(0) for a register that does not exist or can only be written.
pub(super) fn read(c: &mut Context<'_>, number: u32) -> Result<u64, Fault> {
    let cpu = &mut c.machine.cpu;
    match number {
        TIME_STAMP_COUNTER => Ok(read_time_stamp(cpu)),
        EFER => Ok(cpu.efer),
        FS_BASE => Ok(cpu.segments[SegmentRegister::Fs as usize].base),
        GS_BASE => Ok(cpu.segments[SegmentRegister::Gs as usize].base),
        MCG_CAP => Ok(0),
        MCG_STATUS => Ok(machine_check_status(cpu)),
        PRED_CMD | FLUSH_CMD => Err(Fault::general_protection("the MSR can only be written")),
        _ => match plain(&mut cpu.msr, number) {
            Some(register) => Ok(*register),
            None => Err(unknown(number)),
        },
    }
}

/// Writes the register `number`.
///
/// # Errors
/// #GP(0) for a register that does not exist, a reserved bit, or an address that is not canonical.
pub(super) fn write(c: &mut Context<'_>, number: u32, value: u64) -> Result<(), Fault> {
    if number == EFER {
        return write_efer(c.machine, c.observer, value);
    }
    let cpu = &mut c.machine.cpu;
    check(cpu, number, value)?;
    match number {
        TIME_STAMP_COUNTER => cpu.msr.time_stamp = value,
        FS_BASE => cpu.segments[SegmentRegister::Fs as usize].base = value,
        GS_BASE => cpu.segments[SegmentRegister::Gs as usize].base = value,
        MCG_STATUS => {
            cpu.msr.mcg_status = value & !MACHINE_CHECK_IN_PROGRESS;
            cpu.events.machine_check_in_progress = value & MACHINE_CHECK_IN_PROGRESS != 0;
        }
        PRED_CMD | FLUSH_CMD => {}
        _ => *plain(&mut cpu.msr, number).ok_or_else(|| unknown(number))? = value,
    }
    Ok(())
}

/// RDTSC, RDTSCP and RDMSR: each read advances the counter, so loops that wait for it end.
pub(super) fn read_time_stamp(cpu: &mut Cpu) -> u64 {
    let now = cpu.msr.time_stamp;
    cpu.msr.time_stamp = now.wrapping_add(TIME_STAMP_STEP);
    now
}

fn machine_check_status(cpu: &Cpu) -> u64 {
    let in_progress = cpu.events.machine_check_in_progress;
    cpu.msr.mcg_status | if in_progress { MACHINE_CHECK_IN_PROGRESS } else { 0 }
}

/// The registers that only store what was written.
fn plain(msr: &mut ModelSpecific, number: u32) -> Option<&mut u64> {
    Some(match number {
        SPEC_CTRL => &mut msr.spec_ctrl,
        SYSENTER_CS => &mut msr.sysenter_cs,
        SYSENTER_ESP => &mut msr.sysenter_esp,
        SYSENTER_EIP => &mut msr.sysenter_eip,
        DEBUGCTL => &mut msr.debug_ctl,
        STAR => &mut msr.star,
        LSTAR => &mut msr.lstar,
        CSTAR => &mut msr.cstar,
        FMASK => &mut msr.fmask,
        KERNEL_GS_BASE => &mut msr.kernel_gs_base,
        TSC_AUX => &mut msr.tsc_aux,
        _ => return None,
    })
}

fn check(cpu: &Cpu, number: u32, value: u64) -> Result<(), Fault> {
    let reserved = match number {
        SPEC_CTRL => !SPEC_CTRL_DEFINED,
        PRED_CMD | FLUSH_CMD => !1,
        MCG_STATUS => !7,
        FMASK | TSC_AUX => !0xffff_ffff,
        // Last-branch records and branch stepping are not modelled, so no bit can be set.
        DEBUGCTL => !0,
        MCG_CAP => return Err(Fault::general_protection("the MSR can only be read")),
        FS_BASE | GS_BASE | KERNEL_GS_BASE | LSTAR | CSTAR | SYSENTER_ESP | SYSENTER_EIP => {
            return check_address(cpu, value);
        }
        _ => 0,
    };
    if value & reserved != 0 {
        return Err(Fault::general_protection("a reserved bit of the MSR is set"));
    }
    Ok(())
}

fn check_address(cpu: &Cpu, value: u64) -> Result<(), Fault> {
    if canonical(cpu, value) {
        Ok(())
    } else {
        Err(Fault::general_protection("the address for the MSR is not canonical"))
    }
}

fn unknown(number: u32) -> Fault {
    Fault::general_protection(format!("this processor has no MSR {number:#x}"))
}
