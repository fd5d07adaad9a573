//! The levels of the paging structures (SDM vol. 3A 4.2, 4.5).

/// A level of paging structures, counted from the pages up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The page table; its entries are PTEs.
    Pt = 1,
    /// The page directory, of PDEs.
    Pd,
    /// The page-directory-pointer table, of PDPTEs.
    Pdpt,
    /// The PML4 table, of PML4Es.
    Pml4,
    /// The PML5 table, of PML5Es; with CR4.LA57 only.
    Pml5,
}

impl Level {
    /// 1 to 5.
    #[inline]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Lowest linear-address bit that selects an entry: 12 for a PTE, 21 for a PDE, and so on.
    #[inline]
    pub fn shift(self) -> u32 {
        3 + 9 * u32::from(self.number())
    }
}

/// A level whose table-naming entries are cached (SDM vol. 3A 4.10.3.1). No cache is documented for PML5Es.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum UpperLevel {
    /// PDEs.
    Pd = 2,
    /// PDPTEs.
    Pdpt,
    /// PML4Es.
    Pml4,
}

impl UpperLevel {
    /// All of them, from the deepest up.
    pub const ALL: [Self; 3] = [Self::Pd, Self::Pdpt, Self::Pml4];

    /// The upper level with a number from 2 to 4.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.level().number() == number)
    }

    /// The same level, as one of all levels.
    #[inline]
    pub fn level(self) -> Level {
        match self {
            Self::Pd => Level::Pd,
            Self::Pdpt => Level::Pdpt,
            Self::Pml4 => Level::Pml4,
        }
    }

    /// The level of the table that an entry names.
    #[inline]
    pub fn below(self) -> Level {
        match self {
            Self::Pd => Level::Pt,
            Self::Pdpt => Level::Pd,
            Self::Pml4 => Level::Pdpt,
        }
    }

    /// As [`Level::shift`].
    #[inline]
    pub fn shift(self) -> u32 {
        self.level().shift()
    }
}
