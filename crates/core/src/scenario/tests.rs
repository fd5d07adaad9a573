//! The text forms, there and back, and the messages about wrong ones.

use super::*;
use crate::geometry::Geometry;
use crate::linux::{Feature, Features, Form, Handler, Handlers, Variation};
use cr3_testing::cases;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn check(text: &str, canonical: &str) {
    let schedule: Schedule = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(schedule.to_string(), canonical);
    assert_eq!(canonical.parse(), Ok(schedule));
}

#[test]
fn schedules_have_one_canonical_text() {
    check("", "");
    check("  ", "");
    check("kernel_loop+1:nmi", "kernel_loop+1:nmi");
    check("kernel_loop+0#1:nmi", "kernel_loop:nmi");
    check("kernel_loop + 01 # 002 : nmi", "kernel_loop+1#2:nmi");
    check(
        "kernel_loop+1:nmi>exc_nmi+2:mc,sysret_exit_user_cr3+1#2:db",
        "kernel_loop+1:nmi > exc_nmi+2:mc, sysret_exit_user_cr3+1#2:db",
    );
    check("a$.b_1:vc > c:df > d:irq", "a$.b_1:vc > c:df > d:irq");
}

#[test]
fn nesting_is_told_by_the_separator() {
    let schedule: Schedule = "a:nmi > b:mc, c:db".parse().expect("a schedule");
    let nesting: Vec<_> = schedule.injections.iter().map(|injection| injection.nesting).collect();
    assert_eq!(nesting, [Nesting::After, Nesting::Inside, Nesting::After]);
}

fn check_error(texts: &[&str], expected: Expect) {
    let errors = texts.iter().map(|text| match text.parse::<Schedule>() {
        Ok(schedule) => panic!("{text} is understood as {schedule}"),
        Err(error) => format!("{text}\n    {error}\n"),
    });
    expected.assert_eq(&errors.collect::<String>());
}

#[test]
fn errors_name_the_column_what_was_expected_and_what_to_write() {
    check_error(
        &[
            "kernel_loop:nmj",
            "kernel_loop",
            "kernel_loop:",
            "kernel_loop+:nmi",
            "kernel_loop+4294967296:nmi",
            "kernel_loop#0:nmi",
            "kernel_loop#:nmi",
            "a:nmi,",
            "a:nmi > ",
            "a:nmi b:nmi",
            "a:nmi ; b:nmi",
            ":nmi",
            "1b:nmi",
            ".Lend:nmi",
            "größe:nmi",
            "a:ÑMI",
            "a:NMI",
            ", a:nmi",
        ],
        expect![[r#"
            kernel_loop:nmj
                column 13: unknown vector 'nmj': one of nmi, db, mc, vc, df, irq
            kernel_loop
                column 12: the text ends, expected ':' and a vector (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            kernel_loop:
                column 13: expected a vector: one of nmi, db, mc, vc, df, irq
            kernel_loop+:nmi
                column 13: found ':', expected the number of instructions after the label
            kernel_loop+4294967296:nmi
                column 13: 4294967296 is too large for the number of instructions after the label (at most 4294967295)
            kernel_loop#0:nmi
                column 13: there is no arrival 0 (arrivals count from 1)
            kernel_loop#:nmi
                column 13: found ':', expected which arrival counts
            a:nmi,
                column 7: the text ends, expected a label (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            a:nmi > 
                column 9: the text ends, expected a label (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            a:nmi b:nmi
                column 7: found 'b', expected ',' (after the handler), '>' (inside it) or the end
            a:nmi ; b:nmi
                column 7: found ';', expected ',' (after the handler), '>' (inside it) or the end
            :nmi
                column 1: found ':', expected a label (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            1b:nmi
                column 1: '1b' is not a label: it begins with a digit (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            .Lend:nmi
                column 1: '.Lend' is a local label (name the place by the label of the function, for example paranoid_exit+3)
            größe:nmi
                column 3: found 'ö', expected ':' and a vector (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
            a:ÑMI
                column 3: unknown vector 'ÑMI': one of nmi, db, mc, vc, df, irq
            a:NMI
                column 3: unknown vector 'NMI': one of nmi, db, mc, vc, df, irq
            , a:nmi
                column 1: found ',', expected a label (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
        "#]],
    );
}

#[test]
fn scenarios_have_one_text_form() {
    let text = "form=A features=pti,pcid handler=pending-flush geometry=skylake inject=kernel_loop+1:nmi > exc_nmi:mc";
    let scenario: Scenario = text.parse().expect("a scenario");
    assert_eq!(scenario.config.form, Form::A);
    assert_eq!(scenario.config.features.iter().collect::<Vec<_>>(), [Feature::Pti, Feature::Pcid, Feature::SevEs]);
    assert_eq!(scenario.config.handler, Handlers::only(Handler::PendingFlush));
    assert_eq!(scenario.config.geometry, Geometry::Skylake);
    assert_eq!(scenario.schedule.injections.len(), 2);
    assert_eq!(scenario.to_string(), text);
    let both: Scenario = "handler=schedule+ghes".parse().expect("a scenario");
    assert_eq!(both.config.handler, Handlers::only(Handler::PendingFlush).with(Handler::Schedule));
    assert!(both.to_string().contains(" handler=pending-flush+schedule "), "{both}");
    let default: Scenario = "".parse().expect("defaults");
    assert_eq!(
        default.to_string(),
        "form=E features=pti,pcid,invpcid,fsgsbase,nx handler=quiet geometry=architectural"
    );
}

#[test]
fn errors_in_scenarios_name_the_column() {
    let cases = [
        ("form=Q", "column 6: unknown form 'Q': one of A, B2, C, E, never"),
        ("form=custom", "column 6: unknown form 'custom': one of A, B2, C, E, never"),
        (
            "features=pti,x",
            "column 10: unknown feature 'x': one of pti, pcid, invpcid, fsgsbase, nx, sev-es, no-sev-es",
        ),
        (
            "handler=perf+prof",
            "column 9: unknown handler 'prof': one of quiet, perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule, efi-call",
        ),
        ("colour=red", "column 8: unknown setting 'colour': one of form, features, handler, geometry, kernel, inject"),
        ("form", "column 1: 'form' is not a setting (a setting is written key=value)"),
        ("form=A inject=k:nmj", "column 17: unknown vector 'nmj': one of nmi, db, mc, vc, df, irq"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Scenario>().expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn feature_lists_have_one_text_form() {
    for bits in 0..1 << Feature::ALL.len() {
        let on = (0..).zip(Feature::ALL).filter(|(bit, _)| bits & 1 << bit != 0);
        let features: Features = on.map(|(_, feature)| feature).collect();
        assert_eq!(features.to_string().parse(), Ok(features), "{features}");
    }
    assert_eq!("pcid, pti,pcid".parse::<Features>().map(|features| features.to_string()), Ok("pti,pcid".to_owned()));
}

/// Lists are older than this switch: a list that does not mention it keeps its old meaning.
#[test]
fn sev_es_is_off_only_where_a_list_says_so() {
    let cases = [
        ("none", "none", true),
        ("pti,pcid", "pti,pcid", true),
        ("pti,sev-es", "pti", true),
        ("no-sev-es", "no-sev-es", false),
        ("NO-SEV-ES, nx,pti", "pti,nx,no-sev-es", false),
    ];
    for (text, canonical, sev_es) in cases {
        let features: Features = text.parse().expect(text);
        assert_eq!((features.to_string().as_str(), features.sev_es), (canonical, sev_es), "{text}");
    }
}

fn labels() -> impl Strategy<Value = String> {
    "[A-Za-z_$][A-Za-z0-9_.$]{0,30}"
}

fn injections() -> impl Strategy<Value = Injection> {
    let place = (labels(), any::<u32>(), 1..=u32::MAX);
    let nesting = prop_oneof![Just(Nesting::After), Just(Nesting::Inside)];
    (place, prop::sample::select(&Vector::ALL[..]), nesting).prop_map(
        |((label, offset, occurrence), vector, nesting)| Injection {
            place: Place { label, offset, occurrence },
            vector,
            nesting,
        },
    )
}

fn schedules() -> impl Strategy<Value = Schedule> {
    prop::collection::vec(injections(), 0..6).prop_map(|mut injections| {
        if let Some(first) = injections.first_mut() {
            first.nesting = Nesting::After;
        }
        Schedule { injections }
    })
}

fn configs() -> impl Strategy<Value = Config> {
    let features = prop::sample::subsequence(Feature::ALL.to_vec(), 0..=Feature::ALL.len());
    let form = prop::sample::select(Form::NAMED.to_vec());
    let handlers = prop::sample::subsequence(Handler::ALL.to_vec(), 0..=Handler::ALL.len());
    let geometry = prop::sample::select(Geometry::ALL.to_vec());
    let kernel = prop::sample::subsequence(Variation::ALL.to_vec(), 0..=Variation::ALL.len());
    (features, kernel, form, handlers, geometry).prop_map(|(features, kernel, form, handlers, geometry)| Config {
        features: features.into_iter().collect(),
        kernel: kernel.into_iter().collect(),
        form,
        handler: handlers.into_iter().collect(),
        geometry,
        ..Config::default()
    })
}

/// Errors point into the text, and the printed form of what parses parses to the same value.
fn survives(text: &str) -> Result<(), TestCaseError> {
    let (schedule, scenario) = (text.parse::<Schedule>(), text.parse::<Scenario>());
    for error in [schedule.as_ref().err(), scenario.as_ref().err()].into_iter().flatten() {
        prop_assert!(error.offset <= text.len());
        prop_assert!(text.is_char_boundary(error.offset));
    }
    if let Ok(schedule) = schedule {
        prop_assert_eq!(schedule.to_string().parse(), Ok(schedule));
    }
    if let Ok(scenario) = scenario {
        prop_assert_eq!(scenario.to_string().parse(), Ok(scenario));
    }
    Ok(())
}

/// `text` with `removed` characters at `at` replaced by `inserted`.
fn damaged(text: &str, at: usize, removed: usize, inserted: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let (kept, rest) = text.split_at(at % (text.len() + 1));
    kept.iter().copied().chain(inserted.chars()).chain(rest.iter().skip(removed).copied()).collect()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_printed_parses_to_the_same(config in configs(), schedule in schedules()) {
        prop_assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
        let scenario = Scenario { config, schedule };
        prop_assert_eq!(scenario.to_string().parse(), Ok(scenario));
    }

    #[test]
    fn no_text_panics_and_errors_point_into_it(text in "[a-c+#:,> .0-9nmié=]{0,40}") {
        survives(&text)?;
    }

    #[test]
    fn no_damage_to_a_text_panics_and_errors_point_into_it(
        config in configs(),
        schedule in schedules(),
        at: usize,
        removed in 0..6_usize,
        inserted in prop_oneof![Just(String::new()), "[-+#:,>=; 0-9nmi]{1,4}", "\\PC{1,3}", "[0-9]{18,24}"],
    ) {
        survives(&damaged(&schedule.to_string(), at, removed, &inserted))?;
        let scenario = Scenario { config, schedule };
        survives(&damaged(&scenario.to_string(), at, removed, &inserted))?;
    }
}
