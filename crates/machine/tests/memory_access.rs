//! Access by linear address: crossing pages, privileges, fetch and earlier decoding; and the checks of writes to
//! control registers.

use cr3_machine::access::{self, Privilege, read, read_modify_write, write};
use cr3_machine::bits::{cr0, cr4, efer};
use cr3_machine::level::UpperLevel;
use cr3_machine::observe::{AccessKind, MemoryAccess, TlbEvent};
use cr3_machine::{Cpu, CpuFeatures, Fault, Machine, Memory, Observer, SegmentRegister, Tlb, control};
use iced_x86::Instruction;

const ROOT: u64 = 0x1000;
const TABLE: u64 = 0x4000;
/// Linear pages 0 to 15 map to frames from here downwards, so neighbours are not adjacent in memory.
const FRAMES: u64 = 0x20_0000;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;
const USER: u64 = 4;

fn frame(page: u64) -> u64 {
    FRAMES - page * 0x1000
}

fn map(machine: &mut Machine, page: u64, flags: u64) {
    machine.memory.write_u64(TABLE + page * 8, frame(page) | flags);
}

fn machine() -> Machine {
    let features =
        CpuFeatures { lam: false, la57: false, sev_es: false, physical_address_bits: 46, ..CpuFeatures::ALL };
    let cpu = Cpu {
        cr0: cr0::PG | cr0::WP | cr0::PE | cr0::ET,
        cr3: ROOT,
        cr4: cr4::PAE | cr4::PGE,
        efer: efer::NXE | efer::LMA | efer::LME,
        features,
        ..Cpu::in_long_mode()
    };
    let mut machine = Machine { cpu, memory: Memory::new(), tlb: Tlb::default() };
    for (table, next) in [(ROOT, 0x2000), (0x2000, 0x3000), (0x3000, TABLE)] {
        machine.memory.write_u64(table, next | PRESENT | WRITABLE | USER);
    }
    for page in 0..8 {
        map(&mut machine, page, PRESENT | WRITABLE | USER);
    }
    machine
}

fn told(fault: &Fault) -> String {
    let code = fault.error_code.map_or(String::new(), |code| format!("({code})"));
    format!("{}{code}: {}", fault.exception.name(), fault.cause)
}

#[derive(Default)]
struct Listener {
    accesses: Vec<MemoryAccess>,
    tlb: Vec<(&'static str, AccessKind)>,
}

impl Observer for Listener {
    fn memory(&mut self, access: &MemoryAccess) {
        self.accesses.push(*access);
    }

    fn tlb(&mut self, event: &TlbEvent) {
        match event {
            TlbEvent::Hit { kind, .. } => self.tlb.push(("hit", *kind)),
            TlbEvent::Miss { kind, .. } => self.tlb.push(("miss", *kind)),
            _ => {}
        }
    }
}

#[test]
fn an_access_that_crosses_pages_is_one_value_and_told_in_pieces() {
    for size in 2..=8u8 {
        for first in 1..size {
            let mut machine = machine();
            let mut listener = Listener::default();
            let linear = 0x2000 - u64::from(first);
            let value = 0x8877_6655_4433_2211 & (u64::MAX >> (64 - 8 * u32::from(size)));
            assert_eq!(write(&mut machine, &mut listener, linear, size, value, Privilege::Current), Ok(()));
            assert_eq!(read(&mut machine, &mut (), linear, size, Privilege::Current), Ok(value));
            assert_eq!(machine.memory.read_u8(frame(1) + 0xfff), (value >> (8 * (first - 1))) as u8);
            assert_eq!(machine.memory.read_u8(frame(2)), (value >> (8 * first)) as u8);
            let pieces: Vec<_> = listener.accesses.iter().map(|access| (access.physical, access.size)).collect();
            assert_eq!(pieces, [(frame(1) + 0x1000 - u64::from(first), first), (frame(2), size - first)]);
        }
    }
}

#[test]
fn a_fault_on_the_second_page_leaves_the_first_as_it_was() {
    let mut machine = machine();
    map(&mut machine, 2, PRESENT | USER);
    machine.memory.write_u32(frame(1) + 0xffc, 0x5555_5555);
    let fault = write(&mut machine, &mut (), 0x1ffc, 8, u64::MAX, Privilege::Current).expect_err("read-only");
    assert_eq!((told(&fault).as_str(), fault.address), ("#PF(3): the page is read-only", Some(0x2000)));
    assert_eq!(machine.memory.read_u64(frame(1) + 0xffc) as u32, 0x5555_5555);
    let mut called = false;
    let fault = read_modify_write(&mut machine, &mut (), 0x1ffc, 8, Privilege::Current, &mut |value| {
        called = true;
        value
    });
    assert!(fault.is_err() && !called);
}

#[test]
fn read_modify_write_is_one_access_of_kind_write() {
    let mut machine = machine();
    machine.memory.write_u64(frame(3) + 8, 40);
    let mut listener = Listener::default();
    let old = read_modify_write(&mut machine, &mut listener, 0x3008, 4, Privilege::Current, &mut |value| value + 2);
    assert_eq!(old, Ok(40));
    assert_eq!(listener.tlb, [("miss", AccessKind::Write)]);
    let expected = MemoryAccess {
        kind: AccessKind::Write,
        linear: 0x3008,
        physical: frame(3) + 8,
        size: 4,
        value: 42,
        before: 40,
    };
    assert_eq!(listener.accesses, [expected]);
    let wraps = read_modify_write(&mut machine, &mut (), 0x3008, 1, Privilege::Current, &mut |_| 0x1ff);
    assert_eq!((wraps, machine.memory.read_u64(frame(3) + 8)), (Ok(42), 0xff));
}

#[test]
fn faults_name_the_rule_that_was_broken() {
    let check = |linear: u64, flags: u64, set: fn(&mut Cpu), kind: AccessKind, privilege: Privilege, expected: &str| {
        let mut machine = machine();
        map(&mut machine, 5, flags);
        set(&mut machine.cpu);
        let result = match kind {
            AccessKind::Read => read(&mut machine, &mut (), linear, 8, privilege).map(|_| ()),
            AccessKind::Write => write(&mut machine, &mut (), linear, 8, 0, privilege),
            AccessKind::Execute => fetch(&mut machine, linear).map(|_| ()),
        };
        let found = result.map_or_else(|fault| told(&fault), |()| "none".to_owned());
        assert_eq!(found, expected);
    };
    use AccessKind::{Execute, Read, Write};
    use Privilege::{Current, Supervisor, User};
    let all = PRESENT | WRITABLE | USER;
    let user: fn(&mut Cpu) = |cpu| cpu.cpl = 3;
    let guarded: fn(&mut Cpu) = |cpu| cpu.cr4 |= cr4::SMEP | cr4::SMAP;
    let lifted: fn(&mut Cpu) = |cpu| {
        cpu.cr4 |= cr4::SMAP;
        cpu.rflags |= 1 << 18;
    };
    let user_guarded: fn(&mut Cpu) = |cpu| {
        cpu.cr4 |= cr4::SMAP;
        cpu.cpl = 3;
    };
    let plain: fn(&mut Cpu) = |_| {};
    let no_nx: fn(&mut Cpu) = |cpu| cpu.efer &= !efer::NXE;
    let smap = "supervisor mode may not access the data of a user page while CR4.SMAP=1";
    check(0x5000, all, plain, Read, Current, "none");
    check(0x5000, 0, plain, Read, Current, "#PF(0): the PTE is not present");
    check(0x5000, 0, user, Write, Current, "#PF(6): the PTE is not present");
    check(0x5000, 0, plain, Execute, Current, "#PF(16): the PTE is not present");
    check(0x5000, 0, no_nx, Execute, Current, "#PF(0): the PTE is not present");
    check(0x4000_0000, all, plain, Read, Current, "#PF(0): the PDPTE is not present");
    check(0x80_0000_0000, all, plain, Read, Current, "#PF(0): the PML4E is not present");
    check(0x20_0000, all, plain, Read, Current, "#PF(0): the PDE is not present");
    check(0x5000, PRESENT | WRITABLE, user, Read, Current, "#PF(5): user mode may not access a supervisor page");
    // The processor's own accesses are supervisor accesses at CPL 3 too, and the error code says so.
    check(0x5000, PRESENT | WRITABLE, user, Read, Supervisor, "none");
    check(0x5000, 0, user, Read, Supervisor, "#PF(0): the PTE is not present");
    check(0x5000, PRESENT | WRITABLE, plain, Write, User, "#PF(7): user mode may not access a supervisor page");
    check(0x5000, PRESENT | USER, user, Write, Current, "#PF(7): the page is read-only");
    check(0x5000, PRESENT | 1 << 63, plain, Execute, Current, "#PF(17): the page may not be executed: XD is set");
    check(0x5000, PRESENT | 1 << 63, no_nx, Execute, Current, "#PF(9): a reserved bit of the PTE is set");
    check(0x5000, PRESENT | 1 << 47, plain, Read, Current, "#PF(9): a reserved bit of the PTE is set");
    check(
        0x5000,
        all,
        guarded,
        Execute,
        Current,
        "#PF(17): supervisor mode may not execute a user page while CR4.SMEP=1",
    );
    check(0x5000, all, guarded, Read, Current, &format!("#PF(1): {smap}"));
    check(0x5000, all, guarded, Write, Current, &format!("#PF(3): {smap}"));
    check(0x5000, all, lifted, Write, Current, "none");
    check(0x5000, all, lifted, Read, Supervisor, &format!("#PF(1): {smap}"));
    check(0x5000, all, user_guarded, Read, Current, "none");
    check(0x5000, all, user_guarded, Read, Supervisor, &format!("#PF(1): {smap}"));
    let not_canonical = "#GP(0): the address is not canonical";
    check(0x8000_0000_0000, all, plain, Read, Current, not_canonical);
    check(0x7fff_ffff_fff9, all, plain, Read, Current, not_canonical);
    check(0xffff_7fff_ffff_fff8, all, plain, Write, Current, not_canonical);
    check(0x8000_0000_0000, all, plain, Execute, Current, not_canonical);
}

#[test]
fn five_level_paging_walks_five_levels() {
    let mut machine = machine();
    machine.cpu.features.la57 = true;
    machine.cpu.cr4 |= cr4::LA57;
    machine.cpu.cr3 = 0x9000;
    machine.memory.write_u64(0x9000 + 3 * 8, ROOT | PRESENT | WRITABLE | USER);
    machine.memory.write_u64(frame(6), 77);
    assert_eq!(read(&mut machine, &mut (), 3 << 48 | 0x6000, 8, Privilege::Current), Ok(77));
    let fault = read(&mut machine, &mut (), 0x6000, 8, Privilege::Current).expect_err("no PML5E");
    assert_eq!(told(&fault), "#PF(0): the PML5E is not present");
    let cached: Vec<_> = machine.tlb.structures().map(|entry| entry.level).collect();
    assert_eq!(cached, UpperLevel::ALL);
}

#[test]
fn large_pages_translate_with_their_own_offset() {
    let mut machine = machine();
    machine.memory.write_u64(0x3000 + 8, 0x60_0000 | 1 << 7 | PRESENT | WRITABLE);
    machine.memory.write_u64(0x2000 + 8, 0x8000_0000 | 1 << 7 | PRESENT | WRITABLE);
    machine.memory.write_u64(0x60_0000 + 0x12_3450, 5);
    machine.memory.write_u64(0x8000_0000 + 0x2345_6780, 6);
    assert_eq!(read(&mut machine, &mut (), 0x20_0000 + 0x12_3450, 8, Privilege::Current), Ok(5));
    assert_eq!(read(&mut machine, &mut (), 0x4000_0000 + 0x2345_6780, 8, Privilege::Current), Ok(6));
    // Low address bits of a large page are reserved, except PAT.
    machine.memory.write_u64(0x3000 + 16, 0x60_1000 | 1 << 7 | PRESENT);
    assert!(read(&mut machine, &mut (), 0x40_0000, 8, Privilege::Current).is_ok());
    machine.memory.write_u64(0x3000 + 24, 0x60_2000 | 1 << 7 | PRESENT);
    let fault = read(&mut machine, &mut (), 0x60_0000, 8, Privilege::Current).expect_err("reserved");
    assert_eq!(told(&fault), "#PF(9): a reserved bit of the PDE is set");
}

fn fetch(machine: &mut Machine, linear: u64) -> Result<Instruction, Fault> {
    access::fetch(machine, &mut (), linear)
}

fn text(machine: &mut Machine, linear: u64) -> String {
    fetch(machine, linear)
        .map_or_else(|fault| told(&fault), |instruction| format!("{:?} {:#x}", instruction.code(), instruction.ip()))
}

const NOP: u8 = 0x90;
const HLT: u8 = 0xf4;

#[test]
fn a_fetch_sees_what_was_written_whatever_was_decoded_before() {
    let mut machine = machine();
    machine.memory.write_u8(frame(1) + 0x10, NOP);
    assert_eq!(text(&mut machine, 0x1010), "Nopd 0x1010");
    let old = machine.clone();
    assert_eq!(write(&mut machine, &mut (), 0x1010, 1, HLT.into(), Privilege::Current), Ok(()));
    assert_eq!(text(&mut machine, 0x1010), "Hlt 0x1010");
    assert_eq!(text(&mut old.clone(), 0x1010), "Nopd 0x1010");
    // A byte in the middle of an instruction of the line before.
    let start = frame(1) + 0x3e;
    machine.memory.write_bytes(start, &[0x48, 0xc7, 0xc0, 1, 0, 0, 0]);
    assert_eq!(fetch(&mut machine, 0x103e).map(|instruction| instruction.immediate32()), Ok(1));
    machine.memory.write_u8(start + 6, 0x7f);
    assert_eq!(fetch(&mut machine, 0x103e).map(|instruction| instruction.immediate32()), Ok(0x7f00_0001));
    // Through an alias: a write to physical memory, which knows no linear addresses.
    machine.memory.write_bytes(frame(1) + 0x10, &[NOP]);
    assert_eq!(text(&mut machine, 0x1010), "Nopd 0x1010");
}

#[test]
fn a_page_that_runs_at_two_addresses_is_decoded_for_each() {
    let mut machine = machine();
    machine.memory.write_u64(TABLE + 9 * 8, frame(1) | PRESENT);
    machine.memory.write_bytes(frame(1), &[0xeb, 0xfe]);
    for linear in [0x1000, 0x9000, 0x1000, 0x9000] {
        let target = fetch(&mut machine, linear).map(|instruction| instruction.near_branch_target());
        assert_eq!(target, Ok(linear));
    }
}

#[test]
fn a_fetch_touches_the_next_page_only_if_the_instruction_reaches_it() {
    let mut machine = machine();
    map(&mut machine, 2, 0);
    machine.memory.write_bytes(frame(1) + 0xffe, &[NOP, NOP]);
    assert_eq!(text(&mut machine, 0x1fff), "Nopd 0x1fff");
    machine.memory.write_bytes(frame(1) + 0xffe, &[0x48, 0xc7]);
    let fault = fetch(&mut machine, 0x1ffe).expect_err("the page is not there");
    assert_eq!((told(&fault).as_str(), fault.address), ("#PF(16): the PTE is not present", Some(0x2000)));
    map(&mut machine, 2, PRESENT);
    machine.memory.write_bytes(frame(2), &[0xc0, 5, 0, 0, 0]);
    for immediate in [5, 6] {
        machine.memory.write_u8(frame(2) + 1, immediate);
        let instruction = fetch(&mut machine, 0x1ffe);
        assert_eq!(instruction.map(|found| (found.len(), found.immediate32())), Ok((7, immediate.into())));
    }
}

#[test]
fn bytes_that_are_no_instruction_fault() {
    let mut machine = machine();
    machine.memory.write_bytes(frame(1), &[0x0f, 0x0b, 0x06, NOP]);
    assert_eq!(text(&mut machine, 0x1000), "Ud2 0x1000");
    assert_eq!(text(&mut machine, 0x1002), "#UD: the bytes are no instruction");
    machine.memory.write_bytes(frame(3), &[[0x66; 15].as_slice(), &[NOP]].concat());
    assert_eq!(text(&mut machine, 0x3000), "#GP(0): the instruction is longer than 15 bytes");
    assert_eq!(text(&mut machine, 0x3001), "Nopw 0x3001");
    // LOCK NOP is no instruction, and with 13 prefixes before it, it is not too long.
    machine.memory.write_bytes(frame(3) + 13, &[0xf0, NOP]);
    assert_eq!(text(&mut machine, 0x3000), "#UD: LOCK may not stand before this form of the instruction");
    machine.memory.write_bytes(frame(1) + 0xff8, &[0x66; 8]);
    machine.memory.write_bytes(frame(2), &[0x66; 8]);
    assert_eq!(text(&mut machine, 0x1ff8), "#GP(0): the instruction is longer than 15 bytes");
}

#[test]
fn writes_to_control_registers_check_before_they_change() {
    type Write = fn(&mut Machine, &mut dyn cr3_machine::Observer, u64) -> Result<(), Fault>;
    let check = |set: fn(&mut Machine), write: Write, source: fn(&Cpu) -> u64, expected: &str| {
        let mut machine = machine();
        set(&mut machine);
        let before = machine.clone();
        let source = source(&machine.cpu);
        let found = write(&mut machine, &mut (), source).map_or_else(|fault| told(&fault), |()| "none".to_owned());
        assert_eq!(found, expected);
        if expected != "none" {
            assert_eq!(machine, before);
        }
    };
    let plain: fn(&mut Machine) = |_| {};
    let user: fn(&mut Machine) = |machine| machine.cpu.cpl = 3;
    let compatibility: fn(&mut Machine) =
        |machine| machine.cpu.segments[SegmentRegister::Cs as usize].attributes = 1 << 7;
    let unpaged: fn(&mut Machine) = |machine| {
        machine.cpu.cr0 &= !cr0::PG;
        machine.cpu.efer &= !efer::LMA;
        machine.cpu.segments[SegmentRegister::Cs as usize].attributes = 1 << 7;
    };
    let legacy: fn(&mut Machine) = |machine| {
        machine.cpu.cr0 &= !cr0::PG;
        machine.cpu.efer = 0;
        machine.cpu.segments[SegmentRegister::Cs as usize].attributes = 1 << 7;
    };
    let cr0_write: Write = control::write_cr0;
    check(user, cr0_write, |cpu| cpu.cr0, "#GP(0): the instruction needs CPL 0");
    check(plain, cr0_write, |cpu| cpu.cr0, "none");
    check(plain, cr0_write, |cpu| cpu.cr0 | 1 << 32, "#GP(0): CR0 bits 63:32 are reserved");
    check(plain, cr0_write, |cpu| cpu.cr0 & !cr0::PE, "#GP(0): CR0.PG needs CR0.PE");
    check(plain, cr0_write, |cpu| cpu.cr0 | cr0::NW, "#GP(0): CR0.NW needs CR0.CD");
    check(plain, cr0_write, |cpu| cpu.cr0 & !cr0::PG, "#GP(0): CR0.PG may not be cleared in 64-bit mode");
    check(compatibility, cr0_write, |cpu| cpu.cr0 & !cr0::PG, "none");
    check(unpaged, cr0_write, |cpu| cpu.cr0 | cr0::PG, "none");
    check(legacy, cr0_write, |cpu| cpu.cr0 | cr0::PG, "#GP(0): paging outside IA-32e mode is not modelled");
    let cr4_write: Write = control::write_cr4;
    let lacks = "#GP(0): a bit of CR4 that this processor does not have is set";
    check(user, cr4_write, |cpu| cpu.cr4, "#GP(0): the instruction needs CPL 0");
    check(plain, cr4_write, |cpu| cpu.cr4 | 1 << 63, lacks);
    check(plain, cr4_write, |cpu| cpu.cr4 | cr4::LAM_SUP, lacks);
    check(plain, cr4_write, |cpu| cpu.cr4 | cr4::SMEP | cr4::SMAP | cr4::UMIP | cr4::FSGSBASE, "none");
    let cr8_write: Write = control::write_cr8;
    check(plain, cr8_write, |_| 15, "none");
    check(plain, cr8_write, |_| 16, "#GP(0): CR8 bits 63:4 are reserved");
    check(user, cr8_write, |_| 0, "#GP(0): the instruction needs CPL 0");
    let efer_write: Write = control::write_efer;
    check(plain, efer_write, |cpu| cpu.efer & !efer::NXE | efer::SCE, "none");
    check(plain, efer_write, |cpu| cpu.efer | 1 << 1, "#GP(0): a reserved bit of EFER is set");
    check(plain, efer_write, |cpu| cpu.efer & !efer::LME, "#GP(0): EFER.LME may not be changed while CR0.PG=1");
    check(
        |machine| {
            machine.cpu.features.nx = false;
            machine.cpu.efer &= !efer::NXE;
        },
        efer_write,
        |cpu| cpu.efer | efer::NXE,
        "#GP(0): a reserved bit of EFER is set",
    );
}

#[test]
fn paging_switched_on_enters_ia32e_mode_and_efer_lma_follows_it_alone() {
    let mut machine = machine();
    machine.cpu.segments[SegmentRegister::Cs as usize].attributes = 1 << 7;
    let paged = machine.cpu.cr0;
    assert_eq!(control::write_cr0(&mut machine, &mut (), paged & !cr0::PG), Ok(()));
    assert_eq!(machine.cpu.efer & efer::LMA, 0);
    // Without paging an address is physical.
    machine.memory.write_u64(0x5000, 9);
    assert_eq!(read(&mut machine, &mut (), 0x5000, 8, Privilege::Current), Ok(9));
    let efer = machine.cpu.efer;
    assert_eq!(control::write_efer(&mut machine, &mut (), efer | efer::LMA), Ok(()));
    assert_eq!(machine.cpu.efer & efer::LMA, 0);
    assert_eq!(control::write_cr0(&mut machine, &mut (), paged), Ok(()));
    assert_eq!(machine.cpu.efer & efer::LMA, efer::LMA);
}
