//! Segment descriptors of the global descriptor table (SDM vol. 3A 3.4.5, 3.5). The LDT is empty.

use super::access::{self, Privilege};
use super::cpu::{Segment, SegmentRegister};
use super::fault::{Exception, Fault};
use super::observe::SegmentLoad;
use super::{Machine, Observer};

/// The eight bytes of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor(pub u64);

/// What a descriptor describes, by its S and type fields (SDM vol. 3A tables 3-1 and 3-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// S=1, type 0 to 7.
    Data {
        /// W: type bit 1.
        writable: bool,
    },
    /// S=1, type 8 to 15.
    Code {
        /// C: type bit 2.
        conforming: bool,
        /// R: type bit 1.
        readable: bool,
    },
    /// S=0, type 2.
    Ldt,
    /// S=0, type 9: LTR accepts it.
    AvailableTss,
    /// S=0, type 11: loaded in TR.
    BusyTss,
    /// S=0, type 12.
    CallGate,
    /// Interrupt and trap gates, which do not belong in the GDT, and reserved types.
    Other,
}

const ACCESSED: u64 = 1 << 40;
const BUSY: u64 = 1 << 41;

impl Descriptor {
    fn bit(self, number: u32) -> bool {
        self.0 >> number & 1 != 0
    }

    /// S and type.
    pub fn kind(self) -> Kind {
        let kind = self.0 >> 40 & 15;
        match (self.bit(44), kind) {
            (true, 0..=7) => Kind::Data { writable: kind & 2 != 0 },
            (true, _) => Kind::Code { conforming: kind & 4 != 0, readable: kind & 2 != 0 },
            (false, 2) => Kind::Ldt,
            (false, 9) => Kind::AvailableTss,
            (false, 11) => Kind::BusyTss,
            (false, 12) => Kind::CallGate,
            (false, _) => Kind::Other,
        }
    }

    /// Descriptor privilege level.
    pub fn privilege(self) -> u8 {
        (self.0 >> 45 & 3) as u8
    }

    /// P.
    pub fn present(self) -> bool {
        self.bit(47)
    }

    /// L: code of 64-bit mode.
    pub fn long(self) -> bool {
        self.bit(53)
    }

    /// D/B.
    pub fn default_big(self) -> bool {
        self.bit(54)
    }

    /// Limit in bytes: the field, or with G the field in pages, filled up with ones.
    pub fn limit(self) -> u32 {
        let field = (self.0 & 0xffff | self.0 >> 32 & 0xf_0000) as u32;
        if self.bit(55) { field << 12 | 0xfff } else { field }
    }

    /// What a segment register holds after it loads this descriptor through `selector`.
    pub fn segment(self, selector: u16) -> Segment {
        Segment {
            selector,
            base: self.0 >> 16 & 0xff_ffff | self.0 >> 56 << 24,
            limit: self.limit(),
            attributes: (self.0 >> 40 & 0xf0ff) as u16,
        }
    }
}

/// Whether a selector names no segment: index and table bit are zero, whatever RPL is.
pub fn is_null(selector: u16) -> bool {
    selector & !3 == 0
}

/// Requested privilege level of a selector.
pub fn requested_privilege(selector: u16) -> u8 {
    (selector & 3) as u8
}

/// The selector as an error code: RPL replaced by the bits EXT and IDT, here zero (SDM vol. 3A 6.13).
pub fn error_code(selector: u16) -> u32 {
    u32::from(selector & !3)
}

/// A fault whose error code names a selector.
pub fn selector_fault(exception: Exception, selector: u16, cause: &'static str) -> Fault {
    Fault::with_code(exception, error_code(selector), cause)
}

/// Linear address of the descriptor of `size` bytes that `selector` names, if it lies within the GDT.
fn address(machine: &Machine, selector: u16, size: u64) -> Option<u64> {
    let table = machine.cpu.gdtr;
    let offset = u64::from(selector & !7);
    let in_table = selector & 4 == 0 && offset + size - 1 <= u64::from(table.limit);
    in_table.then(|| table.base.wrapping_add(offset))
}

/// Reads the descriptor that `selector` names. `None` beyond the table's limit, and for the LDT, which is empty.
///
/// # Errors
/// A fault of the implicit access to the GDT.
pub fn read(machine: &mut Machine, observer: &mut dyn Observer, selector: u16) -> Result<Option<Descriptor>, Fault> {
    let Some(address) = address(machine, selector, 8) else {
        return Ok(None);
    };
    let bytes = access::read(machine, observer, address, 8, Privilege::Supervisor)?;
    Ok(Some(Descriptor(bytes)))
}

/// Reads a descriptor that must exist.
///
/// # Errors
/// #GP(selector) beyond the table's limit, or a fault of the implicit access to the GDT.
pub fn require(machine: &mut Machine, observer: &mut dyn Observer, selector: u16) -> Result<Descriptor, Fault> {
    read(machine, observer, selector)?.ok_or_else(|| {
        let cause = "the selector points beyond the descriptor table";
        selector_fault(Exception::GeneralProtection, selector, cause)
    })
}

/// Bits 63:32 of the base of a 16-byte system descriptor.
///
/// # Errors
/// #GP(selector) if they lie beyond the table, or a fault of the implicit access to the GDT.
pub fn upper_base(machine: &mut Machine, observer: &mut dyn Observer, selector: u16) -> Result<u64, Fault> {
    let Some(address) = address(machine, selector, 16) else {
        let cause = "the system descriptor reaches beyond the descriptor table";
        return Err(selector_fault(Exception::GeneralProtection, selector, cause));
    };
    let upper = access::read(machine, observer, address.wrapping_add(8), 8, Privilege::Supervisor)?;
    Ok(upper << 32)
}

/// Loads a segment register with `after`, which the caller has checked.
pub fn load(machine: &mut Machine, observer: &mut dyn Observer, register: SegmentRegister, after: Segment) {
    let before = std::mem::replace(&mut machine.cpu.segments[register as usize], after);
    observer.segment(&SegmentLoad { register, before, after });
}

/// Sets the accessed bit of a code or data descriptor in the table, if it is clear (SDM vol. 3A 3.4.5.1).
///
/// # Errors
/// #PF where the table cannot be written.
pub fn mark_accessed(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    selector: u16,
    descriptor: Descriptor,
) -> Result<Descriptor, Fault> {
    set_type_bits(machine, observer, selector, descriptor, ACCESSED)
}

/// Marks the TSS descriptor as busy.
///
/// # Errors
/// #PF where the table cannot be written.
pub fn mark_busy(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    selector: u16,
    descriptor: Descriptor,
) -> Result<Descriptor, Fault> {
    set_type_bits(machine, observer, selector, descriptor, BUSY)
}

fn set_type_bits(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    selector: u16,
    descriptor: Descriptor,
    bits: u64,
) -> Result<Descriptor, Fault> {
    let after = Descriptor(descriptor.0 | bits);
    if after != descriptor
        && let Some(address) = address(machine, selector, 8)
    {
        let kind = address.wrapping_add(5);
        let mut set = |byte| byte | bits >> 40;
        access::read_modify_write(machine, observer, kind, 1, Privilege::Supervisor, &mut set)?;
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_linux_read_as_the_manual_says() {
        // GDT of arch/x86/kernel/cpu/common.c, v6.12: kernel code, kernel data, user code, all with the accessed bit.
        for (bytes, kind, privilege, long) in [
            (0x00af_9b00_0000_ffff, Kind::Code { conforming: false, readable: true }, 0, true),
            (0x00cf_9300_0000_ffff, Kind::Data { writable: true }, 0, false),
            (0x00af_fb00_0000_ffff, Kind::Code { conforming: false, readable: true }, 3, true),
        ] {
            let descriptor = Descriptor(bytes);
            assert_eq!(descriptor.kind(), kind);
            assert_eq!(descriptor.privilege(), privilege);
            assert_eq!(descriptor.long(), long);
            assert_eq!(descriptor.limit(), u32::MAX);
            assert!(descriptor.present());
        }
    }

    #[test]
    fn base_and_limit_are_gathered_from_their_pieces() {
        let descriptor = Descriptor(0x124f_8934_5678_9abc);
        let segment = descriptor.segment(0x2b);
        assert_eq!(segment.base, 0x1234_5678);
        assert_eq!(segment.limit, 0xf_9abc);
        assert_eq!(segment.attributes, 0x4089);
        assert_eq!(descriptor.kind(), Kind::AvailableTss);
        let in_pages = Descriptor(descriptor.0 | 1 << 55);
        assert_eq!(in_pages.limit(), 0xf9ab_cfff);
    }
}
