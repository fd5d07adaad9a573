//! The link: what follows `#` in the address. It is readable in a mail and keeps working for good.
//!
//! `#v=1&a=A&b=E&f=pti,pcid&h=quiet&t=architectural&s=kernel_loop%2B1:nmi&at=41`. Unknown or damaged parts are skipped
//! and reported, so a link that lost its tail in a mail still opens what is left. A name keeps its meaning once it was
//! written; a change of meaning needs a new version number and a new arm in [`decode`].

mod escape;
mod pack;

use crate::choice::{Filter, Form, Own, Pane, Scope, Side, Tab};
use crate::words;
use cr3_core::choice::UnknownName;
use cr3_core::geometry::Geometry;
use cr3_core::linux::{Features, Handlers, Kernel};
use cr3_core::query::{Assumption, Assumptions};
use cr3_core::scenario::{Place, Schedule};
use std::fmt::Write as _;
use std::str::FromStr;

/// The version that [`encode`] writes.
pub const VERSION: u32 = 1;

/// The listing does not follow the current instruction.
const NO: &str = "no";

/// Every counter is shown.
const ALL: &str = "all";

/// The parts that name the kernel trees of both sides.
const TREES: [&str; 2] = ["ta", "tb"];

/// Ends the name of a tree that the text of the custom form edits.
const EDITED: &str = "+";

/// The longest text of a custom form that a link carries, in bytes.
pub const TEXT_LIMIT: usize = pack::LIMIT;

/// The contents of a link. [`Link::default`] supplies what it omits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Left and right form.
    pub forms: [Form; 2],
    /// What the custom form of each side is. A link names a kernel tree, and carries none.
    pub own: [Own; 2],
    /// Switches.
    pub features: Features,
    /// In what the kernel differs from v6.12.
    pub kernel: Kernel,
    /// Modelled handlers.
    pub handler: Handlers,
    /// TLB model.
    pub geometry: Geometry,
    /// Injections.
    pub schedule: Schedule,
    /// Aligned row. Without one the page shows the decisive row.
    pub row: Option<usize>,
    /// Text of the custom form.
    pub custom: Option<String>,
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
            filter: Filter::All,
            side: Side::Left,
            pane: Pane::default(),
            tab: Tab::Tlb,
            follow: true,
            browsed: None,
            all_counters: false,
            scope: Scope::default(),
            assumed: Assumptions::default(),
        }
    }
}

impl Link {
    /// The part that decides what is run and judged. If it changes, the page was navigated.
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
            scope: self.scope,
            assumed: self.assumed,
            ..Self::default()
        }
    }
}

/// The text of a link, without `#`.
#[must_use]
pub fn encode(link: &Link) -> String {
    let mut text = format!(
        "v={VERSION}&a={}&b={}&f={}&h={}",
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
    if let Some(custom) = &link.custom {
        part("c", &pack::pack(custom));
    }
    text
}

/// The contents of a link, and the parts that were ignored, each with its reason. Never fails.
#[must_use]
pub fn decode(text: &str) -> (Link, Vec<String>) {
    let mut link = Link::default();
    let mut ignored = Vec::new();
    let text = text.strip_prefix('#').unwrap_or(text);
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = escape::unescape(value);
        if let Err(reason) = apply(&mut link, name, &value) {
            ignored.push(format!("{}: {reason}", shorten(name)));
        }
    }
    (link, ignored)
}

fn apply(link: &mut Link, name: &str, value: &str) -> Result<(), String> {
    match name {
        "v" => return version(value),
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
        "without" => link.assumed = without(value)?,
        "counters" => link.all_counters = known((value == ALL).then_some(true), value)?,
        "c" => link.custom = Some(pack::unpack(value)?),
        _ => return Err("this version knows no such part".into()),
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

/// The assumptions that are not made.
fn off(assumed: Assumptions) -> String {
    assumed.off().map(Assumption::id).collect::<Vec<_>>().join(",")
}

fn without(value: &str) -> Result<Assumptions, String> {
    value.split(',').try_fold(Assumptions::default(), |assumed, id| Ok(assumed.without(named(id)?)))
}

fn version(value: &str) -> Result<(), String> {
    match value.parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(version) => Err(format!(
            "the link has version {version}, this page reads up to {VERSION}; it shows what it understands"
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
