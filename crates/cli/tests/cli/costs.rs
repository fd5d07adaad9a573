//! `cr3play cpus` and `nmi`, and what runs cost on a processor.

use super::{assert_fits, json, play};
use expect_test::{Expect, expect};

#[test]
fn estimates_what_a_write_for_each_nmi_amounts_to() {
    let told = play("nmi --rate 4000 --ghz 3 --cycles 200..400", "");
    assert_eq!(told.status, 0);
    expect![[r#"
        formula   share = NMIs per second x share that strikes in the kernel x cycles of each / cycles per
                  second
        with      4000 NMIs per second, 1 of them in the kernel, 200 to 400 cycles each, 3 GHz
        share     0.0267 % to 0.0533 % of one processor
        a year    2.34 to 4.68 hours of one processor
        note      an estimate from published ranges; nothing was measured
    "#]]
    .assert_eq(&told.out);
    let report = json("nmi --rate 16000 --kernel-share 0.5 --cycles 200 --json", 0);
    assert_eq!(report["cycles"].to_string(), "[200,200]");
    let share = report["share"][0].as_f64().expect("a number");
    assert!((share - 16_000.0 * 0.5 * 200.0 / 3e9).abs() < 1e-12, "{share}");
}

#[test]
fn lists_processors_with_sources_and_doubts() {
    let answer = play("cpus", "");
    assert_eq!(answer.status, 0);
    assert!(answer.out.lines().all(|line| line.chars().count() <= 100));
    let report = json("cpus --json", 0);
    let models = report.as_array().expect("a list");
    assert_eq!(models.len(), 11);
    let processors = models.iter().filter(|model| !model["processor"].is_null());
    for model in processors.clone() {
        let processor = &model["processor"];
        for text in [&processor["doubts"], &processor["cr3_write"]["source"], &processor["page_walk"]["doubt"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{model}");
        }
    }
    assert_eq!(processors.count(), 9);
}

#[test]
fn a_run_on_a_processor_costs_what_its_counters_say() {
    let report = json("compare --geometry skylake --features pti --inject kernel_loop+1:nmi --json", 0);
    let runs = report["runs"].as_array().expect("runs");
    for run in runs {
        let count = |name: &str| run["counters"][name].as_u64().expect("a counter");
        let invpcid = 350 * count("invpcid");
        let low = 70 * count("cr3_writes") + 16 * count("tlb_misses") + invpcid;
        let high = 250 * count("cr3_writes") + 200 * count("tlb_misses") + invpcid;
        assert_eq!(run["cost"]["cycles"].to_string(), format!("[{low},{high}]"));
        assert_eq!(run["cost"]["processor"], "Skylake");
    }
    assert_eq!(report["reading"], "measured");
    let unbounded = json("compare --inject kernel_loop+1:nmi --json", 0);
    assert!(unbounded["runs"][0]["cost"].is_null());
    assert_eq!(unbounded["reading"], "MIN");
}

/// The text of a run on a processor, from its first line about cycles on.
fn told_costs(arguments: &str) -> String {
    let answer = play(arguments, "");
    assert_eq!(answer.status, 0, "{}", answer.err);
    assert_fits(arguments, &answer);
    answer.out.split("\n\n").filter(|part| part.starts_with("cycles on ")).collect()
}

#[test]
fn a_run_on_a_processor_tells_its_cost_and_what_the_processor_lacks() {
    let check = |arguments: &str, expected: Expect| expected.assert_eq(&told_costs(arguments));
    check(
        "run --steps none --geometry skylake --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Skylake       each                   E
        CR3 writes         70 to 250  15 x: 1050 to 3750
        other walks        16 to 200   28 x: 448 to 5600
        sum                                 1498 to 9350
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
    "#]],
    );
    check(
        "run --steps none --geometry zen-2 --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Zen 2       each                   E
        CR3 writes       70 to 250  15 x: 1050 to 3750
        other walks      16 to 200   29 x: 464 to 5800
        sum                               1514 to 9550
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
        warning   the run uses PCID, which Zen 2 does not have; switch pcid off to see a processor without
                  it
        warning   the run uses INVPCID, which Zen 2 does not have; switch invpcid off to see a processor
                  without it
    "#]],
    );
    check(
        "run --steps none --geometry zen-3 --features pti,nx --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Zen 3       each                   E
        CR3 writes       70 to 250  15 x: 1050 to 3750
        refill walks     16 to 200  58 x: 928 to 11600
        other walks      16 to 200   27 x: 432 to 5400
        sum                              2410 to 20750
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
    "#]],
    );
    check("run --steps none --inject kernel_loop+1:nmi", expect![[""]]);
    check(
        "compare --rows 0 --geometry sandy-bridge --inject kernel_loop+1:nmi",
        expect![[r#"
        cycles on Sandy Bridge       each                   A                   E
        CR3 writes              70 to 250  16 x: 1120 to 4000  15 x: 1050 to 3750
        other walks             16 to 200   29 x: 464 to 5800   29 x: 464 to 5800
        sum                                      1584 to 9800        1514 to 9550
        difference                                                    -250 to -70
        Published ranges, not measured here; `cr3play cpus` has sources and doubts.
        warning   the run uses INVPCID, which Sandy Bridge does not have; switch invpcid off to see a
                  processor without it"#]],
    );
    let warnings = |arguments: &str| json(arguments, 0)["cost"]["warnings"].as_array().expect("a list").len();
    assert_eq!(warnings("run --steps none --geometry zen-2 --json"), 2);
    assert_eq!(warnings("run --steps none --geometry zen-2 --features pti --json"), 0);
}
