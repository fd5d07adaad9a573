//! Pseudo-random numbers: the same seed gives the same cases on every machine.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    /// A number below `end`, 0 for an `end` of 0. Its bias is of no interest here.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits().checked_rem(end).unwrap_or(0)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
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
