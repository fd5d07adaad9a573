//! The steps of a vector.

use super::bits::{control_bit, control_register, entry_bits};
use super::{require_translation, table_entry};
use crate::fields::{Fields, Names, VectorError, evaluate, number, unknown};
use crate::{Action, Edit, ExpectedFault, PerReading, Step};
use cr3_machine::Exception;
use cr3_machine::observe::AccessKind;
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

/// The addresses in a list, or a single address.
fn physical(fields: &mut Fields, field: &str, names: &Names) -> Result<Option<Vec<u64>>, VectorError> {
    let place = fields.place.field(field);
    let Some(texts) = fields.texts(field)? else { return Ok(None) };
    let addresses: Result<_, _> = texts.iter().map(|text| evaluate(text, names)).collect();
    addresses.map(Some).map_err(|cause| place.error(cause))
}

/// If the field is missing, the other reading expects the same.
fn physical_max(fields: &mut Fields, names: &Names, min: &Option<Vec<u64>>) -> Result<Option<Vec<u64>>, VectorError> {
    Ok(physical(fields, "physical-max", names)?.or_else(|| min.clone()))
}

/// `"#GP(0)"`, `"#PF(0x11)"`, `"#UD"`, or `"none"`. The outer option is whether the field exists.
#[allow(clippy::option_option)]
fn expected_fault(fields: &mut Fields, field: &str) -> Result<Option<Option<ExpectedFault>>, VectorError> {
    match fields.text(field)?.as_deref() {
        None => Ok(None),
        Some("none") => Ok(Some(None)),
        Some(text) => match fault(text) {
            Ok(fault) => Ok(Some(Some(fault))),
            Err(cause) => Err(fields.place.field(field).error(cause)),
        },
    }
}

/// An exception by its name, with its error code in brackets if it has one.
fn fault(text: &str) -> Result<ExpectedFault, String> {
    let (name, code) = match text.split_once('(') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    let found = FAULTS.into_iter().find(|exception| exception.name() == name);
    let exception = found.ok_or_else(|| unknown(text, "fault", FAULTS.map(Exception::name)) + ", or none")?;
    let error_code =
        match (code, exception.has_error_code()) {
            (Some(code), true) => Some(error_code(code).ok_or_else(|| {
                format!("`{text}` has no error code that is a number: write {name}(17) or {name}(0x11)")
            })?),
            (None, false) => None,
            (None, true) => return Err(format!("{name} has an error code: write {name}(17) or {name}(0x11)")),
            (Some(_), false) => return Err(format!("{name} has no error code: write {name}")),
        };
    Ok(ExpectedFault { exception, error_code })
}

/// The number between the brackets; the caller has taken the opening one.
fn error_code(text: &str) -> Option<u32> {
    number(text.strip_suffix(')')?.trim())?.try_into().ok()
}

/// The exceptions that an instruction can raise.
const FAULTS: [Exception; 19] = [
    Exception::DivideError,
    Exception::Debug,
    Exception::Breakpoint,
    Exception::Overflow,
    Exception::BoundRange,
    Exception::InvalidOpcode,
    Exception::DeviceNotAvailable,
    Exception::DoubleFault,
    Exception::InvalidTss,
    Exception::SegmentNotPresent,
    Exception::StackSegment,
    Exception::GeneralProtection,
    Exception::PageFault,
    Exception::X87,
    Exception::AlignmentCheck,
    Exception::Simd,
    Exception::Virtualization,
    Exception::ControlProtection,
    Exception::VmmCommunication,
];

fn action(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    let op = fields.text("op")?;
    let op = fields.need("op", op)?;
    let found = OPERATIONS.iter().find(|(known, _)| *known == op);
    let cause = || unknown(&op, "operation", OPERATIONS.map(|(known, _)| known));
    let (_, read) = found.ok_or_else(|| fields.place.field("op").error(cause()))?;
    read(fields, names)
}

/// Reads the fields of an operation.
type Read = fn(&mut Fields, &Names) -> Result<Action, VectorError>;

const OPERATIONS: [(&str, Read); 13] = [
    ("mov-to-cr3", |fields, names| Ok(Action::MovToCr3(fields.needed_address("value", names)?))),
    ("mov-from-cr3", |_, _| Ok(Action::MovFromCr3)),
    ("change-control", change_control),
    ("invlpg", |fields, names| Ok(Action::Invlpg(fields.needed_address("linear", names)?))),
    ("invpcid", invpcid),
    ("invpcid-from-memory", invpcid_from_memory),
    ("read", |fields, names| access(fields, names, AccessKind::Read)),
    ("write", |fields, names| access(fields, names, AccessKind::Write)),
    ("fetch", |fields, names| access(fields, names, AccessKind::Execute)),
    ("execute", |fields, names| Ok(Action::Execute { linear: fields.needed_address("linear", names)? })),
    ("edit", edit),
    ("expect", expect),
    ("processor-drops-everything", |_, _| Ok(Action::ProcessorDropsEverything)),
];

fn access(fields: &mut Fields, names: &Names, kind: AccessKind) -> Result<Action, VectorError> {
    Ok(Action::Access { kind, linear: fields.needed_address("linear", names)? })
}

fn invpcid(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    Ok(Action::Invpcid {
        kind: fields.needed_address("type", names)?,
        low: fields.address("pcid", names)?.unwrap_or(0),
        high: fields.address("linear", names)?.unwrap_or(0),
    })
}

fn invpcid_from_memory(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    Ok(Action::InvpcidFromMemory {
        kind: fields.needed_address("type", names)?,
        descriptor: fields.needed_address("descriptor", names)?,
    })
}

fn edit(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    let edit = Edit {
        frame: fields.address("frame", names)?,
        set: entry_bits(fields, "set")?,
        clear: entry_bits(fields, "clear")?,
    };
    Ok(Action::Edit { entry: table_entry(fields, names)?, edit })
}

fn expect(fields: &mut Fields, names: &Names) -> Result<Action, VectorError> {
    let entry = table_entry(fields, names)?;
    Ok(Action::Expect { entry, set: entry_bits(fields, "set")?, clear: entry_bits(fields, "clear")? })
}

fn change_control(fields: &mut Fields, _: &Names) -> Result<Action, VectorError> {
    let register = fields.text("register")?;
    let register = register.as_deref().and_then(control_register);
    let cause = "expected \"CR0\", \"CR4\" or \"EFER\"";
    let register = register.ok_or_else(|| fields.place.field("register").error(cause))?;
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
