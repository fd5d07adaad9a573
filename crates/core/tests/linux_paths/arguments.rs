//! The situations that decide the arguments about restoring CR3, each played with every form, and checked at every
//! instruction boundary.

use crate::support::FORMS;
use cr3_core::counters::{Counter, Tally};
use cr3_core::linux::layout::POKING_ADDRESS;
use cr3_core::linux::records::{self, TlbState};
use cr3_core::linux::{self, Form, System};
use cr3_core::machine::Machine;
use cr3_core::run::{End, Runner, Unfired};
use cr3_core::scenario::presets::{PRESETS, Preset};
use cr3_core::scenario::{Places, Scenario};

/// Forms that a kernel had or was offered.
const REAL: [Form; 4] = [Form::A, Form::B2, Form::C, Form::E];
/// The forms that skip a kernel CR3.
const SKIPPING: [Form; 3] = [Form::B2, Form::C, Form::E];

/// The outcome of a situation.
#[derive(Clone, Debug)]
struct Played {
    /// Label of the HLT, or another end.
    ended: String,
    /// Where processor and records first disagreed.
    first: Option<String>,
    tally: Tally,
    machine: Machine,
}

impl Played {
    fn counter(&self, counter: Counter) -> u64 {
        self.tally.counters()[counter]
    }

    fn outcome(&self) -> Outcome<'_> {
        Outcome {
            ended: &self.ended,
            first: self.first.as_deref(),
            cr3: self.machine.cpu.cr3,
            asid: TlbState::of(&self.machine).loaded_mm_asid,
        }
    }
}

/// What is asserted of every situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome<'a> {
    ended: &'a str,
    first: Option<&'a str>,
    /// At the end, as is `loaded_mm_asid`.
    cr3: u64,
    asid: u16,
}

/// Plays a situation with several forms. All have this outcome.
fn check(name: &str, forms: &[Form], ended: &str, first: Option<&str>, cr3: u64, asid: u16) -> Vec<Played> {
    let expected = Outcome { ended, first, cr3, asid };
    let played: Vec<_> = forms.iter().map(|&form| play(name, form)).collect();
    for (form, played) in forms.iter().zip(&played) {
        assert_eq!(played.outcome(), expected, "{name} with form {form}");
    }
    played
}

/// More than any terminating run needs; less than one that never ends.
const STEPS: usize = 20_000;

fn play(name: &str, form: Form) -> Played {
    let preset = Preset::named(name).unwrap_or_else(|| panic!("no preset {name}"));
    let (played, unfired) = follow(&preset.scenario(form));
    assert_eq!(unfired, [], "{name}");
    played
}

fn follow(scenario: &Scenario) -> (Played, Vec<Unfired>) {
    let System { machine, image, .. } = linux::boot(&scenario.config).unwrap_or_else(|d| panic!("{d:#?}"));
    let places = Places::new(&image);
    let mut tally = Tally::new(&machine);
    let mut runner = Runner::new(machine, &places, &scenario.schedule);
    let label = |rip: u64| places.describe(rip).unwrap_or_else(|| format!("{rip:#x}"));
    let mut first = None;
    let mut ended = "goes on".to_owned();
    for _ in 0..STEPS {
        let machine = runner.machine();
        if first.is_none() && records::check(machine, scenario.config.features).is_err() {
            first = Some(label(machine.cpu.rip)).filter(|place| place != records::BETWEEN_RECORDS);
        }
        match runner.step(&mut tally) {
            Ok(_) => {}
            Err(End::Halted) => {
                ended = label(runner.machine().cpu.rip).split('+').next().unwrap_or_default().to_owned();
                break;
            }
            Err(other) => {
                ended = format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
                break;
            }
        }
    }
    let (machine, unfired) = runner.finish();
    (Played { ended, first, tally, machine }, unfired)
}

#[test]
fn every_preset_strikes_and_has_a_name_of_its_own() {
    for (index, preset) in PRESETS.iter().enumerate() {
        assert!(PRESETS[..index].iter().all(|other| other.name != preset.name), "{}", preset.name);
        let text = preset.scenario(Form::E).to_string();
        assert_eq!(text.parse(), Ok(preset.scenario(Form::E)), "{text}");
        for form in FORMS {
            play(preset.name, form);
        }
    }
}

/// The user program's tables under ASID 0 and under ASID 1; `init_mm` under ASID 0.
const FIRST_ASID: u64 = 0x10_0001;
const SECOND_ASID: u64 = 0x10_0002;
const INIT_MM: u64 = 0x18_0001;

#[test]
fn a_poke_from_kernel_code_leaves_form_a_on_a_pcid_that_was_given_away() {
    let a = check("kgdb-kernel", &[Form::A], "run_end", Some("paranoid_exit_cr3_restored"), FIRST_ASID, 1);
    let skipping = check("kgdb-kernel", &SKIPPING, "run_end", None, SECOND_ASID, 1);
    // Entries that the poke cached for the temporary mm: the task now runs under its PCID, and can write kernel text
    // through them.
    let poking = |played: &Played, pcid| {
        played
            .machine
            .tlb
            .entries()
            .any(|entry| entry.linear == POKING_ADDRESS && entry.pcid == pcid && entry.rights.writable)
    };
    assert!(a.iter().all(|played| poking(played, 1)));
    assert!(skipping.iter().all(|played| poking(played, 1) && !poking(played, 2)));
    // The two switches request two flushes. The exit keeps that of the PCID it finds in CR3.
    for (played, left) in a.iter().map(|a| (a, 1 << 2)).chain(skipping.iter().map(|skipping| (skipping, 1 << 1))) {
        assert_eq!(played.counter(Counter::RequestedFlushes), 2);
        assert_eq!(played.counter(Counter::KeptFlushes), 1);
        assert_eq!(TlbState::of(&played.machine).user_pcid_flush_mask, left);
    }
    let writes = |played: &Played| played.counter(Counter::Cr3Writes);
    assert!(skipping.iter().all(|skipping| writes(skipping) + 1 == writes(&a[0])));
}

#[test]
fn a_poke_before_the_return_to_user_mode_is_undone_by_every_form() {
    for name in ["kgdb-sysret-exit", "kgdb-iret-exit"] {
        for played in check(name, &REAL, "run_end", Some("nmi_exit_cr3_restored"), FIRST_ASID, 1) {
            // Two switches request two flushes. User mode runs under the PCID of the first, which was flushed before.
            assert_eq!(played.counter(Counter::RequestedFlushes), 2, "{name}");
            assert_eq!(played.counter(Counter::KeptFlushes), 1, "{name}");
            assert_eq!(played.counter(Counter::LateFlushes) + played.counter(Counter::LostFlushes), 0, "{name}");
            assert_eq!(TlbState::of(&played.machine).user_pcid_flush_mask, 1 << 2, "{name}");
        }
    }
    // Without restoring, user mode faults once, and the exit from that fault uses the PCID that the records name.
    check("kgdb-sysret-exit", &[Form::Never], "run_end", Some("user_write_done"), SECOND_ASID, 1);
}

#[test]
fn a_poke_inside_a_switch_has_no_address_space_to_go_back_to() {
    check("kgdb-in-switch-mm", &FORMS, "kernel_panic", None, 0x18_2002, 1);
}

#[test]
fn a_handler_that_schedules_is_as_a_poke() {
    check("schedule", &[Form::A], "run_end", Some("nmi_exit_cr3_restored"), FIRST_ASID, 1);
    check("schedule", &SKIPPING, "run_end", None, SECOND_ASID, 1);
}

#[test]
fn a_request_after_the_exit_has_looked_is_late_in_every_form() {
    for played in check("late-flush", &FORMS, "run_end", None, FIRST_ASID, 0) {
        assert_eq!(played.counter(Counter::RequestedFlushes), 1);
        assert_eq!(played.counter(Counter::LateFlushes), 1);
        assert_eq!(played.counter(Counter::KeptFlushes), 0);
        assert_eq!(TlbState::of(&played.machine).user_pcid_flush_mask, 0, "kept by the exit after it");
    }
}

#[test]
fn the_race_is_six_instructions_wide() {
    let preset = Preset::named("late-flush").expect("a preset");
    for form in FORMS {
        let late = (0..14).filter(|&offset| {
            let mut scenario = preset.scenario(form);
            for injection in &mut scenario.schedule.injections {
                injection.place.offset = offset;
            }
            follow(&scenario).0.counter(Counter::LateFlushes) == 1
        });
        // After BT: JNC, then MOV, BTS, OR, OR and the write to CR3. BTR and the code after it are the branch that
        // flushes.
        assert_eq!(late.collect::<Vec<_>>(), [5, 9, 10, 11, 12, 13], "{form}");
    }
}

#[test]
fn form_b2_flushes_once_more_for_the_bit_that_it_leaves() {
    for (forms, flushes, left) in [(&[Form::A, Form::C, Form::E][..], 1, 0), (&[Form::B2], 2, 1)] {
        for played in check("leftover-flush", forms, "run_end", None, FIRST_ASID, 0) {
            assert_eq!(played.counter(Counter::KeptFlushes), 1);
            assert_eq!(played.counter(Counter::FlushingCr3Writes), flushes);
            assert_eq!(played.counter(Counter::LeftoverFlushes), left);
        }
    }
}

#[test]
fn a_raw_write_to_cr3_is_repaired_by_form_a_only() {
    // Every form has a wrong CR3 after the write; form A ends on the right one.
    check("rogue-cr3", &[Form::A], "run_end", Some("modelled_handler+2"), FIRST_ASID, 0);
    // The others return to user mode on tables without user memory. By the task's own tables the fault is spurious, so
    // it repeats for ever.
    for played in check("rogue-cr3", &SKIPPING, "goes on", Some("modelled_handler+2"), 0x18_1800, 0) {
        assert!(played.counter(Counter::PageFaults) > 100);
    }
}

#[test]
fn an_unbalanced_switch_breaks_the_records_with_form_a_and_the_task_with_the_others() {
    check("rogue-switch-mm", &[Form::A], "run_end", Some("nmi_exit_cr3_restored"), FIRST_ASID, 0);
    // Kernel mode is consistent throughout. User mode is in the wrong address space from its first instruction on.
    for played in check("rogue-switch-mm", &SKIPPING, "goes on", Some("user_write_done"), INIT_MM, 0) {
        assert!(played.counter(Counter::PageFaults) > 100);
    }
}

#[test]
fn a_communication_exception_in_the_syscall_gap_ends_in_double_faults() {
    for played in check("vc-syscall-gap", &REAL, "kernel_panic", None, FIRST_ASID, 0) {
        assert_eq!(played.counter(Counter::DoubleFaults), 2);
    }
    // Nothing after this window needs the user CR3.
    check("vc-syscall-gap", &[Form::Never], "run_end", None, FIRST_ASID, 0);
}
