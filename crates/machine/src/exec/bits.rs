//! Single bits, bit scans and byte order.

use super::arithmetic::sign_zero_parity;
use super::operand::{self, read_1, register, set_register};
use super::width::Width;
use super::{Context, Done};
use crate::Fault;
use crate::rflags::{CF, STATUS, ZF};
use iced_x86::{Instruction, OpKind};

/// What BT, BTS, BTR and BTC do with the bit that they test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BitChange {
    Keep,
    Set,
    Reset,
    Complement,
}

impl BitChange {
    /// `value` with the change made to the bit of `mask`.
    pub(super) fn apply(self, value: u64, mask: u64) -> u64 {
        match self {
            Self::Keep => value,
            Self::Set => value | mask,
            Self::Reset => value & !mask,
            Self::Complement => value ^ mask,
        }
    }
}

/// Distance in bytes from the operand to the element that holds a bit, and the bit's number in that element. The bit
/// offset is signed. An element has the operand size (SDM vol. 2, BT: "bit string").
pub(super) fn bit_string(width: Width, offset: u64) -> (i64, u32) {
    let offset = width.sign_extend(offset);
    let bits = i64::from(width.bits());
    let element = offset.div_euclid(bits);
    (element * i64::from(width.bytes()), offset.rem_euclid(bits) as u32)
}

/// BT, BTS, BTR and BTC: CF becomes the bit. The manual leaves the other flags except ZF undefined; here they do not
/// change.
pub(super) fn test_bit(c: &mut Context<'_>, i: &Instruction, change: BitChange) -> Done {
    let width = operand::width(i);
    let offset = read_1(c, i, width)?;
    let (distance, bit) = bit_string(width, offset);
    let mask = 1u64 << bit;
    let old = if i.op0_kind() == OpKind::Register && change == BitChange::Keep {
        // BT writes nothing, so the upper half of a 32-bit register does not change.
        register(&c.machine.cpu, i.op0_register())
    } else if i.op0_kind() == OpKind::Register {
        operand::modify(c, i, width, &mut |value| change.apply(value, mask))?
    } else {
        // An immediate bit offset counts within the element.
        let distance = if i.op1_kind() == OpKind::Register { distance } else { 0 };
        let address = operand::linear_at_distance(&c.machine.cpu, i, distance);
        if change == BitChange::Keep {
            operand::load_at(c, i, address, width)?
        } else {
            operand::modify_at(c, i, address, width, &mut |value| change.apply(value, mask))?
        }
    };
    let cpu = &mut c.machine.cpu;
    cpu.rflags = (cpu.rflags & !CF) | if old & mask != 0 { CF } else { 0 };
    Ok(())
}

/// BSF and BSR: a source of zero sets ZF and does not change the destination, as on both Intel and AMD processors.
pub(super) fn scan(c: &mut Context<'_>, i: &Instruction, find: fn(Width, u64) -> u64) -> Done {
    let width = operand::width(i);
    let source = read_1(c, i, width)?;
    let cpu = &mut c.machine.cpu;
    if source != 0 {
        set_register(cpu, i.op0_register(), find(width, source));
    }
    cpu.rflags = (cpu.rflags & !STATUS) | sign_zero_parity(width, source);
    Ok(())
}

/// Number of the lowest set bit, or the width for zero.
pub(super) fn trailing_zeros(width: Width, value: u64) -> u64 {
    u64::from(value.trailing_zeros().min(width.bits()))
}

/// Number of zeros above the highest set bit, or the width for zero.
pub(super) fn leading_zeros(width: Width, value: u64) -> u64 {
    u64::from(value.leading_zeros() - (64 - width.bits()))
}

/// Number of the highest set bit of a value that is not zero.
pub(super) fn highest_bit(_: Width, value: u64) -> u64 {
    u64::from(63 - (value | 1).leading_zeros())
}

/// TZCNT and LZCNT: CF means a source of zero, ZF a result of zero.
pub(super) fn count_zeros(c: &mut Context<'_>, i: &Instruction, count: fn(Width, u64) -> u64) -> Done {
    let width = operand::width(i);
    let source = read_1(c, i, width)?;
    let result = count(width, source);
    let carry = if source == 0 { CF } else { 0 };
    let zero = if result == 0 { ZF } else { 0 };
    let cpu = &mut c.machine.cpu;
    set_register(cpu, i.op0_register(), result);
    cpu.rflags = (cpu.rflags & !STATUS) | carry | zero;
    Ok(())
}

/// POPCNT: clears every status flag except ZF.
pub(super) fn popcnt(c: &mut Context<'_>, i: &Instruction) -> Done {
    let width = operand::width(i);
    let source = read_1(c, i, width)?;
    let cpu = &mut c.machine.cpu;
    set_register(cpu, i.op0_register(), u64::from(source.count_ones()));
    cpu.rflags = (cpu.rflags & !STATUS) | if source == 0 { ZF } else { 0 };
    Ok(())
}

/// BSWAP. The 16-bit form is undefined; processors clear the operand.
pub(super) fn bswap(c: &mut Context<'_>, i: &Instruction) -> Done {
    let name = i.op0_register();
    let value = register(&c.machine.cpu, name);
    let swapped = match operand::register_width(name) {
        Width::Quadword => value.swap_bytes(),
        Width::Doubleword => u64::from((value as u32).swap_bytes()),
        Width::Byte | Width::Word => 0,
    };
    set_register(&mut c.machine.cpu, name, swapped);
    Ok(())
}

/// MOVBE: a load or store with the bytes in the other order.
pub(super) fn movbe(c: &mut Context<'_>, i: &Instruction) -> Result<(), Fault> {
    let width = operand::width(i);
    let value = read_1(c, i, width)?;
    let swapped = value.swap_bytes() >> (64 - width.bits());
    operand::write_0(c, i, width, swapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_strings_reach_backwards_and_forwards() {
        for (width, offset, expected) in [
            (Width::Word, 0, (0, 0)),
            (Width::Word, 15, (0, 15)),
            (Width::Word, 16, (2, 0)),
            (Width::Word, 0xffff, (-2, 15)),
            (Width::Word, 0x8000, (-4096, 0)),
            (Width::Doubleword, 0xffff_ffff, (-4, 31)),
            (Width::Doubleword, 0x7fff_ffff, (0x0fff_fffc, 31)),
            (Width::Quadword, 63, (0, 63)),
            (Width::Quadword, 64, (8, 0)),
            (Width::Quadword, u64::MAX, (-8, 63)),
            (Width::Quadword, 1 << 63, (-(1 << 60), 0)),
        ] {
            assert_eq!(bit_string(width, offset), expected, "{width:?} {offset:#x}");
        }
    }

    #[test]
    fn a_bit_string_names_every_bit_once() {
        for offset in -512i64..512 {
            let (distance, bit) = bit_string(Width::Word, offset as u64 & 0xffff);
            assert_eq!(distance * 8 + i64::from(bit), offset);
            assert!(bit < 16 && distance % 2 == 0);
        }
    }

    #[test]
    fn scans_agree_with_looking_at_each_bit() {
        for value in 1..=0xffffu64 {
            let set = |bit: &u64| value >> bit & 1 == 1;
            let (lowest, highest) = ((0..16).find(set), (0..16).rev().find(set));
            assert_eq!(Some(trailing_zeros(Width::Word, value)), lowest);
            assert_eq!(Some(highest_bit(Width::Word, value)), highest);
            assert_eq!(Some(15 - leading_zeros(Width::Word, value)), highest);
        }
        for width in Width::ALL {
            assert_eq!(trailing_zeros(width, 0), u64::from(width.bits()));
            assert_eq!(leading_zeros(width, 0), u64::from(width.bits()));
        }
    }
}
