//! Access to memory by linear address: translation through the TLB, data and instruction fetch.

use super::bits::{cr0, low_bits};
use super::fast;
use super::fault::Fault;
use super::observe::{AccessKind, DropCause, MemoryAccess, Observer, TlbEvent};
use super::paging::{self, Access, Mode, Start};
use super::tlb::{Context, Operation};
use super::{Cpu, Machine, cpu};
use iced_x86::{Decoder, DecoderError, DecoderOptions, Instruction};

/// Longest instruction in bytes (SDM vol. 2A 2.3.11).
pub(crate) const INSTRUCTION_MAX: usize = 15;

/// On whose behalf an access is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// CPL decides: the explicit access of an instruction.
    Current,
    /// Implicit supervisor access whatever CPL is: GDT, IDT, TSS, and frames pushed for a handler at CPL 0.
    Supervisor,
    /// User access whatever CPL is: frames pushed at CPL 3.
    User,
}

impl Privilege {
    #[inline]
    fn mode(self, cpu: &Cpu) -> Mode {
        match self {
            Self::Current => current_mode(cpu),
            Self::Supervisor => Mode::Implicit,
            Self::User => Mode::User,
        }
    }
}

/// On whose behalf an instruction accesses what it names.
#[inline]
pub(crate) fn current_mode(cpu: &Cpu) -> Mode {
    if cpu.cpl == 3 { Mode::User } else { Mode::Supervisor }
}

/// Whether `linear` is canonical at the current number of paging levels. The functions of this module raise #GP(0) for
/// an address that is not canonical; a stack access has to raise #SS(0) instead.
#[inline]
pub fn canonical(machine: &Machine, linear: u64) -> bool {
    cpu::canonical(&machine.cpu, linear)
}

/// Reads `size` bytes (1 to 8) at `linear`, little-endian.
///
/// # Errors
/// #GP(0) for a non-canonical address, or #PF.
pub fn read(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    size: u8,
    privilege: Privilege,
) -> Result<u64, Fault> {
    let access = Access { kind: AccessKind::Read, mode: privilege.mode(&machine.cpu) };
    let span = translate_span(machine, observer, linear, size, access)?;
    let first = read_piece(machine, observer, span.first);
    let second = span.second.map_or(0, |piece| read_piece(machine, observer, piece) << span.first.bits());
    Ok(first | second)
}

fn read_piece(machine: &Machine, observer: &mut dyn Observer, piece: Piece) -> u64 {
    let value = machine.memory.read(piece.physical, piece.size);
    observer.memory(&piece.report(AccessKind::Read, value, value));
    value
}

/// Writes the low `size` bytes (1 to 8) of `value` at `linear`: all of them or, on a fault, none.
///
/// # Errors
/// #GP(0) for a non-canonical address, or #PF.
pub fn write(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    size: u8,
    value: u64,
    privilege: Privilege,
) -> Result<(), Fault> {
    let access = Access { kind: AccessKind::Write, mode: privilege.mode(&machine.cpu) };
    let span = translate_span(machine, observer, linear, size, access)?;
    write_span(machine, observer, span, value);
    Ok(())
}

fn write_span(machine: &mut Machine, observer: &mut dyn Observer, span: Span, value: u64) {
    write_piece(machine, observer, span.first, value);
    if let Some(piece) = span.second {
        write_piece(machine, observer, piece, value >> span.first.bits());
    }
}

fn write_piece(machine: &mut Machine, observer: &mut dyn Observer, piece: Piece, value: u64) {
    let value = value & low_bits(piece.bits());
    let before = machine.memory.exchange(piece.physical, piece.size, value);
    observer.memory(&piece.report(AccessKind::Write, value, before));
}

/// Replaces the `size` bytes (1 to 8) at `linear` by what `change` makes of them, and returns the old ones.
///
/// This is one access of kind write: it checks the right to write before it reads, and reads everything before it
/// writes.
///
/// # Errors
/// #GP(0) for a non-canonical address, or #PF; then `change` was not called.
pub fn read_modify_write(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    size: u8,
    privilege: Privilege,
    change: &mut dyn FnMut(u64) -> u64,
) -> Result<u64, Fault> {
    let access = Access { kind: AccessKind::Write, mode: privilege.mode(&machine.cpu) };
    let span = translate_span(machine, observer, linear, size, access)?;
    let read = |piece: Piece| machine.memory.read(piece.physical, piece.size);
    let before = read(span.first) | span.second.map_or(0, |piece| read(piece) << span.first.bits());
    write_span(machine, observer, span, change(before));
    Ok(before)
}

/// The part of an access that lies in one page.
#[derive(Clone, Copy)]
struct Piece {
    linear: u64,
    physical: u64,
    size: u8,
}

impl Piece {
    fn bits(self) -> u32 {
        u32::from(self.size) * 8
    }

    fn report(self, kind: AccessKind, value: u64, before: u64) -> MemoryAccess {
        let Self { linear, physical, size } = self;
        MemoryAccess { kind, linear, physical, size, value, before }
    }
}

/// An access of up to 8 bytes, translated: one piece, or two if it crosses a page.
#[derive(Clone, Copy)]
struct Span {
    first: Piece,
    second: Option<Piece>,
}

fn translate_span(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    size: u8,
    access: Access,
) -> Result<Span, Fault> {
    let size = size.clamp(1, 8);
    if let Some(physical) = fast::recall_within(machine, observer, linear, size, access) {
        return Ok(Span { first: Piece { linear, physical, size }, second: None });
    }
    let last = linear.wrapping_add(u64::from(size) - 1);
    if !canonical(machine, linear) || !canonical(machine, last) {
        return Err(not_canonical());
    }
    let in_first = (0x1000 - (linear & 0xfff)).min(size.into()) as u8;
    let first = Piece { linear, physical: translate(machine, observer, linear, access)?, size: in_first };
    let second = if in_first == size {
        None
    } else {
        let linear = linear.wrapping_add(in_first.into());
        let physical = translate(machine, observer, linear, access)?;
        Some(Piece { linear, physical, size: size - in_first })
    };
    Ok(Span { first, second })
}

fn not_canonical() -> Fault {
    Fault::general_protection("the address is not canonical")
}

/// The physical address for an access at `linear`, which is canonical. It comes from the TLB, or from a walk that fills
/// the TLB (SDM vol. 3A 4.10.2, 4.10.3.2).
///
/// # Errors
/// #PF, after it has dropped the entries for its page.
pub fn translate(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    access: Access,
) -> Result<u64, Fault> {
    if machine.cpu.cr0 & cr0::PG == 0 {
        return Ok(linear & u64::from(u32::MAX));
    }
    match fast::look_up(machine, observer, linear, access) {
        Some(entry) => {
            observer.tlb(&TlbEvent::Hit { entry, kind: access.kind });
            Ok(entry.translate(linear))
        }
        None => walk(machine, observer, linear, access),
    }
}

fn walk(machine: &mut Machine, observer: &mut dyn Observer, linear: u64, access: Access) -> Result<u64, Fault> {
    let context = Context::of(&machine.cpu);
    if let Some(denial) = machine.tlb.refusal(linear, access, context) {
        let fault = paging::denied(&machine.cpu, linear, access, denial);
        return Err(drop_faulting(machine, observer, linear, context, fault));
    }
    machine.tlb.drop_stale(&mut |event| observer.tlb(event), linear, access, context);
    let start = match machine.tlb.deepest(linear, access, context) {
        Some(structure) => Start::cached(&structure),
        None => Start::root(&machine.cpu),
    };
    let walk = paging::walk(&machine.cpu, &machine.memory, linear, start);
    let reads = walk.steps().len() as u8;
    observer.tlb(&TlbEvent::Miss { linear, pcid: context.pcid, kind: access.kind, reads });
    observer.walk(linear, access, &walk);
    match paging::commit(&machine.cpu, &mut machine.memory, linear, access, start, &walk) {
        Ok(translation) => {
            machine.tlb.fill(&mut |event| observer.tlb(event), access.kind, translation.entry, &translation.structures);
            Ok(translation.entry.translate(linear))
        }
        Err(fault) => Err(drop_faulting(machine, observer, linear, context, fault)),
    }
}

/// A page fault removes what could have caused it (SDM vol. 3A 4.10.4.1).
fn drop_faulting(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    context: Context,
    fault: Fault,
) -> Fault {
    let operation = Operation::PageFault { pcid: context.pcid, linear };
    machine.invalidate(observer, operation, DropCause::PageFault);
    fault
}

fn fetching(cpu: &Cpu) -> Access {
    Access { kind: AccessKind::Execute, mode: current_mode(cpu) }
}

/// Fetches and decodes the instruction at `linear`. Touches the next page only if the instruction reaches into it.
///
/// # Errors
/// #GP(0) for a non-canonical address or an instruction of more than 15 bytes, #PF, or #UD for bytes that are no
/// instruction.
pub fn fetch(machine: &mut Machine, observer: &mut dyn Observer, linear: u64) -> Result<Instruction, Fault> {
    if !canonical(machine, linear) {
        return Err(not_canonical());
    }
    let access = fetching(&machine.cpu);
    let physical = translate(machine, observer, linear, access)?;
    match fast::recall_instruction(machine, physical, linear) {
        Some(instruction) => Ok(instruction),
        None => decode(machine, observer, linear, physical),
    }
}

/// Decodes the instruction at `linear`, whose physical address is known. Uses the first page alone if that suffices.
///
/// # Errors
/// Those of [`fetch`], for the next page.
fn decode(
    machine: &mut Machine,
    observer: &mut dyn Observer,
    linear: u64,
    physical: u64,
) -> Result<Instruction, Fault> {
    let offset = physical as usize & 0xfff;
    let mut bytes = [0; INSTRUCTION_MAX];
    let here = INSTRUCTION_MAX.min(0x1000 - offset);
    machine.memory.read_bytes(physical, &mut bytes[..here]);
    match decode_bytes(&bytes[..here], linear) {
        Ok(instruction) => {
            fast::keep_instruction(machine, physical, instruction);
            Ok(instruction)
        }
        Err(DecoderError::NoMoreBytes) if here < INSTRUCTION_MAX => {
            let next = linear.wrapping_add(here as u64);
            if !canonical(machine, next) {
                return Err(not_canonical());
            }
            let access = fetching(&machine.cpu);
            let physical = translate(machine, observer, next, access)?;
            machine.memory.read_bytes(physical, &mut bytes[here..]);
            decode_bytes(&bytes, linear).map_err(|_| undecodable(&bytes))
        }
        Err(_) => Err(undecodable(&bytes)),
    }
}

fn decode_bytes(bytes: &[u8], linear: u64) -> Result<Instruction, DecoderError> {
    let mut decoder = Decoder::with_ip(64, bytes, linear, DecoderOptions::NONE);
    let instruction = decoder.decode();
    match decoder.last_error() {
        DecoderError::None => Ok(instruction),
        error => Err(error),
    }
}

/// Why `bytes` are no instruction: they are too long (#GP(0), SDM vol. 2A 2.3.11), or they raise #UD with a cause that
/// names what they resemble.
///
/// The decoder does not distinguish the two. Only prefixes make an instruction too long. Such an instruction therefore
/// begins with a prefix, and without that prefix it still does not end within 14 bytes.
fn undecodable(bytes: &[u8; INSTRUCTION_MAX]) -> Fault {
    let [first, rest @ ..] = bytes;
    let too_long = is_prefix(*first) && decode_bytes(rest, 0) == Err(DecoderError::NoMoreBytes);
    if too_long {
        Fault::general_protection("the instruction is longer than 15 bytes")
    } else {
        Fault::invalid_opcode(resemblance(bytes))
    }
}

/// What the bytes would be if the decoder were less strict: LOCK where it is not allowed, a form that does not exist,
/// AVX.
fn resemblance(bytes: &[u8; INSTRUCTION_MAX]) -> &'static str {
    const VEX_AND_EVEX: [u8; 3] = [0xc4, 0xc5, 0x62];
    let instruction = Decoder::new(64, bytes, DecoderOptions::NO_INVALID_CHECK).decode();
    if VEX_AND_EVEX.contains(&bytes[0]) {
        "AVX instructions are not modelled"
    } else if instruction.is_invalid() {
        "the bytes are no instruction"
    } else if instruction.has_lock_prefix() {
        "LOCK may not stand before this form of the instruction"
    } else {
        "the instruction has no such form"
    }
}

/// Legacy prefixes and REX (SDM vol. 2A 2.1.1, 2.2.1).
fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3)
}
