//! The Linux image on both processors: every form and feature set, uninterrupted and with an event at every place.
//!
//! CR3_SWEEP=all injects every vector at every place of every form and feature set; without it a part is.

use cr3_core::linux::{Config, Features, Form, Geometry, Handler, System, boot};
use cr3_core::machine::Machine;
use cr3_core::run::End;
use cr3_core::scenario::{Schedule, Vector};
use cr3_unicorn::checker::{Checker, Tally};
use cr3_unicorn::native::Native;
use cr3_unicorn::scenario::{Swept, arrivals, check, sweep};

/// Steps of an uninterrupted run.
const BUDGET: u32 = 50_000;

const FORMS: [Form; 5] = [Form::A, Form::B2, Form::C, Form::E, Form::Never];
const HANDLERS: [Handler; 7] = [
    Handler::Quiet,
    Handler::Perf,
    Handler::PendingFlush,
    Handler::KgdbPoke,
    Handler::RogueCr3,
    Handler::RogueSwitchMm,
    Handler::Schedule,
];

fn feature_sets() -> impl Iterator<Item = Features> {
    (0..32u8).map(|bits| Features {
        pti: bits & 1 != 0,
        pcid: bits & 2 != 0,
        invpcid: bits & 4 != 0,
        fsgsbase: bits & 8 != 0,
        nx: bits & 16 != 0,
        sev_es: true,
    })
}

fn configurations() -> impl Iterator<Item = Config> {
    feature_sets().flat_map(|features| {
        FORMS.into_iter().flat_map(move |form| {
            HANDLERS.into_iter().map(move |handler| Config {
                features,
                form: form.clone(),
                handler: handler.into(),
                geometry: Geometry::Architectural,
            })
        })
    })
}

fn system(config: &Config) -> System {
    boot(config).unwrap_or_else(|diagnostics| panic!("{config:?} does not boot: {diagnostics:?}"))
}

fn checker() -> Checker<Native> {
    Checker::new(Native::open().expect("Unicorn opens"))
}

#[test]
fn uninterrupted_runs_agree() {
    let mut total = Tally::default();
    for config in configurations() {
        let mut checker = checker();
        let end = check(&mut checker, &system(&config), &Schedule::default(), BUDGET);
        let end = end.unwrap_or_else(|report| panic!("{config:?}\n{report}"));
        assert_eq!(end, End::Halted, "{config:?} runs to its end");
        total.add(checker.tally());
    }
    println!("{total}");
    assert!(total.compared > 100_000, "{total}");
}

#[test]
fn runs_with_an_injection_agree() {
    let all = std::env::var("CR3_SWEEP").is_ok_and(|value| value == "all");
    let mut total = Tally::default();
    let mut swept = Swept::default();
    for (index, config) in configurations().enumerate() {
        let system = system(&config);
        let machines = arrivals(&system, BUDGET);
        for (number, vector) in Vector::ALL.into_iter().enumerate() {
            let chosen = |place: usize| all || (place + 7 * number + index).is_multiple_of(PART);
            let part: Vec<&Machine> =
                machines.iter().enumerate().filter(|(place, _)| chosen(*place)).map(|(_, machine)| machine).collect();
            let mut checker = checker();
            let result = sweep(&mut checker, &system, part, vector);
            let found = result.unwrap_or_else(|report| panic!("{config:?}\n{report}"));
            swept.struck += found.struck;
            swept.refused += found.refused;
            total.add(checker.tally());
        }
    }
    println!("{} injections, {} refused: {total}", swept.struck, swept.refused);
    assert!(swept.struck > 500, "{swept:?}");
}

/// One place in so many is tried in each configuration; another one in the next.
const PART: usize = 997;
