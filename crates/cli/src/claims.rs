//! `cr3play claims`.

use crate::arguments::ClaimsArguments;
use crate::diagnostic;
use crate::outcome::{Outcome, WrongUse, print, print_json, tell};
use crate::own_text::{self, OwnText};
use crate::shell::{kernel_option, quoted};
use crate::system::SystemArguments;
use crate::table::{labelled, wrap};
use cr3_core::asm::Diagnostic;
use cr3_core::claims::{Basis, CLAIMS, Claim, Judged, Lab, Measure, Shown, Subject, TERMS, Verdict};
use cr3_core::linux::{Config, Form, System};
use serde::Serialize;

/// Grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// A claim with its outcome, and where to look.
struct Answer {
    judged: Judged,
    /// With form E, where a person's macro stands in its place.
    merged: Option<Judged>,
    shown: Vec<Shown>,
}

impl Answer {
    fn claim(&self) -> &'static Claim {
        self.judged.claim
    }

    fn changed(&self) -> bool {
        self.merged.as_ref().is_some_and(|merged| merged.verdict != self.judged.verdict)
    }

    fn counts_otherwise(&self) -> bool {
        self.merged.as_ref().is_some_and(|merged| merged.numbers != self.judged.numbers)
    }

    /// What form E measures, where that is another number.
    fn merged_value(&self, measure: Measure) -> Option<i64> {
        let value =
            |judged: &Judged| judged.numbers.iter().find(|(other, _)| *other == measure).map(|(_, value)| *value);
        self.merged.as_ref().and_then(value).filter(|merged| Some(*merged) != value(&self.judged))
    }
}

pub(crate) fn claims(arguments: &ClaimsArguments) -> Result<Outcome, WrongUse> {
    let claims = chosen(arguments.id)?;
    let given = &arguments.own;
    let subject = match given.is_given() {
        true => {
            let Config { base, custom, .. } = SystemArguments::with_own(given.clone()).config(None)?;
            Some(Subject::on(base, custom))
        }
        false => None,
    };
    let own = own_text::system(subject.as_ref().map(|subject| subject.applied(Config::default())).as_ref())?;
    if let Some(own) = own.as_ref().filter(|_| !arguments.json) {
        tell(&diagnostic::notes(&own.notes));
    }
    let answers = answers(&claims, subject).map_err(|diagnostics| diagnostic::refused(&diagnostics))?;
    match arguments.json {
        true => print_json(&Report::new(&answers, given, own.as_ref()))?,
        false => print(&text(&answers, given))?,
    }
    Ok(Outcome::finding_if(answers.iter().any(Answer::changed)))
}

fn chosen(id: Option<u32>) -> Result<Vec<&'static Claim>, WrongUse> {
    let Some(id) = id else { return Ok(CLAIMS.iter().collect()) };
    let claim = Claim::numbered(id).ok_or_else(|| {
        WrongUse::new(format!("there is no claim {id}"), format!("give a number from 1 to {}", CLAIMS.len()))
    })?;
    Ok(vec![claim])
}

fn answers(claims: &[&'static Claim], subject: Option<Subject>) -> Result<Vec<Answer>, Vec<Diagnostic>> {
    let mut merged = subject.is_some().then(Lab::default);
    let mut lab = Lab::new(subject.unwrap_or_default());
    let mut answer = |claim: &'static Claim| {
        Ok(Answer {
            judged: claim.judge(&mut lab)?,
            merged: merged.as_mut().map(|merged| claim.judge(merged)).transpose()?,
            shown: claim.shows.iter().map(|show| show.find(&mut lab)).collect::<Result<_, _>>()?,
        })
    };
    claims.iter().map(|claim| answer(claim)).collect()
}

// --- Commands --------------------------------------------------------------------------------------------------------

fn compare_command(shown: &Shown, given: &OwnText) -> String {
    let config = &shown.scenarios[0].config;
    let forms = [&shown.scenarios[0], &shown.scenarios[1]].map(|scenario| scenario.config.form.name());
    let own = shown.scenarios.iter().any(|scenario| scenario.config.form == Form::Custom);
    let mut command = format!("cr3play compare --forms {}", forms.join(","));
    if own {
        command += &format!(" {}", given.options());
    }
    command += &format!(" --features {} --handler {}", config.features, config.handler);
    command += &kernel_option(config.kernel);
    command += &format!(" --inject {}", quoted(&shown.scenarios[0].schedule.to_string()));
    command + &shown.budget.map_or(String::new(), |budget| format!(" --budget {budget}"))
}

/// The search, if one was made.
fn explore_command(judged: &Judged, shown: &[Shown], given: &OwnText) -> Option<String> {
    let searched = judged.numbers.iter().any(|(measure, _)| matches!(measure, Measure::Explored(_)));
    let own = shown.iter().flat_map(|shown| &shown.scenarios).find(|scenario| scenario.config.form == Form::Custom);
    let config = own.map(|scenario| scenario.config.clone()).unwrap_or_default();
    searched.then(|| format!("cr3play explore {}", given.form_options(config.form)))
}

fn commands(answer: &Answer, given: &OwnText) -> Vec<String> {
    let compared = answer.shown.iter().map(|shown| compare_command(shown, given));
    compared.chain(explore_command(&answer.judged, &answer.shown, given)).collect()
}

// --- Text ------------------------------------------------------------------------------------------------------------

fn subject(given: &OwnText) -> Form {
    if given.is_given() { Form::Custom } else { Form::E }
}

fn text(answers: &[Answer], given: &OwnText) -> String {
    let mut text = String::new();
    let mut last = None;
    for answer in answers {
        let mail = answer.claim().mail;
        if last != Some(mail) {
            text += if last.is_none() { "" } else { "\n" };
            text += &format!("{}\n", mail.words());
        }
        last = Some(mail);
        text += "\n";
        text += &claim_text(answer, given);
    }
    let legend = legend(&text);
    text + "\n" + &legend + &summary(answers, given)
}

/// The terms that `text` uses, each with what it means.
fn legend(text: &str) -> String {
    let used = TERMS.into_iter().filter(|(term, _)| text.contains(term));
    used.map(|(term, meaning)| wrap(&format!("{term}: {meaning}"), 0)).collect()
}

fn claim_text(answer: &Answer, given: &OwnText) -> String {
    let Claim { id, who, says, basis, .. } = answer.claim();
    let mut text = wrap(&format!("{id}. {who}: {says}"), 4);
    text += &indented("verdict", &verdict(answer));
    if let Basis::Undecidable(reason) = basis {
        text += &indented("because", reason);
    }
    text.extend(answer.judged.exceptions.iter().map(|words| indented("except", words)));
    let number = |(measure, value): &(Measure, i64)| {
        let before = answer.merged_value(*measure).map_or(String::new(), |value| format!(", with form E {value}"));
        hang(&format!("{:>8}", value.to_string()), &format!("{}{before}", measure.words(subject(given))))
    };
    text.extend(answer.judged.numbers.iter().map(number));
    for (at, line) in commands(answer, given).iter().enumerate() {
        text += &answer.shown.get(at).map_or(String::new(), |shown| indented("look at", &look(shown)));
        text += &wrap(line, 8);
    }
    text
}

/// A number and what it is; a line that is too long goes on below the words.
fn hang(number: &str, words: &str) -> String {
    let indent = 4 + number.len() + 2;
    format!("    {number}  {}", wrap(words, indent).trim_start())
}

fn verdict(answer: &Answer) -> String {
    let words = answer.judged.verdict.words();
    match &answer.merged {
        Some(merged) if answer.changed() => format!("{words}; with form E it is {}", merged.verdict.words()),
        _ => words.to_owned(),
    }
}

/// The step of each run, counted from 1.
fn look(shown: &Shown) -> String {
    let forms = shown.scenarios.iter().map(|scenario| scenario.config.form.name());
    let steps = forms.zip(shown.steps).filter_map(|(form, step)| Some(format!("step {} of {form}", step? + 1)));
    let steps: Vec<_> = steps.collect();
    format!("{}, {}", shown.place, steps.join(", "))
}

fn indented(label: &str, text: &str) -> String {
    let width = 4 + 10;
    format!("    {label:<10}{}", wrap(text, width).trim_start())
}

fn summary(answers: &[Answer], given: &OwnText) -> String {
    let count = |verdict: Verdict| answers.iter().filter(|answer| answer.judged.verdict == verdict).count();
    let counted = Verdict::ALL.into_iter().filter(|verdict| count(*verdict) != 0);
    let counts: Vec<_> = counted.map(|verdict| format!("{} {}", count(verdict), verdict.words())).collect();
    let mut text = labelled("claims", &format!("{}: {}", answers.len(), counts.join(", ")));
    if given.is_given() {
        text += &labelled("changed", &ids(answers, Answer::changed));
        text += &labelled("numbers", &format!("differ in {}", ids(answers, Answer::counts_otherwise)));
    }
    text
}

fn ids(answers: &[Answer], is: fn(&Answer) -> bool) -> String {
    let ids: Vec<_> = answers.iter().filter(|answer| is(answer)).map(|answer| answer.claim().id.to_string()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

// --- JSON ------------------------------------------------------------------------------------------------------------

#[derive(Serialize)]
struct Report {
    version: u32,
    /// What replaces form E.
    form: &'static str,
    /// What to know of a person's own text.
    notes: Vec<diagnostic::Report>,
    claims: Vec<ClaimReport>,
    /// Numbers of the claims whose verdicts are not those of form E.
    changed: Vec<u32>,
}

#[derive(Serialize)]
struct ClaimReport {
    id: u32,
    mail: &'static str,
    who: &'static str,
    says: &'static str,
    /// `confirmed`, `confirmed-with-an-exception`, `refuted` or `not-decidable-here`.
    verdict: &'static str,
    /// That of form E, where a macro of one's own stands in its place.
    verdict_of_e: Option<&'static str>,
    /// Why the machine cannot tell.
    reason: Option<&'static str>,
    exceptions: Vec<&'static str>,
    numbers: Vec<Number>,
    shows: Vec<ShowReport>,
    commands: Vec<String>,
}

#[derive(Serialize)]
struct Number {
    what: String,
    value: i64,
    /// With form E, where that is another number.
    value_of_e: Option<i64>,
}

#[derive(Serialize)]
struct ShowReport {
    /// Left and right, as scenarios are written.
    scenarios: [String; 2],
    /// The step of each, from 1.
    steps: [Option<usize>; 2],
    /// The row of both, aligned, from 1.
    row: usize,
    place: String,
}

impl Report {
    fn new(answers: &[Answer], given: &OwnText, own: Option<&System>) -> Self {
        let changed = answers.iter().filter(|answer| answer.changed()).map(|answer| answer.claim().id);
        Self {
            version: VERSION,
            form: subject(given).name(),
            notes: diagnostic::Report::of_system(own),
            claims: answers.iter().map(|answer| ClaimReport::new(answer, given)).collect(),
            changed: changed.collect(),
        }
    }
}

impl ClaimReport {
    fn new(answer: &Answer, given: &OwnText) -> Self {
        let Claim { id, mail, who, says, basis, .. } = *answer.claim();
        let number = |&(measure, value): &(Measure, i64)| Number {
            what: measure.words(subject(given)),
            value,
            value_of_e: answer.merged_value(measure),
        };
        Self {
            id,
            mail: mail.words(),
            who,
            says,
            verdict: answer.judged.verdict.name(),
            verdict_of_e: answer.merged.as_ref().map(|merged| merged.verdict.name()),
            reason: match basis {
                Basis::Undecidable(reason) => Some(reason),
                Basis::Measured(_) => None,
            },
            exceptions: answer.judged.exceptions.clone(),
            numbers: answer.judged.numbers.iter().map(number).collect(),
            shows: answer.shown.iter().map(ShowReport::new).collect(),
            commands: commands(answer, given),
        }
    }
}

impl ShowReport {
    fn new(shown: &Shown) -> Self {
        Self {
            scenarios: [&shown.scenarios[0], &shown.scenarios[1]].map(ToString::to_string),
            steps: shown.steps.map(|step| step.map(|step| step + 1)),
            row: shown.row + 1,
            place: shown.place.clone(),
        }
    }
}
