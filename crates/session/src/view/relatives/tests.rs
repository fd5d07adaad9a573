use super::*;
use crate::state::{Settings, State};
use crate::view::{stack, tlb};

const OPENING: &str = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi";

fn opened() -> (State, Moment) {
    let state = State::open(OPENING, Settings::default());
    let moment = Moment::at(&state.runs, state.cursor);
    (state, moment)
}

#[test]
fn a_name_stands_for_one_thing() {
    let registers = registers().flat_map(|name| [Thing::Register(name), Thing::Names(name)]);
    let others = [
        Thing::Row(41),
        Thing::Instruction(0xffff_ffff_8100_0000),
        Thing::Cr3,
        Thing::Cr3Write,
        Thing::Pcid(0x801),
        Thing::Slot(8),
        Thing::Page(0xfffff),
    ];
    for thing in registers.chain(others) {
        assert_eq!(Thing::of_key(&thing.key()), Some(thing));
    }
    for none in ["", "row-", "row-x", "reg-xyz", "at-", "nothing-1"] {
        assert_eq!(Thing::of_key(none), None, "{none}");
    }
}

#[test]
fn a_statement_names_registers_whole_and_in_part() {
    let check = |text: &str, expected: &[&'static str]| {
        let mut things = Vec::new();
        add_named(&mut things, text);
        let expected: Vec<_> = expected.iter().copied().map(Thing::Names).collect();
        assert_eq!(things, expected, "{text}");
    };
    check("mov %r14, %cr3", &["r14"]);
    check("movl 8(%rsp,%rcx,4), %eax", &["rsp", "rcx", "rax"]);
    check("btr $63, %rax", &["rax"]);
    check("movb %r8b, %dil", &["r8", "rdi"]);
    check("movw %ax, %r15w; movb %ah, %bl", &["rax", "r15", "rbx"]);
    check("movl %r10d, %esi; mov %sp, %bpl", &["r10", "rsi", "rsp", "rbp"]);
    check("mov %cr3, %gs:8; mov %, %é, %xmm0, %r, %rip", &[]);
    check("mov %cr2, %rdi", &["cr2", "rdi"]);
    check("swapgs", &[]);
    check("jmp rax", &[]);
}

fn is_lit(of: Thing, part: &[Thing]) -> bool {
    let (state, moment) = opened();
    relatives(&state.runs, &moment, of).iter().any(|it| part.contains(it))
}

#[test]
fn cr3_has_to_do_with_its_pcid_and_its_writes() {
    let (state, moment) = opened();
    let groups = tlb::tlb(&moment);
    for group in &groups {
        for line in &group.lines {
            let is_held = group.current.contains(&true);
            assert_eq!(is_lit(Thing::Cr3, &of_entry(&line.entry)), is_held, "{:#x}", group.pcid);
            assert_eq!(is_lit(Thing::Pcid(group.pcid), &of_cr3(&moment)), is_held, "and back");
        }
    }
    assert!(groups.iter().any(|group| group.current == [false; 2]), "one is not held");
    for row in 0..state.runs.len() {
        let writes = state.runs.writes_cr3(row);
        assert_eq!(of_row(&state.runs, row).contains(&Thing::Cr3Write), writes);
        assert_eq!(relatives(&state.runs, &moment, Thing::Row(row)).contains(&Thing::Cr3), writes);
    }
    assert!(of_instruction(1, "mov %r14, %cr3").contains(&Thing::Cr3Write));
    assert!(!of_instruction(1, "mov %cr3, %r14").contains(&Thing::Cr3Write));
}

#[test]
fn an_instruction_has_to_do_with_its_steps_and_registers() {
    let (state, moment) = opened();
    let runs = &state.runs;
    for side in Side::BOTH {
        for (index, step) in runs.trace(side).expect("a run").steps.iter().enumerate().step_by(11) {
            let row = runs.row_of(side, index).expect("a row");
            let lit = relatives(runs, &moment, Thing::Instruction(step.rip));
            assert!(of_row(runs, row).iter().any(|it| lit.contains(it)), "row {row}");
            assert!(relatives(runs, &moment, Thing::Row(row)).contains(&Thing::Instruction(step.rip)));
        }
    }
    assert!(is_lit(Thing::Register("r14"), &of_instruction(1, "mov %r14, %cr3")));
    assert!(!is_lit(Thing::Register("rax"), &of_instruction(1, "mov %r14, %cr3")));
    assert_eq!(of_register("r14"), Some(Thing::Register("r14")));
    assert_eq!(of_register("rflags"), None);
}

/// Each word that a step has stored leads to the step, and the step to the word, unless another one stored there since.
#[test]
fn a_word_of_the_stack_has_to_do_with_the_step_that_stored_it() {
    let (state, _) = opened();
    let mut led = 0;
    for row in (0..state.runs.len()).step_by(29) {
        let moment = Moment::at(&state.runs, row);
        for slot in stack::stack(&state.runs, &moment).slots {
            for thing in relatives(&state.runs, &moment, Thing::Slot(slot.offset)) {
                if let Thing::Row(from) = thing {
                    assert!(from <= row);
                    assert!(relatives(&state.runs, &moment, thing).contains(&Thing::Slot(slot.offset)));
                    led += 1;
                }
            }
        }
    }
    assert!(led > 20, "{led} words led to a step");
}
