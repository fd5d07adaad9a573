//! Control-register writes and invalidation instructions: checks, then what leaves the caches (4.10.4.1).

use super::{LA57, Model, PAE, PCIDE, PG, PGE, SMEP};

/// What the instruction raises; all of them leave registers and caches as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlFault {
    /// #GP(0).
    GeneralProtection,
    /// #UD.
    InvalidOpcode,
}

use ControlFault::{GeneralProtection, InvalidOpcode};

const NO_FLUSH: u64 = 1 << 63;
/// LAM_U57 and LAM_U48.
const LAM_BITS: u64 = 0b11 << 61;

/// MOV to CR3 (vol. 2, MOV to control registers; 4.10.4.1, third bullet).
pub fn mov_to_cr3(model: &mut Model, source: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    let pcide = controls.cr4 & PCIDE != 0;
    if controls.cpl != 0 || source & cr3_reserved(model) != 0 {
        return Err(GeneralProtection);
    }
    model.controls.cr3 = source & !NO_FLUSH;
    match (pcide, source & NO_FLUSH != 0) {
        (true, true) if model.reading == super::Reading::Min => {}
        (true, _) => drop_context(model, (source & 0xfff) as u16),
        (false, _) => drop_context(model, 0),
    }
    Ok(())
}

/// Bits 62:MAXPHYADDR, and bit 63 while CR4.PCIDE=0; LAM processors accept bits 62:61.
fn cr3_reserved(model: &Model) -> u64 {
    let above = !((1u64 << model.controls.physical_address_bits) - 1);
    let lam = if model.controls.has_lam { LAM_BITS } else { 0 };
    let no_flush = if model.controls.cr4 & PCIDE != 0 { NO_FLUSH } else { 0 };
    above & !lam & !no_flush
}

/// All translations of one PCID but global ones, and all its paging-structure entries.
fn drop_context(model: &mut Model, pcid: u16) {
    model.invalidate(|entry| entry.pcid == pcid && !entry.global, |entry| entry.pcid == pcid);
}

fn drop_everything(model: &mut Model) {
    model.invalidate(|_| true, |_| true);
}

/// MOV to CR4 (4.10.1, 4.10.4.1). `supported` holds the bits that CPUID allows.
pub fn mov_to_cr4(model: &mut Model, source: u64, supported: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    let before = controls.cr4;
    let set = source & !before;
    let cleared = before & !source;
    let illegal = controls.cpl != 0
        || source & !supported != 0
        || (set & PCIDE != 0 && (!controls.has_pcid || !controls.long_mode_active || controls.cr3 & 0xfff != 0))
        || (controls.long_mode_active && cleared & PAE != 0)
        || (controls.long_mode_active && (set | cleared) & LA57 != 0);
    if illegal {
        return Err(GeneralProtection);
    }
    let pcid = controls.current_pcid();
    model.controls.cr4 = source;
    if (set | cleared) & PGE != 0 || cleared & PCIDE != 0 {
        drop_everything(model);
    } else if set & SMEP != 0 || (set | cleared) & PAE != 0 {
        model.invalidate(|entry| entry.pcid == pcid, |entry| entry.pcid == pcid);
    } else if model.reading == super::Reading::Max {
        drop_everything(model);
    }
    Ok(())
}

/// MOV to CR0: PG cannot be cleared in 64-bit mode, WP is looked at on each access and never cached (4.1.2, 4.6).
pub fn mov_to_cr0(model: &mut Model, source: u64) -> Result<(), ControlFault> {
    let clears_paging = model.controls.cr0 & PG != 0 && source & PG == 0;
    if model.controls.cpl != 0 || source >> 32 != 0 || clears_paging {
        return Err(GeneralProtection);
    }
    model.controls.cr0 = source;
    if model.reading == super::Reading::Max {
        drop_everything(model);
    }
    Ok(())
}

fn canonical(linear: u64) -> bool {
    let top = (linear as i64) >> 47;
    top == 0 || top == -1
}

/// INVLPG (vol. 2; 4.10.4.1, first bullet). A non-canonical address is no operation.
pub fn invlpg(model: &mut Model, linear: u64) -> Result<(), ControlFault> {
    if model.controls.cpl != 0 {
        return Err(GeneralProtection);
    }
    if canonical(linear) {
        let pcid = model.controls.current_pcid();
        model.invalidate(
            |entry| entry.covers(linear) && (entry.pcid == pcid || entry.global),
            |entry| entry.pcid == pcid,
        );
    }
    Ok(())
}

/// INVPCID (vol. 2; 4.10.4.1, second bullet). `low` and `high` are the two quadwords of the descriptor.
pub fn invpcid(model: &mut Model, kind: u64, low: u64, high: u64) -> Result<(), ControlFault> {
    let controls = model.controls;
    if !controls.has_invpcid {
        return Err(InvalidOpcode);
    }
    let pcid = (low & 0xfff) as u16;
    let needs_pcide = kind <= 1 && controls.cr4 & PCIDE == 0 && pcid != 0;
    if controls.cpl != 0 || kind > 3 || low >> 12 != 0 || needs_pcide || (kind == 0 && !canonical(high)) {
        return Err(GeneralProtection);
    }
    match kind {
        0 => model.invalidate(
            |entry| entry.pcid == pcid && !entry.global && entry.covers(high),
            |entry| entry.pcid == pcid && entry.covers(high),
        ),
        1 => drop_context(model, pcid),
        2 => drop_everything(model),
        _ => model.invalidate(|entry| !entry.global, |_| true),
    }
    Ok(())
}
