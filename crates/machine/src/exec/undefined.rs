//! What the manual leaves undefined, and what this machine does there.
//!
//! A comparison with another processor masks the flags and skips the results that [`undefined`] names. The last column
//! names the section of SDM vol. 2 that leaves them undefined, under "Flags Affected" unless it says otherwise. This
//! machine does what Intel processors do where that is known, and what Unicorn does elsewhere.
//!
//! | instruction | undefined | here | SDM |
//! |---|---|---|---|
//! | AND, OR, XOR, TEST | AF | clear | 2A AND; 2B OR, TEST; 2D XOR |
//! | SHL, SHR, SAR | AF; OF unless the count is 1; CF if the count reaches the width (SHL, SHR) | AF clear; OF and CF of the last one-bit step | 2B SAL/SAR/SHL/SHR |
//! | ROL, ROR, RCL, RCR | OF unless the count is 1 | OF of the last one-bit step | 2B RCL/RCR/ROL/ROR |
//! | SHLD, SHRD | AF; OF unless the count is 1; all flags and the result if the count exceeds the width | `a:b:a` shifted | 2B SHLD, SHRD: Description and Flags Affected |
//! | MUL, IMUL | SF, ZF, AF, PF | of the low half; AF clear | 2B MUL; 2A IMUL |
//! | DIV, IDIV | all six | unchanged | 2A DIV, IDIV |
//! | BT, BTS, BTR, BTC | OF, SF, AF, PF | unchanged | 2A BT, BTS, BTR, BTC |
//! | BSF, BSR | all but ZF; the result if the source is zero | flags of the source as TEST gives; destination unchanged | 2A BSF, BSR: Description and Flags Affected |
//! | TZCNT, LZCNT | OF, SF, AF, PF | clear | 2B TZCNT; 2A LZCNT |
//! | BSWAP of 16 bits | the result | zero | 2A BSWAP: Description |
//!
//! A count of 0, after masking, changes no flag, so nothing is undefined then.

use super::shift::masked_count;
use super::width::Width;
use crate::rflags::{AF, CF, OF, PF, SF, STATUS, ZF};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// What an instruction leaves undefined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Undefined {
    /// Mask of RFLAGS bits.
    pub flags: u64,
    /// Whether the destination is undefined too.
    pub result: bool,
}

const fn flags(flags: u64) -> Undefined {
    Undefined { flags, result: false }
}

/// What `mnemonic` on operands of `width` leaves undefined. `count` is the unmasked count of a shift or rotate;
/// `source` is the source operand of BSF and BSR. Other instructions ignore both.
pub fn undefined(mnemonic: Mnemonic, width: Width, count: u64, source: u64) -> Undefined {
    use Mnemonic as M;
    match mnemonic {
        M::And | M::Or | M::Xor | M::Test => flags(AF),
        M::Shl | M::Sal | M::Shr => flags(shift_flags(width, count) | carry_beyond_width(width, count)),
        M::Sar => flags(shift_flags(width, count)),
        M::Rol | M::Ror | M::Rcl | M::Rcr => flags(overflow_of_count(width, count)),
        M::Shld | M::Shrd if masked_count(width, count) > width.bits() => Undefined { flags: STATUS, result: true },
        M::Shld | M::Shrd => flags(shift_flags(width, count)),
        M::Mul | M::Imul => flags(SF | ZF | AF | PF),
        M::Div | M::Idiv => flags(STATUS),
        M::Bt | M::Bts | M::Btr | M::Btc | M::Tzcnt | M::Lzcnt => flags(OF | SF | AF | PF),
        M::Bsf | M::Bsr => Undefined { flags: STATUS & !ZF, result: source == 0 },
        M::Bswap => Undefined { flags: 0, result: width == Width::Word },
        _ => Undefined::default(),
    }
}

fn overflow_of_count(width: Width, count: u64) -> u64 {
    match masked_count(width, count) {
        0 | 1 => 0,
        _ => OF,
    }
}

fn shift_flags(width: Width, count: u64) -> u64 {
    match masked_count(width, count) {
        0 => 0,
        _ => AF | overflow_of_count(width, count),
    }
}

fn carry_beyond_width(width: Width, count: u64) -> u64 {
    if masked_count(width, count) >= width.bits() { CF } else { 0 }
}

/// Width and shift count of a decoded instruction for [`undefined`]. `cl` is CL before the instruction.
pub fn operands(instruction: &Instruction, cl: u8) -> (Width, u64) {
    let width = super::operand::width(instruction);
    let last = instruction.op_count().saturating_sub(1);
    let count = match instruction.op_kind(last) {
        OpKind::Immediate8 => u64::from(instruction.immediate8()),
        _ => u64::from(cl),
    };
    (width, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_decide_what_shifts_leave_undefined() {
        use Mnemonic::{Rol, Sar, Shl, Shld};
        for (mnemonic, width, count, expected) in [
            (Shl, Width::Byte, 0, flags(0)),
            (Shl, Width::Byte, 32, flags(0)),
            (Shl, Width::Byte, 1, flags(AF)),
            (Shl, Width::Byte, 7, flags(AF | OF)),
            (Shl, Width::Byte, 8, flags(AF | OF | CF)),
            (Sar, Width::Byte, 8, flags(AF | OF)),
            (Shl, Width::Quadword, 63, flags(AF | OF)),
            (Rol, Width::Word, 1, flags(0)),
            (Rol, Width::Word, 16, flags(OF)),
            (Shld, Width::Word, 16, flags(AF | OF)),
            (Shld, Width::Word, 17, Undefined { flags: STATUS, result: true }),
            (Shld, Width::Doubleword, 31, flags(AF | OF)),
        ] {
            assert_eq!(undefined(mnemonic, width, count, 0), expected, "{mnemonic:?} {width:?} {count}");
        }
    }

    #[test]
    fn scans_of_zero_have_no_result() {
        assert!(undefined(Mnemonic::Bsf, Width::Word, 0, 0).result);
        assert!(!undefined(Mnemonic::Bsf, Width::Word, 0, 2).result);
        assert_eq!(undefined(Mnemonic::Add, Width::Word, 0, 0), Undefined::default());
    }
}
