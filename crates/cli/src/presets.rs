//! `cr3play presets`.

use crate::arguments::PresetsArguments;
use crate::json;
use crate::outcome::{Outcome, WrongUse, print, print_json};
use crate::table::{labelled, wrap};
use cr3_core::linux::Form;
use cr3_core::scenario::presets::{PRESETS, Preset};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    name: &'static str,
    story: &'static str,
    #[serde(flatten)]
    setting: json::Setting,
}

pub(crate) fn presets(arguments: &PresetsArguments) -> Result<Outcome, WrongUse> {
    match arguments.json {
        true => print_json(&PRESETS.iter().map(report).collect::<Vec<_>>())?,
        false => print(&PRESETS.iter().map(text).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(Outcome::Success)
}

fn report(preset: &Preset) -> Report {
    // No part of the setting depends on the form.
    let setting = json::Setting::new(&preset.scenario(Form::E));
    Report { name: preset.name, story: preset.story, setting }
}

fn text(preset: &Preset) -> String {
    [
        format!("{}\n", preset.name),
        wrap(preset.story, 4),
        indented("features", &preset.features.to_string()),
        indented("handler", &preset.handler.to_string()),
        indented("inject", &preset.schedule().to_string()),
    ]
    .concat()
}

fn indented(label: &str, text: &str) -> String {
    format!("    {}", labelled(label, text))
}
