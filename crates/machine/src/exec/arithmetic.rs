//! Addition, subtraction and logic as pure functions `(width, a, b, rflags) -> (result, rflags)`.
//!
//! Operands have no bits above their width, nor do results. [`super::undefined`] lists the flags that the manual leaves
//! undefined.

use super::width::Width;
use crate::rflags::{CF, OF, PF, SF, STATUS, ZF};

/// SF, ZF and PF of `result`.
#[inline]
pub fn sign_zero_parity(width: Width, result: u64) -> u64 {
    let sign = if result & width.sign() != 0 { SF } else { 0 };
    let zero = if result == 0 { ZF } else { 0 };
    let parity = if (result as u8).count_ones() & 1 == 0 { PF } else { 0 };
    sign | zero | parity
}

/// Carry, adjust and overflow of a sum or difference, from the carries between its bits: bit n of `carries` is the
/// carry (or borrow) out of bit n.
#[inline]
fn carry_flags(width: Width, carries: u64) -> u64 {
    let top = width.bits() - 1;
    let carry = (carries >> top) & 1;
    let adjust = ((carries >> 3) & 1) << 4;
    let overflow = (((carries >> top) ^ (carries >> (top - 1))) & 1) << 11;
    carry | adjust | overflow
}

#[inline]
fn with_status(rflags: u64, status: u64) -> u64 {
    (rflags & !STATUS) | status
}

#[inline]
fn add_with_carry(width: Width, a: u64, b: u64, carry: u64, rflags: u64) -> (u64, u64) {
    let result = a.wrapping_add(b).wrapping_add(carry) & width.mask();
    let carries = (a & b) | ((a | b) & !result);
    let status = carry_flags(width, carries) | sign_zero_parity(width, result);
    (result, with_status(rflags, status))
}

#[inline]
fn subtract_with_borrow(width: Width, a: u64, b: u64, borrow: u64, rflags: u64) -> (u64, u64) {
    let result = a.wrapping_sub(b).wrapping_sub(borrow) & width.mask();
    let borrows = (!a & b) | ((!a | b) & result);
    let status = carry_flags(width, borrows) | sign_zero_parity(width, result);
    (result, with_status(rflags, status))
}

/// ADD.
#[inline]
pub fn add(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    add_with_carry(width, a, b, 0, rflags)
}

/// ADC.
#[inline]
pub fn adc(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    add_with_carry(width, a, b, rflags & CF, rflags)
}

/// SUB and CMP.
#[inline]
pub fn sub(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    subtract_with_borrow(width, a, b, 0, rflags)
}

/// SBB.
#[inline]
pub fn sbb(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    subtract_with_borrow(width, a, b, rflags & CF, rflags)
}

#[inline]
fn logic(width: Width, result: u64, rflags: u64) -> (u64, u64) {
    (result, with_status(rflags, sign_zero_parity(width, result)))
}

/// AND and TEST.
#[inline]
pub fn and(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    logic(width, a & b, rflags)
}

/// OR.
#[inline]
pub fn or(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    logic(width, a | b, rflags)
}

/// XOR.
#[inline]
pub fn xor(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    logic(width, a ^ b, rflags)
}

/// INC: like ADD 1, without changing CF.
#[inline]
pub fn inc(width: Width, a: u64, rflags: u64) -> (u64, u64) {
    let (result, after) = add(width, a, 1, rflags);
    (result, (after & !CF) | (rflags & CF))
}

/// DEC: like SUB 1, without changing CF.
#[inline]
pub fn dec(width: Width, a: u64, rflags: u64) -> (u64, u64) {
    let (result, after) = sub(width, a, 1, rflags);
    (result, (after & !CF) | (rflags & CF))
}

/// NEG.
pub fn neg(width: Width, a: u64, rflags: u64) -> (u64, u64) {
    sub(width, 0, a, rflags)
}

/// ADCX: addition that carries through CF and touches no other flag.
pub fn adcx(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    let (result, after) = adc(width, a, b, rflags);
    (result, (rflags & !CF) | (after & CF))
}

/// ADOX: addition that carries through OF and touches no other flag.
pub fn adox(width: Width, a: u64, b: u64, rflags: u64) -> (u64, u64) {
    let carry = u64::from(rflags & OF != 0);
    let (result, after) = add_with_carry(width, a, b, carry, rflags);
    let overflow = if after & CF != 0 { OF } else { 0 };
    (result, (rflags & !OF) | overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rflags::{AF, FIXED, IF};
    use proptest::prelude::*;

    /// A ripple-carry adder, bit by bit: result and the six status flags.
    fn ripple(bits: u32, a: u64, b: u64, carry_in: u64) -> (u64, u64) {
        let (mut result, mut carry, mut into_top, mut out_of_3) = (0, carry_in, 0, 0);
        for bit in 0..bits {
            let (x, y) = ((a >> bit) & 1, (b >> bit) & 1);
            if bit == bits - 1 {
                into_top = carry;
            }
            result |= (x ^ y ^ carry) << bit;
            carry = u64::from(x + y + carry >= 2);
            if bit == 3 {
                out_of_3 = carry;
            }
        }
        let ones = (0..8).filter(|bit| result >> bit & 1 == 1).count();
        let flag = |condition: bool, mask: u64| if condition { mask } else { 0 };
        let status = flag(carry == 1, CF)
            | flag(ones % 2 == 0, PF)
            | flag(out_of_3 == 1, AF)
            | flag(result == 0, ZF)
            | flag(result >> (bits - 1) == 1, SF)
            | flag(carry != into_top, OF);
        (result, status)
    }

    /// Subtraction as addition of the complement: the carries are inverted.
    fn ripple_subtract(bits: u32, a: u64, b: u64, borrow: u64) -> (u64, u64) {
        let (result, status) = ripple(bits, a, !b, 1 - borrow);
        (result, status ^ (CF | AF))
    }

    fn check(width: Width, a: u64, b: u64, carry: u64) {
        let bits = width.bits();
        let before = FIXED | IF | carry | (if carry == 1 { STATUS & !CF } else { 0 });
        let rest = before & !STATUS;
        let expect = |(result, status): (u64, u64)| (result, rest | status);
        let (a, b) = (a & width.mask(), b & width.mask());
        assert_eq!(add(width, a, b, before), expect(ripple(bits, a, b, 0)));
        assert_eq!(adc(width, a, b, before), expect(ripple(bits, a, b, carry)));
        assert_eq!(sub(width, a, b, before), expect(ripple_subtract(bits, a, b, 0)));
        assert_eq!(sbb(width, a, b, before), expect(ripple_subtract(bits, a, b, carry)));
        let (sum, status) = ripple(bits, a, b, carry);
        let taken = rest | (before & STATUS & !CF) | (status & CF);
        assert_eq!(adcx(width, a, b, before), (sum, taken));
        let overflow = if status & CF != 0 { OF } else { 0 };
        assert_eq!(adox(width, a, b, before), (sum, (before & !OF) | overflow), "OF equals CF in `before`");
        for (operation, result) in [(and as fn(Width, u64, u64, u64) -> (u64, u64), a & b), (or, a | b), (xor, a ^ b)] {
            let (_, status) = ripple(bits, result, 0, 0);
            let expected = (result, rest | status);
            assert_eq!(operation(width, a, b, before), expected);
        }
    }

    fn check_unary(width: Width, a: u64, carry: u64) {
        let bits = width.bits();
        let before = FIXED | carry;
        let keep_carry = |(result, status): (u64, u64)| (result, FIXED | (status & !CF) | carry);
        let a = a & width.mask();
        assert_eq!(inc(width, a, before), keep_carry(ripple(bits, a, 1, 0)));
        assert_eq!(dec(width, a, before), keep_carry(ripple_subtract(bits, a, 1, 0)));
        let (result, status) = ripple_subtract(bits, 0, a, 0);
        assert_eq!(neg(width, a, before), (result, FIXED | status));
        assert_eq!(status & CF != 0, a != 0, "NEG carries unless zero");
    }

    #[test]
    fn bytes_agree_with_a_ripple_carry_adder_everywhere() {
        for a in 0..=255 {
            for b in 0..=255 {
                check(Width::Byte, a, b, 0);
                check(Width::Byte, a, b, 1);
            }
            check_unary(Width::Byte, a, 0);
            check_unary(Width::Byte, a, 1);
        }
    }

    #[test]
    fn wide_corners_agree_with_a_ripple_carry_adder() {
        for width in Width::ALL {
            let sign = width.sign();
            let corners = [0, 1, 7, 8, 15, 16, 127, 128, 255, sign - 1, sign, sign + 1];
            for a in corners.into_iter().flat_map(|v| [v, !v]) {
                for b in corners.into_iter().flat_map(|v| [v, !v]) {
                    check(width, a, b, 0);
                    check(width, a, b, 1);
                }
                check_unary(width, a, 1);
            }
        }
    }

    proptest! {
        #[test]
        fn wide_random_operands_agree(a: u64, b: u64, carry in 0u64..2, width in 0usize..4) {
            check(Width::ALL[width], a, b, carry);
            check_unary(Width::ALL[width], a, carry);
        }
    }
}
