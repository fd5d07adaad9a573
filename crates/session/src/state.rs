//! The one value that the page shows.

use crate::aim::Aim;
use crate::assembly::Texts;
use crate::check::Check;
use crate::choice::{Against, Filter, Form, Judging, Overlay, Own, Pace, Pane, Side, Spot, Tab, Theme};
use crate::document::Papers;
use crate::drafts::{self, Memory};
use crate::explore::Explore;
use crate::explore::wire::Request;
use crate::link::{self, Link, Note};
use crate::panes::Panes;
use crate::runs::Runs;
use crate::setup::BUDGET;
pub use crate::setup::{OwnTexts, Setup};
use crate::setup::{names, short};
use crate::stops::{Halt, Run, Stop};
use crate::tree::Trees;
use cr3_core::linux::Config;
use cr3_core::linux::TreeId;
use cr3_core::scenario::{Place, Unresolved};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Preferences, which the browser remembers and no link carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// Whether single letters are keys (WCAG 2.1.4).
    pub shortcuts: bool,
    /// Whether the explorer judges by itself.
    pub judging: Judging,
    /// Steps after which runs stop.
    pub budget: u32,
    /// The widths of the panes.
    pub panes: Panes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            shortcuts: true,
            judging: Judging::ByItself,
            budget: BUDGET,
            panes: Panes::default(),
        }
    }
}

/// Everything that the page shows.
///
/// Invariant: `cursor` is a row of `runs`, or 0 if there is none. `runs` are those of `setup` and `custom`, or, while a text is
/// being assembled (`aim`), those before them. `browsed` is a place of one of them, unless one does not run.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What is run.
    pub setup: Rc<Setup>,
    /// Texts of the custom form.
    pub custom: OwnTexts,
    /// The side whose text is edited.
    pub edited: Side,
    /// What the edited text is shown against.
    pub against: Against,
    /// What a person called it; empty if nothing.
    pub title: String,
    /// What a person noted at steps, in the order of the rows.
    pub notes: Vec<Note>,
    /// Other texts of the custom form to keep, newest first.
    pub aside: Vec<Arc<str>>,
    /// Whether the browser keeps texts.
    pub memory: Memory,
    /// Kernel trees that were opened.
    pub trees: Trees,
    /// The texts that are run, assembled or on their way.
    pub texts: Texts,
    /// The schedule as typed, while it does not parse; with the reason.
    pub schedule_draft: Option<(String, String)>,
    /// The runs of `setup`, aligned.
    pub runs: Rc<Runs>,
    /// Where the cursor goes in the runs that come once the texts are assembled; none while nothing is on its way.
    pub aim: Option<Aim>,
    /// Aligned row that every pane shows.
    pub cursor: usize,
    /// Changes each time that a person asks for a row, even for the current one: lists then scroll to it.
    pub sought: u32,
    /// How the cursor moves by itself, while it does.
    pub run: Option<Run>,
    /// How fast it does.
    pub pace: Pace,
    /// Where it stops: for as long as the page is open, and in no link.
    pub stops: Vec<Stop>,
    /// Where the last run ended, until the cursor is elsewhere.
    pub halt: Option<Halt>,
    /// The rows that the timeline shows; none means all. The cursor is among them once it has moved.
    pub zoom: Option<Range<usize>>,
    /// What is searched for; empty at first.
    pub query: String,
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
    /// Where a person reads in the listing. If the listing follows, this lasts until the next move of the cursor.
    pub browsed: Option<Place>,
    /// Whether all counters are shown.
    pub all_counters: bool,
    /// What floats above the page.
    pub overlay: Overlay,
    /// The texts beside the page.
    pub papers: Papers,
    /// A message for the person.
    pub notice: Option<String>,
    /// The second CPU.
    pub check: Check,
    /// What the explorer says.
    pub explore: Explore,
    /// Preferences.
    pub settings: Settings,
}

impl State {
    /// The searches of the explorer that are wanted, with their tickets.
    #[must_use]
    pub fn searches(&self) -> Vec<(u32, Request)> {
        match self.settings.judging {
            Judging::ByItself => self.explore.searches(),
            Judging::Off => Vec::new(),
        }
    }

    /// The form whose code is listed; none while it does not run.
    pub(crate) fn listed(&self) -> Option<Config> {
        self.shown(self.side)
    }

    /// The text of a side's run, as one asks about its lines; none while it does not run.
    pub(crate) fn shown(&self, side: Side) -> Option<Config> {
        let Config { form, base, custom, kernel, .. } = self.runs.trace(side)?.scenario.config.clone();
        let custom = if form == Form::Custom { custom } else { Arc::default() };
        Some(Config { form, base, custom, kernel, ..Config::default() })
    }

    /// The state that a link asks for. A notice names the parts that were ignored.
    #[must_use]
    pub fn open(text: &str, settings: Settings) -> Self {
        Self::open_with(text, settings, &[])
    }

    /// The same with the texts that the browser kept, newest first. The custom form gets the link's text, or else the
    /// newest one. The others are put aside.
    #[must_use]
    pub fn open_with(text: &str, settings: Settings, kept: &[Arc<str>]) -> Self {
        Self::open_by(text, settings, kept, Texts::default())
    }

    /// The same with these texts: they say who assembles.
    #[must_use]
    pub fn open_by(text: &str, settings: Settings, kept: &[Arc<str>], texts: Texts) -> Self {
        let record = |setup: &Setup, custom: &OwnTexts, texts: &Texts| Runs::record(setup, custom, texts).into();
        Self::opened(link::decode(text), settings, kept.to_vec(), Trees::default(), texts, record)
    }

    /// The state that another link asks for in the same page. A text that it replaces is put aside unless a link
    /// carries it.
    #[must_use]
    pub(crate) fn reopen(&self, text: &str) -> Self {
        let decoded = link::decode(text);
        let kept = match decoded.0.custom {
            Some(_) => self.kept(),
            None => self.kept_with(self.text()),
        };
        let record = |setup: &Setup, custom: &OwnTexts, texts: &Texts| match awaits(setup, custom, texts) {
            true => self.runs.clone(),
            false => Runs::record(setup, custom, texts).into(),
        };
        let next = Self::opened(decoded, self.settings, kept, self.trees.clone(), self.texts.clone(), record);
        let explore = self.explore.about(next.explore.scope, next.explore.assumed);
        let explore = explore.followed(&next.setup, &next.custom, &next.runs);
        let papers = self.papers.clone();
        let next = Self { memory: self.memory, papers, explore, ..next.with_settings_of(self) };
        match next.aim {
            // What is on display stays until then.
            Some(_) => Self { cursor: self.cursor, check: self.check.clone(), ..next },
            None => Self { check: self.check.restarted(), ..next },
        }
    }

    /// The same with what a person set for running and searching, which no link carries.
    fn with_settings_of(self, before: &Self) -> Self {
        Self { pace: before.pace, stops: before.stops.clone(), query: before.query.clone(), ..self }
    }

    /// Reads the listing at the cursor if no run has the place at which it is read; says why none has.
    pub(crate) fn forget_unknown_place(&mut self) -> Option<Unresolved> {
        let why = self.runs.unknown(self.browsed.as_ref()?)?;
        self.browsed = None;
        Some(why)
    }

    /// What a link asks for; `record` has the runs of a setup and of the text of the custom form.
    pub(crate) fn opened(
        (link, mut ignored): (Link, Vec<String>),
        settings: Settings,
        kept: Vec<Arc<str>>,
        trees: Trees,
        texts: Texts,
        record: impl FnOnce(&Setup, &OwnTexts, &Texts) -> Rc<Runs>,
    ) -> Self {
        let mut state = Self::of(link, settings, kept, trees, texts, record);
        if state.aim.is_none() {
            ignored.extend(state.forget_unknown_place().map(|why| format!("code: {why}")));
        }
        let ignored = (!ignored.is_empty()).then(|| self::ignored(&ignored));
        let said: Vec<_> = state.setup.kernel_notice().into_iter().chain(ignored).collect();
        state.notice = (!said.is_empty()).then(|| said.join(" "));
        state
    }

    /// What a link runs: the setup, and the texts of the custom form. A side that runs none has none, unless it is edited
    /// first. `kept` is tidy.
    pub(crate) fn asked(link: &Link, kept: &[Arc<str>], budget: u32) -> (Setup, OwnTexts) {
        let setup = Setup {
            forms: link.forms,
            own: link.own,
            features: link.features,
            kernel: link.kernel,
            of_trees: [None; 2],
            handler: link.handler,
            geometry: link.geometry,
            schedule: link.schedule.clone(),
            budget,
        };
        let text: Arc<str> = match &link.custom {
            Some(text) => text.as_str().into(),
            None => kept.first().cloned().unwrap_or_default(),
        };
        let right = link.right.as_deref().map_or_else(|| text.clone(), Arc::from);
        let has_text = |side| setup.uses_text(side) || (setup.edited() == side && !setup.uses_text(side.other()));
        let of = |side, text| if has_text(side) { text } else { Arc::default() };
        let texts = OwnTexts::new(of(Side::Left, text), of(Side::Right, right));
        (setup, texts)
    }

    fn of(
        link: Link,
        settings: Settings,
        kept: Vec<Arc<str>>,
        trees: Trees,
        mut texts: Texts,
        record: impl FnOnce(&Setup, &OwnTexts, &Texts) -> Rc<Runs>,
    ) -> Self {
        let kept = drafts::tidy(kept);
        let (mut setup, custom) = Self::asked(&link, &kept, settings.budget);
        setup.of_trees = trees.kernels(setup.trees());
        let aside = kept.into_iter().filter(|text| !custom.contains(text)).collect();
        let edited = setup.edited();
        texts.ask(&setup.configs(&custom), |base| trees.has(base));
        let aim = awaits(&setup, &custom, &texts).then_some(Aim::Link(link.row));
        let runs = record(&setup, &custom, &texts);
        let cursor = runs.clamp(link.row.unwrap_or_else(|| runs.decisive()));
        let notes = if aim.is_some() { link.notes } else { link::moved(&link.notes, &runs, |row| row) };
        let explore = Explore::new(link.scope, link.assumed).followed(&setup, &custom, &runs);
        Self {
            setup: setup.into(),
            custom,
            edited,
            against: Against::default(),
            title: link.title,
            notes,
            aside,
            memory: Memory::default(),
            trees,
            texts,
            schedule_draft: None,
            runs,
            aim,
            cursor,
            sought: 0,
            run: None,
            pace: Pace::default(),
            stops: Vec::new(),
            halt: None,
            zoom: None,
            query: String::new(),
            filter: link.filter,
            side: link.side,
            tab: link.tab,
            pane: link.pane,
            follow: link.follow,
            browsed: link.browsed,
            all_counters: link.all_counters,
            overlay: Overlay::None,
            papers: Papers::default(),
            notice: None,
            check: Check::default(),
            explore,
            settings,
        }
    }

    /// The link to what the page shows.
    #[must_use]
    pub fn link(&self) -> Link {
        Link {
            forms: self.setup.forms,
            own: self.linked(),
            features: self.setup.features,
            kernel: self.setup.kernel,
            handler: self.setup.handler,
            geometry: self.setup.geometry,
            schedule: self.setup.schedule.clone(),
            row: match self.aim {
                // The cursor is not there yet.
                Some(Aim::Link(row)) => row,
                _ => Some(self.cursor),
            },
            custom: self.linked_text().map(|text| text.to_string()),
            right: self.linked_right().map(|text| text.to_string()),
            filter: self.filter,
            side: self.side,
            pane: self.pane,
            tab: self.tab,
            follow: self.follow,
            browsed: self.browsed.clone(),
            all_counters: self.all_counters,
            scope: self.explore.scope,
            assumed: self.explore.assumed,
            title: self.title.clone(),
            notes: self.notes.clone(),
        }
    }

    /// Where an injection at the cursor would strike.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        let place = self.runs.place(self.cursor)?;
        Some(Spot { place, row: Some(self.cursor) })
    }

    /// The same with the texts that run, where the present ones do not assemble: what leaves the page is what it shows.
    #[must_use]
    pub fn on_display(&self) -> Self {
        let mut shown = self.clone();
        for side in Side::BOTH.into_iter().filter(|side| self.runs.is_of_earlier_text(*side)) {
            let Some(config) = self.runs.trace(side).map(|trace| &trace.scenario.config) else { continue };
            shown.custom = shown.custom.with(side, config.custom.clone());
            Rc::make_mut(&mut shown.setup).own[side.index()] = Own::of(config);
        }
        let of_trees = self.trees.kernels(shown.setup.trees());
        Rc::make_mut(&mut shown.setup).of_trees = of_trees;
        shown
    }

    /// Whether another state runs and judges the same, under the same title and with the same notes: then no link distinguishes them
    /// but by what is in sight.
    #[must_use]
    pub fn asks_what(&self, other: &Self) -> bool {
        let judged = |state: &Self| (state.explore.scope, state.explore.assumed);
        self.setup == other.setup
            && self.custom == other.custom
            && judged(self) == judged(other)
            && (&self.title, &self.notes) == (&other.title, &other.notes)
    }

    /// Whether only the position of the cursor, and whether it moves, changed since `before`.
    #[must_use]
    pub fn moved_from(&self, before: &Self) -> bool {
        let (cursor, sought, run) = (before.cursor, before.sought, before.run);
        let (halt, zoom) = (before.halt.clone(), before.zoom.clone());
        *before == Self { cursor, sought, run, halt, zoom, ..self.clone() }
    }

    /// The pane that narrow windows show: that of the code while the injection menu is open.
    #[must_use]
    pub fn pane_in_sight(&self) -> Pane {
        match self.overlay {
            Overlay::Inject(_) => Pane::Code,
            _ => self.pane,
        }
    }

    /// The text that is edited.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        self.custom.of(self.edited)
    }

    /// The text of the custom form that a link carries: that of both sides, or that of the left one.
    fn linked_text(&self) -> Option<&Arc<str>> {
        let side = Side::BOTH.into_iter().find(|side| self.setup.uses_text(*side))?;
        Some(self.custom.of(side))
    }

    /// The text of the right side, where the left one runs another.
    #[must_use]
    pub fn linked_right(&self) -> Option<&Arc<str>> {
        let are_used = Side::BOTH.into_iter().all(|side| self.setup.uses_text(side));
        let right = self.custom.of(Side::Right);
        Some(right).filter(|right| are_used && *right != self.custom.of(Side::Left))
    }

    /// What the runs on display are called: those of before, while others are being assembled.
    #[must_use]
    pub fn names(&self) -> [&'static str; 2] {
        let of = |side: Side| match self.runs.trace(side).map(|trace| &trace.scenario.config) {
            Some(config) if self.aim.is_some() => (config.form, Own::of(config)),
            _ => (self.setup.forms[side.index()], self.setup.own[side.index()]),
        };
        let [left, right] = Side::BOTH.map(of);
        names([left.0, right.0], [left.1, right.1])
    }

    /// The same in one word each, for narrow places.
    #[must_use]
    pub fn short_names(&self) -> [&'static str; 2] {
        self.names().map(short)
    }

    /// The system of the edited text, if there is one and its side does not run it.
    pub(crate) fn draft(&self) -> Option<Config> {
        let is_text = !self.setup.uses_text(self.edited) && !self.text().trim().is_empty();
        let setup = Setup { forms: [Form::Custom; 2], own: [Own::Text; 2], ..(*self.setup).clone() };
        is_text.then(|| setup.scenario(self.edited, &self.custom).config)
    }

    /// Whether the text of a side is being assembled.
    #[must_use]
    pub fn awaits(&self, side: Side) -> bool {
        self.texts.awaits(&self.setup.config(side, &self.custom))
    }

    /// Whether a side runs the text of the custom form.
    #[must_use]
    pub fn uses_custom(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.setup.uses_text(side))
    }

    /// Whether a side runs a kernel tree, which no link carries.
    #[must_use]
    pub fn uses_tree(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.setup.tree(side).is_some())
    }

    /// What the custom form of each side is, where a side has that form.
    fn linked(&self) -> [Own; 2] {
        Side::BOTH.map(|side| match self.setup.tree(side) {
            Some(_) => self.setup.own[side.index()],
            None => Own::Text,
        })
    }

    /// The name of a side's form: the release of its tree, if it runs one.
    #[must_use]
    pub fn tree_name(&self, side: Side) -> Option<String> {
        let id: TreeId = self.setup.tree(side)?;
        Some(self.trees.tree(id).map_or_else(|| "a kernel tree".to_owned(), |tree| tree.release.clone()))
    }

    /// The texts that the browser should keep, newest first: those of the custom form that the link does not carry, and
    /// those put aside.
    #[must_use]
    pub fn kept(&self) -> Vec<Arc<str>> {
        let own = [self.edited, self.edited.other()].map(|side| self.custom.of(side));
        let own = own.into_iter().filter(|text| !self.is_linked(text));
        drafts::tidy(own.chain(&self.aside).cloned())
    }

    /// The same, if the page ends with `typed` in the editor, which no link carries yet.
    #[must_use]
    pub fn kept_with(&self, typed: &str) -> Vec<Arc<str>> {
        let other =
            Some(self.custom.of(self.edited.other())).filter(|text| *text != self.text() && !self.is_linked(text));
        drafts::tidy(
            std::iter::once(Arc::from(drafts::shortened(typed))).chain(other.into_iter().chain(&self.aside).cloned()),
        )
    }

    /// Whether the link carries a text, because a side runs it.
    fn is_linked(&self, text: &Arc<str>) -> bool {
        Side::BOTH.into_iter().any(|side| self.setup.uses_text(side) && self.custom.of(side) == text)
    }
}

/// Whether a text of these runs is being assembled.
pub(crate) fn awaits(setup: &Setup, custom: &OwnTexts, texts: &Texts) -> bool {
    setup.configs(custom).iter().any(|config| texts.awaits(config))
}

/// What the page says of the parts of a link that it cannot follow.
pub(crate) fn ignored(parts: &[String]) -> String {
    format!("Parts of the link were ignored. {}", parts.join("; "))
}
