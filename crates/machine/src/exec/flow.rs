//! Jumps, calls, returns and loops. A target that is not canonical faults in the branch itself, before anything
//! changes.

use super::condition::Condition;
use super::operand::{self, get, read_0, set, set_narrow};
use super::stack::{peek, push_value};
use super::width::Width;
use super::{Context, Done};
use crate::cpu::canonical;
use crate::rflags::ZF;
use crate::{Fault, Register};
use iced_x86::{Code, Instruction, Mnemonic, OpKind};

/// Checks a branch target.
#[inline]
pub(super) fn check_target(c: &Context<'_>, target: u64) -> Done {
    if canonical(&c.machine.cpu, target) {
        Ok(())
    } else {
        Err(Fault::general_protection("the branch target is not canonical"))
    }
}

#[inline]
fn go(c: &mut Context<'_>, target: u64) -> Done {
    check_target(c, target)?;
    c.machine.cpu.rip = target;
    Ok(())
}

/// The target of a near branch: relative, register or memory.
#[inline]
fn near_target(c: &mut Context<'_>, i: &Instruction) -> Result<u64, Fault> {
    match i.op0_kind() {
        OpKind::Register | OpKind::Memory => read_0(c, i, operand::width(i)),
        _ => Ok(i.near_branch64()),
    }
}

/// JMP, near.
#[inline]
pub(super) fn jmp(c: &mut Context<'_>, i: &Instruction) -> Done {
    let target = near_target(c, i)?;
    go(c, target)
}

/// The condition of a Jcc.
pub(crate) fn condition(mnemonic: Mnemonic) -> Option<Condition> {
    use Condition as C;
    use Mnemonic as M;
    Some(match mnemonic {
        M::Jo => C::O,
        M::Jno => C::No,
        M::Jb => C::B,
        M::Jae => C::Ae,
        M::Je => C::E,
        M::Jne => C::Ne,
        M::Jbe => C::Be,
        M::Ja => C::A,
        M::Js => C::S,
        M::Jns => C::Ns,
        M::Jp => C::P,
        M::Jnp => C::Np,
        M::Jl => C::L,
        M::Jge => C::Ge,
        M::Jle => C::Le,
        M::Jg => C::G,
        _ => return None,
    })
}

/// Jcc.
#[inline]
pub(super) fn jump_if(c: &mut Context<'_>, i: &Instruction, condition: Condition) -> Done {
    if condition.holds(c.machine.cpu.rflags) { go(c, i.near_branch64()) } else { Ok(()) }
}

/// CALL, near: the return address is the next instruction, where RIP already points.
#[inline]
pub(super) fn call(c: &mut Context<'_>, i: &Instruction) -> Done {
    let target = near_target(c, i)?;
    check_target(c, target)?;
    push_value(c, Width::Quadword, c.machine.cpu.rip)?;
    c.machine.cpu.rip = target;
    Ok(())
}

/// RET, near, with or without bytes to release.
#[inline]
pub(super) fn ret(c: &mut Context<'_>, i: &Instruction) -> Done {
    let (target, above) = peek(c, Width::Quadword)?;
    go(c, target)?;
    let released = match i.code() {
        Code::Retnq_imm16 => u64::from(i.immediate16()),
        _ => 0,
    };
    set(&mut c.machine.cpu, Register::Rsp, above.wrapping_add(released));
    Ok(())
}

/// The width of the counter of LOOP and JRCXZ: the address size.
fn counter_width(i: &Instruction) -> Width {
    match i.code() {
        Code::Loop_rel8_64_ECX | Code::Loope_rel8_64_ECX | Code::Loopne_rel8_64_ECX | Code::Jecxz_rel8_64 => {
            Width::Doubleword
        }
        _ => Width::Quadword,
    }
}

/// What LOOP, LOOPE and LOOPNE require of ZF, besides a counter that is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopWhile {
    Counting,
    Equal,
    NotEqual,
}

/// LOOP, LOOPE, LOOPNE: they decrement the counter and change no flag.
pub(super) fn loop_while(c: &mut Context<'_>, i: &Instruction, zero: LoopWhile) -> Done {
    let width = counter_width(i);
    let count = get(&c.machine.cpu, Register::Rcx).wrapping_sub(1) & width.mask();
    let zero_flag = c.machine.cpu.rflags & ZF != 0;
    let wanted = match zero {
        LoopWhile::Counting => true,
        LoopWhile::Equal => zero_flag,
        LoopWhile::NotEqual => !zero_flag,
    };
    if count != 0 && wanted {
        go(c, i.near_branch64())?;
    }
    set_narrow(&mut c.machine.cpu, Register::Rcx, width, count);
    Ok(())
}

/// JRCXZ and JECXZ.
pub(super) fn jump_if_counter_zero(c: &mut Context<'_>, i: &Instruction) -> Done {
    let count = get(&c.machine.cpu, Register::Rcx) & counter_width(i).mask();
    if count == 0 { go(c, i.near_branch64()) } else { Ok(()) }
}
