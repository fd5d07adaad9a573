//! Between the choice of an ASID and the load of its CR3: what an NMI there flushes is not flushed for the mm to come.

use crate::spaces::{enter, set};
use crate::support::{ALL_ON, Run};
use cr3_core::linux::layout::{FIXMAP_GHES_NMI, KERNEL_BUFFER};
use cr3_core::linux::records::{Slot, TlbState};
use cr3_core::linux::{Config, Features, Form, Handler, Kernel, Variation};
use cr3_core::machine::Exception::Nmi;
use expect_test::{Expect, expect};

/// The ASID that the mm to come has, and its context.
const NEXT: (u16, u64) = (1, 4);

/// In kernel mode with a page of the kernel cached under the PCID of an ASID that is not loaded and whose slot is up to date.
fn cached_elsewhere(config: &Config) -> Run {
    let mut run = Run::of(config);
    run.run_to("kernel_loop_end");
    run.machine.cpu.rflags &= !0x200;
    let mut state = TlbState::of(&run.machine);
    state.slots[usize::from(NEXT.0)] = Slot { context: NEXT.1, generation: 1 };
    set(&mut run, &state);
    let like = run.machine.tlb.entries().find(|entry| entry.linear == KERNEL_BUFFER).expect("the loop touched it");
    let mut entry = *like;
    (entry.pcid, entry.linear) = (NEXT.0 + 1, FIXMAP_GHES_NMI);
    run.machine.tlb.insert(entry);
    run
}

fn is_stale(run: &Run) -> bool {
    let own = TlbState::of(&run.machine).loaded_mm_asid + 1;
    assert_eq!(run.machine.cpu.cr3 & 0xfff, u64::from(own), "CR3 is what the records say");
    run.machine.tlb.entries().any(|entry| entry.linear == FIXMAP_GHES_NMI && entry.pcid == own)
}

/// Boundaries of a switch at which an NMI that flushes the page leaves it cached for the mm that is loaded afterwards, and all of them.
fn missed(config: &Config) -> (Vec<String>, usize) {
    let mut run = cached_elsewhere(config);
    let next = run.address("second_mm");
    let after = enter(&mut run, "switch_mm_irqs_off", next);
    let (mut missed, mut boundaries) = (Vec::new(), 0);
    while run.machine.cpu.rip != after.rip {
        boundaries += 1;
        let before = run.machine.cpu.clone();
        let mut struck = run.clone();
        struck.inject(Nmi);
        struck.run_back_to(&before);
        struck.run_back_to(&after);
        assert_eq!(TlbState::of(&struck.machine).loaded_mm, next, "at {}", run.place());
        if is_stale(&struck) {
            let place = run.place();
            missed.push(place.split('+').next().unwrap_or(&place).to_owned());
        }
        run.step().expect("the switch goes on");
    }
    (missed, boundaries)
}

fn check(features: Features, kernel: Kernel, expected: &Expect) {
    let config = Config { features, kernel, form: Form::E, handler: Handler::PendingFlush.into(), ..Config::default() };
    let (missed, boundaries) = missed(&config);
    let mut labels = missed.clone();
    labels.dedup();
    expected.assert_eq(&format!("{} of {boundaries}: {}", missed.len(), labels.join(" ")));
}

/// `invalidate_other` is looked at once, when the ASID is chosen; what is requested after that look comes too late for that ASID, and the
/// next look leaves the loaded one out.
#[test]
fn a_kernel_flush_after_the_choice_of_an_asid_misses_it() {
    check(
        ALL_ON,
        Kernel::V6_12,
        &expect![
            "31 of 52: choose_new_asid choose_new_asid_search choose_new_asid_loop choose_new_asid_found switch_mm_chosen switch_mm_switching switch_mm_load load_new_mm_cr3 load_new_mm_cr3_write"
        ],
    );
    check(
        Features { invpcid: false, ..ALL_ON },
        Kernel::V6_12,
        &expect![
            "31 of 52: choose_new_asid choose_new_asid_search choose_new_asid_loop choose_new_asid_found switch_mm_chosen switch_mm_switching switch_mm_load load_new_mm_cr3 load_new_mm_cr3_write"
        ],
    );
    check(
        ALL_ON,
        Kernel::only(Variation::EarlySwitching),
        &expect![
            "30 of 52: choose_new_asid choose_new_asid_search choose_new_asid_loop choose_new_asid_found switch_mm_chosen switch_mm_switching switch_mm_load load_new_mm_cr3 load_new_mm_cr3_write"
        ],
    );
}
