//! Physical addresses that an observer wants to hear of.

/// Physical addresses: two ranges at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    ranges: [Range; 2],
}

/// Physical addresses from `start` up to `end`; none if `end` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
}

impl Range {
    const NOTHING: Self = Self { start: 0, end: 0 };

    #[inline]
    fn meets(self, physical: u64, size: u8) -> bool {
        physical < self.end && physical.wrapping_add(size.into()) > self.start
    }

    /// The range that spans both. Always inline, like all that makes an [`Attention`](crate::observe::Attention): the machine asks for it before each
    /// step, and at the page's optimisation levels the compiler would otherwise join constant ranges in each.
    #[inline(always)]
    fn with(self, other: Self) -> Self {
        match (self.end, other.end) {
            (0, _) => other,
            (_, 0) => self,
            _ => Self { start: self.start.min(other.start), end: self.end.max(other.end) },
        }
    }

    /// How many addresses lie between both.
    #[inline(always)]
    fn gap(self, other: Self) -> u64 {
        let both = self.with(other);
        (both.end - both.start).saturating_sub((self.end - self.start) + (other.end - other.start))
    }
}

impl Watched {
    /// No address.
    pub const NOTHING: Self = Self { ranges: [Range::NOTHING; 2] };

    /// The addresses from `start` up to `end`.
    pub const fn range(start: u64, end: u64) -> Self {
        Self { ranges: [Range { start, end }, Range::NOTHING] }
    }

    /// Those of two ranges, each with its start and its end.
    pub const fn ranges([first, second]: [(u64, u64); 2]) -> Self {
        Self { ranges: [Range { start: first.0, end: first.1 }, Range { start: second.0, end: second.1 }] }
    }

    /// Whether one of the `size` bytes at `physical` is among them.
    #[inline]
    pub fn meets(self, physical: u64, size: u8) -> bool {
        self.ranges[0].meets(physical, size) || self.ranges[1].meets(physical, size)
    }

    /// Both. Of more than two ranges, the two that are nearest to each other become one with what lies between.
    #[inline(always)]
    pub(crate) fn with(self, other: Self) -> Self {
        self.and(other.ranges[0]).and(other.ranges[1])
    }

    #[inline(always)]
    fn and(self, range: Range) -> Self {
        let [first, second] = self.ranges;
        if range.end == 0 {
            return self;
        }
        if first.end == 0 {
            return Self { ranges: [range, second] };
        }
        if second.end == 0 {
            return Self { ranges: [first, range] };
        }
        let (here, there, apart) = (first.gap(range), second.gap(range), first.gap(second));
        let ranges = match () {
            () if apart <= here && apart <= there => [first.with(second), range],
            () if here <= there => [first.with(range), second],
            () => [first, second.with(range)],
        };
        Self { ranges }
    }
}
