//! What the modelled handlers do to the machine.

use crate::support::{ALL_ON, Run, preserved};
use cr3_core::linux::layout::{
    GHES_RECORD_PHYSICAL, KERNEL_BUFFER_PHYSICAL, PAGE, TASK_SIZE_MAX, USER_LAZY_PAGE, image_physical,
};
use cr3_core::linux::{Form, Handler, Handlers};
use cr3_core::machine::Exception::{self, Nmi};
use cr3_core::machine::{Cpu, Register};

const PERF_RECORD: u64 = KERNEL_BUFFER_PHYSICAL + 6 * PAGE;

pub(crate) fn record(run: &Run) -> [u64; 3] {
    [0, 8, 16].map(|offset| run.machine.memory.read_u64(PERF_RECORD + offset))
}

#[test]
fn perf_samples_the_interrupted_stacks() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Perf);
    run.run_to("kernel_loop");
    let before = run.machine.cpu.clone();
    run.inject(Nmi);
    run.run_back_to(&before);
    let [rip, kernel, _] = record(&run);
    assert_eq!(rip, before.rip);
    let returns_to = run.address("do_syscall_64")..run.address("syscall_exit_to_user_mode");
    assert!(returns_to.contains(&kernel), "{kernel:#x}: the return address on the kernel stack");
    assert_eq!(run.per_cpu("perf_samples"), 1);
    assert_eq!(run.log.faults, []);
}

#[test]
fn perf_reads_the_users_stack_from_user_mode_and_from_kernel_mode() {
    for label in ["user_sigreturn_done", "sys_rt_sigreturn"] {
        let mut run = Run::new(ALL_ON, Form::E, Handler::Perf);
        run.run_to(label);
        let before = run.machine.cpu.clone();
        run.inject(Nmi);
        run.run_back_to(&before);
        assert_eq!(record(&run)[2], run.address("user_sigreturn_done"), "{label}: what the program pushed");
    }
}

#[test]
fn a_page_fault_in_the_handler_is_mended_keeps_cr2_and_unblocks_nmis() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Perf);
    run.run_to("user_loop");
    run.machine.cpu.registers[Register::Rsp as usize] = USER_LAZY_PAGE + 0x800;
    run.machine.cpu.cr2 = 0x1234_5678;
    let before = run.machine.cpu.clone();
    run.inject(Nmi);
    run.run_to("perf_read_user_fixup");
    let faults: Vec<_> = run.log.faults.iter().map(|fault| (fault.exception, fault.address)).collect();
    assert_eq!(faults, [(Exception::PageFault, Some(USER_LAZY_PAGE + 0x800))]);
    assert!(!run.machine.cpu.events.nmi_blocked, "the IRET of the page fault");
    run.run_back_to(&before);
    assert_eq!(run.machine.cpu.cr2, 0x1234_5678);
    assert_eq!(preserved(&run.machine.cpu), preserved(&before));
}

#[test]
fn perf_does_not_follow_a_user_stack_pointer_into_the_kernel() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Perf);
    run.run_to("user_loop");
    run.machine.cpu.registers[Register::Rsp as usize] = TASK_SIZE_MAX;
    let before = run.machine.cpu.clone();
    run.inject(Nmi);
    run.run_back_to(&before);
    assert_eq!(run.log.faults, []);
    assert_eq!(record(&run)[2], 0);
}

#[test]
fn the_pending_flush_handler_reads_the_record_and_leaves_no_mapping() {
    use cr3_core::linux::layout::FIXMAP_GHES_NMI;
    let mut run = Run::new(ALL_ON, Form::E, Handler::PendingFlush);
    run.machine.memory.write_u64(GHES_RECORD_PHYSICAL, 0x5eed);
    run.run_to("kernel_loop");
    let before = run.machine.cpu.clone();
    run.inject(Nmi);
    run.run_back_to(&before);
    assert_eq!(run.machine.memory.read_u64(KERNEL_BUFFER_PHYSICAL + 7 * PAGE), 0x5eed);
    assert!(run.machine.tlb.entries().all(|entry| entry.linear != FIXMAP_GHES_NMI));
}

/// The pages through which handlers read records at the moment, by their distance from `FIX_APEI_GHES_IRQ`.
fn mapped(run: &Run) -> Vec<u64> {
    use cr3_core::linux::layout::{FIXMAP_GHES_IRQ, FIXMAP_TABLE};
    let slot = FIXMAP_GHES_IRQ / PAGE % 512;
    let entry = |below: u64| run.machine.memory.read_u64(image_physical(FIXMAP_TABLE) + 8 * (slot - below));
    (0..16).filter(|&below| entry(below) != 0).collect()
}

/// No handler takes away the page through which another one reads, and none is left.
#[test]
fn contexts_inside_one_another_read_records_through_pages_of_their_own() {
    use Exception::{Debug, DoubleFault, MachineCheck, VmmCommunication};
    let check = |from: &str, exceptions: &[Exception], pages: &[u64]| {
        let mut run = Run::new(ALL_ON, Form::E, Handler::PendingFlush);
        run.machine.memory.write_u64(GHES_RECORD_PHYSICAL, 0x5eed);
        run.run_to(from);
        let mut interrupted = Vec::new();
        for &exception in exceptions {
            interrupted.push(run.machine.cpu.clone());
            run.inject(exception);
            run.run_to("ghes_copy_from_phys");
        }
        assert_eq!(mapped(&run), pages, "{from} {exceptions:?}");
        for before in interrupted.iter().rev() {
            run.run_back_to(before);
            assert_eq!(preserved(&run.machine.cpu), preserved(before), "{from} {exceptions:?}");
            assert_eq!(run.machine.memory.read_u64(KERNEL_BUFFER_PHYSICAL + 7 * PAGE), 0x5eed);
        }
        assert_eq!((mapped(&run), run.log.faults.len()), (vec![], 0), "{from} {exceptions:?}");
    };
    check("kernel_loop", &[Nmi], &[1]);
    check("user_loop", &[Nmi], &[1]);
    check("user_loop", &[Debug], &[0]);
    check("user_loop", &[Debug, Debug, MachineCheck, Nmi], &[0, 1, 2, 3]);
    check("kernel_loop", &[VmmCommunication, DoubleFault, MachineCheck, Debug, Nmi], &[1, 2, 3, 4, 5]);
}

#[test]
fn a_machine_check_is_over_when_its_handler_returns() {
    let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
    run.run_to("kernel_loop");
    let before = run.machine.cpu.clone();
    run.inject(Exception::MachineCheck);
    assert!(run.machine.cpu.events.machine_check_in_progress);
    run.run_to("do_machine_check_clear_mcip");
    assert!(run.machine.cpu.events.machine_check_in_progress);
    run.run_back_to(&before);
    assert!(!run.machine.cpu.events.machine_check_in_progress);
}

#[test]
fn breakpoints_are_off_while_a_handler_runs_and_on_again_after_it() {
    for (exception, handler) in [(Nmi, "modelled_handler"), (Exception::Debug, "modelled_handler")] {
        let mut run = Run::new(ALL_ON, Form::E, Handler::Quiet);
        run.run_to("kernel_loop");
        // L0, fixed bit 10; DR0 names no address of the run.
        run.machine.cpu.debug[5] = 0x401;
        let before = run.machine.cpu.clone();
        run.inject(exception);
        run.run_to(handler);
        assert_eq!(run.machine.cpu.debug[5] & 0xff, 0, "{exception:?}");
        run.run_back_to(&before);
        assert_eq!(run.machine.cpu.debug[5] & 0xff, 1, "{exception:?}");
    }
}

/// The handlers entered before the exit of an NMI in kernel code, each with what RDI names.
fn entered(handlers: Handlers) -> Vec<(String, u64)> {
    let mut run = Run::new(ALL_ON, Form::E, handlers);
    run.run_to("kernel_loop");
    run.inject(Nmi);
    let exit = run.address("nmi_exit");
    let symbols: Vec<_> = run.system.image.symbols.clone().into_iter().collect();
    let mut entered = Vec::new();
    while run.machine.cpu.rip != exit {
        let cpu = &run.machine.cpu;
        let here = symbols.iter().filter(|(name, address)| name.starts_with("modelled_") && *address == cpu.rip);
        entered.extend(here.map(|(name, _)| (name.clone(), cpu.registers[Register::Rdi as usize])));
        run.step().expect("the handlers return");
    }
    entered
}

#[test]
fn handlers_are_called_in_their_order_and_one_by_itself_directly() {
    let sets = (0..128u32).map(|set| (0..7).filter(move |bit| set & 1 << bit != 0).map(|bit| Handler::ALL[bit + 1]));
    for handlers in sets.map(Iterator::collect::<Handlers>) {
        let mut expected = vec!["modelled_handler".to_owned()];
        if handlers.single().is_none() {
            expected.extend(handlers.iter().map(|handler| format!("modelled_{}", handler.name().replace('-', "_"))));
        }
        let (names, registers): (Vec<_>, Vec<_>) = entered(handlers).into_iter().unzip();
        assert_eq!(names, expected, "{handlers}");
        assert!(registers.iter().all(|rdi| *rdi == registers[0]), "{handlers}: each gets pt_regs: {registers:x?}");
    }
}

/// Which of the handlers that Linux has did their work.
fn worked(run: &Run) -> Handlers {
    let breakpoint = run.system.image.symbols.get("kgdb_breakpoint").map(|&address| image_physical(address));
    let did = [
        (Handler::Perf, record(run)[0] != 0),
        (Handler::PendingFlush, run.machine.memory.read_u64(KERNEL_BUFFER_PHYSICAL + 7 * PAGE) == 0x5eed),
        (Handler::KgdbPoke, breakpoint.is_some_and(|byte| run.machine.memory.read_u8(byte) == 0xcc)),
    ];
    did.into_iter().filter_map(|(handler, did)| did.then_some(handler)).collect()
}

#[test]
fn each_of_several_handlers_does_its_work_and_all_is_restored() {
    let linux = [Handler::Perf, Handler::PendingFlush, Handler::KgdbPoke];
    for handlers in
        (0..8u32).map(|set| (0..3).filter(move |bit| set & 1 << bit != 0).map(|bit| linux[bit]).collect::<Handlers>())
    {
        let mut run = Run::new(ALL_ON, Form::E, handlers);
        run.machine.memory.write_u64(GHES_RECORD_PHYSICAL, 0x5eed);
        run.run_to("kernel_loop");
        let before = run.machine.cpu.clone();
        run.inject(Nmi);
        run.run_back_to(&before);
        assert_eq!(worked(&run), handlers);
        let expected = Cpu { cr3: before.cr3 + u64::from(handlers.contains(Handler::KgdbPoke)), ..preserved(&before) };
        assert_eq!(preserved(&run.machine.cpu), expected, "{handlers}: the poke comes back with the next PCID");
    }
}
