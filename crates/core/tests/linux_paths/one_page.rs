//! Flushing one page: which entries go, and which stay, if the page is cached under the PCIDs of both halves.

use crate::support::{ALL_ON, FORMS, Run};
use cr3_core::linux::layout::{KERNEL_BUFFER, PAGE, SECOND_DATA_PHYSICAL, USER_DATA};
use cr3_core::linux::records::TlbState;
use cr3_core::linux::{Features, Form, Handler};
use cr3_core::machine::paging::{self, Start};
use cr3_core::machine::{Exception, Register};
use std::collections::BTreeSet;

/// PCID and page of an entry.
type Cached = (u16, u64);

fn cached(run: &Run) -> BTreeSet<Cached> {
    run.machine.tlb.entries().map(|entry| (entry.pcid, entry.linear)).collect()
}

/// At an instruction of `sys_rt_sigreturn`, after user mode has used its pages. With an earlier poke, user mode has
/// done so under the PCIDs of two ASIDs.
fn kernel(features: Features, handler: Handler) -> Run {
    struck(features, Form::E, handler)
}

/// The same with any form. The strike is that of preset `kgdb-kernel`.
fn struck(features: Features, form: Form, handler: Handler) -> Run {
    let mut run = Run::new(features, form, handler);
    run.run_to("kernel_loop");
    run.step().expect("the loop goes on");
    let before = run.machine.cpu.clone();
    run.inject(Exception::Debug);
    run.run_back_to(&before);
    run.run_to("sys_rt_sigreturn");
    run
}

/// Calls `routine` on `page`, as C would. It returns to the place of the call.
fn flush(run: &mut Run, routine: &str, page: u64) -> BTreeSet<Cached> {
    let after = run.machine.cpu.clone();
    let target = run.address(routine);
    let cpu = &mut run.machine.cpu;
    cpu.registers[Register::Rsp as usize] -= 8;
    cpu.registers[Register::Rdi as usize] = page;
    let (stack, back) = (cpu.registers[Register::Rsp as usize], std::mem::replace(&mut cpu.rip, target));
    run.write_thread_stack(stack, back);
    let before = cached(run);
    run.run_back_to(&after);
    run.machine.cpu = after;
    before.difference(&cached(run)).copied().collect()
}

/// The kernel's and the user's PCID of the loaded mm.
fn pcids(run: &Run) -> [u16; 2] {
    let own = TlbState::of(&run.machine).loaded_mm_asid + 1;
    [own, own | 0x800]
}

const NO_INVPCID: Features = Features { invpcid: false, ..ALL_ON };

/// A page that the user uses, one that the kernel reads for it, and one that only the kernel has.
const PAGES: [u64; 3] = [USER_DATA, USER_DATA + PAGE, KERNEL_BUFFER];

#[test]
fn with_invpcid_exactly_the_entries_of_the_page_go() {
    for handler in [Handler::Quiet, Handler::KgdbPoke] {
        let run = kernel(ALL_ON, handler);
        let [own, user] = pcids(&run);
        assert_eq!(own, if handler == Handler::Quiet { 1 } else { 2 });
        for page in PAGES {
            let before: BTreeSet<_> = cached(&run);
            let expected: BTreeSet<_> = before
                .iter()
                .copied()
                .filter(|&(pcid, linear)| linear == page && [own, user].contains(&pcid))
                .collect();
            assert_eq!(expected.contains(&(user, page)), page != KERNEL_BUFFER, "{handler} {page:#x}: cached before");
            let mut flushed = run.clone();
            assert_eq!(flush(&mut flushed, "flush_tlb_one_user", page), expected, "{handler} {page:#x}");
            assert_eq!(flushed.mask(), run.mask(), "nothing is left to do");
        }
        // The same page under the other ASID does not belong to this mm: it stays.
        let elsewhere =
            cached(&run).into_iter().filter(|&(pcid, linear)| linear == USER_DATA && pcid != user && pcid & 0x800 != 0);
        assert_eq!(elsewhere.count(), usize::from(handler == Handler::KgdbPoke));
    }
}

#[test]
fn without_invpcid_the_users_entry_waits_for_the_next_return_to_user_mode() {
    for handler in [Handler::Quiet, Handler::KgdbPoke] {
        let mut run = kernel(NO_INVPCID, handler);
        let [own, user] = pcids(&run);
        let before = cached(&run);
        let (mask, page) = (run.mask(), USER_DATA);
        let gone = flush(&mut run, "flush_tlb_one_user", page);
        assert_eq!(gone, before.iter().copied().filter(|&entry| entry == (own, page)).collect());
        assert_eq!(run.mask(), mask | 1 << own, "the user's is asked for");
        assert!(cached(&run).contains(&(user, page)));
        // Everything of that PCID goes then, and nothing of another one.
        let waiting: BTreeSet<_> = cached(&run);
        run.run_until(|machine| machine.cpu.cpl == 3);
        assert_eq!(run.mask(), mask);
        let gone: BTreeSet<_> = waiting.difference(&cached(&run)).copied().collect();
        assert!(gone.contains(&(user, page)) && gone.contains(&(user, USER_DATA + PAGE)), "{handler}: {gone:x?}");
        assert!(gone.iter().all(|&(pcid, _)| pcid == user), "{handler}: {gone:x?}");
    }
}

#[test]
fn without_isolation_or_pcids_one_entry_is_all_there_is() {
    for features in [Features { pti: false, ..ALL_ON }, Features { pcid: false, ..ALL_ON }] {
        // Just after the kernel has read it.
        let mut run = Run::new(features, Form::E, Handler::Quiet);
        run.run_to("kernel_loop");
        let own = u16::from(features.pcid);
        assert!(cached(&run).contains(&(own, USER_DATA)));
        assert_eq!(flush(&mut run, "flush_tlb_one_user", USER_DATA), BTreeSet::from([(own, USER_DATA)]), "{features}");
        assert_eq!(run.mask(), 0);
    }
}

#[test]
fn a_kernel_page_may_be_cached_under_other_asids_too() {
    for (features, expected) in [(ALL_ON, true), (NO_INVPCID, true), (Features { pti: false, ..ALL_ON }, false)] {
        let mut run = kernel(features, Handler::Quiet);
        assert!(cached(&run).contains(&(1, KERNEL_BUFFER)), "{features}: read by the loop");
        assert_eq!(flush(&mut run, "flush_tlb_one_kernel", KERNEL_BUFFER), BTreeSet::from([(1, KERNEL_BUFFER)]));
        assert_eq!(TlbState::of(&run.machine).invalidate_other, expected, "{features}");
    }
}

// --- After a poke ----------------------------------------------------------------------------------------------------

/// The contents of the frame to which the kernel moves the user's page.
const MOVED: u64 = 0x5eed;

/// Points the page at another frame.
fn move_page(run: &mut Run, page: u64) {
    const FRAME: u64 = 0x000f_ffff_ffff_f000;
    let cpu = &run.machine.cpu;
    let walk = paging::walk(cpu, &run.machine.memory, page, Start::root(cpu));
    let entry = walk.steps().last().expect("the entry of the page");
    run.machine.memory.write_u64(entry.address, entry.value & !FRAME | SECOND_DATA_PHYSICAL);
    run.machine.memory.write_u64(SECOND_DATA_PHYSICAL, MOVED);
}

/// What user mode reads after its page was moved and flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// The frame that the tables name.
    New,
    /// The old frame, through the translation that is still cached under its PCID.
    Old,
}

/// Moves a page that user mode has used since the strike, flushes it, and continues until user mode reads it again.
/// Returns what it reads, the mask after the flush, and the mask in user mode. What the poke itself left in the mask is
/// removed first.
fn flush_after(features: Features, form: Form, handler: Handler) -> (Reads, u16, u16) {
    let mut run = struck(features, form, handler);
    run.set_mask(0);
    move_page(&mut run, USER_DATA);
    flush(&mut run, "flush_tlb_one_user", USER_DATA);
    let asked = run.mask();
    run.run_to("user_touch_again");
    let user = (run.machine.cpu.cr3 & 0xfff) as u16;
    let survives = cached(&run).contains(&(user, USER_DATA));
    run.step().expect("user mode reads its page");
    let reads = match (survives, run.machine.cpu.registers[Register::Rax as usize]) {
        (false, MOVED) => Reads::New,
        (true, 0) => Reads::Old,
        other => panic!("{features} {form} {handler}: {other:x?}"),
    };
    (reads, asked, run.mask())
}

/// Form A has restored the CR3 of an ASID that now belongs to another mm. Flushes go by `loaded_mm_asid`, which is 1;
/// SWITCH_TO_USER_CR3 goes by CR3.
#[test]
fn after_a_poke_form_a_misses_flushes_of_user_pages() {
    let no_pcid = Features { pcid: false, ..ALL_ON };
    for form in FORMS {
        let (wrong, left) = if form == Form::A { (Reads::Old, 1 << 2) } else { (Reads::New, 0) };
        let cases = [
            (NO_INVPCID, Handler::Quiet, (Reads::New, 1 << 1, 0)),
            (NO_INVPCID, Handler::KgdbPoke, (wrong, 1 << 2, left)),
            // INVPCID gets the PCID of the records too.
            (ALL_ON, Handler::Quiet, (Reads::New, 0, 0)),
            (ALL_ON, Handler::KgdbPoke, (wrong, 0, 0)),
            (no_pcid, Handler::KgdbPoke, (Reads::New, 0, 0)),
        ];
        for (features, handler, expected) in cases {
            assert_eq!(flush_after(features, form, handler), expected, "{features} {form} {handler}");
        }
    }
}
