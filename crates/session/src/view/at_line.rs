//! What is known of one line of a person's own text: what it does, what it just changed, what it is about, and what fails without it.
//!
//! Every sentence is computed from the run on display, or is the glossary's with its source.

use super::lines::note_of;
use super::why::{Why, why};
use crate::action::Action;
use crate::choice::Side;
use crate::document::Paper;
use crate::glossary::{Term, Word};
use crate::state::State;
use cr3_core::asm::{Line, Position};
use cr3_core::trace::Trace;

/// What is known of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its number, and what is written there.
    pub title: String,
    /// What its first instruction does, whatever it is given; none of instructions that entry code rarely has.
    pub means: Option<String>,
    /// What it does at the step that is nearest to the cursor.
    pub does: String,
    /// What that step changes: registers, with their values before and after.
    pub changes: Vec<String>,
    /// Shows that step.
    pub show: Option<Action>,
    /// What fails without it, or how far that is known.
    pub without: String,
    /// Asks what fails without each line.
    pub ask: Option<Action>,
    /// Why the kernel has it, or why that is not known.
    pub why: Why,
    /// What it is about.
    pub terms: Vec<Term>,
}

/// Said of a line of which no step is on display.
const NOT_TAKEN: &str = "The run does not reach this line.";

/// Said of a line that no entry of docs/WHY.md fits.
const NOT_KNOWN: &str = "docs/WHY.md has no entry about it.";

/// Said of a line that produced no code: its feature is off, or nothing calls its macro.
const NOT_THERE: &str = "With these features, nothing of this line is in the entry code.";

/// What is known of a line of the edited text, from 1; none where its side does not run this very text, or where the line is no
/// statement.
#[must_use]
pub fn about(state: &State, line: u32) -> Option<About> {
    let side = state.edited;
    let trace =
        state.runs.trace(side).filter(|_| state.setup.uses_text(side) && !state.runs.is_of_earlier_text(side))?;
    let index = (line as usize).checked_sub(1)?;
    let written = state.text().lines().nth(index)?;
    let places: Vec<_> =
        trace.system.given.iter().filter(|it| it.given == line).map(|it| (it.source, it.line)).collect();
    let code = code(written);
    let own = listed(trace, &places);
    if places.is_empty() || (own.is_empty() && !is_statement(code)) {
        return None;
    }
    let addresses: Vec<_> = own.iter().map(|it| it.address).collect();
    let step = nearest(trace, &addresses, state.runs.taken(side, state.cursor));
    let detail = step.and_then(|step| trace.detail(step));
    let changes = detail.iter().flat_map(|detail| &detail.registers);
    let row = step.and_then(|step| state.runs.row_of(side, step));
    let known =
        places.iter().find_map(|(source, line)| note_of(state, side, &trace.system.sources[*source].name, *line));
    let idle = if own.is_empty() { NOT_THERE } else { NOT_TAKEN };
    Some(About {
        title: format!("Line {line}: {}", written.trim()),
        means: own.first().and_then(|it| means(&it.text)),
        does: detail.as_ref().map_or_else(|| idle.to_owned(), |detail| detail.sentence(trace)),
        changes: changes.map(|it| format!("{} {:#x} → {:#x}", it.name, it.before, it.after)).collect(),
        show: row.filter(|row| *row != state.cursor).map(Action::Seek),
        ask: known.is_none().then_some(Action::AskLines),
        without: known.unwrap_or_else(|| waiting(state, side)),
        why: reason(state, trace, &places),
        terms: terms(state.text(), index, code),
    })
}

/// Why the kernel has the statement at one of these places, or what is said where docs/WHY.md is not here or has no entry.
fn reason(state: &State, trace: &Trace, places: &[(usize, u32)]) -> Why {
    let said = state.papers.of(Paper::Why).text(Paper::Why).map(|document| {
        let texts = places.iter().filter_map(|(source, line)| Some((&trace.system.sources.get(*source)?.text, *line)));
        texts.filter_map(|(text, line)| why(document, text, line)).next().ok_or(NOT_KNOWN)
    });
    let instead = |words: &str| Why { says: words.to_owned(), source: String::new() };
    match said {
        Ok(known) => known.unwrap_or_else(instead),
        Err(missing) => instead(&missing),
    }
}

/// A line without the marks of a reply and of a patch.
fn code(written: &str) -> &str {
    let code = written.trim_start_matches(['>', ' ']);
    code.strip_prefix('+').unwrap_or(code).trim()
}

/// Whether code may be assembled: it is no blank line, label, directive or comment.
fn is_statement(code: &str) -> bool {
    let is_other = code.starts_with(['.', '#', '/', '*']) || code.ends_with(':');
    !code.is_empty() && !is_other
}

/// What is said while nobody knows what fails without a line.
fn waiting(state: &State, side: Side) -> String {
    let study = &state.explore.studies.lines;
    let [done, of] = [study.round.done, study.round.of];
    match (study.subject.as_deref() == state.shown(side).as_ref(), study.is_over) {
        (false, _) => "The text has not been tried without this line.".to_owned(),
        (true, false) if of == 0 => "The text is being tried without each of its lines.".to_owned(),
        (true, false) => {
            format!("The text is being tried without each of its lines: {done} of {of} pieces of this round are done.")
        }
        (true, true) => "This line was not tried by itself.".to_owned(),
    }
}

/// The instructions of a line, in each place that its macro is used: its own, and those of the macro that it calls.
fn listed<'t>(trace: &'t Trace, places: &[(usize, u32)]) -> Vec<&'t Line> {
    let is_place = |at: &Position| places.contains(&(at.source, at.line));
    let is_own =
        |it: &&Line| it.instruction && (is_place(&it.position) || it.expansion.iter().any(|(_, call)| is_place(call)));
    trace.system.image.listing.iter().filter(is_own).collect()
}

/// The last step at one of these addresses before so many steps are taken, or else the first after them.
fn nearest(trace: &Trace, addresses: &[u64], taken: usize) -> Option<usize> {
    let is_here = |step: &usize| trace.steps.get(*step).is_some_and(|step| addresses.contains(&step.rip));
    (0..taken).rev().find(is_here).or_else(|| (taken..trace.steps.len()).find(is_here))
}

/// What a statement names, and what that is about.
const ABOUT: [(&str, Word); 12] = [
    ("%cr3", Word::Cr3),
    ("user_pcid_flush_mask", Word::PendingFlush),
    ("NOFLUSH", Word::NoFlush),
    ("$63,", Word::NoFlush),
    ("PTI_USER_PCID", Word::UserPcid),
    ("PTI_USER_PGTABLE", Word::UserHalf),
    ("ADJUST_KERNEL_CR3", Word::KernelHalf),
    ("FEATURE_PCID", Word::Pcid),
    ("FEATURE_PTI", Word::TablePair),
    ("invpcid", Word::Flush),
    ("swapgs", Word::GsBase),
    ("_reg", Word::Register),
];

/// The terms of a statement. A jump on a flag is about what the statement before it tests.
fn terms(text: &str, index: usize, code: &str) -> Vec<Term> {
    let own = named(code);
    let is_conditional = code.starts_with('j') && !code.starts_with("jmp");
    if !own.is_empty() || !is_conditional {
        return own;
    }
    let before = text.lines().take(index).map(self::code).filter(|code| is_statement(code)).last();
    before.map(named).unwrap_or_default()
}

fn named(statement: &str) -> Vec<Term> {
    let mut words: Vec<Word> = Vec::new();
    for (_, word) in ABOUT.iter().filter(|(name, _)| statement.contains(name)) {
        if !words.contains(word) {
            words.push(*word);
        }
    }
    words.into_iter().map(Term::Word).collect()
}

/// What an instruction does, whatever it is given (Intel SDM vol. 2).
fn means(text: &str) -> Option<String> {
    let (mnemonic, _) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let of = |name: &str| MEANS.iter().find(|(names, _)| names.split(' ').any(|it| it == name));
    // AT&T syntax appends the width.
    let (_, means) = of(mnemonic).or_else(|| of(mnemonic.strip_suffix(['b', 'w', 'l', 'q'])?))?;
    Some(format!("{mnemonic} {means}"))
}

/// Instructions of entry code, and what each does.
const MEANS: [(&str, &str); 35] = [
    ("mov movabs", "copies the first operand to the second"),
    ("lea", "computes an address and keeps it"),
    ("bt", "copies a bit to CF"),
    ("bts", "copies a bit to CF, then sets it"),
    ("btr", "copies a bit to CF, then clears it"),
    ("and", "keeps the bits that both operands have"),
    ("or", "sets the bits that one of the operands has"),
    ("xor", "sets the bits in which the operands differ"),
    ("not", "inverts all bits"),
    ("test", "sets ZF and SF by the bits that both operands have"),
    ("cmp", "sets the flags by the difference of the operands"),
    ("add", "adds the first operand to the second"),
    ("sub", "subtracts the first operand from the second"),
    ("inc", "adds one"),
    ("dec", "subtracts one"),
    ("shl sal", "moves the bits up"),
    ("shr sar", "moves the bits down"),
    ("xchg", "exchanges the operands"),
    ("jmp", "jumps"),
    ("jc jb jnae", "jumps if CF is set"),
    ("jnc jae jnb", "jumps if CF is clear"),
    ("jz je", "jumps if ZF is set"),
    ("jnz jne", "jumps if ZF is clear"),
    ("js", "jumps if SF is set"),
    ("jns", "jumps if SF is clear"),
    ("call", "pushes the address of the next instruction and jumps"),
    ("ret", "pops an address and jumps there"),
    ("push", "stores below RSP and lowers it"),
    ("pop", "loads from RSP and raises it"),
    ("swapgs", "exchanges the GS base with IA32_KERNEL_GS_BASE"),
    ("rdmsr", "reads the MSR that ECX names into EDX:EAX"),
    ("wrmsr", "writes EDX:EAX to the MSR that ECX names"),
    ("invpcid", "invalidates translations of a PCID"),
    ("lfence", "waits until all instructions before it are done"),
    ("nop", "does nothing"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{Form, Overlay};
    use crate::document::Document;
    use crate::state::Settings;
    use crate::update::update;
    use expect_test::{Expect, expect};

    const TEXT: &str = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tbtsq\t$63, \\save_reg\n\tmovq\t\\save_reg, %cr3\n\tjmp 1f\n\tnop\n1:\n.endm\n";

    fn opened() -> State {
        let state = State::open("a=A&b=E", Settings::default());
        let state = update(&state, Action::EditDraft(TEXT.into()));
        update(&state, Action::SetForm(Side::Right, Form::Custom))
    }

    fn check(state: &State, line: u32, expected: Expect) {
        let told = about(state, line).map(|About { title, means, does, changes, without, terms, .. }| {
            let terms: Vec<_> = terms.into_iter().map(Term::name).collect();
            let means = means.map(|means| means + "\n").unwrap_or_default();
            format!("{title}\n{means}{does}\n{}\n{without}\n{}\n", changes.join(", "), terms.join(", "))
        });
        expected.assert_eq(&told.unwrap_or_default());
    }

    #[test]
    fn a_line_says_what_it_does_with_the_values_of_the_run() {
        let state = opened();
        check(&state, 1, expect![[""]]);
        check(
            &state,
            2,
            expect![[r#"
                Line 2: btsq	$63, \save_reg
                btsq copies a bit to CF, then sets it
                the bit was 0
                r14 0x100001 → 0x8000000000100001
                The text has not been tried without this line.
                no flush, general register
            "#]],
        );
        check(
            &state,
            3,
            expect![[r#"
                Line 3: movq	\save_reg, %cr3
                movq copies the first operand to the second
                writes CR3: same tables, PCID 1, no flush; nothing dropped; redundant

                The text has not been tried without this line.
                CR3, general register
            "#]],
        );
        check(
            &state,
            5,
            expect![[r#"
                Line 5: nop
                nop does nothing
                The run does not reach this line.

                The text has not been tried without this line.

            "#]],
        );
        check(&state, 99, expect![[""]]);
    }

    #[test]
    fn a_line_leads_to_its_step_and_to_the_question() {
        let state = update(&opened(), Action::Seek(0));
        let found = about(&state, 3).expect("an instruction");
        let there = update(&state, found.show.expect("a step"));
        assert_ne!(there.cursor, 0);
        assert_eq!(about(&there, 3).map(|about| about.show), Some(None), "it is shown");
        assert_eq!(found.ask, Some(Action::AskLines));
        let asked = update(&there, Action::AskLines);
        assert_eq!(
            about(&asked, 3).map(|about| about.without),
            Some("The text is being tried without each of its lines.".to_owned())
        );
    }

    #[test]
    fn a_line_says_why_the_kernel_has_it_once_the_text_is_here() {
        let state = update(&opened(), Action::Open(Overlay::Editor));
        let said = |state: &State, line: u32| about(state, line).map(|about| about.why.says);
        assert_eq!(said(&state, 2).as_deref(), Some("The text is being fetched."));
        let text = include_str!("../../../../docs/WHY.md");
        let read = update(&state, Action::TakePaper(Paper::Why, Document::Read(text.into())));
        let bit_63 = "Nothing is pending, so the write should keep the translations of the PCID: dropping them is allowed, and costs TLB misses.";
        assert_eq!(said(&read, 2).as_deref(), Some(bit_63));
        let other = update(&state, Action::TakePaper(Paper::Why, Document::Read("# Another text".into())));
        assert_eq!(said(&other, 2).as_deref(), Some(NOT_KNOWN));
        let missing = update(&state, Action::TakePaper(Paper::Why, Document::Missing("no network".into())));
        let failed = "The text could not be fetched: no network. It is docs/WHY.md of the repository.";
        assert_eq!(said(&missing, 2).as_deref(), Some(failed));
    }

    /// The lines of form E that are macros of other files, and those of a mail with a patch, are known as well.
    #[test]
    fn calls_and_lines_of_a_patch_are_known() {
        let begun = update(&State::open("a=A&b=E", Settings::default()), Action::SetForm(Side::Right, Form::Custom));
        let line = |state: &State, code: &str| {
            1 + u32::try_from(state.text().lines().position(|line| line.contains(code)).expect("the line"))
                .expect("few")
        };
        check(
            &begun,
            line(&begun, "SET_NOFLUSH_BIT"),
            expect![[r#"
            Line 21: SET_NOFLUSH_BIT \save_reg
            bts copies a bit to CF, then sets it
            The run does not reach this line.

            The text has not been tried without this line.
            no flush, general register
        "#]],
        );
        check(
            &begun,
            line(&begun, "X86_FEATURE_PCID"),
            expect![[r#"
            Line 13: ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID
            With these features, nothing of this line is in the entry code.

            The text has not been tried without this line.
            PCID
        "#]],
        );
        check(
            &begun,
            line(&begun, "jnc"),
            expect![[r#"
            Line 11: jnc	.Lend_\@
            jnc jumps if CF is clear
            jumps to nmi_exit_cr3_restored

            The text has not been tried without this line.
            user half, general register
        "#]],
        );
        let mail = include_str!("../../../../testdata/patches/merged.mail");
        let patched = update(&begun, Action::EditDraft(mail.into()));
        check(
            &patched,
            line(&patched, "+\tjnc"),
            expect![[r#"
            Line 39: +	jnc	.Lend_\@
            jnc jumps if CF is clear
            jumps to nmi_exit_cr3_restored

            The text has not been tried without this line.

        "#]],
        );
        check(&patched, line(&patched, "+.macro PARANOID_RESTORE_CR3"), expect![[""]]);
    }

    #[test]
    fn nothing_is_said_of_a_text_that_does_not_run() {
        let state = opened();
        assert_eq!(about(&update(&state, Action::EditDraft("\tnop\n".into())), 1), None);
        assert_eq!(about(&update(&state, Action::SetEdited(Side::Left)), 3), None);
    }
}
