//! Numbers that are the same everywhere for the same seed.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// True in one of `chance` cases.
    pub fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }

    /// One of `from`.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// A number of the kinds that find mistakes: uniform, small, negative small, a power of two or beside one.
    pub fn interesting(&mut self) -> u64 {
        let power = 1u64 << self.below(64);
        match self.below(8) {
            0 => self.below(0x40),
            1 => self.below(0x40).wrapping_neg(),
            2 => power,
            3 => power.wrapping_sub(1),
            4 => power.wrapping_neg(),
            5 => self.bits() >> self.below(64),
            _ => self.bits(),
        }
    }
}
