//! Instructions of the operating system: control and debug registers, SYSCALL, MSRs, interrupt flag, INT n, HLT.

use super::operand::{self, get, read_0, register, set, set_narrow, set_register, write_0};
use super::segment::{load_table, store_system_word};
use super::width::Width;
use super::{Context, Done, cpuid, msr};
use crate::bits::{cr0, cr4, efer};
use crate::control::{self, require_cpl0};
use crate::cpu::canonical;
use crate::cpu::{Segment, Shadow};
use crate::descriptor;
use crate::event::debug::{BD, DR6, DR6_FIXED, DR6_WRITABLE, DR7, DR7_FIXED, DR7_WRITABLE, GENERAL_DETECT};
use crate::event::{Arrival, Event, enter};
use crate::observe::{ControlRegister, DebugAccess, MsrAccess};
use crate::rflags::{self, AC, FIXED, IF, RF};
use crate::{Cpu, Exception, Fault, Register, SegmentRegister};
use iced_x86::{Instruction, Register as Name};

fn control_register(name: Name) -> Result<ControlRegister, Fault> {
    match name {
        Name::CR0 => Ok(ControlRegister::Cr0),
        Name::CR2 => Ok(ControlRegister::Cr2),
        Name::CR3 => Ok(ControlRegister::Cr3),
        Name::CR4 => Ok(ControlRegister::Cr4),
        Name::CR8 => Ok(ControlRegister::Cr8),
        _ => Err(Fault::invalid_opcode("there is no such control register")),
    }
}

/// MOV from a control register.
pub(super) fn mov_from_control(c: &mut Context<'_>, i: &Instruction) -> Done {
    let source = control_register(i.op1_register())?;
    let value = control::read_control(c.machine, c.observer, source)?;
    set_register(&mut c.machine.cpu, i.op0_register(), value);
    Ok(())
}

/// MOV to a control register. All checks and invalidations are in [`control`].
pub(super) fn mov_to_control(c: &mut Context<'_>, i: &Instruction) -> Done {
    let target = control_register(i.op0_register())?;
    let value = register(&c.machine.cpu, i.op1_register());
    match target {
        ControlRegister::Cr0 => control::write_cr0(c.machine, c.observer, value),
        ControlRegister::Cr3 => control::write_cr3(c.machine, c.observer, value),
        ControlRegister::Cr4 => control::write_cr4(c.machine, c.observer, value),
        ControlRegister::Cr8 => control::write_cr8(c.machine, c.observer, value),
        ControlRegister::Cr2 => {
            require_cpl0(&c.machine.cpu)?;
            c.machine.cpu.cr2 = value;
            Ok(())
        }
        ControlRegister::Efer => Err(Fault::invalid_opcode("MOV has no control register EFER")),
    }
}

/// Place of a debug register in [`Cpu::debug`]. DR4 and DR5 are other names of DR6 and DR7 unless CR4.DE is set. Access
/// faults while DR7.GD is set (SDM vol. 3B 17.2.2, 17.2.4).
fn debug_register(cpu: &mut Cpu, name: Name) -> Result<usize, Fault> {
    let aliases_allowed = cpu.cr4 & cr4::DE == 0;
    let place = match name {
        Name::DR0 => 0,
        Name::DR1 => 1,
        Name::DR2 => 2,
        Name::DR3 => 3,
        Name::DR6 => DR6,
        Name::DR7 => DR7,
        Name::DR4 if aliases_allowed => DR6,
        Name::DR5 if aliases_allowed => DR7,
        _ => return Err(Fault::invalid_opcode("there is no such debug register")),
    };
    require_cpl0(cpu)?;
    if cpu.debug[DR7] & GENERAL_DETECT != 0 {
        cpu.debug[DR6] |= BD;
        return Err(Fault::new(Exception::Debug, "a debug register was accessed while DR7.GD is set"));
    }
    Ok(place)
}

/// The numbers of the debug registers at their places.
const NUMBERS: [u8; 6] = [0, 1, 2, 3, 6, 7];

/// MOV from a debug register.
pub(super) fn mov_from_debug(c: &mut Context<'_>, i: &Instruction) -> Done {
    let cpu = &mut c.machine.cpu;
    let place = debug_register(cpu, i.op1_register())?;
    let fixed = [0, 0, 0, 0, DR6_FIXED, DR7_FIXED][place];
    let value = cpu.debug[place] | fixed;
    set_register(cpu, i.op0_register(), value);
    c.observer.debug(&DebugAccess::Read { number: NUMBERS[place], value });
    Ok(())
}

/// MOV to a debug register.
pub(super) fn mov_to_debug(c: &mut Context<'_>, i: &Instruction) -> Done {
    let cpu = &mut c.machine.cpu;
    let value = register(cpu, i.op1_register());
    let place = debug_register(cpu, i.op0_register())?;
    if place >= DR6 && value >> 32 != 0 {
        return Err(Fault::general_protection("DR6 and DR7 bits 63:32 are reserved"));
    }
    let after = match place {
        DR6 => value & DR6_WRITABLE | DR6_FIXED,
        DR7 => value & DR7_WRITABLE | DR7_FIXED,
        _ => value,
    };
    let before = std::mem::replace(&mut cpu.debug[place], after);
    c.observer.debug(&DebugAccess::Write { number: NUMBERS[place], before, after });
    Ok(())
}

/// SMSW.
pub(super) fn smsw(c: &mut Context<'_>, i: &Instruction) -> Done {
    store_system_word(c, i, c.machine.cpu.cr0)
}

/// LMSW: CR0 bits 3:0. It cannot clear PE.
pub(super) fn lmsw(c: &mut Context<'_>, i: &Instruction) -> Done {
    let low = cr0::PE | cr0::MP | cr0::EM | cr0::TS;
    control::require_cpl0(&c.machine.cpu)?;
    let value = read_0(c, i, Width::Word)?;
    let before = c.machine.cpu.cr0;
    let after = before & !(low & !cr0::PE) | value & low;
    control::write_cr0(c.machine, c.observer, after)
}

/// CLTS.
pub(super) fn clts(c: &mut Context<'_>) -> Done {
    let after = c.machine.cpu.cr0 & !cr0::TS;
    control::write_cr0(c.machine, c.observer, after)
}

/// INVLPG: its operand is an address, which it does not access.
pub(super) fn invlpg(c: &mut Context<'_>, i: &Instruction) -> Done {
    let address = operand::linear(&c.machine.cpu, i);
    control::invlpg(c.machine, c.observer, address)
}

/// INVPCID: type in a register, descriptor of 16 bytes in memory.
pub(super) fn invpcid(c: &mut Context<'_>, i: &Instruction) -> Done {
    control::check_invpcid(&c.machine.cpu)?;
    let address = operand::linear(&c.machine.cpu, i);
    let low = operand::load_at(c, i, address, Width::Quadword)?;
    let high = operand::load_at(c, i, address.wrapping_add(8), Width::Quadword)?;
    let kind = register(&c.machine.cpu, i.op0_register());
    control::invpcid(c.machine, c.observer, kind, low, high)
}

/// LGDT.
pub(super) fn lgdt(c: &mut Context<'_>, i: &Instruction) -> Done {
    c.machine.cpu.gdtr = load_table(c, i)?;
    Ok(())
}

/// LIDT.
pub(super) fn lidt(c: &mut Context<'_>, i: &Instruction) -> Done {
    c.machine.cpu.idtr = load_table(c, i)?;
    Ok(())
}

/// SWAPGS.
pub(super) fn swapgs(c: &mut Context<'_>) -> Done {
    require_cpl0(&c.machine.cpu)?;
    let cpu = &mut c.machine.cpu;
    let gs = &mut cpu.segments[SegmentRegister::Gs as usize];
    std::mem::swap(&mut gs.base, &mut cpu.msr.kernel_gs_base);
    Ok(())
}

fn require_fsgsbase(cpu: &Cpu) -> Done {
    if cpu.cr4 & cr4::FSGSBASE == 0 {
        return Err(Fault::invalid_opcode("CR4.FSGSBASE is clear"));
    }
    Ok(())
}

/// RDFSBASE and RDGSBASE.
pub(super) fn read_base(c: &mut Context<'_>, i: &Instruction, segment: SegmentRegister) -> Done {
    require_fsgsbase(&c.machine.cpu)?;
    let base = c.machine.cpu.segments[segment as usize].base;
    set_register(&mut c.machine.cpu, i.op0_register(), base);
    Ok(())
}

/// WRFSBASE and WRGSBASE: a 32-bit source is zero-extended.
pub(super) fn write_base(c: &mut Context<'_>, i: &Instruction, segment: SegmentRegister) -> Done {
    require_fsgsbase(&c.machine.cpu)?;
    let base = register(&c.machine.cpu, i.op0_register());
    if !canonical(&c.machine.cpu, base) {
        return Err(Fault::general_protection("the segment base is not canonical"));
    }
    c.machine.cpu.segments[segment as usize].base = base;
    Ok(())
}

fn edx_eax(cpu: &Cpu) -> u64 {
    get(cpu, Register::Rdx) << 32 | get(cpu, Register::Rax) & 0xffff_ffff
}

fn set_edx_eax(cpu: &mut Cpu, value: u64) {
    set(cpu, Register::Rax, value & 0xffff_ffff);
    set(cpu, Register::Rdx, value >> 32);
}

/// RDMSR.
pub(super) fn rdmsr(c: &mut Context<'_>) -> Done {
    require_cpl0(&c.machine.cpu)?;
    let number = get(&c.machine.cpu, Register::Rcx) as u32;
    let value = msr::read(c, number)?;
    c.observer.msr(&MsrAccess::Read { number, value });
    set_edx_eax(&mut c.machine.cpu, value);
    Ok(())
}

/// WRMSR.
pub(super) fn wrmsr(c: &mut Context<'_>) -> Done {
    require_cpl0(&c.machine.cpu)?;
    let number = get(&c.machine.cpu, Register::Rcx) as u32;
    let source = edx_eax(&c.machine.cpu);
    msr::write(c, number, source)?;
    c.observer.msr(&MsrAccess::Write { number, source });
    Ok(())
}

/// RDTSC and RDTSCP. With CR4.TSD they need CPL 0.
pub(super) fn rdtsc(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    if cpu.cr4 & cr4::TSD != 0 {
        require_cpl0(cpu)?;
    }
    let now = msr::read_time_stamp(cpu);
    set_edx_eax(cpu, now);
    Ok(())
}

/// RDTSCP: like RDTSC, and loads IA32_TSC_AUX into ECX.
pub(super) fn rdtscp(c: &mut Context<'_>) -> Done {
    rdtsc(c)?;
    let cpu = &mut c.machine.cpu;
    set_narrow(cpu, Register::Rcx, Width::Doubleword, cpu.msr.tsc_aux);
    Ok(())
}

/// RDPID.
pub(super) fn rdpid(c: &mut Context<'_>, i: &Instruction) -> Done {
    let value = c.machine.cpu.msr.tsc_aux;
    write_0(c, i, Width::Quadword, value)
}

/// CPUID.
pub(super) fn cpuid_instruction(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    let (leaf, subleaf) = (get(cpu, Register::Rax) as u32, get(cpu, Register::Rcx) as u32);
    let [a, b, cx, d] = cpuid::cpuid(&cpu.features, leaf, subleaf).map(u64::from);
    set(cpu, Register::Rax, a);
    set(cpu, Register::Rbx, b);
    set(cpu, Register::Rcx, cx);
    set(cpu, Register::Rdx, d);
    Ok(())
}

/// A segment as SYSCALL and SYSRET set it up, without reading a descriptor: flat, present, accessed.
fn fixed_segment(selector: u64, attributes: u16) -> Segment {
    Segment { selector: selector as u16, base: 0, limit: u32::MAX, attributes }
}

const KERNEL_CODE: u16 = 0xa09b;
const KERNEL_DATA: u16 = 0xc093;
const USER_CODE: u16 = 0xa0fb;
const USER_DATA: u16 = 0xc0f3;

fn require_syscall(cpu: &Cpu) -> Done {
    if cpu.efer & efer::SCE == 0 {
        return Err(Fault::invalid_opcode("EFER.SCE is clear"));
    }
    Ok(())
}

/// SYSCALL (SDM vol. 2): keeps RSP and the page tables. R11 receives RFLAGS with RF clear.
pub(super) fn syscall(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    require_syscall(cpu)?;
    let selector = cpu.msr.star >> 32 & 0xfffc;
    set(cpu, Register::Rcx, cpu.rip);
    set(cpu, Register::R11, cpu.rflags & !RF);
    cpu.rip = cpu.msr.lstar;
    cpu.rflags = cpu.rflags & !(cpu.msr.fmask | RF) | FIXED;
    cpu.cpl = 0;
    descriptor::load(c.machine, c.observer, SegmentRegister::Cs, fixed_segment(selector, KERNEL_CODE));
    descriptor::load(c.machine, c.observer, SegmentRegister::Ss, fixed_segment(selector + 8, KERNEL_DATA));
    Ok(())
}

/// Flags that SYSRET takes from R11 (SDM vol. 2, SYSRET): all except RF, VM and the reserved ones.
const SYSRET_FLAGS: u64 = 0x3c_7fd7;

/// SYSRET with a 64-bit operand. On Intel processors a return address that is not canonical faults here, at CPL 0 with
/// the user's RSP already loaded.
pub(super) fn sysretq(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    require_syscall(cpu)?;
    require_cpl0(cpu)?;
    let target = get(cpu, Register::Rcx);
    if !canonical(cpu, target) {
        return Err(Fault::general_protection("SYSRET with a return address in RCX that is not canonical"));
    }
    let selector = cpu.msr.star >> 48;
    cpu.rip = target;
    cpu.rflags = get(cpu, Register::R11) & SYSRET_FLAGS | FIXED;
    cpu.cpl = 3;
    descriptor::load(c.machine, c.observer, SegmentRegister::Cs, fixed_segment((selector + 16) | 3, USER_CODE));
    descriptor::load(c.machine, c.observer, SegmentRegister::Ss, fixed_segment((selector + 8) | 3, USER_DATA));
    Ok(())
}

fn require_io_privilege(cpu: &Cpu) -> Done {
    if cpu.cpl > rflags::io_privilege_level(cpu.rflags) {
        return Err(Fault::general_protection("CPL is above RFLAGS.IOPL"));
    }
    Ok(())
}

/// CLI.
pub(super) fn cli(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    require_io_privilege(cpu)?;
    cpu.rflags &= !IF;
    Ok(())
}

/// STI: if IF was clear, interrupts wait for one more instruction.
pub(super) fn sti(c: &mut Context<'_>) -> Done {
    let cpu = &mut c.machine.cpu;
    require_io_privilege(cpu)?;
    if cpu.rflags & IF == 0 {
        cpu.events.shadow = Shadow::Sti;
    }
    cpu.rflags |= IF;
    Ok(())
}

/// STAC and CLAC: #UD, not #GP, outside CPL 0.
pub(super) fn set_access_check(c: &mut Context<'_>, value: u64) -> Done {
    let cpu = &mut c.machine.cpu;
    if !cpu.features.smap || cpu.cpl != 0 {
        return Err(Fault::invalid_opcode("STAC and CLAC need SMAP and CPL 0"));
    }
    cpu.rflags = cpu.rflags & !AC | value & AC;
    Ok(())
}

/// HLT: the processor waits for an event.
pub(super) fn hlt(c: &mut Context<'_>) -> Done {
    require_cpl0(&c.machine.cpu)?;
    c.machine.cpu.events.halted = true;
    Ok(())
}

/// WBINVD and INVD: there are no data caches.
pub(super) fn invalidate_caches(c: &mut Context<'_>) -> Done {
    require_cpl0(&c.machine.cpu)
}

/// INT n and INT3: the delivery is the instruction's whole effect. A fault of the delivery is a fault of the
/// instruction.
pub(super) fn software_interrupt(c: &mut Context<'_>, vector: u8) -> Done {
    let arrival = Arrival::software(vector, c.machine.cpu.rip);
    c.delivered = Some(Box::new(enter(c.machine, c.observer, &arrival)?));
    Ok(())
}

/// INT1: #DB without a check of the gate's DPL. DR6 does not change.
pub(super) fn int1(c: &mut Context<'_>) -> Done {
    let arrival = Arrival::from_outside(Event::Exception(Exception::Debug), None, c.machine.cpu.rip);
    c.delivered = Some(Box::new(enter(c.machine, c.observer, &arrival)?));
    Ok(())
}

/// UD0, UD1 and UD2.
pub(super) fn undefined() -> Done {
    Err(Fault::invalid_opcode("the instruction is undefined by definition"))
}
