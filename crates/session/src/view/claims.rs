//! The review thread, claim by claim: the outcome of each, as far as it is known.

use crate::action::Action;
use crate::choice::Form;
use crate::state::State;
use crate::study::{Answer, Number, Study};
use cr3_core::claims::{Basis, CLAIMS, Claim, Mail, Show, Subject, TERMS, Verdict};
use cr3_core::linux::Handler;

/// What is known of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its turn has not come.
    Waiting,
    /// It is being measured.
    Running,
    /// Its outcome.
    Judged(Verdict),
}

/// The claims of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Which mail.
    pub mail: Mail,
    /// Its claims, in order.
    pub rows: Vec<Row>,
}

/// A claim as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The claim.
    pub claim: &'static Claim,
    /// What is known of it.
    pub standing: Standing,
    /// The same in words.
    pub words: String,
    /// What form E comes to, where that is something else.
    pub changed: Option<String>,
    /// Why the machine cannot tell, or what the claim leaves out.
    pub notes: Vec<String>,
    /// What was measured: the number, and what it is.
    pub numbers: Vec<(String, String)>,
    /// What to look at: in words, and what shows it.
    pub shows: Vec<(String, Action)>,
}

/// The claims in the order of the thread.
#[must_use]
pub fn letters(state: &State) -> Vec<Letter> {
    let study = &state.explore.studies.claims;
    let running = CLAIMS.iter().position(|claim| answer(study, claim).is_none()).filter(|_| !study.is_over);
    let mut letters: Vec<Letter> = Vec::new();
    for (index, claim) in CLAIMS.iter().enumerate() {
        let row = row(study, claim, running == Some(index));
        match letters.last_mut().filter(|letter| letter.mail == claim.mail) {
            Some(letter) => letter.rows.push(row),
            None => letters.push(Letter { mail: claim.mail, rows: vec![row] }),
        }
    }
    letters
}

fn answer<'a>(study: &'a Study<Subject, Answer>, claim: &Claim) -> Option<&'a Answer> {
    study.answers.iter().find(|answer| answer.id == claim.id)
}

fn row(study: &Study<Subject, Answer>, claim: &'static Claim, is_running: bool) -> Row {
    let answer = answer(study, claim);
    let standing = match answer {
        Some(answer) => Standing::Judged(answer.verdict),
        None if is_running => Standing::Running,
        None => Standing::Waiting,
    };
    let words = match standing {
        Standing::Waiting => "not run yet",
        Standing::Running => "running",
        Standing::Judged(verdict) => verdict.words(),
    };
    let reason = match claim.basis {
        Basis::Undecidable(reason) => Some(reason.to_owned()),
        Basis::Measured(_) => None,
    };
    let changed = answer.filter(|answer| answer.is_changed()).and_then(|answer| answer.merged);
    let shows = claim.shows.iter().enumerate();
    Row {
        claim,
        standing,
        words: words.to_owned(),
        changed: changed.map(|merged| format!("with form E {}", merged.words())),
        notes: reason.into_iter().chain(answer.iter().flat_map(|answer| answer.exceptions.clone())).collect(),
        numbers: answer.map(|answer| answer.numbers.iter().map(number).collect()).unwrap_or_default(),
        shows: shows.map(|(index, show)| (look(show, subject(study)), Action::OpenClaim(claim.id, index))).collect(),
    }
}

fn number(Number { words, value, merged }: &Number) -> (String, String) {
    let merged = merged.map(|merged| format!(", with form E {merged}")).unwrap_or_default();
    (value.to_string(), format!("{words}{merged}"))
}

/// What replaces form E.
fn subject(study: &Study<Subject, Answer>) -> Form {
    study.subject.as_deref().map_or(Form::E, |subject| subject.form)
}

/// The two forms, what strikes and, where they are not the usual ones, handler and features.
fn look(show: &Show, subject: Form) -> String {
    let [left, right] = show.forms.map(|form| if form == Form::E { subject } else { form });
    let handler = match show.scene.handler {
        Handler::Quiet => String::new(),
        handler => format!(", handler {handler}"),
    };
    format!("{left} and {right}, {}{handler}", show.scene.inject)
}

/// How far it is, and what the verdicts are; with a person's macro, which of them it changes.
#[must_use]
pub fn summary(state: &State) -> String {
    let study = &state.explore.studies.claims;
    if let Some(why) = &study.trouble {
        return format!("Not finished: {why}.");
    }
    let (known, all) = (study.answers.len(), CLAIMS.len());
    if !study.is_over {
        return format!("{known} of {all} claims are judged so far.");
    }
    format!("{all} claims: {}.{}", counted(&study.answers), changes(study))
}

fn counted(answers: &[Answer]) -> String {
    let count = |verdict| answers.iter().filter(|answer| answer.verdict == verdict).count();
    let counts = Verdict::ALL.map(|verdict| (count(verdict), verdict.words()));
    let counts = counts.iter().filter(|(count, _)| *count != 0);
    counts.map(|(count, words)| format!("{count} {words}")).collect::<Vec<_>>().join(", ")
}

fn changes(study: &Study<Subject, Answer>) -> String {
    if subject(study) != Form::Custom {
        return String::new();
    }
    let changed: Vec<_> =
        study.answers.iter().filter(|answer| answer.is_changed()).map(|answer| answer.id.to_string()).collect();
    match changed.len() {
        0 => " No verdict differs from form E's.".to_owned(),
        1 => format!(" 1 verdict differs from form E's: {}.", changed.join(", ")),
        count => format!(" {count} verdicts differ from form E's: {}.", changed.join(", ")),
    }
}

/// What replaces form E, in a sentence.
#[must_use]
pub fn about(state: &State) -> &'static str {
    match subject(&state.explore.studies.claims) {
        Form::Custom => "Your own macro replaces form E here. Each claim is judged with both.",
        _ => "Run a macro of your own on one side and open this again: it then replaces form E.",
    }
}

/// What the words of the numbers mean.
#[must_use]
pub fn terms() -> &'static [(&'static str, &'static str)] {
    &TERMS
}
