//! What a place of the machine holds, in terms of the state that a handler interrupted.
//!
//! Bits are *known* (the same whatever was interrupted, as far as the key tells), *copied* from a place of the interrupted state, or
//! *opaque*: something that nobody looks at. Who looks at an opaque bit ends the round, see [`super::learned`].

use super::hash::Map;

/// A place of the state that a handler interrupted. All other state of the processor is part of every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Loc {
    /// A register that is followed, by number.
    Register(u8),
    /// Status flags and RF.
    Flags,
    /// A word of memory, by number.
    Memory(u64),
}

/// The registers that are followed: the general ones by their numbers, and these.
pub(super) const RIP: usize = 16;
pub(super) const CR2: usize = 17;
/// The base of GS.
pub(super) const GS: usize = 18;
pub(super) const KERNEL_GS: usize = 19;
/// The selector of SS, while the rest of it follows from that.
pub(super) const SS: usize = 20;
/// Whether a machine check is in progress.
pub(super) const CHECKING: usize = 21;
/// Whether NMIs are blocked.
pub(super) const BLOCKED: usize = 22;
/// Whether an NMI was delivered whose handler has not made a round since. The judge has it, not the processor.
pub(super) const OWES: usize = 23;
pub(super) const REGISTERS: usize = 24;

/// Why bits are opaque, which says what is to be done if somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    /// They count in this word.
    Count(u64),
    /// They are marks of use in this word of a page table, which the processor sets.
    Mark(u64),
    /// The instruction at this address loaded them through a pointer of which only the page is known.
    Load(u64),
    /// This word mixes more than a value can say.
    Mixture(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    Input(Loc),
    Opaque(Origin),
}

/// Bits of a value: bit i, where `mask` has it, is bit i + `shift` of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) source: Source,
    pub(super) shift: i8,
    pub(super) mask: u64,
}

/// A word whose bit i is bit i + `shift` of `word`.
pub(super) fn shifted(word: u64, shift: i8) -> u64 {
    let by = u32::from(shift.unsigned_abs());
    let moved = if shift >= 0 { word.checked_shr(by) } else { word.checked_shl(by) };
    moved.unwrap_or(0)
}

/// The lowest `bits` bits.
pub(super) fn ones(bits: u32) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
}

impl Part {
    pub(super) const fn whole(source: Source) -> Self {
        Self { source, shift: 0, mask: u64::MAX }
    }

    pub(super) fn input(self) -> Option<Loc> {
        match self.source {
            Source::Input(loc) => Some(loc),
            Source::Opaque(_) => None,
        }
    }

    /// Its bits in terms of its source.
    pub(super) fn source_bits(self) -> u64 {
        shifted(self.mask, -self.shift)
    }

    /// Its bits, if the source holds `word`.
    pub(super) fn of(self, word: u64) -> u64 {
        shifted(word, self.shift) & self.mask
    }

    pub(super) fn masked(self, mask: u64) -> Option<Self> {
        let mask = self.mask & mask;
        (mask != 0).then_some(Self { mask, ..self })
    }

    /// The same bits of a value that is moved down by `shift` bits, or up.
    pub(super) fn moved(self, shift: i8) -> Option<Self> {
        let mask = shifted(self.mask, shift);
        (mask != 0).then_some(Self { source: self.source, shift: self.shift + shift, mask })
    }

    /// This part of a place that holds `held`.
    fn through(self, held: Self) -> Option<Self> {
        held.moved(self.shift)?.masked(self.mask)
    }
}

/// More parts of one word are rare; they are looked at instead.
const PARTS: usize = 3;

/// What a word holds. Bits in no part are known: a run on the machine goes on beside, and has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Value {
    parts: [Option<Part>; PARTS],
}

/// A value is made of too many parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Value {
    pub(super) const KNOWN: Self = Self { parts: [None; PARTS] };

    pub(super) const fn whole(source: Source) -> Self {
        Self { parts: [Some(Part::whole(source)), None, None] }
    }

    pub(super) fn input(loc: Loc) -> Self {
        Self::whole(Source::Input(loc))
    }

    pub(super) fn of(part: Option<Part>) -> Self {
        Self { parts: [part, None, None] }
    }

    pub(super) fn is_known(self) -> bool {
        self.parts[0].is_none()
    }

    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        self.parts.into_iter().flatten()
    }

    /// The place that each part comes from.
    pub(super) fn inputs(self) -> [Option<Loc>; PARTS] {
        self.parts.map(|part| part.and_then(Part::input))
    }

    /// Bits that are not known.
    pub(super) fn unknown(self) -> u64 {
        self.parts().fold(0, |mask, part| mask | part.mask)
    }

    /// Bits that nobody may look at.
    pub(super) fn opaque(self) -> u64 {
        let opaque = self.parts().filter(|part| part.input().is_none());
        opaque.fold(0, |mask, part| mask | part.mask)
    }

    /// The only part.
    pub(super) fn single(self) -> Option<Part> {
        if self.parts[1].is_none() { self.parts[0] } else { None }
    }

    /// Joins parts that lie in different bits.
    pub(super) fn joined(parts: impl Iterator<Item = Part>) -> Result<Self, TooMany> {
        let mut value = Self::KNOWN;
        for part in parts {
            let place = value.parts.iter_mut().find(|place| match place {
                Some(other) => (other.source, other.shift) == (part.source, part.shift),
                None => true,
            });
            match place {
                Some(Some(other)) => other.mask |= part.mask,
                Some(place) => *place = Some(part),
                None => return Err(TooMany),
            }
        }
        // None comes last.
        value.parts.sort_unstable_by_key(|part| (part.is_none(), *part));
        Ok(value)
    }

    fn map(self, change: impl Fn(Part) -> Option<Part>) -> Self {
        // Never more parts than before.
        Self::joined(self.parts().filter_map(change)).unwrap_or_default()
    }

    pub(super) fn masked(self, mask: u64) -> Self {
        if self.is_known() { self } else { self.map(|part| part.masked(mask)) }
    }

    pub(super) fn moved(self, shift: i8) -> Self {
        if self.is_known() { self } else { self.map(|part| part.moved(shift)) }
    }

    /// This where `mask` has bits, `other` elsewhere.
    pub(super) fn over(self, mask: u64, other: Self) -> Result<Self, TooMany> {
        Self::joined(self.masked(mask).parts().chain(other.masked(!mask).parts()))
    }

    /// This, in terms of what is before: `held` has what each of its places holds.
    pub(super) fn through(self, held: impl Fn(Loc) -> Value) -> Result<Self, TooMany> {
        let mut parts = [None; PARTS * PARTS];
        let mut places = parts.iter_mut();
        for part in self.parts() {
            let before = match part.source {
                Source::Input(loc) => held(loc),
                Source::Opaque(_) => Self::of(Some(part)),
            };
            let moved = before.parts().filter_map(|before| match part.source {
                Source::Input(_) => part.through(before),
                Source::Opaque(_) => Some(before),
            });
            moved.zip(&mut places).for_each(|(part, place)| *place = Some(part));
        }
        Self::joined(parts.into_iter().flatten())
    }

    /// The bits, if places hold what `read` says and the known ones are those of `sample`. Opaque bits are zero.
    pub(super) fn evaluate(self, sample: u64, read: impl Fn(Loc) -> u64) -> u64 {
        let inputs = self.parts().filter_map(|part| Some(part.of(read(part.input()?))));
        inputs.fold(sample & !self.unknown(), |word, bits| word | bits)
    }
}

/// The value of each place that is not as it was.
pub(super) type Values = Map<u64, Value>;

#[cfg(test)]
mod tests {
    use super::*;

    const RAX: Loc = Loc::Register(0);
    const WORD: Loc = Loc::Memory(7);

    #[test]
    fn bits_move_with_their_values() {
        let low = Value::input(RAX).masked(ones(32));
        let up = low.moved(-32);
        assert_eq!(up.evaluate(5, |_| 0x1234_5678_9abc_def0), 0x9abc_def0_0000_0005);
        assert_eq!(up.moved(32), low);
        assert_eq!(Value::input(RAX).moved(-32).moved(32), low, "what is moved out is gone");
    }

    #[test]
    fn values_mix_by_bits() {
        let mixed = Value::input(RAX).over(ones(8), Value::input(WORD)).expect("two parts");
        let read = |loc| if loc == RAX { 0x1111 } else { 0x2222 };
        assert_eq!(mixed.evaluate(0, read), 0x2211);
        assert_eq!(Value::input(RAX).over(ones(8), Value::input(RAX)), Ok(Value::input(RAX)));
        assert_eq!(Value::KNOWN.over(u64::MAX, mixed), Ok(Value::KNOWN));
    }

    #[test]
    fn substitution_is_composition() {
        let inner = Value::input(RAX).masked(0xff00);
        let outer = Value::input(WORD).moved(4).masked(0xfff);
        let both = outer.through(|_| inner).expect("one part");
        let word = 0x9876_5432_u64;
        let held = inner.evaluate(0, |_| word);
        assert_eq!(both.evaluate(0, |_| word), outer.evaluate(0, |_| held));
        assert_eq!(outer.through(|_| Value::KNOWN), Ok(Value::KNOWN));
    }
}
