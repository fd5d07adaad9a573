use super::*;
use crate::queue::Jobs;
use cr3_session::explore::wire::{self, Pace, Request};
use cr3_session::library::Library;
use cr3_session::view::{claims, lines};
use cr3_session::{Action, Form, Overlay, Settings, Side, State, is_valid, update};
use expect_test::{Expect, expect};

/// A macro that never restores.
const EMPTY: &str = ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n";

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

fn own(text: &str) -> State {
    let state = update(&opened("v=1&a=A&b=E"), Action::EditDraft(text.into()));
    update(&update(&state, Action::SetForm(Side::Right, Form::Custom)), Action::Close)
}

/// Lets the jobs answer what a state asks, over the wire, until it has so many answers or all.
fn answered(state: &State, enough: usize) -> State {
    let mut jobs = Jobs::default();
    for (_, request) in state.explore.questions() {
        let decoded = Request::decode(&request.encode(), &Library::default());
        assert_eq!(decoded.as_ref(), Some(&request));
        jobs.take(request);
    }
    jobs.take(Request::Go(Pace::Rest));
    let mut state = state.clone();
    let known = |state: &State| state.explore.studies.claims.answers.len() + state.explore.studies.lines.answers.len();
    while !jobs.is_idle() && known(&state) < enough {
        for (ticket, message) in jobs.slice(1) {
            let decoded = wire::decode(&wire::encode(ticket, &message));
            assert_eq!(decoded.as_ref(), Some(&(ticket, message.clone())));
            state = update(&state, Action::Explored(ticket, message));
        }
    }
    state
}

/// The first claims, one in a line.
fn check_claims(state: &State, count: usize, expected: Expect) {
    let state = answered(&update(state, Action::Open(Overlay::Claims)), count);
    let letters = claims::letters(&state);
    let rows = letters.iter().flat_map(|letter| &letter.rows).take(count + 2);
    let line = |row: &claims::Row| {
        let changed = row.changed.as_ref().map(|words| format!(", {words}")).unwrap_or_default();
        format!("{} {}{changed}; {} numbers, {} to see\n", row.claim.id, row.words, row.numbers.len(), row.shows.len())
    };
    expected.assert_eq(&(rows.map(line).collect::<String>() + &claims::summary(&state)));
}

#[test]
fn claims_are_judged_one_after_the_other() {
    check_claims(
        &opened("v=1&a=A&b=E"),
        6,
        expect![[r#"
        1 confirmed; 5 numbers, 1 to see
        2 confirmed; 5 numbers, 1 to see
        3 not decidable here; 0 numbers, 0 to see
        4 confirmed with an exception; 8 numbers, 1 to see
        22 refuted; 3 numbers, 1 to see
        5 confirmed; 5 numbers, 1 to see
        6 running; 0 numbers, 2 to see
        7 not run yet; 0 numbers, 1 to see
        6 of 24 claims are judged so far."#]],
    );
}

#[test]
fn claims_that_ones_own_macro_changes_say_so() {
    check_claims(
        &own(EMPTY),
        6,
        expect![[r#"
        1 confirmed; 5 numbers, 1 to see
        2 confirmed; 5 numbers, 1 to see
        3 not decidable here; 0 numbers, 0 to see
        4 refuted, with form E confirmed with an exception; 8 numbers, 1 to see
        22 refuted; 3 numbers, 1 to see
        5 refuted, with form E confirmed; 5 numbers, 1 to see
        6 running; 0 numbers, 2 to see
        7 not run yet; 0 numbers, 1 to see
        6 of 24 claims are judged so far."#]],
    );
}

#[test]
fn an_answer_is_what_the_terminal_says() {
    let state = answered(&update(&opened(""), Action::Open(Overlay::Claims)), 1);
    let mut lab = Lab::default();
    let judged = CLAIMS[0].judge(&mut lab).expect("it assembles");
    let answer = &state.explore.studies.claims.answers[0];
    assert_eq!((answer.id, answer.verdict, answer.merged), (CLAIMS[0].id, judged.verdict, None));
    let numbers = judged.numbers.iter().map(|(measure, value)| (measure.words(Form::E), *value));
    assert!(answer.numbers.iter().map(|number| (number.words.clone(), number.value)).eq(numbers));
}

#[test]
fn what_shows_a_claim_is_what_the_terminal_shows() {
    let state = update(&opened("v=1&a=never&b=C&s="), Action::Open(Overlay::Claims));
    for claim in CLAIMS {
        for (index, show) in claim.shows.iter().enumerate() {
            let action = Action::OpenClaim(claim.id, index);
            assert!(is_valid(&state, &action));
            let opened = update(&state, action);
            let shown = show.find(&mut Lab::default()).expect("it assembles");
            let scenarios = Side::BOTH.map(|side| opened.runs.trace(side).expect("it runs").scenario.clone());
            assert_eq!(scenarios, shown.scenarios, "claim {}", claim.id);
            let step = opened.runs.step_index(opened.side, opened.cursor);
            // What never ends goes on longer here.
            let expected = shown.steps[opened.side.index()].unwrap_or(0);
            assert!(step == Some(expected) || (shown.budget.is_some() && step > Some(expected)), "claim {}", claim.id);
            assert_eq!(opened.overlay, Overlay::None);
        }
    }
    let none = Claim::numbered(3).expect("there is a third claim");
    assert!(none.shows.is_empty() && !is_valid(&state, &Action::OpenClaim(3, 0)));
    assert!(update(&state, Action::OpenClaim(3, 0)) == State { sought: state.sought + 1, ..state.clone() });
}

/// What a worker tells of the lines of form E, of those mutants alone.
fn lines_of_e(ids: &[&str]) -> State {
    let asked = update(&update(&opened("v=1&a=A&b=E"), Action::SetSide(Side::Right)), Action::Open(Overlay::Lines));
    let config = asked.explore.studies.lines.subject.as_deref().expect("it was asked").clone();
    let ticket = asked.explore.studies.lines.ticket;
    let mutants = cr3_core::mutants::mutants(&config).expect("it assembles");
    let chosen = mutants.iter().filter(|mutant| ids.contains(&mutant.id.to_string().as_str()));
    let reports = chosen.map(|mutant| {
        let query = Query { config: config.clone(), chosen: Chosen::One(mutant.id), depth: 1 };
        Mutants::new(&query).expect("it assembles").run()
    });
    let kept = reports.flat_map(|report| messages(&report)).filter(|message| !is_last(message));
    kept.fold(asked, |state, message| update(&state, Action::Explored(ticket, message)))
}

#[test]
fn a_line_says_what_fails_without_it_and_opens_the_run() {
    let state = lines_of_e(&["restore:1:delete", "restore:2:delete", "save:2:delete"]);
    let parts = lines::parts(&state);
    let row = |row: &lines::Row| format!("  {} | {:?} | {}\n", row.statement, row.need, row.words);
    let text = |part: &lines::Part| format!("{}\n{}", part.title, part.rows.iter().map(row).collect::<String>());
    expect![[r#"
        The macro of the form, on the way out of paranoid exceptions
          ALTERNATIVE "jmp .Lend_\@","",X86_FEATURE_PTI | Idle | nothing fails without it: result and cost stay the same
          bt $PTI_USER_PGTABLE_BIT,\save_reg | Fails | breaks restored: #DB at entry_SYSCALL_64; the exception struck with CR3 0x101801 and returned with 0x100001
        SAVE_AND_SWITCH_TO_KERNEL_CR3, on the way in
          mov %cr3,\scratch_reg | Fails | breaks mapped: #DB at entry_SYSCALL_64; the kernel takes an unhandled #PF at 0xffffffff820005bb
    "#]].assert_eq(&parts.iter().map(text).collect::<String>());
    let opens: Vec<_> = parts.iter().flat_map(|part| &part.rows).filter_map(|row| row.open.clone()).collect();
    assert!(!opens.is_empty());
    for open in opens {
        assert!(is_valid(&state, &open));
        let Action::OpenLine(index) = open else { panic!("{open:?} opens no line") };
        let Without::Breaks(found, text) = &state.explore.studies.lines.answers[index].without else { panic!() };
        let opened = update(&state, open);
        assert_eq!((opened.setup.forms, opened.custom.of(Side::Left)), ([Form::Custom, Form::E], text));
        let trace = opened.runs.trace(Side::Left).expect("it runs");
        let breakage = trace.breakages.iter().find(|it| it.broken.promise() == found.promise).expect("it breaks");
        assert_eq!(opened.runs.row_of(Side::Left, breakage.step), Some(opened.cursor));
    }
    let listing = cr3_session::view::listing::listing(&state.runs, Side::Right).lines;
    let notes = listing.iter().filter_map(|line| match line {
        cr3_session::view::listing::Line::Instruction { written: (source, line), .. } => {
            lines::note(&state, source, *line)
        }
        _ => None,
    });
    assert!(notes.count() > 2, "each use of a macro has its note");
    let other = update(&state, Action::SetSide(Side::Left));
    let Some(line) = other.explore.studies.lines.answers.first() else { panic!() };
    assert_eq!(lines::note(&other, &line.source, line.line), None, "form A is listed");
}

#[test]
fn the_text_without_a_line_takes_the_place_of_ones_own() {
    let typed = [Action::SetEdited(Side::Left), Action::EditDraft(EMPTY.into())];
    let state = typed.into_iter().fold(lines_of_e(&["restore:2:delete"]), |state, action| update(&state, action));
    let opened = update(&state, Action::OpenLine(0));
    assert!(opened.aside.iter().any(|text| **text == *EMPTY), "it is put aside");
    assert_ne!(&**opened.custom.of(Side::Left), EMPTY);
}

#[test]
fn nothing_is_said_of_the_lines_of_a_form_that_breaks_by_itself() {
    let state = answered(&update(&opened("v=1&a=never&b=E"), Action::Open(Overlay::Lines)), usize::MAX);
    expect!["Not finished: the form itself breaks a promise, so its lines cannot be judged: the exception struck with CR3 0x101801 and returned with 0x100001, with entry_SYSCALL_64:db."].assert_eq(&lines::summary(&state));
}
