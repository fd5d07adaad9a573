//! The Linux image on both processors: every form and feature set, uninterrupted and with an event at every place; every preset.
//!
//! CR3_SWEEP=all injects every vector at every place of every form and feature set. CR3_SWEEP_SECONDS does as much of
//! that as fits, from a configuration that CR3_SWEEP_FROM or the clock chooses. Without them a fixed part runs.

mod report;

use cr3_core::linux::{Config, Features, Form, Handlers, System, boot};
use cr3_core::machine::Machine;
use cr3_core::run::End;
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Schedule, Vector};
use cr3_unicorn::checker::{Checker, Tally};
use cr3_unicorn::limits::Limit;
use cr3_unicorn::native::Native;
use cr3_unicorn_testing::scenario::{Swept, arrivals, check, sweep, with_clear_flags};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Steps of an uninterrupted run.
const BUDGET: u32 = 50_000;

/// Steps of a preset.
const PRESET_BUDGET: u32 = 20_000;

const FORMS: [Form; 5] = [Form::A, Form::B2, Form::C, Form::E, Form::Never];
const HANDLERS: [&str; 10] = [
    "quiet",
    "perf",
    "pending-flush",
    "kgdb-poke",
    "rogue-cr3",
    "rogue-switch-mm",
    "schedule",
    "perf+pending-flush",
    "pending-flush+kgdb-poke+schedule",
    "perf+pending-flush+kgdb-poke+rogue-cr3+rogue-switch-mm+schedule",
];

/// Every form and feature set, with each of `handlers` in turn.
fn configurations(handlers: &[&str]) -> Vec<Config> {
    let all = handlers.iter().flat_map(|text| {
        let handler: Handlers = text.parse().expect("handlers");
        let forms = move |features| FORMS.into_iter().map(move |form| (features, form));
        Features::every_set().flat_map(forms).map(move |(features, form)| Config {
            features,
            form,
            handler,
            ..Config::default()
        })
    });
    all.collect()
}

fn system(config: &Config) -> System {
    boot(config).unwrap_or_else(|diagnostics| panic!("{config:?} does not boot: {diagnostics:?}"))
}

fn checker() -> Checker<Native> {
    Checker::new(Native::open().expect("Unicorn opens"))
}

/// Calls `work` with the numbers below `count` on all processors, until it returns false.
fn on_all_processors(count: usize, work: impl Fn(usize) -> bool + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                for number in numbers.take_while(|number| *number < count) {
                    if !work(number) {
                        break;
                    }
                }
            });
        }
    });
}

/// Uninterrupted, when no handler of an injection runs: as Linux boots, and from page tables in which every accessed
/// and dirty flag is clear.
#[test]
fn uninterrupted_runs_agree() {
    let configurations = configurations(&HANDLERS[..1]);
    let total = Mutex::new(Tally::default());
    on_all_processors(configurations.len(), |number| {
        let config = &configurations[number];
        let warm = system(config);
        let mut checker = checker();
        for system in [with_clear_flags(&warm), warm] {
            let end = check(&mut checker, &system, &Schedule::default(), BUDGET);
            let end = end.unwrap_or_else(|report| panic!("{config:?}\n{report}"));
            assert_eq!(end, End::Halted, "{config:?} runs to its end");
        }
        total.lock().expect("no thread panicked").add(checker.tally());
        true
    });
    let total = total.into_inner().expect("no thread panicked");
    println!("{total}");
    let expected = Tally {
        compared: 2 * 412_960,
        exceptions: 2 * 1_920,
        delivered: 2 * 1_920,
        delivered_by_both: 0,
        mirrored: [(Limit::Syscall, 2 * 1_600), (Limit::Delivery, 2 * 1_920)].into(),
        masked: BTreeMap::new(),
    };
    report::check("Linux without injection, natively", 2 * configurations.len() as u64, &total);
    assert_eq!(total, expected);
}

#[test]
fn every_preset_agrees_in_every_form() {
    let mut total = Tally::default();
    let mut halted = 0;
    // Unicorn keeps no global translation when CR3 is written, and efi-call goes on by these on tables that map nothing.
    let presets: Vec<_> = PRESETS.iter().filter(|preset| preset.name != "efi-call").collect();
    for preset in &presets {
        for form in FORMS {
            let scenario = preset.scenario(form);
            let mut checker = checker();
            let end = check(&mut checker, &system(&scenario.config), &scenario.schedule, PRESET_BUDGET);
            let end = end.unwrap_or_else(|report| panic!("{} with {:?}\n{report}", preset.name, scenario.config.form));
            halted += u32::from(end == End::Halted);
            total.add(checker.tally());
        }
    }
    println!("{halted} of {} runs halted: {total}", presets.len() * FORMS.len());
    let expected = Tally {
        compared: 219_157,
        exceptions: 1_076,
        delivered: 1_131,
        delivered_by_both: 0,
        mirrored: [(Limit::Syscall, 182), (Limit::Delivery, 1_131)].into(),
        masked: BTreeMap::new(),
    };
    report::check("presets in every form, natively", (presets.len() * FORMS.len()) as u64, &total);
    assert_eq!((halted, total), (42, expected));
}

/// How much of the full sweep runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// One place in this many of a part of the configurations, another one in each of them and for each vector.
    Part(usize),
    /// Every place of the configurations from this one on, until the time is over.
    From { configuration: usize, until: Option<Instant> },
}

impl Extent {
    fn asked_for(configurations: usize) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
        };
        let all = std::env::var("CR3_SWEEP").is_ok_and(|value| value == "all");
        let until = number("CR3_SWEEP_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        match (until, all) {
            (None, false) => Self::Part(PART),
            (None, true) => Self::From { configuration: 0, until },
            (Some(_), _) => {
                let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
                let first = number("CR3_SWEEP_FROM").unwrap_or_else(clock) as usize % configurations;
                Self::From { configuration: first, until }
            }
        }
    }

    /// The configuration at turn `number` of `count`.
    fn configuration(self, number: usize, count: usize) -> usize {
        match self {
            Self::Part(_) => number,
            Self::From { configuration, .. } => (configuration + number) % count,
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::From { until: Some(until), .. } if Instant::now() > until)
    }

    fn takes(self, configuration: usize, vector: usize, place: usize) -> bool {
        match self {
            Self::Part(part) => (place + 7 * vector + configuration).is_multiple_of(part),
            Self::From { .. } => true,
        }
    }
}

/// Each configuration of the part tries one place in this many.
const PART: usize = 83;

/// One configuration in five, so that each two of a form, a feature set and a set of handlers meet.
fn part(all: Vec<Config>) -> Vec<Config> {
    let (forms, sets) = (FORMS.len(), all.len() / FORMS.len() / HANDLERS.len());
    let meets = |number: usize| number % forms + number / forms % sets + number / forms / sets;
    all.into_iter().enumerate().filter(|(number, _)| meets(*number).is_multiple_of(forms)).map(|it| it.1).collect()
}

#[test]
fn each_two_choices_meet_in_the_part() {
    use std::collections::BTreeSet;
    let pairs = |configurations: &[Config]| {
        let mut pairs = [(); 3].map(|()| BTreeSet::new());
        for Config { form, features, handler, .. } in configurations {
            let names = [form.to_string(), features.to_string(), handler.to_string()];
            for (pairs, (one, other)) in pairs.iter_mut().zip([(0, 1), (1, 2), (0, 2)]) {
                pairs.insert([names[one].clone(), names[other].clone()]);
            }
        }
        pairs
    };
    let all = configurations(&HANDLERS);
    let part = part(all.clone());
    assert_eq!((all.len(), part.len()), (3_200, 640));
    assert_eq!(pairs(&part), pairs(&all));
}

/// The results of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Total {
    configurations: usize,
    swept: Swept,
    tally: Tally,
}

fn sweep_configuration(index: usize, config: &Config, extent: Extent) -> Total {
    let system = system(config);
    let machines = arrivals(&system, BUDGET);
    let mut checker = checker();
    let mut swept = Swept::default();
    for (number, vector) in Vector::ALL.into_iter().enumerate() {
        let places = machines.iter().enumerate().filter(|(place, _)| extent.takes(index, number, *place));
        let part: Vec<&Machine> = places.map(|(_, machine)| machine).collect();
        if part.is_empty() {
            continue;
        }
        let result = sweep(&mut checker, &system, part, vector);
        let found = result.unwrap_or_else(|report| panic!("{config:?}\n{report}"));
        swept.struck += found.struck;
        swept.refused += found.refused;
    }
    Total { configurations: 1, swept, tally: checker.tally().clone() }
}

#[test]
fn runs_with_an_injection_agree() {
    let all = configurations(&HANDLERS);
    let extent = Extent::asked_for(all.len());
    let configurations = if let Extent::Part(_) = extent { part(all) } else { all };
    let count = configurations.len();
    let total = Mutex::new(Total::default());
    on_all_processors(count, |number| {
        let index = extent.configuration(number, count);
        let found = sweep_configuration(index, &configurations[index], extent);
        let mut total = total.lock().expect("no thread panicked");
        total.configurations += found.configurations;
        total.swept.struck += found.swept.struck;
        total.swept.refused += found.swept.refused;
        total.tally.add(&found.tally);
        !extent.is_over()
    });
    let Total { configurations, swept, tally } = total.into_inner().expect("no thread panicked");
    let first = extent.configuration(0, count);
    println!(
        "swept {configurations} of {count} configurations from {first} on, {} injections, {} refused: {tally}",
        swept.struck, swept.refused
    );
    assert!(tally.mirrored.keys().all(|limit| INJECTED.contains(limit)), "{tally}");
    if let Extent::Part(_) = extent {
        let expected = Tally {
            compared: 9_709_610,
            exceptions: 36_155,
            delivered: 50_107,
            delivered_by_both: 0,
            mirrored: [(Limit::Syscall, 3_104), (Limit::Invpcid, 1_406), (Limit::Delivery, 50_107)].into(),
            masked: BTreeMap::new(),
        };
        report::check("one injection into Linux, natively", swept.struck, &tally);
        assert_eq!((swept, tally), (Swept { struck: 13_952, refused: 3_828 }, expected));
    }
}

/// What may stay uncompared in a run of Linux.
const INJECTED: [Limit; 3] = [Limit::Syscall, Limit::Invpcid, Limit::Delivery];
