//! The part of `cargo xtask fuzz` that looks for panics, hangs and unbounded growth. It runs properties of the engine
//! with many more cases than `cargo xtask test`, new seeds in every round, and overflow checks and debug assertions on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::failure::Failure;
use crate::project::Project;
use crate::setup;
use crate::steps::{self, Finished, seconds};

/// One kind of input, and the properties that use it.
struct Kind {
    name: &'static str,
    /// Multiple of the usual cases that takes about ten seconds.
    times: u32,
    /// Cargo's arguments for the package and its test program.
    program: &'static [&'static str],
    /// Parts of the names of the properties.
    properties: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "code bytes in any state of the machine",
        times: 40,
        program: &["--package", "cr3-machine", "--lib"],
        properties: &["exec::tests::random::", "exec::tests::short::"],
    },
    Kind {
        name: "texts for the assembler",
        times: 4,
        program: &["--package", "cr3-asm", "--test", "asm"],
        properties: &["hostile::"],
    },
    Kind {
        name: "random lines, beside GNU as",
        times: 5,
        program: &["--package", "cr3-asm", "--test", "asm"],
        properties: &["random::"],
    },
    Kind {
        name: "texts of the macro",
        times: 4,
        program: &["--package", "cr3-core", "--test", "linux_paths"],
        properties: &["custom::no_"],
    },
    Kind {
        name: "patches and mails",
        times: 10,
        program: &["--package", "cr3-patch", "--test", "patch"],
        properties: &["any_text::no_"],
    },
    Kind {
        name: "schedules and their texts",
        times: 3,
        program: &["--package", "cr3-core", "--lib", "--test", "any_schedule"],
        properties: &["scenario::tests::", "every_injection", "any_two_runs"],
    },
    Kind {
        name: "files of TLB vectors",
        times: 10,
        program: &["--package", "cr3-vectors", "--test", "tlb_vectors"],
        properties: &["no_text", "no_number"],
    },
];

/// A longer round counts as hanging.
const LONGEST_ROUND: Duration = Duration::from_secs(900);

/// A number that no earlier call has used.
pub(crate) fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}

/// One kind after the other, round after round, for `minutes`.
pub(crate) fn run(project: &Project, minutes: u32) -> Result<(), Failure> {
    setup::for_assembler(project)?;
    build(project)?;
    let end = Instant::now() + Duration::from_secs(u64::from(minutes) * 60);
    let first = new_seed();
    let mut tallies = [(0, Duration::ZERO); KINDS.len()];
    for turn in 0.. {
        // Each kind gets a turn, however slow the machine is.
        if turn >= KINDS.len() && Instant::now() > end {
            break;
        }
        let (round, which) = (turn / KINDS.len(), turn % KINDS.len());
        let finished = play(project, &KINDS[which], first + round as u64)?;
        tallies[which].0 += cases(&finished.lines);
        tallies[which].1 += finished.elapsed;
    }
    for (kind, (cases, elapsed)) in KINDS.iter().zip(tallies) {
        println!("    {}: {cases} cases in {}, seeds from {first}", kind.name, seconds(elapsed));
    }
    Ok(())
}

fn cargo_test(kind: &Kind) -> Vec<&'static str> {
    [&["test", "--profile", "fuzz", "--locked"], kind.program].concat()
}

fn build(project: &Project) -> Result<(), Failure> {
    let mend = "mend what the compiler names above";
    for kind in &KINDS {
        let mut cargo = project.cargo(&cargo_test(kind));
        steps::run(&format!("build: {}", kind.name), cargo.arg("--no-run"), mend)?;
    }
    Ok(())
}

fn play(project: &Project, kind: &Kind, seed: u64) -> Result<Finished, Failure> {
    let mut cargo = project.cargo(&cargo_test(kind));
    cargo.args(["--", "--nocapture"]).args(kind.properties);
    cargo.env("PROPTEST_RNG_SEED", seed.to_string()).env("CR3_CASES_TIMES", kind.times.to_string());
    cargo.env("CR3_REQUIRE_GAS", "1");
    let headline = format!("{}, seed {seed}", kind.name);
    let finished = steps::try_run(&headline, &mut cargo, Some(LONGEST_ROUND))?;
    if finished.success() {
        return Ok(finished);
    }
    steps::show_output(&finished.lines);
    let how = if finished.status.is_some() { "failed" } else { "did not end" };
    let mend = format!(
        "PROPTEST_RNG_SEED={seed} CR3_CASES_TIMES={} cargo {} -- {} runs it again; keep the smallest failing input as a case",
        kind.times,
        cargo_test(kind).join(" "),
        kind.properties.join(" ")
    );
    Err(Failure::new(format!("{headline}: {how}"), mend))
}

/// The sum over lines such as `1500 cases`, which may follow the name of their test.
fn cases(lines: &[String]) -> u64 {
    lines.iter().filter_map(|line| line.strip_suffix(" cases")?.split(' ').next_back()?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_summed() {
        let lines = ["running 3 tests", "test a ... 1500 cases", "24 cases", "ok", "no cases"].map(str::to_owned);
        assert_eq!(cases(&lines), 1524);
    }
}
