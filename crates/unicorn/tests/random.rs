//! Single random instructions on our machine and on Unicorn.
//!
//! CR3_FUZZ_SECONDS runs new seeds for that long. CR3_FUZZ_SEED and CR3_FUZZ_CASE repeat one case of an earlier
//! failure.

mod report;
mod shares;

use cr3_unicorn::checker::Tally;
use cr3_unicorn::native::Native;
use cr3_unicorn_testing::fuzz::Fuzzer;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

/// The seeds of a run without a time budget, each on its own thread.
const SEEDS: [u64; 2] = [0xc3, 0xc3c3];

/// Cases of each seed.
const CASES: u64 = 610_000;

/// The results of the cases of one or more seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Total {
    cases: u64,
    /// Skipped, because our machine does not implement the instruction.
    unimplemented: u64,
    tally: Tally,
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.unimplemented += other.unimplemented;
        self.tally.add(&other.tally);
    }

    fn print(&self) {
        println!("{} cases, {} not implemented: {}", self.cases, self.unimplemented, self.tally);
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let digits = text.strip_prefix("0x");
    let number = digits.map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok());
    Some(number.unwrap_or_else(|| panic!("{name}={text} is not a number")))
}

fn fuzzer(seed: u64) -> Fuzzer<Native> {
    println!("seed {seed:#x}");
    let native = Native::open().expect("Unicorn opens");
    Fuzzer::new(native, seed).expect("Unicorn holds the image")
}

fn check(seed: u64, cases: Range<u64>) -> Total {
    let mut fuzzer = fuzzer(seed);
    let count = cases.end - cases.start;
    if let Some(report) = fuzzer.run(cases) {
        panic!("{}", fuzzer.shrink(report));
    }
    Total { cases: count, unimplemented: fuzzer.unimplemented(), tally: fuzzer.tally().clone() }
}

/// All seeds at the same time.
fn check_all(seeds: &[u64]) -> Total {
    let mut total = Total::default();
    std::thread::scope(|scope| {
        let runs: Vec<_> = seeds.iter().map(|seed| scope.spawn(|| check(*seed, 0..CASES))).collect();
        for run in runs {
            total.add(&run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    total
}

/// A seed that no run had before.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is right");
    now.as_nanos() as u64
}

/// New seeds from `first` on, until the time is over.
fn check_for(budget: Duration, first: u64) -> Total {
    let end = Instant::now() + budget;
    let mut total = Total::default();
    for round in 0.. {
        let seeds: [u64; SEEDS.len()] = std::array::from_fn(|nth| first.wrapping_add(2 * round + nth as u64));
        total.add(&check_all(&seeds));
        if Instant::now() > end {
            break;
        }
    }
    total
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
    let total = match variable("CR3_FUZZ_SECONDS") {
        Some(seconds) => check_for(Duration::from_secs(seconds), seed.unwrap_or_else(new_seed)),
        None => check_all(&SEEDS),
    };
    total.print();
    shares::check(total.cases, &total.tally);
    if variable("CR3_FUZZ_SECONDS").is_none() {
        assert_eq!(total.cases, SEEDS.len() as u64 * CASES);
        let Tally { compared, exceptions, delivered, delivered_by_both, .. } = total.tally;
        assert_eq!([total.unimplemented, compared, exceptions, delivered, delivered_by_both], TOTALS);
        report::check("random instructions in random states, natively", total.cases, &total.tally);
    }
}

/// Totals of the run without a time budget: not implemented, compared, exceptions among them, deliveries, deliveries by
/// both.
const TOTALS: [u64; 5] = [18_929, 1_015_246, 298_682, 487_339, 0];
