//! The link: what follows `#` in the address. It is readable in a mail and keeps working for good.
//!
//! `#v=1&a=A&b=E&f=pti,pcid&h=quiet&t=architectural&s=kernel_loop%2B1:nmi&at=41`. Unknown or damaged parts are skipped
//! and reported, so a link that lost its tail in a mail still opens what is left. A name keeps its meaning once it was
//! written; a change of meaning needs a new version number and a new arm in [`decode`].
//!
//! Version 2 has more parts: `d`, the text of the custom form as its difference from another form's; `ta` and `tb`, the names of
//! the kernel trees of both sides; `title`; and `n41`, a note at row 41. Version 3 has `cb` and `db`, the text of the right side where the left one
//! runs another. A link is written as the lowest version that has its parts; every page opens version 1.

mod difference;
mod escape;
mod file;
mod pack;

pub(crate) use difference::{LINES, common, nearest};
pub use file::{FILE, LONG, file, find};

use crate::choice::{Filter, Form, Own, Pane, Scope, Side, Tab};
use crate::runs::Runs;
use crate::words;
use cr3_core::choice::UnknownName;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Features, Handlers, Kernel};
use cr3_core::query::{Assumption, Assumptions};
use cr3_core::scenario::{Place, Schedule};
use std::fmt::Write as _;
use std::str::FromStr;

/// The newest version that [`encode`] writes and [`decode`] knows.
pub const VERSION: u32 = 3;

/// The listing does not follow the current instruction.
const NO: &str = "no";

/// Every counter is shown.
const ALL: &str = "all";

/// The parts that name the kernel trees of both sides.
const TREES: [&str; 2] = ["ta", "tb"];

/// Stands for the text of the left side, of which that of the right one is an edit.
const LEFT: &str = "left";

/// Ends the name of a tree that the text of the custom form edits.
const EDITED: &str = "+";

/// The longest text of a custom form that a link carries, in bytes.
pub const TEXT_LIMIT: usize = pack::LIMIT;

/// What a person noted at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The aligned row that it is pinned to.
    pub row: usize,
    /// What it says; never empty.
    pub text: String,
}

/// The contents of a link. [`Link::default`] supplies what it omits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Left and right form.
    pub forms: [Form; 2],
    /// What the custom form of each side is. A link names a kernel tree, and carries none.
    pub own: [Own; 2],
    /// Switches.
    pub features: Features,
    /// Differences of the kernel from v6.12.
    pub kernel: Kernel,
    /// Modelled handlers.
    pub handler: Handlers,
    /// TLB model.
    pub geometry: Geometry,
    /// Injections.
    pub schedule: Schedule,
    /// Aligned row. Without one the page shows the decisive row.
    pub row: Option<usize>,
    /// Text of the custom form: of both sides, or of the left one.
    pub custom: Option<String>,
    /// Text of the right side, where the left one has another.
    pub right: Option<String>,
    /// Rows that are listed.
    pub filter: Filter,
    /// Side that narrow windows show.
    pub side: Side,
    /// Pane that narrow windows show.
    pub pane: Pane,
    /// Part of the inspector that is shown.
    pub tab: Tab,
    /// Whether the listing scrolls to the current instruction.
    pub follow: bool,
    /// Where a person reads in the listing.
    pub browsed: Option<Place>,
    /// Whether all counters are shown.
    pub all_counters: bool,
    /// Which systems are judged.
    pub scope: Scope,
    /// What verdicts take for granted.
    pub assumed: Assumptions,
    /// What a person called it; empty if nothing.
    pub title: String,
    /// What a person noted, in the order of the rows, at most one note at each.
    pub notes: Vec<Note>,
}

impl Default for Link {
    fn default() -> Self {
        let setup = crate::story::STORIES[0].setup();
        Self {
            forms: setup.forms,
            own: setup.own,
            features: setup.features,
            kernel: setup.kernel,
            handler: setup.handler,
            geometry: setup.geometry,
            schedule: setup.schedule,
            row: None,
            custom: None,
            right: None,
            filter: Filter::All,
            side: Side::Left,
            pane: Pane::default(),
            tab: Tab::Tlb,
            follow: true,
            browsed: None,
            all_counters: false,
            scope: Scope::default(),
            assumed: Assumptions::default(),
            title: String::new(),
            notes: Vec::new(),
        }
    }
}

impl Link {
    /// The part that decides what is run and judged, and what a person wrote. If it changes, the page was navigated.
    #[must_use]
    pub fn scenario(&self) -> Self {
        Self {
            forms: self.forms,
            own: self.own,
            features: self.features,
            kernel: self.kernel,
            handler: self.handler,
            geometry: self.geometry,
            schedule: self.schedule.clone(),
            custom: self.custom.clone(),
            right: self.right.clone(),
            scope: self.scope,
            assumed: self.assumed,
            title: self.title.clone(),
            notes: self.notes.clone(),
            ..Self::default()
        }
    }
}

/// The text of a link, without `#`.
#[must_use]
pub fn encode(link: &Link) -> String {
    let custom = link.custom.as_deref().map(packed);
    let right = link.right.as_deref().map(|right| packed_right(link.custom.as_deref(), right));
    let mut text = format!(
        "v={}&a={}&b={}&f={}&h={}",
        version(link, custom.as_ref()),
        link.forms[0].name(),
        link.forms[1].name(),
        link.features,
        escape::escape(&link.handler.to_string()),
    );
    let mut part = |name: &str, value: &str| {
        let _ = write!(text, "&{name}={value}");
    };
    for (name, own) in TREES.into_iter().zip(link.own) {
        if let Some(id) = own.tree() {
            part(name, &format!("{id}{}", if own.has_text() { EDITED } else { "" }));
        }
    }
    if link.kernel != Kernel::V6_12 {
        part("k", &escape::escape(&link.kernel.to_string()));
    }
    if link.geometry != Geometry::default() {
        part("t", link.geometry.name());
    }
    part("s", &escape::escape(&compact(&link.schedule)));
    if let Some(row) = link.row {
        part("at", &row.to_string());
    }
    if link.filter != Filter::All {
        part("show", words::filter_key(link.filter));
    }
    if link.side != Side::Left {
        part("side", words::side_key(link.side));
    }
    if link.pane != Pane::default() {
        part("pane", words::pane_key(link.pane));
    }
    if link.tab != Tab::Tlb {
        part("tab", words::tab_key(link.tab));
    }
    if !link.follow {
        part("follow", NO);
    }
    if let Some(place) = &link.browsed {
        part("code", &escape::escape(&place.to_string()));
    }
    if link.all_counters {
        part("counters", ALL);
    }
    if link.scope != Scope::default() {
        part("judge", words::scope_key(link.scope));
    }
    if link.assumed != Assumptions::default() {
        part("without", &off(link.assumed));
    }
    for (name, packed) in custom.iter().chain(&right) {
        part(name, packed);
    }
    if !link.title.is_empty() {
        part("title", &escape::escape_words(&link.title));
    }
    for Note { row, text } in &link.notes {
        part(&format!("n{row}"), &escape::escape_words(text));
    }
    text
}

/// The lowest version that has all parts of a link.
fn version(link: &Link, custom: Option<&(&str, String)>) -> u32 {
    let is_edit = matches!(custom, Some(("d", _)));
    let has_tree = link.own.iter().any(|own| own.tree().is_some());
    match () {
        () if link.right.is_some() => 3,
        () if is_edit || has_tree || !link.title.is_empty() || !link.notes.is_empty() => 2,
        () => 1,
    }
}

/// The part of the right side's text: what is shortest, the text, or its difference from another form's or from the left side's.
fn packed_right(left: Option<&str>, right: &str) -> (&'static str, String) {
    let (name, packed) = packed(right);
    let of_left = left.and_then(|left| difference::from(left, right));
    let of_left = of_left.map(|script| format!("{LEFT},{}", pack::pack(&script)));
    match (of_left, name) {
        (Some(of_left), _) if of_left.len() < packed.len() => ("db", of_left),
        (_, "d") => ("db", packed),
        _ => ("cb", packed),
    }
}

/// The part of the custom form's text: what is shorter, the text or its difference from another form's.
fn packed(text: &str) -> (&'static str, String) {
    let whole = pack::pack(text);
    let difference = difference::nearest(text).map(|(form, script)| format!("{form},{}", pack::pack(&script)));
    match difference {
        Some(difference) if difference.len() < whole.len() => ("d", difference),
        _ => ("c", whole),
    }
}

/// Whether a link was written by a newer version, which may know more than [`decode`] does.
#[must_use]
pub fn is_newer(text: &str) -> bool {
    let text = text.strip_prefix('#').unwrap_or(text);
    let mut versions = text.split('&').filter_map(|part| part.strip_prefix("v=")?.parse::<u32>().ok());
    versions.any(|version| version > VERSION)
}

/// The contents of a link, and the parts that were ignored, each with its reason. Never fails.
#[must_use]
pub fn decode(text: &str) -> (Link, Vec<String>) {
    let mut link = Link::default();
    let mut ignored = Vec::new();
    let mut seen = Vec::new();
    let text = text.strip_prefix('#').unwrap_or(text);
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match apply(&mut link, name, value) {
            Err(reason) => ignored.push(format!("{}: {reason}", shorten(name))),
            Ok(()) if seen.contains(&meant(name)) => ignored.push(format!("{}: {TWICE}", shorten(name))),
            Ok(()) => seen.push(meant(name)),
        }
    }
    (link, ignored)
}

/// One name for what parts of several names are: a text and its difference from another, a note and its row with zeros before it.
fn meant(name: &str) -> String {
    match name {
        "d" => "c".to_owned(),
        "db" => "cb".to_owned(),
        _ => match name.strip_prefix('n').and_then(|row| row.parse::<usize>().ok()) {
            Some(row) => format!("n{row}"),
            None => name.to_owned(),
        },
    }
}

/// Said of a part that a link has twice.
const TWICE: &str = "the link has it more than once; the last one counts";

fn apply(link: &mut Link, name: &str, raw: &str) -> Result<(), String> {
    let value = &*escape::unescape(raw);
    match name {
        "v" => return known_version(value),
        "a" => link.forms[0] = known(Form::named(value), value)?,
        "b" => link.forms[1] = known(Form::named(value), value)?,
        "f" => link.features = named(value)?,
        "ta" => link.own[0] = own(value)?,
        "tb" => link.own[1] = own(value)?,
        "k" => link.kernel = named(value)?,
        "h" => link.handler = named(value)?,
        "t" => link.geometry = named(value)?,
        "s" => link.schedule = value.parse().map_err(|error| format!("{error}"))?,
        "at" => link.row = Some(value.parse().map_err(|_| quoted("a step number", value))?),
        "show" => link.filter = known(words::filter_of(value), value)?,
        "side" => link.side = known(words::side_of(value), value)?,
        "pane" => link.pane = known(words::pane_of(value), value)?,
        "tab" => link.tab = known(words::tab_of(value), value)?,
        "follow" => link.follow = known((value == NO).then_some(false), value)?,
        "code" => link.browsed = Some(value.parse().map_err(|error| format!("{error}"))?),
        "judge" => link.scope = known(words::scope_of(value), value)?,
        "without" => {
            let (assumed, unknown) = without(value);
            link.assumed = assumed;
            unknown?;
        }
        "counters" => link.all_counters = known((value == ALL).then_some(true), value)?,
        "c" => link.custom = Some(pack::unpack(value)?),
        "d" => link.custom = Some(edited(value)?),
        "cb" => link.right = Some(pack::unpack(value)?),
        "db" => link.right = Some(edited_right(link.custom.as_deref(), value)?),
        "title" => link.title = escape::unescape_words(raw),
        _ => note(link, name.strip_prefix('n').and_then(|row| row.parse().ok()), escape::unescape_words(raw))?,
    }
    Ok(())
}

/// The kernel tree of a side.
fn own(value: &str) -> Result<Own, String> {
    let (id, own): (_, fn(_) -> _) = match value.strip_suffix(EDITED) {
        Some(id) => (id, Own::EditedTree),
        None => (value, Own::Tree),
    };
    id.parse().map(own).map_err(|_| quoted("the name of a kernel tree", value))
}

/// The text that differs from that of a form.
fn edited(value: &str) -> Result<String, String> {
    let (form, script) = value.split_once(',').ok_or_else(|| quoted("a difference from a form", value))?;
    let form = Form::NAMED.into_iter().find(|known| known.name() == form);
    within(difference::applied(known(form, value)?, &pack::unpack(script)?)?)
}

/// The text of the right side that differs from that of a form or of the left side.
fn edited_right(left: Option<&str>, value: &str) -> Result<String, String> {
    let Some((LEFT, script)) = value.split_once(',') else { return edited(value) };
    let left = left.ok_or("it edits the left side's text, which must come before it in the link")?;
    let text = difference::applied_to(left, &pack::unpack(script)?)?;
    within(text.ok_or("the difference is damaged, or it belongs to another text")?)
}

fn within(text: String) -> Result<String, String> {
    if text.len() > TEXT_LIMIT { Err("the text of the custom form is too long".into()) } else { Ok(text) }
}

fn note(link: &mut Link, row: Option<usize>, text: String) -> Result<(), String> {
    let row = row.ok_or("this version does not know this part")?;
    link.notes = pinned(&link.notes, row, &text);
    Ok(())
}

/// The notes at other rows, as far as there are rows. None is lost: notes that come to stand at one row become one.
#[must_use]
pub(crate) fn moved(notes: &[Note], runs: &Runs, to: impl Fn(usize) -> usize) -> Vec<Note> {
    if runs.is_empty() {
        return notes.to_vec();
    }
    notes.iter().fold(Vec::new(), |moved: Vec<Note>, Note { row, text }| {
        let row = runs.clamp(to(*row));
        let known = moved.iter().find(|note| note.row == row);
        let text = known.map_or_else(|| text.clone(), |known| format!("{} / {text}", known.text));
        pinned(&moved, row, &text)
    })
}

/// The notes with this one at its row in the place of the one there; an empty one removes it.
#[must_use]
pub fn pinned(notes: &[Note], row: usize, text: &str) -> Vec<Note> {
    let text = text.trim();
    let new = (!text.is_empty()).then(|| Note { row, text: text.to_owned() });
    let (before, after) = (notes.iter().filter(|note| note.row < row), notes.iter().filter(|note| note.row > row));
    before.cloned().chain(new).chain(after.cloned()).collect()
}

/// The assumptions that are not made.
fn off(assumed: Assumptions) -> String {
    assumed.off().map(Assumption::id).collect::<Vec<_>>().join(",")
}

/// What is assumed without these, and the first of them that nobody knows.
fn without(value: &str) -> (Assumptions, Result<(), String>) {
    value.split(',').fold((Assumptions::default(), Ok(())), |(assumed, so_far), id| match named(id) {
        Ok(off) => (assumed.without(off), so_far),
        Err(unknown) => (assumed, so_far.and(Err(unknown))),
    })
}

fn known_version(value: &str) -> Result<(), String> {
    match value.parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(version) => Err(format!(
            "the link has version {version}, this program reads up to {VERSION}; it shows what it understands"
        )),
        Err(_) => Err(quoted("a version number", value)),
    }
}

fn known<T>(found: Option<T>, value: &str) -> Result<T, String> {
    found.ok_or_else(|| quoted("a name on this page", value))
}

fn quoted(what: &str, value: &str) -> String {
    format!("\"{}\" is not {what}", shorten(value))
}

fn shorten(text: &str) -> String {
    const LIMIT: usize = 24;
    if text.chars().count() <= LIMIT {
        return text.to_owned();
    }
    text.chars().take(LIMIT).chain(['…']).collect()
}

/// The schedule without the blanks that make its text form readable.
fn compact(schedule: &Schedule) -> String {
    schedule.to_string().replace(' ', "")
}

fn named<T: FromStr<Err = UnknownName>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|error: UnknownName| UnknownName { given: shorten(&error.given), ..error }.to_string())
}

#[cfg(test)]
mod tests;
