//! Single random instructions on our machine and on Unicorn.
//!
//! CR3_FUZZ_SECONDS runs new seeds for that long; CR3_FUZZ_SEED and CR3_FUZZ_CASE run one case of an earlier failure again.

use cr3_unicorn::checker::Tally;
use cr3_unicorn::fuzz::Fuzzer;
use cr3_unicorn::native::Native;
use std::time::{Duration, Instant};

/// The seed of every run without a time budget.
const SEED: u64 = 0xc3;

/// Cases of a run without a time budget.
const CASES: u64 = 100_000;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let digits = text.strip_prefix("0x");
    let number = digits.map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok());
    Some(number.unwrap_or_else(|| panic!("{name}={text} is not a number")))
}

fn fuzzer(seed: u64) -> Fuzzer<Native> {
    let native = Native::open().expect("Unicorn opens");
    Fuzzer::new(native, seed).expect("Unicorn holds the image")
}

fn check(fuzzer: &mut Fuzzer<Native>, cases: std::ops::Range<u64>) {
    if let Some(report) = fuzzer.run(cases) {
        panic!("{}", fuzzer.shrink(report));
    }
}

#[test]
fn random_instructions_agree() {
    let seed = variable("CR3_FUZZ_SEED");
    if let (Some(seed), Some(case)) = (seed, variable("CR3_FUZZ_CASE")) {
        let mut fuzzer = fuzzer(seed);
        if let Some(report) = fuzzer.run_alone(case) {
            panic!("{}", fuzzer.shrink(report));
        }
        return;
    }
    let mut total = Tally::default();
    let Some(seconds) = variable("CR3_FUZZ_SECONDS") else {
        let mut fuzzer = fuzzer(seed.unwrap_or(SEED));
        check(&mut fuzzer, 0..CASES);
        total.add(fuzzer.tally());
        println!("{} opcodes, {total}", fuzzer.opcodes().len());
        assert!(total.compared > CASES * 4 / 5, "most cases are compared, not mirrored: {total}");
        return;
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let first =
        seed.unwrap_or_else(|| Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id()) << 32);
    for seed in first.. {
        println!("seed {seed:#x}");
        let mut fuzzer = fuzzer(seed);
        check(&mut fuzzer, 0..CASES);
        total.add(fuzzer.tally());
        if Instant::now() > end {
            break;
        }
    }
    println!("{total}");
}
