//! Whether what strikes inside a switch of the mm refills what the switch has flushed: the mechanism by which a hypervisor once lost a
//! flush between flushing everything and loading the same PCID without a flush.

use crate::spaces::{PARANOID, end_of_switch, enter};
use crate::support::{ALL_ON, Run};
use cr3_core::linux::layout::{
    self as at, PER_CPU_PHYSICAL, PERCPU_CPU_TLBSTATE_SHARED, SECOND_DATA_PHYSICAL, USER_DATA,
};
use cr3_core::linux::{Features, Form, Handler, Pcids, records};
use cr3_core::machine::Machine;
use cr3_core::machine::paging::{self, End, Rights, Start};
use cr3_core::machine::tlb::{Entry, PageSize};

/// A switch, from the user program's mm or back to it.
#[derive(Clone, Copy, Debug)]
enum Switch {
    /// To an mm without an ASID, which takes that of the mm that is loaded: both PCIDs are flushed, and what strikes before fills them.
    New,
    /// To an mm whose ASID is up to date: no flush.
    Known,
    /// To the same mm, lazily, after its tables changed: both PCIDs are flushed.
    Lazy,
}

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a walk from `table` finds for the start of `entry`.
fn walked(machine: &Machine, entry: &Entry, table: u64) -> Option<(u64, Rights)> {
    let start = Start { table: table & ADDRESS, ..Start::root(&machine.cpu) };
    let walk = paging::walk(&machine.cpu, &machine.memory, entry.linear, start);
    let End::Page { size, rights } = walk.end else { return None };
    let leaf = walk.steps().last()?.value;
    Some((leaf & ADDRESS & !size.offset_mask() | entry.linear & size.offset_mask(), rights))
}

/// What is cached under a PCID of the mm that is loaded and not what its tables say, unless its flush is pending.
fn stale(machine: &Machine, features: Features) -> Vec<Entry> {
    let kernel = machine.cpu.cr3;
    let user = records::user_cr3(kernel, Pcids::of(machine.cpu.cr4));
    let state = records::TlbState::of(machine);
    let pending = state.user_pcid_flush_mask >> at::kernel_pcid(state.loaded_mm_asid) & 1 != 0;
    let under = |cr3: u64| {
        let pcid = if features.pcid { (cr3 & 0xfff) as u16 } else { 0 };
        let of_pcid = machine.tlb.entries().filter(move |entry| entry.pcid == pcid && !entry.global);
        of_pcid.filter(move |entry| walked(machine, entry, cr3) != Some((entry.physical, entry.rights))).copied()
    };
    // Without PCIDs the next write of CR3 flushes.
    let user = (features.pcid && !pending).then(|| under(user));
    under(kernel).chain(user.into_iter().flatten()).collect()
}

/// A translation of the user program's data that no table gives.
fn plant(run: &mut Run, pcid: u16) {
    let rights = Rights { writable: true, user: true, execute_disable: false };
    let (linear, physical) = (USER_DATA, at::USER_TEXT_PHYSICAL);
    run.machine.tlb.insert(Entry { pcid, linear, physical, rights, size: PageSize::Size4K, ..Entry::EMPTY });
}

/// Plants it under both PCIDs of an ASID.
fn plant_for(run: &mut Run, features: Features, asid: u16) {
    match features.pcid {
        true => [at::kernel_pcid(asid), at::user_pcid(asid)].into_iter().for_each(|pcid| plant(run, pcid)),
        false => plant(run, 0),
    }
}

/// Points the page at another frame, as another processor would while this one is lazy.
fn move_page(run: &mut Run) {
    let (cpu, memory) = (&run.machine.cpu, &run.machine.memory);
    let walk = paging::walk(cpu, memory, USER_DATA, Start::root(cpu));
    let entry = *walk.steps().last().expect("the entry of the page");
    run.machine.memory.write_u64(entry.address, entry.value & !ADDRESS | SECOND_DATA_PHYSICAL);
    let generation = at::image_physical(run.address("user_mm")) + at::MM_TLB_GENERATION;
    let now = run.machine.memory.read_u64(generation);
    run.machine.memory.write_u64(generation, now + 1);
    run.machine.memory.write_u8(PER_CPU_PHYSICAL + PERCPU_CPU_TLBSTATE_SHARED, 1);
}

/// The run before the first instruction of the switch, and what it looks like when that returns.
fn prepared(switch: Switch, features: Features, form: Form, handler: Handler) -> (Run, cr3_core::machine::Cpu) {
    let mut run = Run::new(features, form, handler);
    run.run_to("kernel_loop");
    run.machine.cpu.rflags &= !0x200;
    let [user, second] = ["user_mm", "second_mm"].map(|mm| run.address(mm));
    let to = match switch {
        Switch::New => {
            plant_for(&mut run, features, 0);
            second
        }
        Switch::Known => {
            for mm in [second, user] {
                let after = enter(&mut run, "switch_mm_irqs_off", mm);
                run = end_of_switch(run, &after).expect("the switch ends");
            }
            second
        }
        Switch::Lazy => {
            plant_for(&mut run, features, 0);
            move_page(&mut run);
            user
        }
    };
    let after = enter(&mut run, "switch_mm_irqs_off", to);
    (run, after)
}

/// Strikes at each boundary: so many there are, and the places after which something stale is cached.
fn sweep(switch: Switch, features: Features, form: Form, handler: Handler) -> (usize, Vec<String>) {
    let (mut run, after) = prepared(switch, features, form, handler);
    let unstruck = end_of_switch(run.clone(), &after).expect("the switch ends").machine;
    assert_eq!(stale(&unstruck, features), [], "{switch:?} {features} {form} without a strike");
    let (mut boundaries, mut refilled) = (0, Vec::new());
    while run.machine.cpu.rip != after.rip {
        for exception in PARANOID {
            let mut struck = run.clone();
            struck.inject(exception);
            let struck = end_of_switch(struck, &after).expect("the switch ends").machine;
            if !stale(&struck, features).is_empty() {
                refilled.push(format!("{exception:?} at {}", run.place()));
            }
        }
        boundaries += 1;
        run.step().expect("the switch goes on");
    }
    (boundaries, refilled)
}

#[test]
fn no_strike_inside_a_switch_refills_what_it_flushes() {
    for features in [ALL_ON, Features { invpcid: false, ..ALL_ON }, Features { pcid: false, ..ALL_ON }] {
        for form in [Form::A, Form::E] {
            for handler in [Handler::Perf, Handler::PendingFlush] {
                for switch in [Switch::New, Switch::Known, Switch::Lazy] {
                    let (boundaries, refilled) = sweep(switch, features, form, handler);
                    assert!(boundaries > 20, "{switch:?} {features}: {boundaries}");
                    assert_eq!(refilled, [""; 0], "{switch:?} {features} {form} {handler}");
                }
            }
        }
    }
}

/// The check sees what it is to see: a translation that no flush has taken. That of the user PCID waits for its flush.
#[test]
fn what_is_stale_is_seen() {
    let (mut run, after) = prepared(Switch::Known, ALL_ON, Form::E, Handler::Perf);
    plant_for(&mut run, ALL_ON, 0);
    let run = end_of_switch(run, &after).expect("the switch ends");
    let pcids =
        |run: &Run| stale(&run.machine, ALL_ON).iter().map(|entry| (entry.pcid, entry.linear)).collect::<Vec<_>>();
    assert_eq!(pcids(&run), [(1, USER_DATA)]);
    let mut run = run;
    run.set_mask(0);
    assert!(pcids(&run).contains(&(0x801, USER_DATA)));
}
