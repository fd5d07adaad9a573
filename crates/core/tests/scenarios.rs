//! The scenarios of `testdata/scenarios`: the cost of an exception compared with the same run without it, for each form
//! of the macro.

use cr3_core::counters::Counter;
use cr3_core::linux::{Config, Features, Form, Handlers};
use cr3_core::scenario::{Scenario, Schedule};
use cr3_core::trace::{Ending, Options, Trace};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    #[expect(dead_code, reason = "for people")]
    title: String,
    source: String,
    features: String,
    #[serde(default = "quiet")]
    handler: String,
    inject: String,
    #[serde(default)]
    unfired: Vec<String>,
    counters: Vec<String>,
    beyond: BTreeMap<String, Vec<i64>>,
}

fn quiet() -> String {
    "quiet".to_owned()
}

impl Case {
    fn trace(&self, form: &str, inject: &str) -> Trace {
        let config = Config {
            features: self.features.parse::<Features>().expect("features"),
            form: form.parse::<Form>().expect("a form"),
            handler: self.handler.parse::<Handlers>().expect("handlers"),
            ..Config::default()
        };
        let schedule = inject.parse::<Schedule>().expect("a schedule");
        let scenario = Scenario { config, schedule };
        Trace::record(&scenario, Options::default()).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
    }

    fn check(&self, form: &str, expected: &[i64]) -> Result<(), String> {
        let story = format!("{} with form {form}", self.id);
        let (with, without) = (self.trace(form, &self.inject), self.trace(form, ""));
        for trace in [&with, &without] {
            if trace.ending() != Ending::Finished {
                return Err(format!("{story}: {}", trace.ending()));
            }
        }
        let unfired: Vec<_> = with.unfired.iter().map(ToString::to_string).collect();
        if unfired != self.unfired {
            return Err(format!("{story}: {unfired:#?}"));
        }
        let beyond = |name: &String| {
            let counter = Counter::named(name).unwrap_or_else(|| panic!("{}: no counter {name}", self.id));
            with.counters[counter] as i64 - without.counters[counter] as i64
        };
        let found: Vec<_> = self.counters.iter().map(beyond).collect();
        match found == expected {
            true => Ok(()),
            false => Err(format!("{story}: {:?}\n  expected {expected:?}\n  found    {found:?}", self.counters)),
        }
    }
}

#[test]
fn each_form_costs_what_its_text_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/scenarios");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("scenarios").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut played = 0;
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        let cases: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in &cases.scenario {
            assert!(!case.source.is_empty() && !case.beyond.is_empty(), "{}: says nothing", case.id);
            for (form, expected) in &case.beyond {
                played += 1;
                wrong.extend(case.check(form, expected).err());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(played >= 65, "only {played} were played");
}
