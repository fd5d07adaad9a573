//! Operand sizes.

/// Size of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Word,
    /// 32 bits.
    Doubleword,
    /// 64 bits.
    Quadword,
}

impl Width {
    /// All of them, narrowest first.
    pub const ALL: [Self; 4] = [Self::Byte, Self::Word, Self::Doubleword, Self::Quadword];

    /// Size in bytes: 1, 2, 4 or 8.
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }

    /// Size in bits: 8, 16, 32 or 64.
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }

    /// Ones in every bit of the operand.
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// The most significant bit of the operand.
    pub const fn sign(self) -> u64 {
        1 << (self.bits() - 1)
    }

    /// The low bits of `value` as a signed number.
    pub const fn sign_extend(self, value: u64) -> i64 {
        let unused = 64 - self.bits();
        ((value << unused) as i64) >> unused
    }

    /// The width of this many bytes. Sizes other than 1, 2 and 4 count as 8.
    pub const fn of_bytes(bytes: usize) -> Self {
        match bytes {
            1 => Self::Byte,
            2 => Self::Word,
            4 => Self::Doubleword,
            _ => Self::Quadword,
        }
    }
}
