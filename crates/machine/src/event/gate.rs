//! Gates of the interrupt descriptor table in IA-32e mode (SDM vol. 3A 6.14.1).

use crate::access::{self, Privilege};
use crate::fault::{Exception, Fault};
use crate::{Machine, Observer};

/// What a gate does to RFLAGS.IF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateKind {
    /// Clears IF.
    Interrupt,
    /// Leaves IF.
    Trap,
}

/// A gate that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gate {
    /// Linear address of the handler.
    pub offset: u64,
    /// Code segment of the handler.
    pub selector: u16,
    /// Number of the IST stack, 1 to 7, or 0 for none.
    pub ist: u8,
    /// Interrupt or trap gate.
    pub kind: GateKind,
}

/// Whether the gate's DPL matters: it does for INT n, INT3 and INTO only (SDM vol. 3A 6.12.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateAccess {
    /// INT n, INT3 or INTO: the DPL must not be below CPL.
    Software {
        /// Current privilege level, 0 to 3.
        cpl: u8,
    },
    /// An exception or interrupt: the DPL does not matter.
    Hardware,
}

/// The error code that names an IDT entry: vector times 8 with the IDT bit (SDM vol. 3A 6.13). Delivery adds EXT.
pub fn error_code(vector: u8) -> u32 {
    u32::from(vector) * 8 + 2
}

/// Reads the gate of `vector` and checks it.
///
/// # Errors
/// #GP or #NP that names the IDT entry, or a fault of the implicit access to the IDT.
pub fn read(machine: &mut Machine, observer: &mut dyn Observer, vector: u8, access: GateAccess) -> Result<Gate, Fault> {
    let table = machine.cpu.idtr;
    let offset = u64::from(vector) * 16;
    if offset + 15 > u64::from(table.limit) {
        let cause = "the vector lies beyond the IDT's limit";
        return Err(Fault::with_code(Exception::GeneralProtection, error_code(vector), cause));
    }
    let address = table.base.wrapping_add(offset);
    let low = access::read(machine, observer, address, 8, Privilege::Supervisor)?;
    let high = access::read(machine, observer, address.wrapping_add(8), 8, Privilege::Supervisor)?;
    check(low, high, vector, access)
}

/// Decodes and checks the sixteen bytes of a gate, in the order of SDM vol. 2, INT n.
fn check(low: u64, high: u64, vector: u8, access: GateAccess) -> Result<Gate, Fault> {
    let refuse = |exception, cause| Err(Fault::with_code(exception, error_code(vector), cause));
    let kind = match low >> 40 & 31 {
        14 => GateKind::Interrupt,
        15 => GateKind::Trap,
        _ => return refuse(Exception::GeneralProtection, "the IDT entry is not a 64-bit interrupt or trap gate"),
    };
    let privilege = (low >> 45 & 3) as u8;
    if let GateAccess::Software { cpl } = access
        && privilege < cpl
    {
        return refuse(Exception::GeneralProtection, "software may not use this gate: its DPL is below CPL");
    }
    if low >> 47 & 1 == 0 {
        return refuse(Exception::SegmentNotPresent, "the gate is not present");
    }
    Ok(Gate {
        offset: low & 0xffff | low >> 48 << 16 | high << 32,
        selector: (low >> 16) as u16,
        ist: (low >> 32 & 7) as u8,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSET: u64 = 0xffff_8123_4567_89ab;

    fn encode(kind: u64, privilege: u64, present: u64) -> (u64, u64) {
        let middle = OFFSET >> 16 & 0xffff;
        let low = OFFSET & 0xffff | 0x10 << 16 | 5 << 32 | kind << 40 | privilege << 45 | present << 47 | middle << 48;
        (low, OFFSET >> 32)
    }

    /// Every type, privilege, presence and way of use, against the rules in the manual's order.
    #[test]
    fn gates_are_checked_in_the_manuals_order() {
        for bits in 0..32 * 4 * 2 * 5u64 {
            let (kind, privilege, present, user) = (bits & 31, bits >> 5 & 3, bits >> 7 & 1, bits >> 8);
            let access = match user {
                4 => GateAccess::Hardware,
                cpl => GateAccess::Software { cpl: cpl as u8 },
            };
            let (low, high) = encode(kind, privilege, present);
            let result = check(low, high, 0x80, access).map_err(|fault| (fault.exception, fault.error_code));
            let code = Some(0x80 * 8 + 2);
            let expected = if !(14..=15).contains(&kind) || user != 4 && privilege < user {
                Err((Exception::GeneralProtection, code))
            } else if present == 0 {
                Err((Exception::SegmentNotPresent, code))
            } else {
                let kind = if kind == 14 { GateKind::Interrupt } else { GateKind::Trap };
                Ok(Gate { offset: OFFSET, selector: 0x10, ist: 5, kind })
            };
            assert_eq!(result, expected, "type {kind} DPL {privilege} P {present} by {access:?}");
        }
    }
}
