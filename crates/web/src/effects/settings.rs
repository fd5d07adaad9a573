//! What the browser remembers of a person's taste: colours and single-letter keys. Nothing else is stored.

use cr3_session::{Settings, Theme};
use gloo::storage::{LocalStorage, Storage};
use gloo::utils::document_element;
use yew::prelude::*;

const THEME: &str = "cr3-theme";
const SHORTCUTS: &str = "cr3-shortcuts";

/// What was remembered, or the defaults where storage is empty or forbidden.
pub(crate) fn restore() -> Settings {
    let theme = match LocalStorage::get::<String>(THEME).as_deref() {
        Ok("light") => Theme::Light,
        Ok("dark") => Theme::Dark,
        _ => Theme::System,
    };
    let shortcuts = LocalStorage::get(SHORTCUTS).unwrap_or(true);
    let settings = Settings { theme, shortcuts };
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
        // Storage may be full or forbidden: the page works without.
        let _ = match theme_name(settings.theme) {
            Some(name) => LocalStorage::set(THEME, name),
            None => {
                LocalStorage::delete(THEME);
                Ok(())
            }
        };
        let _ = LocalStorage::set(SHORTCUTS, settings.shortcuts);
    });
}
