//! Whatever is injected anywhere: runs end, nothing panics, every injection is accounted for, replay agrees.

use cr3_core::compare::compare;
use cr3_core::counters::Counters;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Config, Feature, Form, Handler, Variation, boot};
use cr3_core::machine::Machine;
use cr3_core::run::Unfired;
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Injection, Nesting, Place, PlaceId, Places, Scenario, Schedule, Vector};
use cr3_core::trace::{End, Options, Origin, Step, StepKind, Trace};
use proptest::prelude::*;
use std::sync::LazyLock;

use cr3_testing::cases;

/// The labels of the default image; most are in every image.
static LABELS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let system = boot(&Config::default()).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    let places = Places::new(&system.image);
    (0..places.iter().len() as u32).map(|id| places.place(PlaceId(id)).label).collect()
});

fn injections() -> impl Strategy<Value = Injection> {
    let nesting = prop_oneof![Just(Nesting::After), Just(Nesting::Inside)];
    let label = prop::sample::select(LABELS.as_slice());
    (label, 0..12u32, 1..3u32, prop::sample::select(&Vector::ALL[..]), nesting).prop_map(
        |(label, offset, occurrence, vector, nesting)| Injection {
            place: Place { label, offset, occurrence },
            vector,
            nesting,
        },
    )
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let features = prop::sample::subsequence(Feature::ALL.to_vec(), 0..=Feature::ALL.len());
    let form = prop::sample::select(Form::NAMED.to_vec());
    let handlers = prop::sample::subsequence(Handler::ALL.to_vec(), 0..=2);
    let geometry = prop::sample::select(Geometry::ALL.to_vec());
    let kernel = prop::sample::subsequence(Variation::ALL.to_vec(), 0..=Variation::ALL.len());
    let schedule = prop::collection::vec(injections(), 0..4);
    let chosen = (features, kernel, form, handlers, geometry, schedule);
    chosen.prop_map(|(features, kernel, form, handlers, geometry, injections)| Scenario {
        config: Config {
            features: features.into_iter().collect(),
            kernel: kernel.into_iter().collect(),
            form,
            handler: handlers.into_iter().collect(),
            geometry,
            ..Config::default()
        },
        schedule: Schedule { injections },
    })
}

fn record(scenario: &Scenario) -> Trace {
    Trace::record(scenario, Options { budget: 6000 }).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
}

/// A trace without its keyframes.
fn all_of(trace: &Trace) -> (Vec<Step>, Counters, Vec<Unfired>, End, Machine) {
    let last = trace.machine_before(usize::MAX);
    (trace.steps.clone(), trace.counters, trace.unfired.clone(), trace.end.clone(), last)
}

fn without_notes(scenario: &Scenario) -> (Vec<Step>, Counters, Vec<Unfired>, End, Machine) {
    let mut system = boot(&scenario.config).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"));
    system.machine = system.machine.plain();
    all_of(&Trace::record_system(system, scenario, Options { budget: 6000 }))
}

#[test]
fn presets_need_no_notes() {
    for preset in PRESETS {
        for form in Form::NAMED {
            let scenario = preset.scenario(form);
            assert_eq!(
                without_notes(&scenario),
                all_of(&record(&scenario)),
                "{} in form {:?}",
                preset.name,
                scenario.config.form
            );
        }
    }
}

fn struck(trace: &Trace) -> usize {
    let injected = |kind: StepKind| {
        matches!(
            kind,
            StepKind::Delivery { origin: Origin::Injected(_), .. } | StepKind::Shutdown { injected: Some(_) }
        )
    };
    trace.steps.iter().filter(|step| injected(step.kind)).count()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn every_injection_is_accounted_for_and_every_step_found_again(scenario in scenarios()) {
        let trace = record(&scenario);
        prop_assert_eq!(struck(&trace) + trace.unfired.len(), scenario.schedule.injections.len());
        for index in (0..trace.steps.len()).step_by(97) {
            let detail = trace.detail(index).expect("a step");
            prop_assert_eq!(detail.rip, trace.machine_before(index).cpu.rip);
            prop_assert_eq!(detail.rip_after, trace.machine_after(index).cpu.rip);
            prop_assert!(!detail.sentence(&trace).is_empty());
        }
        let again = record(&scenario);
        prop_assert_eq!(&again.steps, &trace.steps);
        prop_assert_eq!(&again.counters, &trace.counters);
        prop_assert!(compare(&[&trace, &again]).differences.is_empty());
    }

    #[test]
    fn a_machine_that_takes_no_notes_records_the_same(scenario in scenarios()) {
        assert_eq!(without_notes(&scenario), all_of(&record(&scenario)));
    }

    #[test]
    fn any_two_runs_are_aligned_without_losing_a_step(a in scenarios(), b in scenarios()) {
        let (a, b) = (record(&a), record(&b));
        let comparison = compare(&[&a, &b]);
        for (run, trace) in [&a, &b].into_iter().enumerate() {
            let steps: Vec<u32> = comparison.rows.iter().filter_map(|row| row.steps[run]).collect();
            prop_assert_eq!(steps, (0..trace.steps.len() as u32).collect::<Vec<_>>());
        }
        for range in comparison.differences.iter().take(3) {
            comparison.fields(&[&a, &b], range.start);
        }
    }
}
