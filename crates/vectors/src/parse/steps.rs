//! The steps of a vector.

use super::{control_bit, entry_bits, require_translation, table_entry};
use crate::fields::{Fields, Names, VectorError, evaluate};
use crate::{Action, ExpectedFault, PerReading, Step};
use cr3_machine::Exception;
use cr3_machine::observe::{AccessKind, ControlRegister};
use cr3_machine::tlb::Reading;
use std::collections::BTreeSet;

pub(super) fn step(mut fields: Fields, names: &Names, translations: &BTreeSet<String>) -> Result<Step, VectorError> {
    let action = action(&mut fields, names)?;
    let min = expected_fault(&mut fields, "fault")?;
    let max = expected_fault(&mut fields, "fault-max")?;
    let physical = physical(&mut fields, "physical", names)?;
    let physical_max = physical_max(&mut fields, names, &physical)?;
    let from = fields.text("from")?;
    if let Some(name) = &from {
        require_translation(&fields.place.field("from"), name, translations)?;
    }
    let step = Step {
        action,
        only: only(&mut fields)?,
        fault: PerReading { max: max.unwrap_or(min.flatten()), min: min.flatten() },
        physical: PerReading { min: physical, max: physical_max },
        from,
        gives: fields.address("gives", names)?,
    };
    fields.finish()?;
    Ok(step)
}

fn only(fields: &mut Fields) -> Result<Option<Reading>, VectorError> {
    match fields.text("only")?.as_deref() {
        None => Ok(None),
        Some("min") => Ok(Some(Reading::Min)),
        Some("max") => Ok(Some(Reading::Max)),
        Some(other) => Err(fields.place.field("only").error(format!("expected min or max, found {other}"))),
    }
}

/// The addresses in a list, or the one address given.
fn physical(fields: &mut Fields, field: &str, names: &Names) -> Result<Option<Vec<u64>>, VectorError> {
    let place = fields.place.field(field);
    let Some(texts) = fields.texts(field)? else { return Ok(None) };
    let addresses: Result<_, _> = texts.iter().map(|text| evaluate(text, names)).collect();
    addresses.map(Some).map_err(|cause| place.error(cause))
}

/// Without a field of its own the other reading expects the same.
fn physical_max(fields: &mut Fields, names: &Names, min: &Option<Vec<u64>>) -> Result<Option<Vec<u64>>, VectorError> {
    Ok(physical(fields, "physical-max", names)?.or_else(|| min.clone()))
}

/// `"#GP(0)"`, `"#PF(7)"`, `"#UD"`, or `"none"`. The outer option is whether the field is there.
#[allow(clippy::option_option)]
fn expected_fault(fields: &mut Fields, field: &str) -> Result<Option<Option<ExpectedFault>>, VectorError> {
    let Some(text) = fields.text(field)? else { return Ok(None) };
    if text == "none" {
        return Ok(Some(None));
    }
    let (name, code) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').and_then(|digits| digits.parse().ok())),
        None => (text.as_str(), None),
    };
    let known = [Exception::InvalidOpcode, Exception::GeneralProtection, Exception::PageFault];
    let exception = known.into_iter().find(|exception| exception.name() == name);
    match exception.filter(|exception| exception.has_error_code() == code.is_some()) {
        Some(exception) => Ok(Some(Some(ExpectedFault { exception, error_code: code }))),
        None => {
            let cause = format!("expected #UD, #GP(code), #PF(code) or none, found `{text}`");
            Err(fields.place.field(field).error(cause))
        }
    }
}

fn action(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    let op = fields.text("op")?;
    let op = fields.need("op", op)?;
    let access =
        |fields: &mut Fields, kind| Ok(Action::Access { kind, linear: fields.needed_address("linear", names)? });
    Ok(match op.as_str() {
        "mov-to-cr3" => Action::MovToCr3(fields.needed_address("value", names)?),
        "mov-from-cr3" => Action::MovFromCr3,
        "change-control" => change_control(fields)?,
        "invlpg" => Action::Invlpg(fields.needed_address("linear", names)?),
        "invpcid" => Action::Invpcid {
            kind: fields.needed_address("type", names)?,
            low: fields.address("pcid", names)?.unwrap_or(0),
            high: fields.address("linear", names)?.unwrap_or(0),
        },
        "invpcid-from-memory" => Action::InvpcidFromMemory {
            kind: fields.needed_address("type", names)?,
            descriptor: fields.needed_address("descriptor", names)?,
        },
        "read" => access(fields, AccessKind::Read)?,
        "write" => access(fields, AccessKind::Write)?,
        "fetch" => access(fields, AccessKind::Execute)?,
        "execute" => Action::Execute { linear: fields.needed_address("linear", names)? },
        "edit" => {
            let entry = table_entry(fields, names)?;
            Action::Edit { entry, set: edit_bits(fields, names)?, clear: entry_bits(fields, "clear")? }
        }
        "expect" => {
            let entry = table_entry(fields, names)?;
            Action::Expect { entry, set: entry_bits(fields, "set")?, clear: entry_bits(fields, "clear")? }
        }
        "processor-drops-everything" => Action::ProcessorDropsEverything,
        other => return Err(fields.place.field("op").error(format!("`{other}` is no operation"))),
    })
}

/// The bits to set, with an address to set if the entry had none.
fn edit_bits(fields: &mut Fields, names: &Names) -> Result<u64, VectorError> {
    Ok(entry_bits(fields, "set")? | fields.address("frame", names)?.unwrap_or(0))
}

fn change_control(fields: &mut Fields) -> Result<Action, VectorError> {
    let register = match fields.text("register")?.as_deref() {
        Some("CR0") => ControlRegister::Cr0,
        Some("CR4") => ControlRegister::Cr4,
        Some("EFER") => ControlRegister::Efer,
        _ => return Err(fields.place.field("register").error("expected \"CR0\", \"CR4\" or \"EFER\"")),
    };
    let mut bits = |field: &str| {
        let place = fields.place.field(field);
        let names = fields.texts(field)?.unwrap_or_default();
        names.iter().try_fold(0, |bits, name| match control_bit(register, name) {
            Ok(bit) => Ok(bits | bit),
            Err(cause) => Err(place.error(cause)),
        })
    };
    Ok(Action::ChangeControl { register, set: bits("set")?, clear: bits("clear")? })
}
