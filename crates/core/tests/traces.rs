//! Traces over real code: replay finds any step again, counters add up, runs are compared.

use cr3_core::compare::{compare, counters};
use cr3_core::counters::{Counter, Tally};
use cr3_core::linux::{System, boot};
use cr3_core::machine::Machine;
use cr3_core::run::{Reason, Runner};
use cr3_core::scenario::{Nesting, Places, Scenario, Schedule};
use cr3_core::trace::{End, Ending, Options, Origin, StepKind, Trace};

fn scenario(text: &str) -> Scenario {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn record(text: &str) -> Trace {
    Trace::record(&scenario(text), Options::default()).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
}

/// The states of a run, without a trace.
fn states(scenario: &Scenario) -> Vec<Machine> {
    let System { machine, image, .. } = boot(&scenario.config).unwrap_or_else(|d| panic!("{d:#?}"));
    let mut tally = Tally::new(&machine);
    let mut runner = Runner::new(machine, &Places::new(&image), &scenario.schedule);
    let mut states = vec![runner.machine().clone()];
    while runner.step(&mut tally).is_ok() {
        states.push(runner.machine().clone());
    }
    states
}

const NESTED: &str =
    "form=A features=pti,pcid,nx handler=pending-flush inject=kernel_loop+1:nmi > asm_exc_nmi+2:mc, user_loop+3:db";
const NEVER: &str = "form=never features=pti,pcid,nx inject=sysret_exit_user_cr3+1:nmi";

#[test]
fn every_step_is_found_again() {
    for text in [NESTED, NEVER, "features=none"] {
        let scenario = scenario(text);
        let trace = record(text);
        let states = states(&scenario);
        assert_eq!(trace.end, End::Halted, "{text}");
        assert_eq!(states.len(), trace.steps.len() + 1);
        for (index, state) in states.iter().enumerate() {
            assert!(trace.machine_before(index) == *state, "{text}: state before step {index}");
        }
        let last = states.last().expect("the first state");
        for past in [trace.steps.len(), trace.steps.len() + 1, usize::MAX] {
            assert!(trace.machine_before(past) == *last && trace.machine_after(past) == *last);
            assert!(trace.detail(past).is_none() && trace.counts(past).is_empty());
        }
    }
}

/// The injections of a schedule after the first `struck`. They do not wait for an earlier handler.
fn rest(schedule: &Schedule, struck: usize) -> Schedule {
    let mut injections = schedule.injections[struck..].to_vec();
    if let Some(first) = injections.first_mut() {
        first.nesting = Nesting::After;
    }
    Schedule { injections }
}

/// How deep in handlers each step of `runner` is, and the machine at the end. Everything strikes.
fn levels(mut runner: Runner) -> (Vec<usize>, Machine) {
    let mut levels = vec![runner.nest().depth()];
    while runner.step(&mut ()).is_ok() {
        levels.push(runner.nest().depth());
    }
    let (machine, unfired) = runner.finish();
    assert_eq!(unfired, []);
    (levels, machine)
}

#[test]
fn a_run_goes_on_from_a_machine_and_its_nest() {
    let Scenario { config, schedule } = scenario("form=A handler=perf inject=kernel_loop+1:nmi > exc_nmi+2:mc");
    let System { machine, image, .. } = boot(&config).unwrap_or_else(|d| panic!("{d:#?}"));
    let places = Places::new(&image);
    let mut runner = Runner::new(machine, &places, &schedule);
    let (whole, last) = levels(runner.clone());
    assert_eq!(whole.iter().max(), Some(&2));
    let (mut struck, mut depths) = (0, [0; 3]);
    for step in 0..whole.len() {
        if step % 7 == 0 {
            let (machine, nest) = (runner.machine().clone(), runner.nest().clone());
            depths[nest.frames().len()] += 1;
            let (levels, machine) = levels(Runner::resume(machine, nest, &places, &rest(&schedule, struck)));
            assert!(levels == whole[step..] && machine == last, "resumed before step {step}");
        }
        let kind = runner.step(&mut ()).map(|stepped| stepped.kind);
        struck += usize::from(matches!(kind, Ok(StepKind::Delivery { origin: Origin::Injected(_), .. })));
    }
    assert_eq!((struck, depths), (2, [98, 124, 22]));
}

#[test]
fn steps_agree_with_states_and_details() {
    let trace = record(NESTED);
    for (index, step) in trace.steps.iter().enumerate() {
        let (before, after) = (trace.machine_before(index), trace.machine_after(index));
        let retaken = trace.retake(index).expect("a step");
        assert!(retaken.before == before && retaken.after == after, "step {index} taken again");
        assert_eq!((step.rip, step.cpl, step.cr3), (before.cpu.rip, before.cpu.cpl, before.cpu.cr3));
        assert_eq!(step.cr3_after, after.cpu.cr3);
        let detail = trace.detail(index).expect("a step");
        assert_eq!((detail.kind, detail.rip_after), (step.kind, after.cpu.rip));
        assert_eq!(
            detail.decoded.is_some(),
            !matches!(step.kind, StepKind::Delivery { origin: Origin::Injected(_), .. })
        );
        assert!(!detail.sentence(&trace).is_empty());
        if let Some(decoded) = detail.decoded {
            assert_eq!(detail.bytes.len(), decoded.len(), "{}", detail.place);
        }
        for change in &detail.registers {
            assert_ne!(change.before, change.after, "{}", change.name);
        }
    }
}

#[test]
fn counters_add_up() {
    let trace = record(NESTED);
    let mut sum = trace.counters_before(0);
    assert!(sum.iter().all(|(_, value)| value == 0));
    for index in 0..trace.steps.len() {
        assert_eq!(trace.counters_before(index), sum, "step {index}");
        for &(counter, amount) in trace.counts(index) {
            assert!(amount != 0 && trace.steps[index].counted.contains(counter));
            sum[counter] += u64::from(amount);
        }
    }
    assert_eq!(sum, trace.counters);
    let c = |counter| trace.counters[counter];
    assert_eq!(c(Counter::TlbMisses), c(Counter::RefillMisses) + c(Counter::ColdMisses) + c(Counter::CapacityMisses));
    assert_eq!(c(Counter::Cr3Writes), c(Counter::FlushingCr3Writes) + c(Counter::NoflushCr3Writes));
    let causes = [
        Counter::DroppedByCr3Write,
        Counter::DroppedByCr4Write,
        Counter::DroppedByCr0Write,
        Counter::DroppedByEferWrite,
        Counter::DroppedByInvlpg,
        Counter::DroppedByInvpcid,
    ];
    assert_eq!(c(Counter::DroppedEntries), causes.into_iter().map(c).sum::<u64>());
    let retires = |kind| match kind {
        StepKind::Instruction | StepKind::Delivery { origin: Origin::Trapped, .. } => 1,
        StepKind::Delivery { .. } | StepKind::Shutdown { .. } => 0,
    };
    assert_eq!(c(Counter::Instructions), trace.steps.iter().map(|step| retires(step.kind)).sum::<u64>());
}

#[test]
fn nesting_rises_and_falls() {
    let trace = record(NESTED);
    let mut levels: Vec<u8> = trace.steps.iter().map(|step| step.level).collect();
    levels.dedup();
    assert_eq!(&levels[..7], [0, 1, 0, 1, 2, 1, 0], "INT3 of the kernel, then #MC inside the NMI");
    assert_eq!(levels.last(), Some(&0));
    let user = trace.steps.iter().filter(|step| step.cpl == 3);
    assert!(user.clone().count() > 50 && user.clone().all(|step| step.level == 0));
}

/// Once the handler of an injection has returned, other handlers are no part of it.
#[test]
fn what_strikes_after_a_handler_may_strike_inside_another() {
    let trace = record("inject=kernel_loop+1:nmi, exc_page_fault:db > paranoid_entry+3:mc");
    assert_eq!(trace.unfired, []);
    let inside = record("inject=kernel_loop+1:nmi > exc_page_fault:db");
    let reasons: Vec<_> = inside.unfired.iter().map(|unfired| &unfired.reason).collect();
    assert!(matches!(reasons[..], [Reason::HandlerReturned { arrivals: 0 }]), "{reasons:?}");
}

#[test]
fn a_budget_ends_a_run() {
    let trace = Trace::record(&scenario(""), Options { budget: 600 }).unwrap_or_else(|d| panic!("{d:#?}"));
    assert_eq!((&trace.end, trace.steps.len()), (&End::Budget { steps: 600 }, 600));
    let whole = record("");
    assert!(trace.machine_after(599) == whole.machine_after(599));
    let nothing = Trace::record(&scenario(""), Options { budget: 0 }).unwrap_or_else(|d| panic!("{d:#?}"));
    assert!(nothing.steps.is_empty() && nothing.machine_before(0) == nothing.system.machine);
}

#[test]
fn equal_runs_show_no_difference() {
    let runs = [record(NESTED), record(NESTED), record(NESTED)];
    let comparison = compare(&runs.each_ref());
    assert_eq!(comparison.rows.len(), runs[0].steps.len());
    assert!(comparison.differences.is_empty() && comparison.partial_places.is_empty());
    assert!(comparison.fields(&runs.each_ref(), 300).is_empty());
    assert!(counters(&runs.each_ref()).iter().all(|row| row.deltas == [Some(0); 3]));
}

#[test]
fn form_e_saves_two_instructions_in_one_place() {
    let text = |form| format!("form={form} features=pti,pcid inject=kernel_loop+1:nmi");
    let runs = [record(&text("A")), record(&text("E"))];
    let comparison = compare(&runs.each_ref());
    let [difference] = comparison.differences.as_slice() else {
        panic!("{:?}", comparison.differences);
    };
    assert_eq!(difference.len(), 2);
    let cells = |row: usize| comparison.rows[row].steps.clone();
    let [first, second] = [cells(difference.start), cells(difference.start + 1)];
    assert!(first[1].is_none() && second[1].is_none(), "form E has no step there");
    let write = second[0].expect("form A has a step there") as usize;
    let detail = runs[0].detail(write).expect("a step");
    assert_eq!(detail.sentence(&runs[0]), "writes CR3: same tables, PCID 1, no flush; nothing dropped; redundant");
    assert_eq!(comparison.row_of(0, write), Some(difference.start + 1));
    let after = comparison.fields(&runs.each_ref(), difference.end);
    let names: Vec<_> = after.iter().map(|field| field.field).collect();
    assert_eq!(names, ["r14", "instructions", "cr3_writes", "redundant_cr3_writes", "noflush_cr3_writes"]);
}

#[test]
fn all_forms_stand_side_by_side() {
    let forms = ["A", "B2", "C", "E", "never"];
    let runs = forms.map(|form| record(&format!("form={form} features=pti,pcid,nx inject=sysret_exit_user_cr3+1:nmi")));
    let runs: Vec<&Trace> = runs.iter().collect();
    let comparison = compare(&runs);
    for (run, trace) in runs.iter().enumerate() {
        let steps: Vec<u32> = comparison.rows.iter().filter_map(|row| row.steps[run]).collect();
        assert_eq!(steps, (0..trace.steps.len() as u32).collect::<Vec<_>>(), "{}", forms[run]);
    }
    assert!(comparison.rows.len() < 2 * runs[0].steps.len());
    assert!(!comparison.partial_places.is_empty(), "the forms differ in length");
}

#[test]
fn endings_are_told_apart() {
    let cases = [
        ("features=pti,pcid inject=kernel_loop+1:nmi", Ending::Finished),
        // #VC in the gap after SYSCALL leaves its IST stack for one that the user half does not map.
        ("features=pti,pcid inject=entry_SYSCALL_64:vc", Ending::KernelPanic),
    ];
    for (text, expected) in cases {
        assert_eq!(record(text).ending(), expected, "{text}");
    }
}
