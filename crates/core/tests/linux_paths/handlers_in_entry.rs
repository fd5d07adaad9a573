//! Handlers that change the address space, called at every boundary of entry and exit, and the result with each form.

use crate::support::{ALL_ON, FORMS, Run};
use cr3_core::linux::Handler;
use cr3_core::linux::records;
use cr3_core::machine::Exception::{self, Debug, DoubleFault, MachineCheck, Nmi, VmmCommunication};
use cr3_core::machine::{Cpu, Event, Machine, Register, Stop, refusal_reason};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

const VECTORS: [Exception; 5] = [Nmi, Debug, MachineCheck, VmmCommunication, DoubleFault];

/// A path through entry text: the labels that lead to it in the uninterrupted run, and its end.
struct Path {
    name: &'static str,
    via: &'static [&'static str],
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    /// The C function that an entry calls.
    Label(&'static str),
    /// Any return: to user mode or to kernel text.
    Return,
}

const PATHS: [Path; 7] = [
    Path { name: "SYSCALL entry", via: &["entry_SYSCALL_64"], end: End::Label("do_syscall_64") },
    Path { name: "exit by SYSRET", via: &["syscall_exit_to_user_mode"], end: End::Return },
    Path { name: "exit by IRET", via: &["sys_rt_sigreturn"], end: End::Return },
    Path { name: "exception entry from user", via: &["user_breakpoint", "asm_exc_int3"], end: End::Label("exc_int3") },
    Path { name: "exception exit to user", via: &["user_breakpoint", "exc_int3"], end: End::Return },
    Path { name: "exception entry from kernel", via: &["kernel_probe", "asm_exc_int3"], end: End::Label("exc_int3") },
    Path { name: "exception exit to kernel", via: &["kernel_probe", "exc_int3"], end: End::Return },
];

/// The outcome of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The program exits. CR3 and the records agree from the return of the handler on.
    Agrees,
    /// The program exits. CR3 and the records disagreed at least for a while.
    Disagrees,
    /// The program never exits: it faults again and again in user mode.
    Faults,
    Panics,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agree",
            Self::Disagrees => "disagree",
            Self::Faults => "fault for ever",
            Self::Panics => "panic",
        }
    }
}

fn entry_text(run: &Run) -> Range<u64> {
    let section = run.system.image.sections.iter().find(|section| section.name == ".entry.text").expect("entry text");
    section.base..section.base + section.bytes.len() as u64
}

impl Path {
    /// The boundaries in entry text, without those in C code between them.
    fn boundaries(&self, run: &Run) -> Vec<Machine> {
        let mut run = run.clone();
        let text = entry_text(&run);
        self.via.iter().for_each(|label| run.run_to(label));
        run.run_until(|machine| text.contains(&machine.cpu.rip));
        let ended = |cpu: &Cpu, run: &Run| match self.end {
            End::Label(label) => cpu.rip == run.address(label),
            End::Return => !text.contains(&cpu.rip),
        };
        let mut boundaries = Vec::new();
        while !ended(&run.machine.cpu, &run) {
            if text.contains(&run.machine.cpu.rip) {
                boundaries.push(run.machine.clone());
            }
            run.step().expect("the run goes on");
        }
        boundaries
    }
}

/// A task that faults more often than this faults for ever.
const FAULTS: usize = 30;

struct Ends {
    exit: u64,
    panic: u64,
    between_records: u64,
}

impl Ends {
    fn of(run: &Run) -> Self {
        let [exit, panic, between_records] =
            ["run_end", "kernel_panic", records::BETWEEN_RECORDS].map(|label| run.address(label));
        Self { exit, panic, between_records }
    }

    fn play(&self, mut run: Run, interrupted: &Cpu) -> Outcome {
        let (mut returned, mut agrees) = (false, true);
        let mut checked = (u64::MAX, 0);
        run.log.faults.clear();
        while run.log.faults.len() < FAULTS {
            let cpu = &run.machine.cpu;
            if cpu.rip == self.panic {
                return Outcome::Panics;
            }
            if cpu.rip == self.exit {
                return if agrees { Outcome::Agrees } else { Outcome::Disagrees };
            }
            returned |= same_place(cpu, interrupted);
            // CR3 and records can diverge only when CR3 or the privilege changes. In the handler they may.
            if returned && checked != (cpu.cr3, cpu.cpl) && cpu.rip != self.between_records {
                checked = (cpu.cr3, cpu.cpl);
                agrees &= records::check(&run.machine, ALL_ON).is_ok();
            }
            match run.step() {
                Ok(()) => {}
                Err(Stop::Halted) => panic!("halted at {}", run.place()),
                Err(Stop::Shutdown { .. }) => panic!("shut down at {}", run.place()),
            }
        }
        Outcome::Faults
    }
}

fn same_place(cpu: &Cpu, other: &Cpu) -> bool {
    let stack = Register::Rsp as usize;
    cpu.rip == other.rip && cpu.cpl == other.cpl && cpu.registers[stack] == other.registers[stack]
}

fn counts(run: &Run, boundaries: &[Machine], vector: Exception) -> String {
    let ends = Ends::of(run);
    let mut counts = BTreeMap::<Outcome, usize>::new();
    for machine in boundaries {
        assert_eq!(refusal_reason(&machine.cpu, Event::Exception(vector)), None, "nothing is refused here");
        let mut struck = Run { machine: machine.clone(), ..run.clone() };
        struck.inject(vector);
        *counts.entry(ends.play(struck, &machine.cpu)).or_default() += 1;
    }
    counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.name())).collect::<Vec<_>>().join(", ")
}

/// `key: value` for each value in the order of its first key. Keys with the same value share a line.
fn grouped(results: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for (key, value) in results {
        match groups.iter_mut().find(|(_, other)| *other == value) {
            Some((keys, _)) => {
                keys.push(' ');
                keys.push_str(&key);
            }
            None => groups.push((key, value)),
        }
    }
    groups
}

fn sweep(handler: Handler) -> String {
    let runs = FORMS.map(|form| (Run::new(ALL_ON, form, handler), form));
    let mut table = String::new();
    for path in PATHS {
        let by_form = runs.iter().map(|(run, form)| {
            let boundaries = path.boundaries(run);
            let by_vector =
                VECTORS.into_iter().map(|vector| (vector.name().to_owned(), counts(run, &boundaries, vector)));
            let lines =
                grouped(by_vector).into_iter().map(|(vectors, counts)| format!("        {vectors}: {counts}\n"));
            (form.to_string(), format!(", {} boundaries\n{}", boundaries.len(), lines.collect::<String>()))
        });
        let _ = writeln!(table, "{}", path.name);
        for (forms, lines) in grouped(by_form) {
            let _ = write!(table, "    {forms}{lines}");
        }
    }
    table
}

fn check(handler: Handler, expected: &Expect) {
    expected.assert_eq(&sweep(handler));
}

#[test]
fn a_poke() {
    check(
        Handler::KgdbPoke,
        &expect![[r#"
            SYSCALL entry
                A, 45 boundaries
                    NMI #DB #MC #DF: 45 disagree
                    #VC: 38 disagree, 7 panic
                B2 C E, 45 boundaries
                    NMI #DB #MC #DF: 38 agree, 7 disagree
                    #VC: 38 agree, 7 panic
                never, 45 boundaries
                    NMI #DB #MC #VC #DF: 42 agree, 3 disagree
            exit by SYSRET
                A, 37 boundaries
                    NMI #DB #MC #DF: 37 disagree
                    #VC: 34 disagree, 3 panic
                B2 C E, 37 boundaries
                    NMI #DB #MC #DF: 22 agree, 15 disagree
                    #VC: 22 agree, 12 disagree, 3 panic
                never, 37 boundaries
                    NMI #DB #MC #VC #DF: 22 agree, 15 disagree
            exit by IRET
                A, 46 boundaries
                    NMI #DB #MC #VC #DF: 46 disagree
                B2 C E never, 46 boundaries
                    NMI #DB #MC #VC #DF: 27 agree, 19 disagree
            exception entry from user
                A, 49 boundaries
                    NMI #DB #MC #VC #DF: 49 disagree
                B2 C E, 49 boundaries
                    NMI #DB #MC #VC #DF: 5 agree, 44 disagree
                never, 49 boundaries
                    NMI #DB #MC #VC #DF: 46 agree, 3 disagree
            exception exit to user
                A, 48 boundaries
                    NMI #DB #MC #VC #DF: 48 disagree
                B2 C E never, 48 boundaries
                    NMI #DB #MC #VC #DF: 29 agree, 19 disagree
            exception entry from kernel
                A, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 disagree
                B2 C E never, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 agree
            exception exit to kernel
                A, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 disagree
                B2 C E never, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 agree
        "#]],
    );
}

#[test]
fn a_raw_write_to_cr3() {
    check(
        Handler::RogueCr3,
        &expect![[r#"
            SYSCALL entry
                A, 45 boundaries
                    NMI #DB #MC #DF: 45 agree
                    #VC: 38 agree, 7 panic
                B2 C E, 45 boundaries
                    NMI #DB #MC #DF: 7 agree, 38 fault for ever
                    #VC: 38 fault for ever, 7 panic
                never, 45 boundaries
                    NMI #DB #MC #VC #DF: 3 disagree, 42 fault for ever
            exit by SYSRET
                A, 37 boundaries
                    NMI #DB #MC #DF: 37 agree
                    #VC: 34 agree, 3 panic
                B2 C E, 37 boundaries
                    NMI #DB #MC #DF: 6 agree, 9 disagree, 22 fault for ever
                    #VC: 3 agree, 9 disagree, 22 fault for ever, 3 panic
                never, 37 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 28 fault for ever
            exit by IRET
                A, 46 boundaries
                    NMI #DB #MC #VC #DF: 46 agree
                B2 C E, 46 boundaries
                    NMI #DB #MC #VC #DF: 10 agree, 9 disagree, 27 fault for ever
                never, 46 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 37 fault for ever
            exception entry from user
                A, 49 boundaries
                    NMI #DB #MC #VC #DF: 49 agree
                B2 C E, 49 boundaries
                    NMI #DB #MC #VC #DF: 44 agree, 5 fault for ever
                never, 49 boundaries
                    NMI #DB #MC #VC #DF: 3 disagree, 46 fault for ever
            exception exit to user
                A, 48 boundaries
                    NMI #DB #MC #VC #DF: 48 agree
                B2 C E, 48 boundaries
                    NMI #DB #MC #VC #DF: 10 agree, 9 disagree, 29 fault for ever
                never, 48 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 39 fault for ever
            exception entry from kernel
                A, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 agree
                B2 C E never, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 fault for ever
            exception exit to kernel
                A, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 agree
                B2 C E never, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 fault for ever
        "#]],
    );
}

#[test]
fn an_unbalanced_switch() {
    check(
        Handler::RogueSwitchMm,
        &expect![[r#"
            SYSCALL entry
                A, 45 boundaries
                    NMI #DB #MC #DF: 45 disagree
                    #VC: 38 disagree, 7 panic
                B2 C E, 45 boundaries
                    NMI #DB #MC #DF: 7 disagree, 38 fault for ever
                    #VC: 38 fault for ever, 7 panic
                never, 45 boundaries
                    NMI #DB #MC #VC #DF: 3 disagree, 42 fault for ever
            exit by SYSRET
                A, 37 boundaries
                    NMI #DB #MC #DF: 37 disagree
                    #VC: 34 disagree, 3 panic
                B2 C E, 37 boundaries
                    NMI #DB #MC #DF: 15 disagree, 22 fault for ever
                    #VC: 12 disagree, 22 fault for ever, 3 panic
                never, 37 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 28 fault for ever
            exit by IRET
                A, 46 boundaries
                    NMI #DB #MC #VC #DF: 46 disagree
                B2 C E, 46 boundaries
                    NMI #DB #MC #VC #DF: 19 disagree, 27 fault for ever
                never, 46 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 37 fault for ever
            exception entry from user
                A, 49 boundaries
                    NMI #DB #MC #VC #DF: 49 disagree
                B2 C E, 49 boundaries
                    NMI #DB #MC #VC #DF: 44 disagree, 5 fault for ever
                never, 49 boundaries
                    NMI #DB #MC #VC #DF: 3 disagree, 46 fault for ever
            exception exit to user
                A, 48 boundaries
                    NMI #DB #MC #VC #DF: 48 disagree
                B2 C E, 48 boundaries
                    NMI #DB #MC #VC #DF: 19 disagree, 29 fault for ever
                never, 48 boundaries
                    NMI #DB #MC #VC #DF: 9 disagree, 39 fault for ever
            exception entry from kernel
                A, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 disagree
                B2 C E never, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 fault for ever
            exception exit to kernel
                A, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 disagree
                B2 C E never, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 fault for ever
        "#]],
    );
}

#[test]
fn a_handler_that_schedules() {
    check(
        Handler::Schedule,
        &expect![[r#"
            SYSCALL entry
                A, 45 boundaries
                    NMI #DB #MC #DF: 45 disagree
                    #VC: 38 disagree, 7 panic
                B2 C E, 45 boundaries
                    NMI #DB #MC #DF: 38 agree, 7 disagree
                    #VC: 38 agree, 7 panic
                never, 45 boundaries
                    NMI #DB #MC #VC #DF: 42 agree, 3 disagree
            exit by SYSRET
                A, 37 boundaries
                    NMI #DB #MC #DF: 37 disagree
                    #VC: 34 disagree, 3 panic
                B2 C E, 37 boundaries
                    NMI #DB #MC #DF: 22 agree, 15 disagree
                    #VC: 22 agree, 12 disagree, 3 panic
                never, 37 boundaries
                    NMI #DB #MC #VC #DF: 22 agree, 15 disagree
            exit by IRET
                A, 46 boundaries
                    NMI #DB #MC #VC #DF: 46 disagree
                B2 C E never, 46 boundaries
                    NMI #DB #MC #VC #DF: 27 agree, 19 disagree
            exception entry from user
                A, 49 boundaries
                    NMI #DB #MC #VC #DF: 49 disagree
                B2 C E, 49 boundaries
                    NMI #DB #MC #VC #DF: 5 agree, 44 disagree
                never, 49 boundaries
                    NMI #DB #MC #VC #DF: 46 agree, 3 disagree
            exception exit to user
                A, 48 boundaries
                    NMI #DB #MC #VC #DF: 48 disagree
                B2 C E never, 48 boundaries
                    NMI #DB #MC #VC #DF: 29 agree, 19 disagree
            exception entry from kernel
                A, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 disagree
                B2 C E never, 59 boundaries
                    NMI #DB #MC #VC #DF: 59 agree
            exception exit to kernel
                A, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 disagree
                B2 C E never, 22 boundaries
                    NMI #DB #MC #VC #DF: 22 agree
        "#]],
    );
}
