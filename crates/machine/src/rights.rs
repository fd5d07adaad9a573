//! Access rights of pages (SDM vol. 3A 4.6).

use super::bits::{cr0, cr4, efer, entry};
use super::cpu::Cpu;
use super::rflags;

/// What an access to memory was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// Load of data.
    Read,
    /// Store of data.
    Write,
    /// Instruction fetch.
    Execute,
}

/// On whose behalf memory is accessed (SDM vol. 3A 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// CPL 3.
    User,
    /// CPL below 3, an access that the instruction names.
    Supervisor,
    /// To a system structure (GDT, IDT, TSS) or to the stack of a handler: a supervisor access whatever CPL is.
    /// RFLAGS.AC does not lift SMAP for it.
    Implicit,
}

/// The kind of access and its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Read, write or fetch.
    pub kind: AccessKind,
    /// On whose behalf.
    pub mode: Mode,
}

/// Rights accumulated over the levels of a walk: R/W and U/S by AND, XD by OR (SDM vol. 3A 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rights {
    /// R/W was set at every level.
    pub writable: bool,
    /// U/S was set at every level.
    pub user: bool,
    /// XD was set at some level.
    pub execute_disable: bool,
}

impl Rights {
    /// Before the first level: everything is allowed.
    pub const ALL: Self = Self { writable: true, user: true, execute_disable: false };

    /// Combined with those of one more level.
    pub(super) fn and(self, value: u64) -> Self {
        Self {
            writable: self.writable && value & entry::WRITABLE != 0,
            user: self.user && value & entry::USER != 0,
            execute_disable: self.execute_disable || value & entry::EXECUTE_DISABLE != 0,
        }
    }
}

/// The control bits that decide on rights, each at its place in its register: CR0.WP, CR4.SMEP and SMAP, RFLAGS.AC,
/// EFER.NXE. Every access checks them; no translation caches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protection(u64);

const CR4_PROTECTION: u64 = cr4::SMEP | cr4::SMAP;

const _: () =
    assert!((cr0::WP ^ cr4::SMEP ^ cr4::SMAP ^ rflags::AC ^ efer::NXE).count_ones() == 5, "no two bits share a place");

impl Protection {
    /// The bits as the registers hold them.
    #[inline]
    pub fn of(cpu: &Cpu) -> Self {
        Self(cpu.cr0 & cr0::WP | cpu.cr4 & CR4_PROTECTION | cpu.rflags & rflags::AC | cpu.efer & efer::NXE)
    }

    /// One of the 32 sets of bits.
    #[cfg(test)]
    fn any(choice: u8) -> Self {
        let bits = [cr0::WP, cr4::SMEP, cr4::SMAP, rflags::AC, efer::NXE];
        let chosen = bits.into_iter().enumerate().filter(|(at, _)| choice >> at & 1 != 0);
        Self(chosen.fold(0, |set, (_, bit)| set | bit))
    }

    fn write_protect(self) -> bool {
        self.0 & cr0::WP != 0
    }

    fn smep(self) -> bool {
        self.0 & cr4::SMEP != 0
    }

    fn smap(self) -> bool {
        self.0 & cr4::SMAP != 0
    }

    fn alignment_check(self) -> bool {
        self.0 & rflags::AC != 0
    }

    fn no_execute(self) -> bool {
        self.0 & efer::NXE != 0
    }
}

/// Why rights forbid an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// User mode at a supervisor page.
    SupervisorPage,
    /// A write to a read-only page, by user mode or with CR0.WP=1.
    ReadOnly,
    /// A fetch from a page with XD set.
    ExecuteDisable,
    /// A supervisor fetch from a user page.
    Smep,
    /// A supervisor data access to a user page.
    Smap,
}

impl Denial {
    /// In words, for people.
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::SupervisorPage => "user mode may not access a supervisor page",
            Self::ReadOnly => "the page is read-only",
            Self::ExecuteDisable => "the page may not be executed: XD is set",
            Self::Smep => "supervisor mode may not execute a user page while CR4.SMEP=1",
            Self::Smap => "supervisor mode may not access the data of a user page while CR4.SMAP=1",
        }
    }
}

/// Whether `rights` forbid `access` under `protection` (SDM vol. 3A 4.6.1).
#[inline]
pub fn denial(rights: Rights, access: Access, protection: Protection) -> Option<Denial> {
    let user_access = access.mode == Mode::User;
    if user_access && !rights.user {
        return Some(Denial::SupervisorPage);
    }
    match access.kind {
        AccessKind::Execute if !user_access && rights.user && protection.smep() => Some(Denial::Smep),
        AccessKind::Execute => (rights.execute_disable && protection.no_execute()).then_some(Denial::ExecuteDisable),
        _ if !user_access && rights.user && smap_forbids(access.mode, protection) => Some(Denial::Smap),
        AccessKind::Write if !rights.writable && (user_access || protection.write_protect()) => Some(Denial::ReadOnly),
        _ => None,
    }
}

fn smap_forbids(mode: Mode, protection: Protection) -> bool {
    protection.smap() && (mode == Mode::Implicit || !protection.alignment_check())
}

/// Whether no level below can make `rights` suffice. A lower level only takes rights away, but taking U/S away lifts
/// SMEP and SMAP.
pub fn denied_below(rights: Rights, access: Access, protection: Protection) -> bool {
    let denied = |rights| denial(rights, access, protection).is_some();
    denied(rights) && (access.mode == Mode::User || denied(Rights { user: false, ..rights }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOLS: [bool; 2] = [false, true];

    fn all_rights() -> Vec<Rights> {
        let each = |writable, user| BOOLS.map(|execute_disable| Rights { writable, user, execute_disable });
        BOOLS.into_iter().flat_map(|w| BOOLS.into_iter().flat_map(move |u| each(w, u))).collect()
    }

    fn all_protections() -> Vec<Protection> {
        (0..32).map(Protection::any).collect()
    }

    fn all_accesses() -> Vec<Access> {
        let modes = [Mode::User, Mode::Supervisor, Mode::Implicit];
        let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Execute];
        modes.into_iter().flat_map(|mode| kinds.map(|kind| Access { kind, mode })).collect()
    }

    /// The paragraphs of SDM vol. 3A 4.6.1 in their order.
    fn allowed_by_manual(rights: Rights, access: Access, with: Protection) -> bool {
        let Rights { writable, user: user_address, execute_disable } = rights;
        let fetchable = !with.no_execute() || !execute_disable;
        match (access.mode, access.kind) {
            (Mode::User, AccessKind::Read) => user_address,
            (Mode::User, AccessKind::Write) => user_address && writable,
            (Mode::User, AccessKind::Execute) => user_address && fetchable,
            (mode, AccessKind::Read) => {
                !user_address || !with.smap() || (with.alignment_check() && mode == Mode::Supervisor)
            }
            (mode, AccessKind::Write) => {
                let by_smap = !user_address || !with.smap() || (with.alignment_check() && mode == Mode::Supervisor);
                by_smap && (writable || !with.write_protect())
            }
            (_, AccessKind::Execute) => (!user_address || !with.smep()) && fetchable,
        }
    }

    #[test]
    fn access_rights_are_those_of_the_manual_in_every_combination() {
        let mut checked = 0;
        for rights in all_rights() {
            for access in all_accesses() {
                for with in all_protections() {
                    let allowed = denial(rights, access, with).is_none();
                    assert_eq!(allowed, allowed_by_manual(rights, access, with), "{rights:?} {access:?} {with:?}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 8 * 9 * 32);
    }

    #[test]
    fn rights_are_denied_below_exactly_when_no_lower_level_can_grant_the_access() {
        for rights in all_rights() {
            for access in all_accesses() {
                for with in all_protections() {
                    let below = all_rights().into_iter().map(|lower| Rights {
                        writable: rights.writable && lower.writable,
                        user: rights.user && lower.user,
                        execute_disable: rights.execute_disable || lower.execute_disable,
                    });
                    let hopeless = below.into_iter().all(|rights| denial(rights, access, with).is_some());
                    assert_eq!(denied_below(rights, access, with), hopeless, "{rights:?} {access:?} {with:?}");
                }
            }
        }
    }
}
