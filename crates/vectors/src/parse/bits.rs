//! Bits and features by name.

use crate::fields::{Fields, VectorError, unknown};
use cr3_machine::bits::{cr0, cr4, efer, entry};
use cr3_machine::observe::ControlRegister;
use cr3_machine::{Cpu, CpuFeatures, rflags};

/// A register whose bits have names here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    Cr0,
    Cr4,
    Efer,
    Rflags,
}

impl Register {
    fn name(self) -> &'static str {
        match self {
            Self::Cr0 => "CR0",
            Self::Cr4 => "CR4",
            Self::Efer => "EFER",
            Self::Rflags => "RFLAGS",
        }
    }

    fn of(self, cpu: &mut Cpu) -> &mut u64 {
        match self {
            Self::Cr0 => &mut cpu.cr0,
            Self::Cr4 => &mut cpu.cr4,
            Self::Efer => &mut cpu.efer,
            Self::Rflags => &mut cpu.rflags,
        }
    }

    /// The register that a step can change, by its name.
    fn control(self) -> Option<ControlRegister> {
        match self {
            Self::Cr0 => Some(ControlRegister::Cr0),
            Self::Cr4 => Some(ControlRegister::Cr4),
            Self::Efer => Some(ControlRegister::Efer),
            Self::Rflags => None,
        }
    }
}

/// No two registers share the name of a bit, so a vector may omit the register's name.
const BITS: [(Register, &str, u64); 14] = [
    (Register::Cr0, "PE", cr0::PE),
    (Register::Cr0, "WP", cr0::WP),
    (Register::Cr0, "PG", cr0::PG),
    (Register::Cr4, "PSE", cr4::PSE),
    (Register::Cr4, "PAE", cr4::PAE),
    (Register::Cr4, "PGE", cr4::PGE),
    (Register::Cr4, "LA57", cr4::LA57),
    (Register::Cr4, "PCIDE", cr4::PCIDE),
    (Register::Cr4, "SMEP", cr4::SMEP),
    (Register::Cr4, "SMAP", cr4::SMAP),
    (Register::Efer, "LME", efer::LME),
    (Register::Efer, "LMA", efer::LMA),
    (Register::Efer, "NXE", efer::NXE),
    (Register::Rflags, "AC", rflags::AC),
];

/// Whether `name` is `register` and `bit` with a dot between them, or `bit` alone.
fn spells(name: &str, register: Register, bit: &str) -> bool {
    match name.split_once('.') {
        Some((prefix, rest)) => prefix == register.name() && rest == bit,
        None => name == bit,
    }
}

fn full(register: Register, bit: &str) -> String {
    format!("{}.{bit}", register.name())
}

/// Sets or clears a bit of a register of the state: `CR4.PGE` or `PGE`.
pub(super) fn state_bit(cpu: &mut Cpu, name: &str, value: bool) -> Result<(), String> {
    let found = BITS.iter().find(|(register, bit, _)| spells(name, *register, bit));
    let known = BITS.iter().map(|(register, bit, _)| full(*register, bit));
    let (register, _, mask) = found.ok_or_else(|| unknown(name, "bit that can be named here", known))?;
    let register = register.of(cpu);
    *register = if value { *register | mask } else { *register & !mask };
    Ok(())
}

/// A register that a step can change, and its name.
pub(super) fn control_register(name: &str) -> Option<ControlRegister> {
    let named = [Register::Cr0, Register::Cr4, Register::Efer].into_iter().find(|register| register.name() == name);
    named.and_then(Register::control)
}

/// A bit of `register`: `CR4.PGE` or `PGE`.
pub(super) fn control_bit(register: ControlRegister, name: &str) -> Result<u64, String> {
    let bits = || BITS.iter().filter(|(of, ..)| of.control() == Some(register));
    let found = bits().find(|(of, bit, _)| spells(name, *of, bit));
    found.map(|(.., mask)| *mask).ok_or_else(|| {
        let what = format!("bit of {} that can be named here", format!("{register:?}").to_uppercase());
        unknown(name, &what, bits().map(|(_, bit, _)| bit))
    })
}

const ENTRY_BITS: [(&str, u64); 8] = [
    ("present", entry::PRESENT),
    ("writable", entry::WRITABLE),
    ("user", entry::USER),
    ("accessed", entry::ACCESSED),
    ("dirty", entry::DIRTY),
    ("global", entry::GLOBAL),
    ("execute-disable", entry::EXECUTE_DISABLE),
    // The highest address bit is reserved on every processor with a smaller MAXPHYADDR.
    ("reserved", 1 << 51),
];

/// Bits of a paging-structure entry.
pub(super) fn entry_bits(fields: &mut Fields, field: &str) -> Result<u64, VectorError> {
    let names = fields.texts(field)?.unwrap_or_default();
    let bit = |name: &String| {
        let found = ENTRY_BITS.iter().find(|(known, _)| known == name);
        let cause = || unknown(name, "bit of a paging-structure entry", ENTRY_BITS.map(|(known, _)| known));
        found.map(|(_, bit)| *bit).ok_or_else(|| fields.place.field(field).error(cause()))
    };
    names.iter().try_fold(0, |bits, name| Ok(bits | bit(name)?))
}

type Feature = fn(&mut CpuFeatures) -> &mut bool;

const FEATURES: [(&str, Feature); 9] = [
    ("pcid", |features| &mut features.pcid),
    ("invpcid", |features| &mut features.invpcid),
    ("fsgsbase", |features| &mut features.fsgsbase),
    ("smep", |features| &mut features.smep),
    ("smap", |features| &mut features.smap),
    ("nx", |features| &mut features.nx),
    ("umip", |features| &mut features.umip),
    ("lam", |features| &mut features.lam),
    ("la57", |features| &mut features.la57),
];

/// Sets whether CPUID reports a feature.
pub(super) fn feature(features: &mut CpuFeatures, name: &str, present: bool) -> Result<(), String> {
    let found = FEATURES.iter().find(|(known, _)| *known == name);
    let (_, flag) = found.ok_or_else(|| unknown(name, "feature of the machine", FEATURES.map(|(known, _)| known)))?;
    *flag(features) = present;
    Ok(())
}
