//! The second model as a player of vectors. It says what it cannot play.

use super::engine::{Engine, Performed, Refused, Registers};
use super::{Action, ExpectedFault, Scene};
use crate::manual_tlb::{self as manual, Controls, Model, Outcome, Structure, Translation};
use cr3_machine::bits::{cr0, cr4, efer, segment};
use cr3_machine::level::UpperLevel;
use cr3_machine::observe::{AccessKind, ControlRegister};
use cr3_machine::rights::Rights;
use cr3_machine::tlb::{Entry, PageSize, Reading, StaleRights, StructureEntry};
use cr3_machine::{Cpu, CpuFeatures, Exception, SegmentRegister, rflags};

pub(super) struct OnManual {
    model: Model,
    /// Bits of CR4 that CPUID allows.
    cr4_supported: u64,
}

/// Why the model cannot play the scene.
fn unable(scene: &Scene) -> Option<&'static str> {
    scene.steps.iter().find_map(|step| match step.action {
        Action::Execute { .. } => Some("the second model executes no instructions"),
        Action::ChangeControl { register: ControlRegister::Efer, .. } => Some("the second model writes no EFER"),
        Action::ChangeControl { register: ControlRegister::Cr0, set, .. } if set & cr0::PG != 0 => {
            Some("the second model cannot turn paging on")
        }
        _ => None,
    })
}

fn controls(cpu: &Cpu) -> Controls {
    Controls {
        cr0: cpu.cr0,
        cr3: cpu.cr3,
        cr4: cpu.cr4,
        no_execute_enable: cpu.efer & efer::NXE != 0,
        long_mode_active: cpu.efer & efer::LMA != 0,
        long_code: cpu.segments[SegmentRegister::Cs as usize].attributes & segment::LONG != 0,
        alignment_check_flag: cpu.rflags & rflags::AC != 0,
        cpl: cpu.cpl,
        has_pcid: cpu.features.pcid,
        has_invpcid: cpu.features.invpcid,
        has_lam: cpu.features.lam,
        physical_address_bits: cpu.features.physical_address_bits.into(),
    }
}

/// Bits of CR4 that CPUID allows (SDM vol. 3A 2.5): those that every processor with long mode has, and those of
/// features. This list is separate from the machine's, because the second model vouches for it.
fn cr4_supported(features: &CpuFeatures) -> u64 {
    let everywhere = cr4::TSD | cr4::DE | cr4::PSE | cr4::PAE | cr4::MCE | cr4::PGE | cr4::PCE;
    let simd = cr4::OSFXSR | cr4::OSXMMEXCPT;
    let of = |present: bool, bit: u64| if present { bit } else { 0 };
    let entry = of(features.umip, cr4::UMIP) | of(features.fsgsbase, cr4::FSGSBASE) | of(features.pcid, cr4::PCIDE);
    let paging = of(features.la57, cr4::LA57) | of(features.smep, cr4::SMEP) | of(features.smap, cr4::SMAP);
    everywhere | simd | entry | paging | of(features.lam, cr4::LAM_SUP)
}

fn translation(entry: &Entry) -> Translation {
    Translation {
        pcid: entry.pcid,
        page: entry.linear,
        shift: entry.size.offset_mask().count_ones(),
        mapped: entry.page.offset_mask().count_ones(),
        frame: entry.physical,
        writable: entry.rights.writable,
        user: entry.rights.user,
        execute_disable: entry.rights.execute_disable,
        dirty: entry.dirty,
        global: entry.global,
    }
}

fn entry(translation: &Translation) -> Entry {
    let size = |shift| match shift {
        12 => PageSize::Size4K,
        21 => PageSize::Size2M,
        _ => PageSize::Size1G,
    };
    Entry {
        pcid: translation.pcid,
        linear: translation.page,
        physical: translation.frame,
        size: size(translation.shift),
        page: size(translation.mapped),
        rights: Rights {
            writable: translation.writable,
            user: translation.user,
            execute_disable: translation.execute_disable,
        },
        dirty: translation.dirty,
        global: translation.global,
    }
}

fn structure(entry: &StructureEntry) -> Structure {
    Structure {
        pcid: entry.pcid,
        region: entry.linear,
        shift: entry.level.shift(),
        table: entry.table,
        writable: entry.rights.writable,
        user: entry.rights.user,
        execute_disable: entry.rights.execute_disable,
    }
}

fn structure_entry(structure: &Structure) -> StructureEntry {
    StructureEntry {
        pcid: structure.pcid,
        level: match structure.shift {
            ..=21 => UpperLevel::Pd,
            22..=30 => UpperLevel::Pdpt,
            _ => UpperLevel::Pml4,
        },
        linear: structure.region,
        table: structure.table,
        rights: Rights {
            writable: structure.writable,
            user: structure.user,
            execute_disable: structure.execute_disable,
        },
    }
}

impl Engine for OnManual {
    fn begin(scene: &Scene, reading: Reading) -> Result<Self, String> {
        if let Some(reason) = unable(scene) {
            return Err(reason.to_owned());
        }
        let reading = match reading {
            Reading::Min => manual::Reading::Min,
            Reading::Max => manual::Reading::Max,
        };
        let stale_rights = match scene.stale_rights {
            StaleRights::WalkAgain => manual::StaleRights::WalkAgain,
            StaleRights::Fault => manual::StaleRights::Fault,
        };
        let mut model = Model { stale_rights, ..Model::new(controls(&scene.cpu), reading) };
        model.translations.extend(scene.cached.iter().map(|(_, entry)| translation(entry)));
        model.structures.extend(scene.structures.iter().map(|(_, entry)| structure(entry)));
        for (page, _) in scene.memory.pages() {
            let quadwords = (page..).step_by(8).take(512);
            model.memory.extend(quadwords.map(|address| (address, scene.memory.read_u64(address))));
        }
        Ok(Self { model, cr4_supported: cr4_supported(&scene.cpu.features) })
    }

    fn perform(&mut self, action: &Action) -> Performed {
        let model = &mut self.model;
        match *action {
            Action::MovToCr3(value) => checked(manual::mov_to_cr3(model, value)),
            Action::MovFromCr3 => match manual::mov_from_cr3(model) {
                Ok(value) => Performed::done(Some(value)),
                Err(_) => refused(Exception::GeneralProtection, Some(0)),
            },
            Action::ChangeControl { register: ControlRegister::Cr0, set, clear } => {
                let value = model.controls.cr0 & !clear | set;
                checked(manual::mov_to_cr0(model, value))
            }
            Action::ChangeControl { set, clear, .. } => {
                let value = model.controls.cr4 & !clear | set;
                checked(manual::mov_to_cr4(model, value, self.cr4_supported))
            }
            Action::Invlpg(linear) => checked(manual::invlpg(model, linear)),
            Action::Invpcid { kind, low, high } => checked(manual::invpcid(model, kind, low, high)),
            Action::InvpcidFromMemory { kind, descriptor } => self.invpcid_from_memory(kind, descriptor),
            Action::Access { kind, linear } => self.access(kind, linear),
            Action::ProcessorDropsEverything => {
                model.translations.clear();
                model.structures.clear();
                Performed::done(None)
            }
            Action::Execute { .. } | Action::Edit { .. } | Action::Expect { .. } => Performed::done(None),
        }
    }

    fn entries(&self) -> Vec<Entry> {
        self.model.translations.iter().map(entry).collect()
    }

    fn structures(&self) -> Vec<StructureEntry> {
        self.model.structures.iter().map(structure_entry).collect()
    }

    fn registers(&self) -> Registers {
        let controls = &self.model.controls;
        let long_mode_active = controls.long_mode_active;
        Registers { cr3: controls.cr3, pcid: controls.current_pcid(), long_mode_active }
    }

    fn quadword(&self, physical: u64) -> u64 {
        self.model.memory.get(&physical).copied().unwrap_or(0)
    }

    fn set_quadword(&mut self, physical: u64, value: u64) {
        self.model.memory.insert(physical, value);
    }
}

impl OnManual {
    /// The model judges which translation was used instead of choosing one. This takes the first that it accepts, or a
    /// walk if it accepts none.
    fn access(&mut self, kind: AccessKind, linear: u64) -> Performed {
        let kind = match kind {
            AccessKind::Read => manual::Access::Read,
            AccessKind::Write => manual::Access::Write,
            AccessKind::Execute => manual::Access::Fetch,
        };
        let by = if self.model.controls.cpl == 3 { manual::Accessor::User } else { manual::Accessor::Supervisor };
        let candidates: Vec<_> = self.model.translations.iter().copied().map(Some).collect();
        for used in candidates.into_iter().chain([None]) {
            match manual::access(&mut self.model, linear, kind, by, used) {
                Ok(None) => {}
                Ok(Some(Outcome::Hit(physical) | Outcome::Walked(physical))) => {
                    return Performed { done: Ok(Some(physical)), served: used.map(|used| entry(&used)) };
                }
                Err(fault) => return refused(Exception::PageFault, Some(fault.error_code)),
            }
        }
        Performed::done(None)
    }

    fn invpcid_from_memory(&mut self, kind: u64, descriptor: u64) -> Performed {
        let mut halves = [0; 2];
        for (half, linear) in halves.iter_mut().zip([descriptor, descriptor.wrapping_add(8)]) {
            match self.access(AccessKind::Read, linear) {
                Performed { done: Ok(Some(physical)), .. } => *half = self.quadword(physical),
                faulted => return faulted,
            }
        }
        let [low, high] = halves;
        checked(manual::invpcid(&mut self.model, kind, low, high))
    }
}

fn checked(result: Result<(), manual::ControlFault>) -> Performed {
    match result {
        Ok(()) => Performed::done(None),
        Err(manual::ControlFault::GeneralProtection) => refused(Exception::GeneralProtection, Some(0)),
        Err(manual::ControlFault::InvalidOpcode) => refused(Exception::InvalidOpcode, None),
    }
}

fn refused(exception: Exception, error_code: Option<u32>) -> Performed {
    let fault = ExpectedFault { exception, error_code };
    Performed { done: Err(Refused { fault, cause: String::new() }), served: None }
}
