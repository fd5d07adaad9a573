//! Multiplication and division as pure functions.
//!
//! SF, ZF, AF and PF after a multiplication and all flags after a division are undefined; see [`super::undefined`].

use super::arithmetic::sign_zero_parity;
use super::width::Width;
use crate::rflags::{CF, OF, STATUS};

/// A double-width number: low half first.
pub type Pair = (u64, u64);

fn split(width: Width, value: u128) -> Pair {
    let low = value as u64 & width.mask();
    (low, (value >> width.bits()) as u64 & width.mask())
}

fn join(width: Width, (low, high): Pair) -> u128 {
    u128::from(high) << width.bits() | u128::from(low)
}

/// CF and OF mean that the high half carries information.
fn product_flags(width: Width, low: u64, overflows: bool, rflags: u64) -> u64 {
    let overflow = if overflows { CF | OF } else { 0 };
    (rflags & !STATUS) | overflow | sign_zero_parity(width, low)
}

/// MUL: the whole unsigned product.
pub fn mul(width: Width, a: u64, b: u64, rflags: u64) -> (Pair, u64) {
    let product = split(width, u128::from(a) * u128::from(b));
    let overflows = product.1 != 0;
    (product, product_flags(width, product.0, overflows, rflags))
}

/// IMUL with one operand: the whole signed product. The forms with two and three operands keep its low half.
pub fn imul(width: Width, a: u64, b: u64, rflags: u64) -> (Pair, u64) {
    let exact = i128::from(width.sign_extend(a)) * i128::from(width.sign_extend(b));
    let product = split(width, exact as u128);
    let overflows = i128::from(width.sign_extend(product.0)) != exact;
    (product, product_flags(width, product.0, overflows, rflags))
}

/// DIV: quotient and remainder, or `None` for #DE.
pub fn div(width: Width, dividend: Pair, divisor: u64) -> Option<Pair> {
    let dividend = join(width, dividend);
    let divisor = u128::from(divisor);
    let quotient = dividend.checked_div(divisor)?;
    (quotient <= u128::from(width.mask())).then_some((quotient as u64, (dividend % divisor) as u64))
}

/// IDIV: quotient rounded towards zero and remainder with the sign of the dividend, or `None` for #DE.
pub fn idiv(width: Width, dividend: Pair, divisor: u64) -> Option<Pair> {
    let unused = 128 - 2 * width.bits();
    let dividend = (join(width, dividend) << unused) as i128 >> unused;
    let divisor = i128::from(width.sign_extend(divisor));
    let quotient = dividend.checked_div(divisor)?;
    let fits = i128::from(width.sign_extend(quotient as u64)) == quotient;
    let remainder = dividend.checked_rem(divisor)?;
    fits.then_some((quotient as u64 & width.mask(), remainder as u64 & width.mask()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rflags::FIXED;
    use proptest::prelude::*;

    #[test]
    fn byte_products_agree_with_wide_arithmetic_everywhere() {
        for a in 0..=255u64 {
            for b in 0..=255u64 {
                let ((low, high), after) = mul(Width::Byte, a, b, FIXED);
                assert_eq!(high << 8 | low, a * b);
                assert_eq!(after & (CF | OF) != 0, a * b > 255);
                let signed = i64::from(a as i8) * i64::from(b as i8);
                let ((low, high), after) = imul(Width::Byte, a, b, FIXED);
                assert_eq!(high << 8 | low, signed as u64 & 0xffff);
                assert_eq!(after & CF != 0, !(-128..=127).contains(&signed));
                assert_eq!(after & CF != 0, after & OF != 0);
            }
        }
    }

    #[test]
    fn byte_quotients_agree_with_wide_arithmetic_everywhere() {
        for dividend in 0..=0xffffu64 {
            for divisor in 0..=255u64 {
                let pair = (dividend & 0xff, dividend >> 8);
                let expected =
                    (divisor != 0 && dividend / divisor <= 255).then(|| (dividend / divisor, dividend % divisor));
                assert_eq!(div(Width::Byte, pair, divisor), expected);
                let (n, d) = (i64::from(dividend as i16), i64::from(divisor as i8));
                let expected =
                    (d != 0 && (-128..=127).contains(&(n / d))).then(|| ((n / d) as u64 & 0xff, (n % d) as u64 & 0xff));
                assert_eq!(idiv(Width::Byte, pair, divisor), expected);
            }
        }
    }

    #[test]
    fn the_most_negative_dividend_does_not_overflow_the_host() {
        for width in Width::ALL {
            let most_negative = (0, width.sign());
            assert_eq!(idiv(width, most_negative, width.mask()), None, "by -1");
            assert_eq!(idiv(width, most_negative, 0), None, "by 0");
            assert_eq!(idiv(width, most_negative, width.sign()), None, "too large");
        }
    }

    proptest! {
        #[test]
        fn a_quotient_and_remainder_restore_the_dividend(q: u64, d in 1u64.., r: u64, width in 0usize..4) {
            let width = Width::ALL[width];
            let (q, d) = (q & width.mask(), (d & width.mask()).max(1));
            let r = r % d;
            let dividend = u128::from(q) * u128::from(d) + u128::from(r);
            prop_assert_eq!(div(width, split(width, dividend), d), Some((q, r)));
        }

        #[test]
        fn signed_products_divide_back(a: i64, b: i64, width in 0usize..4) {
            let width = Width::ALL[width];
            let (a, b) = (a as u64 & width.mask(), b as u64 & width.mask());
            prop_assume!(b != 0);
            let (product, _) = imul(width, a, b, FIXED);
            prop_assert_eq!(idiv(width, product, b), Some((a, 0)));
        }
    }
}
