//! Instructions per second of our machine with its counters and of Unicorn with a hook for every instruction, on the same
//! memory image, in the same run: `cargo run --release -p cr3-unicorn --example bench`.

use cr3_core::counters::{Counter, Tally};
use cr3_core::machine::{self, Machine, Register};
use cr3_unicorn::fuzz::image::{CODE, Image, USER_CODE, USER_CS, USER_DATA, USER_DS, segment};
use cr3_unicorn::fuzz::random::Random;
use cr3_unicorn::native::{Hooks, Native};
use cr3_unicorn::processor::Processor;
use std::time::{Duration, Instant};

/// Repetitions of the loop in one measurement.
const REPETITIONS: u64 = 200_000;

/// Measurements; the median counts.
const MEASUREMENTS: usize = 9;

/// A loop and how many instructions one repetition has.
struct Workload {
    name: &'static str,
    code: &'static [u8],
    instructions: u64,
}

const WORKLOADS: [Workload; 2] = [
    // 1: mov (%rbx),%rax; add $1,%rax; mov %rax,8(%rbx); push %rax; pop %rdx; bt $12,%rax; dec %rcx; jnz 1b
    Workload {
        name: "memory loop, user mode",
        code: &[
            0x48, 0x8b, 0x03, 0x48, 0x83, 0xc0, 0x01, 0x48, 0x89, 0x43, 0x08, 0x50, 0x5a, 0x48, 0x0f, 0xba, 0xe0, 0x0c,
            0x48, 0xff, 0xc9, 0x75, 0xe9,
        ],
        instructions: 8,
    },
    // 1: add %rcx,%rax; xor %rax,%rdx; lea 3(%rdx),%rsi; shr $3,%rsi; dec %rcx; jnz 1b
    Workload {
        name: "register loop, user mode",
        code: &[
            0x48, 0x01, 0xc8, 0x48, 0x31, 0xc2, 0x48, 0x8d, 0x72, 0x03, 0x48, 0xc1, 0xee, 0x03, 0x48, 0xff, 0xc9, 0x75,
            0xed,
        ],
        instructions: 6,
    },
];

fn system(workload: &Workload) -> Machine {
    let mut machine = Image::new(&mut Random::new(0)).machine;
    machine.memory.write_bytes(CODE, workload.code);
    machine.cpu.cpl = 3;
    machine.cpu.segments = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0].map(segment);
    machine.cpu.rip = USER_CODE;
    let registers = [(Register::Rbx, USER_DATA), (Register::Rsp, USER_DATA + 0x1800), (Register::Rcx, REPETITIONS)];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    machine
}

/// Runs our machine with its counters to the end of the loop; instructions and time.
fn ours(start: &Machine, end: u64) -> (u64, Duration) {
    let mut machine = start.clone();
    let mut tally = Tally::new(&machine);
    let started = Instant::now();
    while machine.cpu.rip != end {
        if let Err(stop) = machine::step(&mut machine, &mut tally) {
            panic!("the loop stopped at {:#x}: {stop:?}", machine.cpu.rip);
        }
    }
    (tally.counters()[Counter::Instructions], started.elapsed())
}

/// Runs Unicorn with a hook for every instruction to the end of the loop; instructions and time.
fn theirs(native: &mut Native, start: &Machine, end: u64) -> (u64, Duration) {
    native.adopt(&start.cpu).expect("Unicorn takes the registers");
    let started = Instant::now();
    let instructions = native.run(end).expect("Unicorn runs the loop");
    (instructions, started.elapsed())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn measure(workload: &Workload) {
    let start = system(workload);
    let end = USER_CODE + workload.code.len() as u64;
    let mut native = Native::open_with(Hooks::Instructions).expect("Unicorn opens");
    native.load(&start).expect("Unicorn takes the image");
    theirs(&mut native, &start, end);
    let (mut our_rates, mut their_rates) = (Vec::new(), Vec::new());
    for _ in 0..MEASUREMENTS {
        let both = [(ours(&start, end), &mut our_rates), (theirs(&mut native, &start, end), &mut their_rates)];
        for ((instructions, elapsed), rates) in both {
            assert_eq!(instructions, REPETITIONS * workload.instructions, "both run the whole loop");
            rates.push(instructions as f64 / elapsed.as_secs_f64() / 1e6);
        }
    }
    let (ours, theirs) = (median(our_rates), median(their_rates));
    let name = workload.name;
    println!("{name:<26} {ours:>8.1} {theirs:>8.1} {:>8.2}", ours / theirs);
}

fn main() {
    println!("million instructions per second, medians of {MEASUREMENTS}, native");
    println!("{:<26} {:>8} {:>8} {:>8}", "", "ours", "Unicorn", "ratio");
    WORKLOADS.iter().for_each(measure);
    println!("ours: every counter of the playground kept; Unicorn 2.1.5: UC_HOOK_CODE that counts");
}
