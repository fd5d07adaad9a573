//! Two comparisons in one process: `cargo run --release -p cr3-unicorn --example bench`.
//!
//! Instructions per second on the same loops, of our machine with its counters, step by step and in strides, and of
//! Unicorn with a hook for every instruction. Steps per second of the page's opening story, followed by nobody, by
//! native Unicorn, and by our machine itself.

use cr3_core::benchmark;
use cr3_core::counters::{Counter, Tally};
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Config, Features, Form, Handler, System, boot};
use cr3_core::machine::{Machine, Register, Stepper, Stop};
use cr3_core::scenario::{Scenario, Vector};
use cr3_testing::Random;
use cr3_unicorn::follow::{Job, SweepJob};
use cr3_unicorn::native::{Hooks, Native};
use cr3_unicorn::processor::Processor;
use cr3_unicorn_testing::fuzz::image::{CODE, Image, USER_CODE, USER_CS, USER_DATA, USER_DS, segment};
use cr3_unicorn_testing::own::Own;
use std::fmt;
use std::time::{Duration, Instant};

/// Repetitions of the loop in one measurement.
const REPETITIONS: u64 = 200_000;

/// Measurements, of which the median counts.
const MEASUREMENTS: usize = 9;

/// A loop, and the number of instructions in one repetition.
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

/// Behind a loop. No stride runs past it.
const UD2: [u8; 2] = [0x0f, 0x0b];

fn system(workload: &Workload) -> Machine {
    let mut machine = Image::new(&mut Random(0)).machine;
    machine.memory.write_bytes(CODE, workload.code);
    machine.memory.write_bytes(CODE + workload.code.len() as u64, &UD2);
    machine.cpu.cpl = 3;
    machine.cpu.segments = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0].map(segment);
    machine.cpu.rip = USER_CODE;
    let registers = [(Register::Rbx, USER_DATA), (Register::Rsp, USER_DATA + 0x1800), (Register::Rcx, REPETITIONS)];
    for (register, value) in registers {
        machine.cpu.registers[register as usize] = value;
    }
    machine
}

/// A way to go on.
type Go = fn(&mut Stepper, &mut Tally) -> Result<(), Stop>;

fn by_steps(stepper: &mut Stepper, tally: &mut Tally) -> Result<(), Stop> {
    stepper.step(tally)
}

fn by_strides(stepper: &mut Stepper, tally: &mut Tally) -> Result<(), Stop> {
    stepper.stride(tally, u32::MAX).map(|_| ())
}

/// Runs our machine with its counters to the end of the loop. Returns instructions and time.
fn ours(start: &Machine, end: u64, go: Go) -> (u64, Duration) {
    let mut stepper = Stepper::new(start.clone());
    let mut tally = Tally::new(start);
    let started = Instant::now();
    while stepper.machine().cpu.rip != end {
        if let Err(stop) = go(&mut stepper, &mut tally) {
            panic!("the loop stopped at {:#x}: {stop:?}", stepper.machine().cpu.rip);
        }
    }
    (tally.counters()[Counter::Instructions], started.elapsed())
}

/// Runs Unicorn with a hook for every instruction to the end of the loop. Returns instructions and time.
fn theirs(native: &mut Native, start: &Machine, end: u64) -> (u64, Duration) {
    native.adopt(&start.cpu).expect("Unicorn takes the registers");
    let started = Instant::now();
    let instructions = native.run(end).expect("Unicorn runs the loop");
    (instructions, started.elapsed())
}

/// Median, lowest and highest of rates.
struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    fn of(mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        Self { median: rates[rates.len() / 2], lowest: rates[0], highest: rates[rates.len() - 1] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.2} ({:.2} to {:.2})", self.median, self.lowest, self.highest)
    }
}

/// Millions per second.
fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64() / 1e6
}

fn measure(workload: &Workload) {
    let start = system(workload);
    let end = USER_CODE + workload.code.len() as u64;
    let mut native = Native::open_with(Hooks::Instructions).expect("Unicorn opens");
    native.load(&start).expect("Unicorn takes the image");
    theirs(&mut native, &start, end);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..MEASUREMENTS {
        let all = [ours(&start, end, by_steps), ours(&start, end, by_strides), theirs(&mut native, &start, end)];
        for ((instructions, elapsed), rates) in all.into_iter().zip(&mut rates) {
            assert_eq!(instructions, REPETITIONS * workload.instructions, "each runs the whole loop");
            rates.push(rate(instructions, elapsed));
        }
    }
    let [steps, strides, theirs] = rates.map(Spread::of);
    let ratios = [&steps, &strides].map(|ours| ours.median / theirs.median);
    println!("{:<26} {steps}   {strides}   {theirs}   {:.2} and {:.2}", workload.name, ratios[0], ratios[1]);
}

/// The story that the page opens with, in one of its forms.
fn opening(form: Form) -> (Scenario, System) {
    let (features, geometry) = (Features::ALL, Geometry::Architectural);
    let config = Config { features, form, handler: Handler::Quiet.into(), geometry, ..Config::default() };
    let schedule = "kernel_loop+1:nmi".parse().expect("a schedule");
    let system = boot(&config).expect("the form assembles");
    (Scenario { config, schedule }, system)
}

/// Rounds of the story in a measurement.
const ROUNDS: u32 = 20;

/// Runs both forms without a second CPU and with all counters. Returns instructions and time.
fn alone(runs: &[(Scenario, System)]) -> (u64, Duration) {
    let started = Instant::now();
    let count = |(scenario, system): &(Scenario, System)| benchmark::count(system, scenario);
    let instructions = (0..ROUNDS).map(|_| runs.iter().map(count).sum::<u64>()).sum();
    (instructions, started.elapsed())
}

/// Runs both forms with `follower` behind the checker. Returns steps, and the time without loading the image.
fn followed<P: Processor>(mut follower: P, runs: &[(Scenario, System)]) -> (P, u64, Duration) {
    let (mut elapsed, mut steps) = (Duration::ZERO, 0);
    for (scenario, system) in (0..ROUNDS).flat_map(|_| runs) {
        let mut job = Job::new(follower, system, &scenario.schedule, benchmark::STEPS);
        let started = Instant::now();
        let progress = job.advance(u32::MAX);
        elapsed += started.elapsed();
        assert_eq!(progress.report, None, "both agree");
        steps += progress.marks.len() as u64;
        follower = job.into_follower();
    }
    (follower, steps, elapsed)
}

fn measure_checks() {
    let runs = [Form::A, Form::E].map(opening);
    let (mut native, mut own) = (Native::open().expect("Unicorn opens"), Own::new(&runs[0].1.machine));
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..MEASUREMENTS {
        let (instructions, time) = alone(&runs);
        rates[0].push(rate(instructions, time));
        let (back, steps, time) = followed(native, &runs);
        (native, _) = (back, rates[1].push(rate(steps, time)));
        let (back, steps, time) = followed(own, &runs);
        (own, _) = (back, rates[2].push(rate(steps, time)));
    }
    let names = ["nobody, all counters on", "native Unicorn", "our machine"];
    for (name, rates) in names.into_iter().zip(rates) {
        println!("{name:<26} {}", Spread::of(rates));
    }
}

/// Sweeps in one measurement, of which the median counts.
const SWEEPS: usize = 3;

/// Every single injection into form A with native Unicorn behind the checker.
fn measure_sweep() {
    let (scenario, system) = opening(Form::A);
    let mut native = Native::open().expect("Unicorn opens");
    let (mut seconds, mut told) = (Vec::new(), String::new());
    for _ in 0..SWEEPS {
        let started = Instant::now();
        let mut job = SweepJob::new(native, &system, &scenario.config, &Vector::ALL, benchmark::STEPS);
        let progress = job.advance(u32::MAX);
        seconds.push(started.elapsed().as_secs_f64());
        assert_eq!(progress.report, None, "both agree");
        told = format!("{} strike, {} steps", progress.swept.struck, progress.tally.compared);
        native = job.into_follower();
    }
    println!("every single injection into A, native Unicorn: {told}, {} s", Spread::of(seconds));
}

fn main() {
    println!("million instructions per second, native: median of {MEASUREMENTS} (lowest to highest)");
    println!("{:<26} {:<25} {:<25} {:<25} ratios", "", "   ours, step by step", "   ours, in strides", "   Unicorn");
    WORKLOADS.iter().for_each(measure);
    println!("ours: every counter of the playground kept; Unicorn 2.1.5: UC_HOOK_CODE that counts");
    println!("\nmillion steps per second of the opening story, forms A and E, native, followed by:");
    measure_checks();
    measure_sweep();
}
