//! The preferences that the browser remembers: colours, single-letter keys, whether the explorer judges by itself.

use super::storage;
use cr3_session::{Judging, Settings, Theme};
use gloo::utils::document_element;
use yew::prelude::*;

const THEME: &str = "cr3-theme";
const SHORTCUTS: &str = "cr3-shortcuts";
const JUDGING: &str = "cr3-judging";

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
    let settings = Settings { theme, shortcuts, judging, ..Settings::default() };
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

/// Applies settings and remembers them.
#[hook]
pub(crate) fn use_settings(settings: Settings) {
    use_effect_with(settings, |settings| {
        apply(settings.theme);
        // If storage refuses, the preference lasts as long as the page.
        let _ = match settings.theme {
            Theme::System => storage::remove(THEME),
            Theme::Light => storage::set(THEME, LIGHT),
            Theme::Dark => storage::set(THEME, DARK),
        };
        let _ = storage::set(SHORTCUTS, if settings.shortcuts { ON } else { OFF });
        let _ = storage::set(JUDGING, if settings.judging == Judging::ByItself { ON } else { OFF });
    });
}
