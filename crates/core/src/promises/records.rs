//! Whether CR3 agrees with what the kernel has written down, at each boundary.
//!
//! The records are read again only after a store to them, or when the processor is another: where both agreed and nothing
//! of that has happened, they still do.

use super::Broken;
use crate::linux::layout::EFI_TABLE_PHYSICAL;
use crate::linux::records::{BETWEEN_RECORDS, Inconsistent, RECORDS, check, check_cr3, check_user};
use crate::linux::{Config, Features, Handler};
use crate::machine::bits::cr3;
use crate::machine::observe::{AccessKind, Attention, MemoryAccess};
use crate::machine::{Cpu, Machine, Observer};
use crate::scenario::{Place, Places};

/// Judges `user-cr3` and `kernel-cr3`.
#[derive(Clone, Debug)]
pub(super) struct Records {
    features: Features,
    /// The handler writes CR3 behind the kernel's back; what counts is whether that outlives it.
    rogue: bool,
    /// The handler runs on EFI's tables, which no record names.
    efi: bool,
    /// Address of [`BETWEEN_RECORDS`].
    between_records: Option<u64>,
    /// Whether the disagreement at hand began at that boundary.
    is_between_records: bool,
    /// The processor with which the records last agreed; none after a store to them.
    agreed: Option<Agreed>,
}

/// All of a processor that the records say something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Agreed {
    cr3: u64,
    cr4: u64,
    cpl: u8,
}

impl Agreed {
    fn of(cpu: &Cpu) -> Self {
        Self { cr3: cpu.cr3, cr4: cpu.cr4, cpl: cpu.cpl }
    }
}

impl Records {
    pub(super) fn new(config: &Config, places: &Places) -> Self {
        let place = Place { label: BETWEEN_RECORDS.to_owned(), offset: 0, occurrence: 1 };
        Self {
            features: config.features,
            rogue: config.handler.contains(Handler::RogueCr3),
            efi: config.handler.contains(Handler::EfiCall),
            between_records: places.resolve(&place).ok().map(|id| places.site(id).address),
            is_between_records: false,
            agreed: None,
        }
    }

    /// Whether they agreed with the processor as it is, and nothing was stored to them since.
    #[inline]
    pub(super) fn agree_with(&self, machine: &Machine) -> bool {
        self.agreed == Some(Agreed::of(&machine.cpu))
    }

    /// What does not hold at a boundary that is `depth` handlers deep. As a rule all does.
    #[inline]
    pub(super) fn boundary(&mut self, machine: &Machine, depth: usize) -> Option<[Option<Broken>; 2]> {
        if self.agree_with(machine) {
            debug_assert!(check(machine, self.features).is_ok(), "a store to the records was not seen");
            return None;
        }
        self.compare(machine, depth)
    }

    fn compare(&mut self, machine: &Machine, depth: usize) -> Option<[Option<Broken>; 2]> {
        if check(machine, self.features).is_ok() {
            self.is_between_records = false;
            self.agreed = Some(Agreed::of(&machine.cpu));
            return None;
        }
        self.agreed = None;
        Some(self.disagreement(machine, depth))
    }

    #[cold]
    fn disagreement(&mut self, machine: &Machine, depth: usize) -> [Option<Broken>; 2] {
        let user = check_user(machine, self.features).err();
        let records = check_cr3(machine).err();
        let at_label = self.between_records == Some(machine.cpu.rip);
        self.is_between_records = records.is_some() && (self.is_between_records || at_label);
        let on_efi = self.efi && machine.cpu.cr3 & cr3::TABLE == EFI_TABLE_PHYSICAL;
        let is_excused = self.is_between_records || ((self.rogue || on_efi) && depth > 0);
        let records = records.filter(|_| !is_excused).map(|inconsistent| by_level(machine, inconsistent));
        [user.map(Broken::UserCr3), records]
    }

    pub(super) fn is_between_records(&self) -> bool {
        self.is_between_records
    }

    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.is_between_records == other.is_between_records
    }
}

impl Observer for Records {
    #[inline(always)]
    fn attention(&self) -> Attention {
        Attention::Unusual { stores: RECORDS }
    }

    #[inline]
    fn memory(&mut self, access: &MemoryAccess) {
        if access.kind == AccessKind::Write && RECORDS.meets(access.physical, access.size) {
            self.agreed = None;
        }
    }
}

fn by_level(machine: &Machine, inconsistent: Inconsistent) -> Broken {
    if machine.cpu.cpl == 3 { Broken::UserCr3(inconsistent) } else { Broken::KernelCr3(inconsistent) }
}
