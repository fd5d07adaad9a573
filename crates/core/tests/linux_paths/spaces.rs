//! The address spaces: each routine called by itself in the states it can meet, compared with its specification, which
//! is written a second time as functions of the records.

use crate::support::{ALL_ON, FORMS, Log, Run, all_features, preserved};
use cr3_core::linux::layout::{self as at, INIT_TABLES_PHYSICAL, POKING_TABLES_PHYSICAL, SECOND_TABLES_PHYSICAL};
use cr3_core::linux::records::{self, Slot, TlbState};
use cr3_core::linux::{Features, Form, Handler};
use cr3_core::machine::observe::Cr3Flush;
use cr3_core::machine::{Cpu, Exception, Machine, Register};
use proptest::prelude::*;

const STATE: u64 = at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE;
const SLOTS: usize = at::TLB_NR_DYN_ASIDS as usize;

/// An mm by its symbol, with its context and tables.
#[derive(Clone, Copy, Debug)]
struct Mm {
    name: &'static str,
    context: u64,
    tables: u64,
}

const MMS: [Mm; 4] = [
    Mm { name: "init_mm", context: 1, tables: INIT_TABLES_PHYSICAL },
    Mm { name: "poking_mm", context: 2, tables: POKING_TABLES_PHYSICAL },
    Mm { name: "user_mm", context: 3, tables: at::TABLES_PHYSICAL },
    Mm { name: "second_mm", context: 4, tables: SECOND_TABLES_PHYSICAL },
];

/// A run in kernel mode from which routines are called.
fn kernel(features: Features) -> Run {
    let mut run = Run::new(features, Form::E, Handler::Quiet);
    run.run_to("kernel_loop");
    run.machine.cpu.rflags &= !0x200;
    run
}

/// Calls `routine` as C would: return address on the stack, first argument in RDI.
fn call(run: &mut Run, routine: &str, argument: u64) {
    let after = enter(run, routine, argument);
    run.run_back_to(&after);
}

/// Like [`call`], up to the first instruction. Returns the processor as it should be when the routine returns, except
/// for what it changes.
pub(crate) fn enter(run: &mut Run, routine: &str, argument: u64) -> Cpu {
    let after = run.machine.cpu.clone();
    let rsp = run.machine.cpu.registers[Register::Rsp as usize];
    let back = run.machine.cpu.rip;
    run.write_thread_stack(rsp - 8, back);
    run.machine.cpu.registers[Register::Rsp as usize] = rsp - 8;
    run.machine.cpu.registers[Register::Rdi as usize] = argument;
    run.machine.cpu.rip = run.address(routine);
    run.log.cr3_writes.clear();
    after
}

fn mm_physical(run: &Run, mm: Mm) -> u64 {
    at::image_physical(run.address(mm.name))
}

/// Writes `state` into memory, and the matching CR3.
pub(crate) fn set(run: &mut Run, state: &TlbState) {
    let memory = &mut run.machine.memory;
    memory.write_u64(STATE + at::TLB_STATE_LOADED_MM, state.loaded_mm);
    memory.write_u16(STATE + at::TLB_STATE_LOADED_MM_ASID, state.loaded_mm_asid);
    memory.write_u16(STATE + at::TLB_STATE_NEXT_ASID, state.next_asid);
    memory.write_u8(STATE + at::TLB_STATE_INVALIDATE_OTHER, state.invalidate_other.into());
    memory.write_u16(STATE + at::TLB_STATE_USER_PCID_FLUSH_MASK, state.user_pcid_flush_mask);
    for (index, slot) in (0..).zip(state.slots) {
        memory.write_u64(STATE + at::TLB_STATE_CTXS + 16 * index, slot.context);
        memory.write_u64(STATE + at::TLB_STATE_CTXS + 16 * index + 8, slot.generation);
    }
    memory.write_u8(at::PER_CPU_PHYSICAL + at::PERCPU_CPU_TLBSTATE_SHARED, state.is_lazy.into());
    assert_eq!(TlbState::of(&run.machine), *state);
    run.machine.cpu.cr3 = records::expected_cr3(&run.machine).expect("an mm").expect("not switching");
}

/// A switch, by arch/x86/mm/tlb.c: the records after it, and whether CR3 is written and flushed.
fn switched(before: &TlbState, mm: Mm, address: u64, generation: u64, features: Features) -> (TlbState, Option<bool>) {
    let mut state = before.clone();
    state.is_lazy = false;
    let (asid, flush) = if before.loaded_mm == address {
        let current = before.slots[usize::from(before.loaded_mm_asid)].generation == generation;
        if !before.is_lazy || current {
            return (state, None);
        }
        (before.loaded_mm_asid, true)
    } else {
        chosen(&mut state, mm, generation, features)
    };
    if flush {
        state.slots[usize::from(asid)] = Slot { context: mm.context, generation };
        if features.pcid && features.pti {
            state.user_pcid_flush_mask |= 1 << (asid + 1);
        }
    }
    (TlbState { loaded_mm: address, loaded_mm_asid: asid, ..state }, Some(flush || !features.pcid))
}

fn chosen(state: &mut TlbState, mm: Mm, generation: u64, features: Features) -> (u16, bool) {
    if !features.pcid {
        return (0, true);
    }
    if std::mem::take(&mut state.invalidate_other) {
        for (_, slot) in (0..).zip(&mut state.slots).filter(|(asid, _)| *asid != state.loaded_mm_asid) {
            slot.context = 0;
        }
    }
    if let Some(asid) = state.slots.iter().position(|slot| slot.context == mm.context) {
        return (asid as u16, state.slots[asid].generation < generation);
    }
    let asid = if state.next_asid >= at::TLB_NR_DYN_ASIDS { 0 } else { state.next_asid };
    state.next_asid = asid + 1;
    (asid, true)
}

/// A state of the records: which mm is loaded, and everything else about it.
#[derive(Clone, Debug)]
struct Case {
    features: Features,
    loaded: usize,
    next: usize,
    generation: u64,
    asid: u16,
    next_asid: u16,
    invalidate_other: bool,
    is_lazy: bool,
    mask: u16,
    slots: Vec<(u64, u64)>,
}

fn cases() -> impl Strategy<Value = Case> {
    let features = prop::sample::select(all_features().collect::<Vec<_>>());
    let slots = prop::collection::vec((0..9u64, 1..4u64), SLOTS);
    let flags = (any::<bool>(), any::<bool>(), 0..0x80u16);
    let choice = (0..MMS.len(), 0..MMS.len(), 1..4u64, 0..6u16, 1..=6u16);
    (features, choice, flags, slots).prop_map(
        |(features, (loaded, next, generation, asid, next_asid), (invalidate_other, is_lazy, mask), slots)| Case {
            features,
            loaded,
            next,
            generation,
            asid: if features.pcid { asid } else { 0 },
            next_asid,
            invalidate_other,
            is_lazy,
            mask: mask & !1,
            slots,
        },
    )
}

impl Case {
    fn state(&self, run: &Run) -> TlbState {
        let mut slots = [Slot::default(); SLOTS];
        for (slot, &(context, generation)) in slots.iter_mut().zip(&self.slots) {
            *slot = Slot { context, generation };
        }
        slots[usize::from(self.asid)].context = MMS[self.loaded].context;
        TlbState {
            loaded_mm: run.address(MMS[self.loaded].name),
            loaded_mm_asid: self.asid,
            next_asid: self.next_asid,
            invalidate_other: self.invalidate_other,
            user_pcid_flush_mask: self.mask,
            slots,
            is_lazy: self.is_lazy,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn switching_does_what_its_source_says(case in cases()) {
        let mut run = RUNS.with(|runs| runs.iter().find(|(features, _)| *features == case.features).expect("all").1.clone());
        let before = case.state(&run);
        set(&mut run, &before);
        let mm = MMS[case.next];
        let address = run.address(mm.name);
        let physical = mm_physical(&run, mm);
        run.machine.memory.write_u64(physical + at::MM_TLB_GENERATION, case.generation);
        call(&mut run, "switch_mm_irqs_off", address);
        let (expected, written) = switched(&before, mm, address, case.generation, case.features);
        prop_assert_eq!(TlbState::of(&run.machine), expected.clone());
        prop_assert_eq!(records::check_cr3(&run.machine), Ok(()));
        let loaded = MMS.iter().find(|mm| run.address(mm.name) == expected.loaded_mm).expect("an mm");
        let pcids = case.features.into();
        prop_assert_eq!(run.machine.cpu.cr3, records::kernel_cr3(loaded.tables, expected.loaded_mm_asid, pcids));
        let flushed: Vec<_> = run.log.cr3_writes.iter().map(|write| write.flush == Cr3Flush::Flush).collect();
        prop_assert_eq!(flushed, Vec::from_iter(written));
    }
}

thread_local! {
    /// Booted once for each set of features.
    static RUNS: Vec<(Features, Run)> = all_features().map(|features| (features, kernel(features))).collect();
}

#[test]
fn a_temporary_mm_is_undone() {
    for features in all_features() {
        let mut run = kernel(features);
        let (poking, user) = (run.address("poking_mm"), run.address("user_mm"));
        call(&mut run, "use_temporary_mm", poking);
        assert_eq!(run.machine.cpu.registers[Register::Rax as usize], user, "what to go back to");
        assert_eq!(TlbState::of(&run.machine).loaded_mm, poking);
        assert_eq!(records::check_cr3(&run.machine), Ok(()), "{features:?}");
        call(&mut run, "unuse_temporary_mm", user);
        assert_eq!(TlbState::of(&run.machine).loaded_mm, user);
        assert_eq!(records::check_cr3(&run.machine), Ok(()), "{features:?}");
    }
}

#[test]
fn a_temporary_mm_ends_laziness() {
    let mut run = kernel(ALL_ON);
    let cr3 = run.machine.cpu.cr3;
    call(&mut run, "enter_lazy_tlb", 0);
    assert_eq!((TlbState::of(&run.machine).is_lazy, run.machine.cpu.cr3), (true, cr3), "CR3 stays");
    let poking = run.address("poking_mm");
    call(&mut run, "use_temporary_mm", poking);
    assert_eq!(run.machine.cpu.registers[Register::Rax as usize], run.address("init_mm"));
    let init = run.address("init_mm");
    call(&mut run, "unuse_temporary_mm", init);
    assert!(!TlbState::of(&run.machine).is_lazy);
    call(&mut run, "enter_lazy_tlb", 0);
    assert!(!TlbState::of(&run.machine).is_lazy, "init_mm needs no laziness");
    call(&mut run, "leave_mm", 0);
    assert_eq!(TlbState::of(&run.machine).loaded_mm, init);
    assert_eq!(run.log.cr3_writes, []);
}

/// What is cached: user data under its own PCID, user data under others, the cpu_entry_area, which is global.
fn cached(run: &Run) -> (bool, bool, bool) {
    let own = (run.machine.cpu.cr3 & 0xfff) as u16;
    let entries: Vec<_> = run.machine.tlb.entries().collect();
    let user = |linear: u64| (at::USER_DATA..at::USER_UNMAPPED).contains(&linear);
    let area = |linear: u64| (at::CPU_ENTRY_AREA..at::CPU_ENTRY_AREA + (1 << 39)).contains(&linear);
    (
        entries.iter().any(|entry| user(entry.linear) && entry.pcid == own),
        entries.iter().any(|entry| user(entry.linear) && entry.pcid != own),
        entries.iter().any(|entry| area(entry.linear)),
    )
}

/// What `routine` leaves of it, the mask, and how often it wrote CR3, executed INVPCID and wrote CR4.
fn left_by(features: Features, routine: &str) -> ((bool, bool, bool, u16), [usize; 3]) {
    let mut run = kernel(features);
    assert_eq!(cached(&run), (true, features.pcid && features.pti, true), "{features}: all of it is there before");
    run.log = Log::default();
    call(&mut run, routine, 0);
    let (own, other, global) = cached(&run);
    ((own, other, global, run.mask()), [run.log.cr3_writes.len(), run.log.invpcids, run.log.cr4_writes])
}

#[test]
fn full_flushes_drop_what_they_say_in_the_way_the_processor_has() {
    const CR3: [usize; 3] = [1, 0, 0];
    const INVPCID: [usize; 3] = [0, 1, 0];
    // CR4.PGE off and on again.
    const CR4: [usize; 3] = [0, 0, 2];
    let no_invpcid = Features { invpcid: false, ..ALL_ON };
    let no_pcid = Features { pcid: false, ..ALL_ON };
    let neither = Features { pcid: false, ..no_invpcid };
    let no_pti = Features { pti: false, ..ALL_ON };
    let cases = [
        // The user's entries wait for the next return to user mode.
        (ALL_ON, "native_flush_tlb_local", (false, true, true, 1 << 1), CR3),
        (no_invpcid, "native_flush_tlb_local", (false, true, true, 1 << 1), CR3),
        (no_pcid, "native_flush_tlb_local", (false, false, true, 0), CR3),
        (no_pti, "native_flush_tlb_local", (false, false, true, 0), CR3),
        (ALL_ON, "native_flush_tlb_global", (false, false, false, 0), INVPCID),
        (no_invpcid, "native_flush_tlb_global", (false, false, false, 0), CR4),
        (no_pcid, "native_flush_tlb_global", (false, false, false, 0), INVPCID),
        (neither, "native_flush_tlb_global", (false, false, false, 0), CR4),
        (no_pti, "native_flush_tlb_global", (false, false, false, 0), INVPCID),
    ];
    for (features, routine, left, by) in cases {
        assert_eq!(left_by(features, routine), (left, by), "{routine} {features}");
    }
}

#[test]
fn a_poke_changes_the_byte_and_leaves_no_way_to_write_text() {
    for features in all_features() {
        let mut run = Run::new(features, Form::E, Handler::KgdbPoke);
        run.run_to("kernel_loop");
        let breakpoint = at::image_physical(run.address("kgdb_breakpoint"));
        assert_eq!(run.machine.memory.read_u8(breakpoint), 0x90);
        let before = run.machine.cpu.clone();
        run.inject(Exception::Debug);
        run.run_to("text_poke_write");
        assert_eq!(TlbState::of(&run.machine).loaded_mm, run.address("poking_mm"));
        run.run_back_to(&before);
        assert_eq!(run.machine.memory.read_u8(breakpoint), 0xcc, "{features}");
        assert_eq!(
            run.machine.memory.read_u64(at::POKING_LAST_TABLE_PHYSICAL + (at::POKING_ADDRESS >> 12 & 511) * 8),
            0
        );
        let generation = mm_physical(&run, MMS[1]) + at::MM_TLB_GENERATION;
        assert_eq!(run.machine.memory.read_u64(generation), 2);
        assert_eq!(TlbState::of(&run.machine).loaded_mm, run.address("user_mm"));
    }
}

// --- Striking in the middle of a switch ------------------------------------------------------------------------------

/// The outcome of a switch to another task's mm in which something struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Went {
    /// Registers, CR3 and records are as without it.
    Unchanged,
    /// The switch ends with other records, and CR3 agrees with them.
    Moved,
    /// The switch ends, and CR3 disagrees with the records.
    Inconsistent,
    /// It never ends: the kernel panics.
    Panics,
}

pub(crate) fn end_of_switch(mut run: Run, after: &Cpu) -> Option<Run> {
    for _ in 0..5000 {
        let cpu = &run.machine.cpu;
        if cpu.rip == after.rip && cpu.registers[Register::Rsp as usize] == after.registers[Register::Rsp as usize] {
            return Some(run);
        }
        run.step().ok()?;
    }
    None
}

/// Strikes at every boundary of a switch from the user program's mm to the second task's. Returns the label of each
/// boundary and its outcome.
fn sweep(features: Features, form: Form, handler: Handler, exception: Exception) -> Vec<(String, Went)> {
    let mut run = Run::new(features, form, handler);
    run.run_to("kernel_loop");
    run.machine.cpu.rflags &= !0x200;
    let second = run.address("second_mm");
    let after = enter(&mut run, "switch_mm_irqs_off", second);
    let quiet = end_of_switch(run.clone(), &after).expect("the switch ends").machine;
    let mut went = Vec::new();
    while run.machine.cpu.rip != after.rip {
        let mut struck = run.clone();
        struck.inject(exception);
        went.push((run.place(), classify(end_of_switch(struck, &after), &quiet)));
        run.step().expect("the switch goes on");
    }
    went
}

fn classify(struck: Option<Run>, quiet: &Machine) -> Went {
    let Some(run) = struck else { return Went::Panics };
    let same = returned(&run.machine.cpu) == returned(&quiet.cpu);
    match records::check_cr3(&run.machine) {
        Err(_) => Went::Inconsistent,
        Ok(()) if same && loaded(&run.machine) == loaded(quiet) => Went::Unchanged,
        Ok(()) => Went::Moved,
    }
}

/// What the caller of the switch sees. CF is the bit that BTS found in the mask, where a flush may have been requested
/// meanwhile; nobody reads it.
fn returned(cpu: &Cpu) -> Cpu {
    let mut cpu = preserved(cpu);
    cpu.rflags &= !1;
    cpu
}

/// What the records say about the loaded mm. A flush requested meanwhile may empty the slots of others.
fn loaded(machine: &Machine) -> (u64, u16, u16, Slot) {
    let state = TlbState::of(machine);
    let slot = state.slots.get(usize::from(state.loaded_mm_asid)).copied().unwrap_or_default();
    (state.loaded_mm, state.loaded_mm_asid, state.next_asid, slot)
}

pub(crate) const PARANOID: [Exception; 4] =
    [Exception::Nmi, Exception::Debug, Exception::MachineCheck, Exception::VmmCommunication];

#[test]
fn nothing_that_keeps_the_address_space_disturbs_a_switch() {
    for features in [ALL_ON, Features { pcid: false, ..ALL_ON }, Features { invpcid: false, ..ALL_ON }] {
        for form in FORMS {
            for handler in [Handler::Quiet, Handler::Perf, Handler::PendingFlush] {
                for exception in PARANOID {
                    let went = sweep(features, form, handler, exception);
                    // Without PCIDs the code looks for no slot.
                    assert_eq!(went.len(), if features.pcid { 94 } else { 40 });
                    let disturbed: Vec<_> = went.iter().filter(|(_, went)| *went != Went::Unchanged).collect();
                    assert!(disturbed.is_empty(), "{features} {form} {handler} {exception:?}: {disturbed:?}");
                }
            }
        }
    }
}

/// Boundaries after which CR3 and records agree, those after which they do not, and those that end in a panic.
fn counts(went: &[(String, Went)]) -> [usize; 3] {
    let count = |kinds: &[Went]| went.iter().filter(|(_, went)| kinds.contains(went)).count();
    [count(&[Went::Unchanged, Went::Moved]), count(&[Went::Inconsistent]), count(&[Went::Panics])]
}

/// The labels of the boundaries with outcome `kind`, each once.
fn labels(went: &[(String, Went)], kind: Went) -> Vec<&str> {
    let places = went.iter().filter(|(_, went)| *went == kind).map(|(place, _)| place.as_str());
    let mut labels: Vec<_> = places.map(|place| place.split('+').next().unwrap_or(place)).collect();
    labels.dedup();
    labels
}

/// Between the write of `LOADED_MM_SWITCHING` and that of the new mm there is nothing to return to, whatever the form.
/// Elsewhere the switch itself makes CR3 and records agree again, even if form A has restored a CR3 that was no longer
/// valid.
#[test]
fn a_poke_inside_a_switch_panics_in_every_form() {
    for form in FORMS {
        let went = sweep(ALL_ON, form, Handler::KgdbPoke, Exception::Nmi);
        assert_eq!(counts(&went), [69, 0, 25], "{form}: {went:?}");
        let panics = labels(&went, Went::Panics);
        assert_eq!((panics.first(), panics.last()), (Some(&"switch_mm_switching"), Some(&"switch_mm_cr3_loaded")));
    }
}

/// A handler that schedules returns to the mm of the task, not to the loaded one. Inside the switch, after it has
/// written CR3, form A restores the new mm's CR3 and the others do not. After the records are written it is the other
/// way round.
#[test]
fn scheduling_inside_a_switch_goes_wrong_at_other_places_in_form_a() {
    for form in FORMS {
        let went = sweep(ALL_ON, form, Handler::Schedule, Exception::Nmi);
        let expected: (_, &[_]) = match form {
            Form::A => ([89, 5, 0], &["switch_mm_between_records", "switch_mm_done"]),
            _ => ([91, 3, 0], &["load_new_mm_cr3_write", "switch_mm_cr3_loaded", "switch_mm_between_records"]),
        };
        assert_eq!((counts(&went), &labels(&went, Went::Inconsistent)[..]), expected, "{form}: {went:?}");
    }
}
