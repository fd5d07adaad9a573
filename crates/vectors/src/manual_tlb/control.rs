//! Control-register writes and invalidation instructions: first the checks, then what leaves the caches (4.10.4.1).

use super::{Model, PG, rules};

/// The exception that the instruction raises. None of them changes registers or caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlFault {
    /// #GP(0).
    GeneralProtection,
    /// #UD.
    InvalidOpcode,
}

use ControlFault::{GeneralProtection, InvalidOpcode};

/// MOV to CR3 (rule 1.1). CR3 never stores bit 63.
pub fn mov_to_cr3(model: &mut Model, source: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    if rules::mov_to_cr3_faults(&controls, source) {
        return Err(GeneralProtection);
    }
    model.controls.cr3 = source & !rules::NO_FLUSH;
    model.invalidate(
        |entry| rules::mov_to_cr3_drops(&controls, source, entry),
        |entry| rules::mov_to_cr3_drops_structure(&controls, source, entry),
    );
    Ok(())
}

/// MOV from CR3 (rule 1.1). The caches do not change.
pub fn mov_from_cr3(model: &Model) -> Result<u64, ControlFault> {
    match rules::mov_from_cr3_faults(&model.controls) {
        true => Err(GeneralProtection),
        false => Ok(rules::mov_from_cr3_gives(&model.controls)),
    }
}

/// MOV to CR4 (rule 1.2). `supported` holds the bits that CPUID allows.
pub fn mov_to_cr4(model: &mut Model, source: u64, supported: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    if rules::mov_to_cr4_faults(&controls, source, supported) {
        return Err(GeneralProtection);
    }
    model.controls.cr4 = source;
    model.invalidate(
        |entry| rules::mov_to_cr4_drops(&controls, source, entry),
        |entry| rules::mov_to_cr4_drops_structure(&controls, source, entry),
    );
    Ok(())
}

/// MOV to CR0 (rule 1.3). Without PG there is no IA-32e mode.
pub fn mov_to_cr0(model: &mut Model, source: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    if rules::mov_to_cr0_faults(&controls, source) {
        return Err(GeneralProtection);
    }
    model.controls.cr0 = source;
    model.controls.long_mode_active &= source & PG != 0;
    let drops = rules::mov_to_cr0_drops_everything(&controls, source);
    model.invalidate(|_| drops, |_| drops);
    Ok(())
}

/// WRMSR to IA32_EFER that changes NXE (rule 1.6): 4.10.4.1 does not name it, so nothing must go.
pub fn toggle_no_execute(model: &mut Model) -> Result<(), ControlFault> {
    if model.controls.cpl != 0 {
        return Err(GeneralProtection);
    }
    model.controls.no_execute_enable = !model.controls.no_execute_enable;
    model.invalidate(|_| false, |_| false);
    Ok(())
}

/// INVLPG (rule 1.4).
pub fn invlpg(model: &mut Model, linear: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    if controls.cpl != 0 {
        return Err(GeneralProtection);
    }
    if rules::invlpg_is_no_operation(&controls, linear) {
        return Ok(());
    }
    model.invalidate(
        |entry| rules::invlpg_drops(&controls, linear, entry),
        |entry| rules::invlpg_drops_structure(&controls, entry),
    );
    Ok(())
}

/// INVPCID (rule 1.5). `low` and `high` are the two quadwords of the descriptor.
pub fn invpcid(model: &mut Model, kind: u64, low: u64, high: u64) -> Result<(), ControlFault> {
    let operands = rules::Invpcid { kind, low, high };
    if !model.controls.has_invpcid {
        return Err(InvalidOpcode);
    }
    if rules::invpcid_faults(&model.controls, &operands) {
        return Err(GeneralProtection);
    }
    model.invalidate(
        |entry| rules::invpcid_drops(&operands, entry),
        |entry| rules::invpcid_drops_structure(&operands, entry),
    );
    Ok(())
}
