//! What the other tests rely on in native Unicorn: exceptions with error codes, privilege, memory that appears on
//! demand.

use cr3_core::machine::{Machine, Register};
use cr3_testing::Random;
use cr3_unicorn::native::Native;
use cr3_unicorn::processor::{CpuState, Outcome, Processor, Raised, Step, Store};
use cr3_unicorn_testing::fuzz::image::{
    self, CODE, DIRECT, Image, KERNEL_DATA, USER_CODE, USER_CS, USER_DATA, USER_DS, segment,
};

fn machine(code: &[u8]) -> Machine {
    let mut machine = Image::new(&mut Random(1)).machine;
    machine.memory.write_bytes(CODE, code);
    machine
}

fn in_user_mode(mut machine: Machine) -> Machine {
    machine.cpu.cpl = 3;
    machine.cpu.segments = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0].map(segment);
    machine.cpu.rip = USER_CODE;
    machine
}

fn stepped(machine: &Machine) -> (Step, CpuState, Native) {
    let mut native = Native::open().expect("Unicorn opens");
    native.load(machine).expect("Unicorn takes the image");
    let loaded = native.state().expect("Unicorn gives its state");
    assert_eq!(loaded, CpuState::of(&machine.cpu), "it holds what was loaded");
    let step = native.step().expect("Unicorn steps");
    let state = native.state().expect("Unicorn gives its state");
    (step, state, native)
}

fn raised(vector: u8, error_code: u32, cr2: u64) -> Outcome {
    Outcome::Raised(Raised { vector, error_code, cr2 })
}

#[test]
fn state_survives_a_round_trip() {
    let mut random = Random(7);
    for _ in 0..100 {
        let mut machine = in_user_mode(machine(&[0x90]));
        machine.cpu.registers = [(); 16].map(|()| random.bits());
        machine.cpu.rflags = random.bits() & 0x24_0cd5 | 2;
        machine.cpu.cr2 = random.bits();
        machine.cpu.segments[4].base = random.bits() >> 20;
        machine.cpu.segments[5].base = random.bits() >> 20;
        machine.cpu.msr.kernel_gs_base = random.bits() >> 20;
        let (step, state, _) = stepped(&machine);
        machine.cpu.rip += 1;
        assert_eq!((step.outcome, state), (Outcome::Retired, CpuState::of(&machine.cpu)));
    }
}

#[test]
fn stores_are_told_by_physical_address() {
    // mov %rax,(%rbx)
    let mut machine = machine(&[0x48, 0x89, 0x03]);
    machine.cpu.registers[Register::Rax as usize] = 0x1122_3344_5566_7788;
    machine.cpu.registers[Register::Rbx as usize] = DIRECT + 0x9_0000;
    let (step, _, mut native) = stepped(&machine);
    assert_eq!(step.stores, [Store { physical: 0x9_0000, size: 8, value: 0x1122_3344_5566_7788 }]);
    let mut bytes = [0; 2];
    native.read(0x9_0000, &mut bytes).expect("memory is read");
    assert_eq!(bytes, [0x88, 0x77]);
}

#[test]
fn exceptions_have_their_error_codes_one_after_the_other() {
    // mov (%rbx),%eax at a page that is not present, at one with a reserved bit set, and at a supervisor page
    let pages = [(9, 0x4), (10, 0xd), (3, 0x5)];
    let mut native = Native::open().expect("Unicorn opens");
    for (page, error_code) in pages {
        let mut machine = in_user_mode(machine(&[0x8b, 0x03]));
        let linear = USER_DATA + 0x1000 * page + 8;
        machine.cpu.registers[Register::Rbx as usize] = linear;
        native.load(&machine).expect("Unicorn takes the image");
        let step = native.step().expect("Unicorn steps");
        assert_eq!(step.outcome, raised(14, error_code, linear));
        assert_eq!(native.state().expect("state").rip, USER_CODE, "a fault leaves RIP at the instruction");
    }
}

#[test]
fn software_interrupts_and_bad_opcodes_are_told() {
    for (code, vector, length) in [(&[0xccu8][..], 3, 1), (&[0xcd, 0x80], 0x80, 2), (&[0x0f, 0x0b], 6, 0)] {
        let (step, state, _) = stepped(&machine(code));
        assert_eq!((step.outcome, state.rip), (raised(vector, 0, 0), DIRECT + CODE + length));
    }
}

#[test]
fn a_jump_into_nothing_retires_and_leaves_cr2_alone() {
    // jmp *%rbx
    let mut machine = machine(&[0xff, 0xe3]);
    machine.cpu.cr2 = 0x1234;
    machine.cpu.registers[Register::Rbx as usize] = 0x7000_0000;
    let (step, state, mut native) = stepped(&machine);
    assert_eq!((step.outcome, state.rip, state.cr2), (Outcome::Retired, 0x7000_0000, 0x1234));
    let step = native.step().expect("Unicorn steps");
    assert_eq!(step.outcome, raised(14, 0x10, 0x7000_0000));
}

#[test]
fn iret_changes_privilege() {
    let mut machine = machine(&[0x48, 0xcf]);
    let stack = KERNEL_DATA + 0x800;
    machine.cpu.registers[Register::Rsp as usize] = stack;
    let frame = [USER_CODE, USER_CS.into(), 0x202, USER_DATA + 0x100, USER_DS.into()];
    let mut native = Native::open().expect("Unicorn opens");
    for (slot, value) in (0..).zip(frame) {
        machine.memory.write_u64(image::data_page(0, 0) + 0x2000 + 0x800 + 8 * slot, value);
    }
    native.load(&machine).expect("Unicorn takes the image");
    let step = native.step().expect("Unicorn steps");
    let state = native.state().expect("state");
    let expected = (Outcome::Retired, 3, USER_CODE, USER_CS, USER_DS, USER_DATA + 0x100);
    let found = (step.outcome, state.cpl, state.rip, state.selectors[1], state.selectors[2], state.registers[4]);
    assert_eq!(found, expected);
}

#[test]
fn the_processor_model_is_the_one_that_limits_names() {
    use unicorn_engine::unicorn_const::X86CpuModel;
    assert_eq!(X86CpuModel::SKYLAKE_SERVER as i32, cr3_unicorn::limits::CPU_MODEL);
}

#[test]
fn memory_is_there_across_the_blocks_in_which_it_is_mapped() {
    let mut native = Native::open().expect("Unicorn opens");
    let end_of_block = (7 << 21) - 4;
    let mut bytes = [1; 8];
    native.read(end_of_block, &mut bytes).expect("what nothing backs reads as zero");
    assert_eq!(bytes, [0; 8]);
    native.write(end_of_block, &[2; 8]).expect("it comes to life");
    native.read(end_of_block, &mut bytes).expect("it is there");
    assert_eq!(bytes, [2; 8]);
}
