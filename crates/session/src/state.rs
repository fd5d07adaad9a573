//! The one value that the page shows.

use crate::check::Check;
use crate::choice::{Filter, Form, Overlay, Pane, Side, Spot, Tab, Theme};
use crate::drafts::{self, Memory};
use crate::link::{self, Link};
use crate::runs::Runs;
pub use crate::setup::Setup;
use cr3_core::linux::{Kernel, Variation};
use cr3_core::scenario::Place;
use std::rc::Rc;
use std::sync::Arc;

/// Taste, which the browser remembers and no link carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// Whether single letters are keys (WCAG 2.1.4).
    pub shortcuts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: Theme::System, shortcuts: true }
    }
}

/// Everything that the page shows.
///
/// Invariant: `cursor` names a row of `runs`, or is 0 when there is none; `runs` are those of `setup` and `custom`; `browsed` is
/// a place of one of them, or one does not run.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What is run.
    pub setup: Setup,
    /// Text of the custom form.
    pub custom: Arc<str>,
    /// Other texts of the custom form that are kept, the newest first.
    pub aside: Vec<Arc<str>>,
    /// Whether the browser keeps texts.
    pub memory: Memory,
    /// The schedule as a person types it, while it does not parse; with the reason.
    pub schedule_draft: Option<(String, String)>,
    /// The runs of `setup`, aligned.
    pub runs: Rc<Runs>,
    /// Aligned row that every pane shows.
    pub cursor: usize,
    /// Another number each time that a person asks for a row, be it the one at hand: lists show it then.
    pub sought: u32,
    /// Whether the cursor moves by itself.
    pub playing: bool,
    /// Rows that are listed.
    pub filter: Filter,
    /// Side that narrow windows show, and whose code is listed.
    pub side: Side,
    /// Part of the inspector that is shown.
    pub tab: Tab,
    /// Pane that narrow windows show.
    pub pane: Pane,
    /// Whether the listing scrolls to the current instruction.
    pub follow: bool,
    /// Where a person reads in the listing: if it follows, until the next move of the cursor.
    pub browsed: Option<Place>,
    /// Whether all counters are shown.
    pub all_counters: bool,
    /// What floats above the page.
    pub overlay: Overlay,
    /// Something to tell the person.
    pub notice: Option<String>,
    /// The second CPU.
    pub check: Check,
    /// Taste.
    pub settings: Settings,
}

impl State {
    /// The state that a link asks for, with a notice of what of it was ignored.
    #[must_use]
    pub fn open(text: &str, settings: Settings) -> Self {
        Self::open_with(text, settings, &[])
    }

    /// The same with the texts that the browser kept, the newest first. The text that the link carries is the one of the
    /// custom form; where it carries none the newest is. The others are put aside.
    #[must_use]
    pub fn open_with(text: &str, settings: Settings, kept: &[Arc<str>]) -> Self {
        Self::opened(link::decode(text), settings, kept.to_vec())
    }

    /// The state that another link asks for in the same page. A text that it replaces is put aside unless a link carries it.
    #[must_use]
    pub(crate) fn reopen(&self, text: &str) -> Self {
        let decoded = link::decode(text);
        let kept = match decoded.0.custom {
            Some(_) => self.kept(),
            None => self.kept_with(&self.custom),
        };
        Self { memory: self.memory, check: self.check.restarted(), ..Self::opened(decoded, self.settings, kept) }
    }

    fn opened((link, mut ignored): (Link, Vec<String>), settings: Settings, kept: Vec<Arc<str>>) -> Self {
        let mut state = Self::of(link, settings, kept);
        if let Some(why) = state.browsed.as_ref().and_then(|place| state.runs.unknown(place)) {
            ignored.push(format!("code: {why}"));
            state.browsed = None;
        }
        let ignored = (!ignored.is_empty()).then(|| format!("Parts of the link were ignored. {}", ignored.join("; ")));
        let said: Vec<_> = kernel_notice(state.setup.kernel).into_iter().chain(ignored).collect();
        state.notice = (!said.is_empty()).then(|| said.join(" "));
        state
    }

    fn of(link: Link, settings: Settings, kept: Vec<Arc<str>>) -> Self {
        let setup = Setup {
            forms: link.forms,
            features: link.features,
            kernel: link.kernel,
            handler: link.handler,
            geometry: link.geometry,
            schedule: link.schedule,
        };
        let kept = drafts::tidy(kept);
        let custom = link.custom.map(Arc::from).or_else(|| kept.first().cloned()).unwrap_or_default();
        let aside = kept.into_iter().filter(|text| *text != custom).collect();
        let runs = Rc::new(Runs::record(&setup, &custom));
        let cursor = runs.clamp(link.row.unwrap_or_else(|| runs.decisive()));
        Self {
            setup,
            custom,
            aside,
            memory: Memory::default(),
            schedule_draft: None,
            runs,
            cursor,
            sought: 0,
            playing: false,
            filter: link.filter,
            side: link.side,
            tab: link.tab,
            pane: link.pane,
            follow: link.follow,
            browsed: link.browsed,
            all_counters: link.all_counters,
            overlay: Overlay::None,
            notice: None,
            check: Check::default(),
            settings,
        }
    }

    /// The link to what the page shows.
    #[must_use]
    pub fn link(&self) -> Link {
        Link {
            forms: self.setup.forms,
            features: self.setup.features,
            kernel: self.setup.kernel,
            handler: self.setup.handler,
            geometry: self.setup.geometry,
            schedule: self.setup.schedule.clone(),
            row: Some(self.cursor),
            custom: self.uses_custom().then(|| self.custom.to_string()),
            filter: self.filter,
            side: self.side,
            pane: self.pane,
            tab: self.tab,
            follow: self.follow,
            browsed: self.browsed.clone(),
            all_counters: self.all_counters,
        }
    }

    /// Where an injection at the cursor would strike.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        let place = self.runs.place(self.cursor)?;
        Some(Spot { place, row: Some(self.cursor) })
    }

    /// Whether nothing has changed since `before` but where the cursor is and whether it moves.
    #[must_use]
    pub fn moved_from(&self, before: &Self) -> bool {
        let Self { cursor, sought, playing, .. } = *before;
        *before == Self { cursor, sought, playing, ..self.clone() }
    }

    /// The pane that narrow windows show: that of the code while somebody injects there.
    #[must_use]
    pub fn pane_in_sight(&self) -> Pane {
        match self.overlay {
            Overlay::Inject(_) => Pane::Code,
            _ => self.pane,
        }
    }

    /// Whether a side runs the custom form.
    #[must_use]
    pub fn uses_custom(&self) -> bool {
        self.setup.forms.contains(&Form::Custom)
    }

    /// The texts that the browser is to keep, the newest first: the custom form's unless the link carries it, and those
    /// that are put aside.
    #[must_use]
    pub fn kept(&self) -> Vec<Arc<str>> {
        match self.uses_custom() {
            true => drafts::tidy(self.aside.clone()),
            false => self.kept_with(&self.custom),
        }
    }

    /// The same if the page ends with `typed` in the editor: no link carries it yet.
    #[must_use]
    pub fn kept_with(&self, typed: &str) -> Vec<Arc<str>> {
        drafts::tidy(std::iter::once(Arc::from(drafts::shortened(typed))).chain(self.aside.iter().cloned()))
    }
}

/// A kernel that is not the usual one is said, since nothing else on the page shows it.
fn kernel_notice(kernel: Kernel) -> Option<String> {
    let differences: Vec<_> = kernel.iter().map(Variation::description).collect();
    (kernel != Kernel::V6_12).then(|| format!("The kernel is {kernel}: {}.", differences.join("; ")))
}
