//! What the situations that decide the arguments break, by the run's own report.

use crate::support::FORMS;
use cr3_core::compare::astray;
use cr3_core::scenario::Scenario;
use cr3_core::scenario::presets::{PRESETS, Preset};
use cr3_core::trace::{Options, Trace};
use expect_test::expect;

/// More than any terminating run needs; less than one that never ends.
const STEPS: u32 = 20_000;

fn record(scenario: &Scenario) -> Trace {
    Trace::record(scenario, Options { budget: STEPS }).unwrap_or_else(|told| panic!("{told:#?}"))
}

fn broken(scenario: &Scenario) -> String {
    let trace = record(scenario);
    let told = trace
        .breakages
        .iter()
        .map(|breakage| format!("{} at {}", breakage.broken.invariant(), trace.place_name(breakage.step)))
        .collect::<Vec<_>>();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// Forms that break the same promises share a line.
fn by_form(preset: &Preset) -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for form in FORMS {
        let name = form.name();
        let told = broken(&preset.scenario(form));
        match lines.iter_mut().find(|(other, _)| *other == told) {
            Some((_, forms)) => forms.push(name),
            None => lines.push((told, vec![name])),
        }
    }
    lines.into_iter().map(|(told, forms)| format!("  {}: {told}\n", forms.join(" "))).collect()
}

#[test]
fn every_preset_breaks_what_its_story_says() {
    let told: String = PRESETS.iter().map(|preset| format!("{}\n{}", preset.name, by_form(preset))).collect();
    expect![[r#"
        kgdb-kernel
          A: kernel-cr3 at paranoid_exit_cr3_restored, user-cr3 at user_write_done
          B2 C E never: nothing
        kgdb-sysret-exit
          A B2 C E: kernel-cr3 at nmi_exit_cr3_restored, user-cr3 at user_write_done
          never: restored at sysret_exit_user_cr3, user-cr3 at user_write_done
        kgdb-iret-exit
          A B2 C E: kernel-cr3 at nmi_exit_cr3_restored, user-cr3 at user_breakpoint_done
          never: restored at iret_exit_user_cr3, user-cr3 at user_breakpoint_done
        kgdb-in-switch-mm
          A B2 C E never: mapped at asm_exc_page_fault
        late-flush
          A B2 C E never: flush-kept at user_write_done
        leftover-flush
          A B2 C E: nothing
          never: restored at sysret_exit_user_cr3, user-cr3 at user_write_done
        rogue-cr3
          A: nothing
          B2 C E never: kernel-cr3 at kernel_loop+1, restored at kernel_loop+1, user-cr3 at user_write_done
        rogue-switch-mm
          A: kernel-cr3 at nmi_exit_cr3_restored, user-cr3 at user_write_done
          B2 C E never: user-cr3 at user_write_done
        schedule
          A: kernel-cr3 at nmi_exit_cr3_restored, user-cr3 at user_write_done
          B2 C E never: nothing
        efi-call
          A B2 C E never: kernel-cr3 at paranoid_entry_kernel_cr3, no-stale at paranoid_entry_kernel_cr3+1, mapped at asm_exc_page_fault
        vc-syscall-gap
          A B2 C E: mapped at asm_exc_double_fault
          never: restored at entry_SYSCALL_64+1
    "#]]
    .assert_eq(&told);
}

#[test]
fn runs_in_which_nothing_strikes_break_nothing() {
    for form in FORMS {
        let mut scenario = PRESETS[0].scenario(form);
        scenario.schedule.injections.clear();
        for features in crate::support::all_features() {
            scenario.config.features = features;
            assert_eq!(broken(&scenario), "nothing", "{scenario}");
        }
    }
}

/// Why the counters of two runs cannot be compared.
#[track_caller]
fn check_astray(left: &str, right: &str, expected: Option<(usize, &str)>) {
    let [left, right] = [left, right].map(|text| record(&text.parse().expect("a scenario")));
    let found = astray([&left, &right]).map(|(run, why)| (run, why.to_string()));
    assert_eq!(found.as_ref().map(|(run, why)| (*run, why.as_str())), expected);
}

#[test]
fn only_runs_that_went_alike_are_compared() {
    let sysret = "inject=entry_SYSRETQ_unsafe_stack:nmi";
    check_astray("form=A", "form=E", None);
    check_astray(
        &format!("form=never {sysret}"),
        &format!("form=E {sysret}"),
        Some((0, "breaks restored at step 388")),
    );
    check_astray(
        &format!("form=never {sysret}"),
        &format!("form=never {sysret}"),
        Some((0, "breaks restored at step 388")),
    );
    let panics = "do_syscall_64+3:nmi > exc_nmi:mc, exc_nmi+5:nmi, repeat_nmi+4:mc > asm_exc_machine_check:nmi";
    check_astray("form=E", &format!("form=E inject={panics}"), Some((1, "ended in a kernel panic")));
    check_astray(
        "form=E inject=nowhere:nmi",
        "form=E inject=kernel_loop+1:nmi",
        Some((0, "is not struck by nowhere:nmi")),
    );
    let endless = "handler=rogue-cr3 inject=kernel_loop+1:nmi";
    check_astray("form=E", &format!("form=E {endless}"), Some((1, "was cut after 20000 steps")));
}
