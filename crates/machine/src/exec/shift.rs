//! Shifts and rotates as pure functions `(width, a, count, rflags) -> (result, rflags)`.
//!
//! `count` is the raw operand; the processor uses its low 5 bits, or 6 for 64-bit operands (SDM vol. 2,
//! SAL/SAR/SHL/SHR). A masked count of zero changes no flag. OF is defined for a count of 1 only. For other counts it
//! is that of the last one-bit step; see [`super::undefined`].

use super::arithmetic::sign_zero_parity;
use super::width::Width;
use crate::rflags::{CF, OF, STATUS};

/// The count that the processor uses.
#[inline]
pub fn masked_count(width: Width, count: u64) -> u32 {
    let mask = if width == Width::Quadword { 0x3f } else { 0x1f };
    (count & mask) as u32
}

/// Logical shift by up to 127 places. Bits that leave the 64 are lost.
#[inline]
fn left(value: u64, count: u32) -> u64 {
    value.checked_shl(count).unwrap_or(0)
}

#[inline]
fn right(value: u64, count: u32) -> u64 {
    value.checked_shr(count).unwrap_or(0)
}

#[inline]
fn carry_overflow(carry: u64, overflow: u64) -> u64 {
    (if carry & 1 != 0 { CF } else { 0 }) | (if overflow & 1 != 0 { OF } else { 0 })
}

#[inline]
fn top_bit(width: Width, value: u64) -> u64 {
    (value >> (width.bits() - 1)) & 1
}

#[inline]
fn shifted(width: Width, result: u64, carry: u64, overflow: u64, rflags: u64) -> (u64, u64) {
    let status = carry_overflow(carry, overflow) | sign_zero_parity(width, result);
    (result, (rflags & !STATUS) | status)
}

/// SHL, also called SAL.
#[inline]
pub fn shl(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let result = left(a, count) & width.mask();
    let carry = top_bit(width, left(a, count - 1));
    shifted(width, result, carry, carry ^ top_bit(width, result), rflags)
}

/// SHR.
#[inline]
pub fn shr(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let before_last = right(a, count - 1);
    let overflow = top_bit(width, before_last);
    shifted(width, before_last >> 1, before_last, overflow, rflags)
}

/// SAR.
#[inline]
pub fn sar(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let before_last = width.sign_extend(a) >> (count - 1);
    let result = (before_last >> 1) as u64 & width.mask();
    shifted(width, result, before_last as u64, 0, rflags)
}

#[inline]
fn rotated(result: u64, carry: u64, overflow: u64, rflags: u64) -> (u64, u64) {
    (result, (rflags & !(CF | OF)) | carry_overflow(carry, overflow))
}

/// ROL. A count that is a multiple of the width keeps the operand and still sets CF.
#[inline]
pub fn rol(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let turn = count % width.bits();
    let result = (left(a, turn) | right(a, width.bits() - turn)) & width.mask();
    rotated(result, result, result ^ top_bit(width, result), rflags)
}

/// ROR. A count that is a multiple of the width keeps the operand and still sets CF.
#[inline]
pub fn ror(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let turn = count % width.bits();
    let result = (right(a, turn) | left(a, width.bits() - turn)) & width.mask();
    let overflow = top_bit(width, result) ^ top_bit(width, result << 1);
    rotated(result, top_bit(width, result), overflow, rflags)
}

/// RCL: rotates through CF, so the rotated number is one bit wider than the operand.
pub fn rcl(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count) % (width.bits() + 1);
    if count == 0 {
        return (a, rflags);
    }
    let (result, carry) = rotate_through_carry(width, a, count, rflags);
    rotated(result, carry, carry ^ top_bit(width, result), rflags)
}

/// RCR: the same to the right.
pub fn rcr(width: Width, a: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count) % (width.bits() + 1);
    if count == 0 {
        return (a, rflags);
    }
    let (result, carry) = rotate_through_carry(width, a, width.bits() + 1 - count, rflags);
    let overflow = top_bit(width, result) ^ top_bit(width, result << 1);
    rotated(result, carry, overflow, rflags)
}

fn rotate_through_carry(width: Width, a: u64, count: u32, rflags: u64) -> (u64, u64) {
    let bits = width.bits();
    let wide = u128::from(rflags & CF) << bits | u128::from(a);
    let turned = wide << count | wide >> (bits + 1 - count);
    (turned as u64 & width.mask(), (turned >> bits) as u64 & 1)
}

/// SHLD: shifts `a` left and fills from the top of `b`. For a 16-bit operand and a count above 16 the result is undefined;
/// Intel processors shift the 48 bits `a:b:a`.
pub fn shld(width: Width, a: u64, b: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let bits = width.bits();
    let triple = |shift: u32| -> u64 {
        if width == Width::Word {
            ((a << 32 | b << 16 | a) << shift) >> 32 & 0xffff
        } else {
            ((u128::from(a) << bits | u128::from(b)) << shift >> bits) as u64 & width.mask()
        }
    };
    let (before_last, result) = (triple(count - 1), triple(count));
    let overflow = top_bit(width, before_last) ^ top_bit(width, result);
    shifted(width, result, top_bit(width, before_last), overflow, rflags)
}

/// SHRD: shifts `a` right and fills from the bottom of `b`. See [`shld`] for counts above 16.
pub fn shrd(width: Width, a: u64, b: u64, count: u64, rflags: u64) -> (u64, u64) {
    let count = masked_count(width, count);
    if count == 0 {
        return (a, rflags);
    }
    let bits = width.bits();
    let triple = |shift: u32| -> u64 {
        if width == Width::Word {
            (a << 32 | b << 16 | a) >> shift & 0xffff
        } else {
            ((u128::from(b) << bits | u128::from(a)) >> shift) as u64 & width.mask()
        }
    };
    let (before_last, result) = (triple(count - 1), triple(count));
    let overflow = top_bit(width, before_last) ^ top_bit(width, result);
    shifted(width, result, before_last, overflow, rflags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rflags::FIXED;
    use proptest::prelude::*;

    type Shift = fn(Width, u64, u64, u64) -> (u64, u64);

    /// One bit at a time: `(operand, carry) -> (operand, carry)` with the operand as a list of bits, lowest first.
    type OneStep = fn(&mut Vec<bool>, bool) -> bool;

    fn bits_of(width: Width, value: u64) -> Vec<bool> {
        (0..width.bits()).map(|bit| value >> bit & 1 == 1).collect()
    }

    fn value_of(bits: &[bool]) -> u64 {
        bits.iter().rev().fold(0, |v, &bit| v << 1 | u64::from(bit))
    }

    const STEPS: [(&str, Shift, OneStep); 7] = [
        ("shl", shl, |bits, _| {
            bits.insert(0, false);
            bits.pop().unwrap_or_default()
        }),
        ("shr", shr, |bits, _| {
            bits.push(false);
            bits.remove(0)
        }),
        ("sar", sar, |bits, _| {
            bits.push(bits[bits.len() - 1]);
            bits.remove(0)
        }),
        ("rol", rol, |bits, _| {
            bits.rotate_right(1);
            bits[0]
        }),
        ("ror", ror, |bits, _| {
            bits.rotate_left(1);
            bits[bits.len() - 1]
        }),
        ("rcl", rcl, |bits, carry| {
            bits.insert(0, carry);
            bits.pop().unwrap_or_default()
        }),
        ("rcr", rcr, |bits, carry| {
            bits.push(carry);
            bits.remove(0)
        }),
    ];

    fn check(width: Width, a: u64, count: u64, carry_in: u64) {
        let a = a & width.mask();
        let before = FIXED | carry_in;
        for (name, shift, one_step) in STEPS {
            let mut bits = bits_of(width, a);
            let mut carry = carry_in == 1;
            let mut overflow = false;
            let steps = count & if width == Width::Quadword { 63 } else { 31 };
            for _ in 0..steps {
                let sign = bits[bits.len() - 1];
                carry = one_step(&mut bits, carry);
                overflow = sign != bits[bits.len() - 1];
            }
            let (result, after) = shift(width, a, count, before);
            let what = format!("{name} {width:?} {a:#x} by {count}, carry {carry_in}");
            assert_eq!(result, value_of(&bits), "{what}");
            assert_eq!(after & CF != 0, carry, "CF of {what}");
            // A full turn through CF does not change OF, like a count of zero.
            let full_turn = name.starts_with("rc") && steps.is_multiple_of(u64::from(width.bits()) + 1);
            assert_eq!(after & OF != 0, overflow && !full_turn, "OF of {what}");
            let rest = STATUS & !(CF | OF);
            let expected = if steps == 0 || name.starts_with('r') { 0 } else { sign_zero_parity(width, result) };
            assert_eq!(after & rest, expected, "SF ZF PF AF of {what}");
        }
    }

    #[test]
    fn bytes_agree_with_one_bit_steps_everywhere() {
        for a in 0..=255 {
            for count in 0..=255 {
                check(Width::Byte, a, count, 0);
                check(Width::Byte, a, count, 1);
            }
        }
    }

    #[test]
    fn every_count_agrees_at_every_width() {
        for width in Width::ALL {
            for a in [0, 1, width.sign(), width.mask(), 0xa5c3_0f96_1234_8765] {
                for count in 0..=65 {
                    check(width, a, count, 0);
                    check(width, a, count, 1);
                }
            }
        }
    }

    fn check_double(width: Width, a: u64, b: u64, count: u64) {
        let (a, b) = (a & width.mask(), b & width.mask());
        let steps = count & if width == Width::Quadword { 63 } else { 31 };
        let mut left = [bits_of(width, a), bits_of(width, b), bits_of(width, a)].concat();
        let mut right = left.clone();
        left.reverse();
        let (mut carry_left, mut carry_right) = (false, false);
        for _ in 0..steps {
            carry_left = left.remove(0);
            carry_right = right.remove(0);
        }
        let size = width.bits() as usize;
        let mut left: Vec<bool> = left[..size].to_vec();
        left.reverse();
        let (result, after) = shld(width, a, b, count, FIXED);
        assert_eq!(result, value_of(&left), "shld {width:?} {a:#x} {b:#x} {count}");
        assert_eq!(after & CF != 0, carry_left);
        let (result, after) = shrd(width, a, b, count, FIXED);
        let expected = value_of(&right[..size]);
        assert_eq!(result, expected, "shrd {width:?} {a:#x} {b:#x} {count}");
        assert_eq!(after & CF != 0, carry_right);
    }

    proptest! {
        #[test]
        fn random_operands_agree(a: u64, b: u64, count: u64, carry in 0u64..2, width in 0usize..4) {
            check(Width::ALL[width], a, count, carry);
            check_double(Width::ALL[width.max(1)], a, b, count);
        }
    }
}
