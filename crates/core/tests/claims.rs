//! The claims of the thread: the outcome of each, that its scenes strike, and which change with another macro.

use cr3_core::claims::{Basis, CLAIMS, Claim, Judged, Lab, Measure, Subject, Verdict};
use cr3_core::linux::Form;
use cr3_core::linux::sources::form_source;
use expect_test::expect;

fn judged(lab: &mut Lab) -> Vec<Judged> {
    let judge = |claim: &'static Claim| claim.judge(lab).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    CLAIMS.iter().map(judge).collect()
}

fn verdicts(all: &[Judged]) -> String {
    let mut lines: Vec<_> = all.iter().map(|judged| (judged.claim.id, judged.verdict.words())).collect();
    lines.sort_unstable();
    lines.iter().map(|(id, verdict)| format!("{id} {verdict}\n")).collect()
}

/// What the specification of the thread expects of each claim. Of 2, "most" is "all but the debugger"; docs/FINDINGS.md has the
/// exception to 13.
const EXPECTED: &str = "\
1 confirmed
2 confirmed
3 not decidable here
4 confirmed with an exception
5 confirmed
6 confirmed
7 confirmed
8 confirmed with an exception
9 confirmed with an exception
10 confirmed with an exception
11 confirmed
12 confirmed with an exception
13 confirmed with an exception
14 confirmed
15 confirmed
16 confirmed
17 confirmed with an exception
18 confirmed
19 confirmed with an exception
20 confirmed
21 not decidable here
22 refuted
23 confirmed with an exception
24 refuted
";

/// The same text as a person's own comes to the same, number by number.
#[test]
fn each_claim_comes_to_what_is_expected() {
    let mut lab = Lab::default();
    let all = judged(&mut lab);
    assert_eq!(verdicts(&all), EXPECTED);
    for judged in &all {
        let measured = matches!(judged.claim.basis, Basis::Measured(_));
        assert_eq!(measured, !judged.numbers.is_empty(), "{}", judged.claim.id);
        assert_eq!(judged.verdict == Verdict::Exception, !judged.exceptions.is_empty(), "{}", judged.claim.id);
    }
    shows(&mut lab);
    for (own, merged) in judged(&mut own(Form::E)).iter().zip(&all) {
        assert_eq!((own.verdict, &own.numbers), (merged.verdict, &merged.numbers), "{}", merged.claim.id);
    }
}

/// Every schedule strikes, and there is a step to look at.
fn shows(lab: &mut Lab) {
    for claim in CLAIMS {
        assert_eq!(claim.shows.is_empty(), matches!(claim.basis, Basis::Undecidable(_)), "{}", claim.id);
        for show in claim.shows {
            for form in show.forms {
                let trace = lab.run(show.scene.scenario(form)).expect("it assembles");
                let unfired: Vec<_> = trace.unfired.iter().map(ToString::to_string).collect();
                assert_eq!(unfired, [""; 0], "{}: {show:?}", claim.id);
                assert_eq!(trace.scenario.schedule.to_string(), show.scene.inject, "as it is printed");
            }
            let shown = show.find(lab).expect("it assembles");
            assert!(shown.steps.iter().any(Option::is_some), "{}: {show:?}", claim.id);
            assert_ne!(shown.place, "", "{}: {show:?}", claim.id);
            assert_eq!(shown.scenarios[0].schedule, shown.scenarios[1].schedule);
        }
    }
}

#[test]
fn claims_are_numbered_and_in_the_order_of_the_thread() {
    let mut ids: Vec<_> = CLAIMS.iter().map(|claim| claim.id).collect();
    assert!(CLAIMS.iter().map(|claim| claim.mail).is_sorted());
    ids.sort_unstable();
    assert_eq!(ids, (1..=24).collect::<Vec<_>>());
    for claim in CLAIMS {
        assert_eq!(Claim::numbered(claim.id), Some(claim));
        assert!(claim.says.ends_with('.') && !claim.who.is_empty(), "{}", claim.id);
    }
    assert_eq!([0, 25].map(Claim::numbered), [None, None]);
}

/// Only what is about history may go without an experiment.
#[test]
fn what_cannot_be_decided_says_why() {
    let undecidable = |claim: &Claim| match claim.basis {
        Basis::Undecidable(reason) => Some((claim.id, reason.starts_with("This is history"))),
        Basis::Measured(_) => None,
    };
    assert_eq!(CLAIMS.iter().filter_map(undecidable).collect::<Vec<_>>(), [(3, true), (21, true)]);
}

/// What changes if the text of `form` stands in the place of the merged one, whose verdicts are [`EXPECTED`].
fn changes(all: &[Judged]) -> String {
    let before: Vec<&str> = EXPECTED.lines().collect();
    let now = verdicts(all);
    let changed = now.lines().zip(&before).filter(|(now, before)| now != *before);
    changed
        .map(|(now, before)| format!("{before} -> {}\n", now.split_once(' ').map_or("", |(_, verdict)| verdict)))
        .collect()
}

/// A lab with the text of `form` as a person's own.
fn own(form: Form) -> Lab {
    let lab = Lab::new(Subject::own(form_source(form, "").text));
    assert_eq!(lab.subject().form, Form::Custom);
    lab
}

#[test]
fn form_a_in_its_place_changes_these() {
    expect![[r#"
        1 confirmed -> refuted
        6 confirmed -> refuted
        8 confirmed with an exception -> refuted
        9 confirmed with an exception -> refuted
        13 confirmed with an exception -> confirmed
        14 confirmed -> refuted
        19 confirmed with an exception -> confirmed
    "#]]
    .assert_eq(&changes(&judged(&mut own(Form::A))));
}

/// A number that is not measured proves nothing, and measures are made once.
#[test]
fn measures_are_words_and_numbers() {
    let mut lab = Lab::default();
    let claim = Claim::numbered(9).expect("a claim");
    let first = claim.judge(&mut lab).expect("it assembles");
    assert_eq!(claim.judge(&mut lab).expect("it assembles"), first);
    let words: Vec<_> = first.numbers.iter().map(|(measure, _)| measure.words(Form::E)).collect();
    expect![[r#"
        CR3 writes, form A beyond E, kernel_loop+1:nmi, handler perf
        refill misses, form A beyond E, kernel_loop+1:nmi, handler perf
        refill misses, form A beyond E, kernel_loop+1:nmi, handler perf, features pti,invpcid,fsgsbase,nx"#]]
    .assert_eq(&words.join("\n"));
    let own: Vec<_> = first.numbers.iter().map(|(measure, _)| measure.words(Form::Custom)).collect();
    assert!(own[0].contains("form A beyond custom"), "{own:?}");
    let all = CLAIMS.iter().filter_map(|claim| match claim.basis {
        Basis::Measured(experiment) => Some(experiment.measures()),
        Basis::Undecidable(_) => None,
    });
    let mut said: Vec<(String, Measure)> = all.flatten().map(|measure| (measure.words(Form::E), measure)).collect();
    said.sort();
    said.dedup();
    assert!(said.windows(2).all(|pair| pair[0].0 != pair[1].0), "two measures in the same words");
}
