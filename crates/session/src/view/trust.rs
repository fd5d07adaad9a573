//! Who vouches for what, and how much of the two runs was compared so far.

use crate::check::Mark;
use crate::choice::Side;
use crate::state::State;
use cr3_core::run::{Origin, StepKind};
use cr3_core::trace::Step;
use cr3_core::trust::{Counted, FIELDS, Field, Voucher};

/// A field with its voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The field.
    pub name: &'static str,
    /// Who vouches for it.
    pub voucher: &'static str,
    /// Each run; none if a run says nothing about it.
    pub compared: [Option<Part>; 2],
    /// Where else it is compared.
    pub elsewhere: &'static str,
    /// The part that nobody vouches for; empty if there is none.
    pub unchecked: &'static str,
}

/// How many of the steps that concern a field were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Steps that were compared.
    pub compared: usize,
    /// Steps of the run that concern the field.
    pub of: usize,
}

/// All fields.
#[must_use]
pub fn rows(state: &State) -> Vec<Row> {
    let row = |field: &Field| Row {
        name: field.name,
        voucher: field.voucher.name(),
        compared: Side::BOTH.map(|side| part(state, side, field.counted)),
        elsewhere: elsewhere(field.voucher),
        unchecked: field.unchecked,
    };
    FIELDS.iter().map(row).collect()
}

fn elsewhere(voucher: Voucher) -> &'static str {
    match voucher {
        Voucher::Unicorn | Voucher::SecondTlbModel | Voucher::GnuAs => "in tests",
        Voucher::LinuxSources => "by machine",
        Voucher::CitedSource => "by reading",
        Voucher::Nobody => "nowhere",
    }
}

fn part(state: &State, side: Side, counted: Counted) -> Option<Part> {
    if counted == Counted::Tests {
        return None;
    }
    let steps = state.runs.trace(side).map_or(&[][..], |trace| &trace.steps);
    let says = |step: &Step| match counted {
        Counted::Steps => !is_injected(step),
        Counted::Faults => matches!(step.kind, StepKind::Delivery { origin: Origin::Faulted | Origin::Trapped, .. }),
        Counted::Deliveries => matches!(step.kind, StepKind::Delivery { .. }),
        Counted::Tests => false,
    };
    let vouches = |mark: Option<Mark>| match counted {
        Counted::Deliveries => mark == Some(Mark::Delivered),
        _ => matches!(mark, Some(Mark::Agrees | Mark::Delivered)),
    };
    let saying = steps.iter().enumerate().filter(|(_, step)| says(step));
    let compared = saying.clone().filter(|(index, _)| vouches(state.check.mark(side, *index))).count();
    Some(Part { compared, of: saying.count() })
}

/// Nothing executes when an event from outside arrives.
fn is_injected(step: &Step) -> bool {
    matches!(step.kind, StepKind::Delivery { origin: Origin::Injected(_) | Origin::Latched, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::check::Report;
    use crate::state::Settings;
    use crate::update::update;
    use expect_test::expect;

    /// Marks as from a second CPU that delivers every event itself.
    fn marks(state: &State, side: Side) -> Vec<Mark> {
        let mark = |step: &Step| match step.kind {
            StepKind::Delivery { .. } => Mark::Delivered,
            _ => Mark::Agrees,
        };
        state.runs.trace(side).map_or_else(Vec::new, |trace| trace.steps.iter().map(mark).collect())
    }

    fn told(state: &State) -> String {
        let part = |part: Part| format!("{}/{}", part.compared, part.of);
        let line = |row: Row| {
            let parts = row.compared.map(|it| it.map_or(row.elsewhere.to_owned(), part));
            format!("{}: {}; {}\n", row.name, row.voucher, parts.join(", "))
        };
        rows(state).into_iter().map(line).collect()
    }

    #[test]
    fn each_field_is_counted_in_the_steps_that_say_something_of_it() {
        let off = State::open("", Settings::default());
        let lines = told(&off);
        assert_eq!(lines.matches(" 0/").count(), 18, "nothing is compared while the check is off: {lines}");
        let state = update(&update(&off, Action::ToggleCheck), Action::Checked(off.check.ticket + 1, Report::Opened));
        let ticket = state.check.ticket;
        let left = marks(&state, Side::Left);
        let half = left.len() / 2;
        let state = update(&state, Action::Checked(ticket, Report::Steps(Side::Left, left)));
        let right = marks(&state, Side::Right)[..half].to_vec();
        let state = update(&state, Action::Checked(ticket, Report::Steps(Side::Right, right)));
        expect![[r#"
            RAX to R15, RIP: Unicorn 2.1.5; 1509/1509, 754/1507
            RFLAGS: Unicorn 2.1.5; 1509/1509, 754/1507
            selectors, FS and GS bases, CPL: Unicorn 2.1.5; 1509/1509, 754/1507
            CR0, CR2, CR4, MSRs, GDTR, IDTR, TR: Unicorn 2.1.5; 1509/1509, 754/1507
            CR3, bits 62:0: Unicorn 2.1.5; 1509/1509, 754/1507
            memory, stack, pending-flush mask: Unicorn 2.1.5; 1509/1509, 754/1507
            faults: vector, error code, address: Unicorn 2.1.5; 6/6, 3/6
            whether NMIs are blocked: Unicorn 2.1.5; 1509/1509, 754/1507
            deliveries: IDT, TSS, IST, frame: Unicorn 2.1.5; 7/7, 4/7
            CR3 bit 63, PCID, TLB, flushes: a second model, from the manual's text; in tests, in tests
            bytes of assembled text: GNU as; in tests, in tests
            Linux: entry code: Linux v6.1.172 and v6.12.117; by machine, by machine
            Linux: C side, layout, constants: the source that the code cites; by reading, by reading
            counters, verdicts: nobody; nowhere, nowhere
            cycles: the source that the code cites; by reading, by reading
        "#]]
        .assert_eq(&told(&state));
    }
}
