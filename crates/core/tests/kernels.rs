//! Where kernels differ from v6.12: what each variation changes, and that it changes nothing in the standard set.

use cr3_core::explore::{
    Assumptions, Explorer, Method, Progress, Query, Report, Verdict, standard_features, standard_handlers,
};
use cr3_core::linux::{Config, Form, Handler, Kernel, Variation};
use cr3_core::run::Reason;
use cr3_core::scenario::{Scenario, Vector};
use cr3_core::trace::{Options, Trace};
use expect_test::{Expect, expect};

fn run(kernel: Kernel, form: Form, handler: Handler, inject: &str) -> Trace {
    let config = Config { kernel, form, handler: handler.into(), ..Config::default() };
    let scenario = Scenario { config, schedule: inject.parse().expect("a schedule") };
    Trace::record(&scenario, Options { budget: 20_000 }).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
}

/// How a run ends, what it breaks, and whether something is refused.
fn told(trace: &Trace) -> String {
    let mut text = trace.ending().to_string();
    for breakage in &trace.breakages {
        text += &format!(", breaks {}", breakage.broken.invariant());
    }
    for unfired in &trace.unfired {
        text += match unfired.reason {
            Reason::Refused { .. } => ", refused",
            _ => panic!("{unfired}"),
        };
    }
    text
}

/// With v6.12 and with `variation`. Forms that go alike share a line.
#[track_caller]
fn check(variation: Variation, handler: Handler, inject: &str, expected: Expect) {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for form in [Form::A, Form::B2, Form::C, Form::E] {
        let told = [Kernel::V6_12, Kernel::only(variation)].map(|kernel| told(&run(kernel, form, handler, inject)));
        let told = told.join(" -> ");
        match lines.iter_mut().find(|(other, _)| *other == told) {
            Some((_, forms)) => forms.push(form.name()),
            None => lines.push((told, vec![form.name()])),
        }
    }
    let text: String = lines.iter().map(|(told, forms)| format!("{}: {told}\n", forms.join(" "))).collect();
    expected.assert_eq(&text);
}

/// With LOADED_MM_SWITCHING stored first, an exception that changes the mm finds it already while the ASID is being chosen.
///
/// In v6.12 the outer poke writes through a stale alias there: the generation of the tables was read before the inner poke unmapped the
/// alias and counted it up, so the switch does not flush.
#[test]
fn the_order_of_loaded_mm_switching_decides_three_boundaries() {
    for place in ["choose_new_asid", "choose_new_asid+1", "choose_new_asid_loop"] {
        let inject = format!("kernel_loop+1:nmi > {place}:mc");
        check(
            Variation::EarlySwitching,
            Handler::KgdbPoke,
            &inject,
            expect![[r#"
                A: the program exited, breaks kernel-cr3, breaks no-stale, breaks user-cr3 -> the kernel panicked, breaks mapped
                B2 C E: the program exited, breaks no-stale -> the kernel panicked, breaks mapped
            "#]],
        );
        check(
            Variation::EarlySwitching,
            Handler::Schedule,
            &inject,
            expect![[r#"
                A: the program exited, breaks kernel-cr3, breaks user-cr3 -> the program exited, breaks kernel-cr3, breaks user-cr3
                B2 C E: the program exited -> the program exited, breaks kernel-cr3
            "#]],
        );
    }
}

/// The NMI unblocks NMIs by itself, so it takes one exception less to reach the two failures of its protocol.
#[test]
fn with_debug_entry_three_exceptions_reach_what_takes_four() {
    let before_iret = "kernel_loop+1:nmi > nmi_iret:mc > asm_exc_machine_check:nmi";
    let in_copy = "kernel_loop+1:nmi > repeat_nmi+4:mc > asm_exc_machine_check:nmi";
    let nested = "kernel_loop+1:nmi > modelled_handler:nmi";
    check(
        Variation::DebugEntry,
        Handler::Quiet,
        before_iret,
        expect![[r#"
                A B2 C E: the program exited, refused -> the run was stopped
            "#]],
    );
    check(
        Variation::DebugEntry,
        Handler::Quiet,
        in_copy,
        expect![[r#"
                A B2 C E: the program exited, refused -> the kernel panicked, breaks mapped
            "#]],
    );
    check(
        Variation::DebugEntry,
        Handler::Quiet,
        nested,
        expect![[r#"
                A B2 C E: the program exited, refused -> the program exited
            "#]],
    );
    check(
        Variation::NmiComplete,
        Handler::Quiet,
        before_iret,
        expect![[r#"
                A B2 C E: the program exited, refused -> the run was stopped
            "#]],
    );
    check(
        Variation::NmiComplete,
        Handler::Quiet,
        in_copy,
        expect![[r#"
                A B2 C E: the program exited, refused -> the program exited, refused
            "#]],
    );
    check(
        Variation::NmiComplete,
        Handler::Quiet,
        nested,
        expect![[r#"
                A B2 C E: the program exited, refused -> the program exited
            "#]],
    );
}

/// Neither helps while the first NMI has one frame only.
#[test]
fn an_nmi_whose_frame_is_not_copied_cannot_be_nested_in_any_kernel() {
    let inject = "kernel_loop+1:nmi > asm_exc_nmi+1:mc, asm_exc_nmi+1:nmi";
    for variation in Variation::ALL {
        check(
            variation,
            Handler::Quiet,
            inject,
            expect![[r#"
                A B2 C E: the run was stopped -> the run was stopped
            "#]],
        );
    }
}

fn explore(kernel: Kernel) -> Report {
    let handlers = standard_handlers(Assumptions::default());
    let each =
        |features| handlers.iter().map(move |&handler| Config { kernel, features, handler, ..Config::default() });
    let query = Query {
        configs: standard_features().into_iter().flat_map(each).collect(),
        vectors: vec![Vector::Nmi, Vector::Debug, Vector::MachineCheck],
        depth: 1,
        assumed: Assumptions::default(),
        method: Method::CutOff,
        max_runs: None,
        shard: None,
    };
    let mut explorer = Explorer::new(query).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    while explorer.work(1_000_000) == Progress::More {}
    explorer.report()
}

/// A variation adds no boundaries to the run without exceptions, so the counts of choices are those of v6.12. The exception is
/// DEBUG_ENTRY, whose checks run on every exit.
#[test]
fn no_variation_breaks_the_standard_set() {
    let before = explore(Kernel::V6_12).counts;
    for variation in Variation::ALL {
        let report = explore(Kernel::only(variation));
        assert_eq!((report.verdict, report.depth), (Verdict::Holds, 1), "{variation}: {:?}", report.violations);
        assert_eq!(report.unconfirmed, [""; 0], "{variation}");
        let more = report.counts.schedules.cast_signed() - before.schedules.cast_signed();
        assert_eq!(more > 0, variation == Variation::DebugEntry, "{variation}: {more}");
    }
}

/// A person's text sees the configuration.
#[test]
fn a_text_that_asks_for_debug_entry_is_answered() {
    let text =
        "#ifdef CONFIG_DEBUG_ENTRY\n.macro RESTORE_CR3 save_reg:req\n.endm\n#else\n.macro RESTORE_CR3\n.endm\n#endif\n";
    let notes = |kernel| {
        let config = Config { kernel, form: Form::Custom, custom: text.into(), ..Config::default() };
        let system = cr3_core::linux::boot(&config).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
        system.notes.iter().filter(|note| note.message.contains("CONFIG_DEBUG_ENTRY")).count()
    };
    assert_eq!((notes(Kernel::V6_12), notes(Kernel::only(Variation::DebugEntry))), (1, 0));
}
