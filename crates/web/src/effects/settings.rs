//! The preferences that the browser remembers: colours, single-letter keys, whether the explorer judges by itself, the
//! widths of the panes.

use super::storage;
use crate::parts::use_number;
use cr3_session::panes::{Divider, Panes};
use cr3_session::{Judging, Settings, Theme};
use gloo::utils::document_element;
use yew::prelude::*;

const THEME: &str = "cr3-theme";
const SHORTCUTS: &str = "cr3-shortcuts";
const JUDGING: &str = "cr3-judging";
const PANES: &str = "cr3-panes";

/// Values are JSON, as they always were: a browser may hold them for years.
const LIGHT: &str = r#""light""#;
const DARK: &str = r#""dark""#;
const ON: &str = "true";
const OFF: &str = "false";

/// The remembered preferences, or the defaults if storage is empty or forbidden.
pub(crate) fn restore() -> Settings {
    let theme = match storage::get(THEME).as_deref() {
        Some(LIGHT) => Theme::Light,
        Some(DARK) => Theme::Dark,
        _ => Theme::System,
    };
    let shortcuts = storage::get(SHORTCUTS).as_deref() != Some(OFF);
    let judging = match storage::get(JUDGING).as_deref() {
        Some(OFF) => Judging::Off,
        _ => Judging::ByItself,
    };
    let panes = storage::get(PANES).map(|text| Panes::parse(&text)).unwrap_or_default();
    let settings = Settings { theme, shortcuts, judging, panes, ..Settings::default() };
    apply(settings.theme);
    settings
}

fn apply(theme: Theme) {
    let _ = match theme_name(theme) {
        Some(name) => document_element().set_attribute("data-theme", name),
        None => document_element().remove_attribute("data-theme"),
    };
}

fn theme_name(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    }
}

/// The settings as a number, each another one.
fn number(settings: Settings) -> u64 {
    let width = |divider| u64::from(settings.panes.width(divider).unwrap_or(0));
    let judging = u64::from(settings.judging == Judging::ByItself);
    let switches = (settings.theme as u64) << 2 | u64::from(settings.shortcuts) << 1 | judging;
    switches << 32 | width(Divider::Code) << 16 | width(Divider::Inspector)
}

/// Applies settings and remembers them.
#[hook]
pub(crate) fn use_settings(settings: Settings) {
    use_number(number(settings), move || {
        apply(settings.theme);
        // If storage refuses, the preference lasts as long as the page.
        let _ = match settings.theme {
            Theme::System => storage::remove(THEME),
            Theme::Light => storage::set(THEME, LIGHT),
            Theme::Dark => storage::set(THEME, DARK),
        };
        let _ = match settings.panes == Panes::default() {
            true => storage::remove(PANES),
            false => storage::set(PANES, &settings.panes.text()),
        };
        let _ = storage::set(SHORTCUTS, if settings.shortcuts { ON } else { OFF });
        let _ = storage::set(JUDGING, if settings.judging == Judging::ByItself { ON } else { OFF });
    });
}
