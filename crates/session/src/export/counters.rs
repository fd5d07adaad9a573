//! The counters of both runs.

use super::markup::label;
use crate::choice::Side;
use crate::report::names;
use crate::state::State;
use crate::view::counters::{Count, count};
use crate::view::outcome::{Broken, Outcome, not_comparable, outcome};
use cr3_core::counters::Counter;
use cr3_core::linux::Kernel;

/// A value of JSON (RFC 8259).
enum Json {
    Null,
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string())
    }

    fn maybe(number: Option<impl ToString>) -> Self {
        number.map_or(Self::Null, Self::number)
    }

    /// The value, whose later lines are indented so far.
    fn write(&self, to: &mut String, indent: usize) {
        match self {
            Self::Null => to.push_str("null"),
            Self::Number(number) => to.push_str(number),
            Self::Text(text) => quote(to, text),
            Self::List(items) => {
                Self::lines(to, indent, "[]", items.iter(), |to, item, indent| item.write(to, indent));
            }
            Self::Object(members) => Self::lines(to, indent, "{}", members.iter(), |to, (name, value), indent| {
                quote(to, name);
                to.push_str(": ");
                value.write(to, indent);
            }),
        }
    }

    fn lines<T>(
        to: &mut String,
        indent: usize,
        ends: &str,
        items: impl ExactSizeIterator<Item = T>,
        one: impl Fn(&mut String, T, usize),
    ) {
        let (open, close) = ends.split_at(1);
        to.push_str(open);
        let is_empty = items.len() == 0;
        for (index, item) in items.enumerate() {
            to.push_str(if index == 0 { "\n" } else { ",\n" });
            to.push_str(&" ".repeat(indent + 2));
            one(to, item, indent + 2);
        }
        if !is_empty {
            to.push('\n');
            to.push_str(&" ".repeat(indent));
        }
        to.push_str(close);
    }
}

fn quote(to: &mut String, text: &str) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            '\n' => to.push_str("\\n"),
            c if c < ' ' => to.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => to.push(c),
        }
    }
    to.push('"');
}

pub(super) fn json(state: &State, address: &str) -> String {
    let setup = &state.setup;
    let runs = Side::BOTH.map(|side| run(state, side, outcome(&state.runs, side).as_ref()));
    let why = not_comparable(&state.runs, names(state));
    let whole = Json::Object(vec![
        ("program", Json::text(format!("CR3 playground {}", crate::VERSION))),
        ("title", Json::text(&state.title)),
        ("link", Json::text(address)),
        ("features", Json::text(setup.features)),
        ("kernel", kernel(Side::BOTH.map(|side| setup.kernel_of(side)))),
        ("handler", Json::text(setup.handler)),
        ("geometry", Json::text(setup.geometry)),
        ("inject", Json::text(&setup.schedule)),
        ("budget", Json::number(setup.budget)),
        ("runs", Json::List(runs.into())),
        ("not_comparable", why.map_or(Json::Null, Json::Text)),
        ("counters", Json::List(all(state).iter().map(counter).collect())),
    ]);
    let mut text = String::new();
    whole.write(&mut text, 0);
    text + "\n"
}

/// The kernel of both sides, if it is one.
fn kernel([left, right]: [Kernel; 2]) -> Json {
    if left == right { Json::text(left) } else { Json::Null }
}

fn all(state: &State) -> Vec<Count> {
    Counter::ALL.iter().map(|counter| count(&state.runs, *counter)).collect()
}

fn run(state: &State, side: Side, outcome: Option<&Outcome>) -> Json {
    let broken = |broken: &Broken| {
        Json::Object(vec![
            ("promise", Json::text(broken.invariant)),
            ("step", Json::number(broken.step)),
            ("place", Json::text(&broken.place)),
            ("why", Json::text(&broken.why)),
        ])
    };
    Json::Object(vec![
        ("name", Json::text(names(state)[side.index()])),
        ("form", Json::text(state.setup.forms[side.index()].name())),
        ("of", outcome.and_then(|outcome| outcome.of).map_or(Json::Null, Json::text)),
        ("tree", state.tree_name(side).map_or(Json::Null, Json::Text)),
        ("kernel", Json::text(state.setup.kernel_of(side))),
        ("ending", outcome.map_or(Json::Null, |outcome| Json::text(&outcome.ending))),
        ("broken", Json::List(outcome.map_or_else(Vec::new, |outcome| outcome.broken.iter().map(broken).collect()))),
    ])
}

fn counter(count: &Count) -> Json {
    Json::Object(vec![
        ("name", Json::text(count.counter.name())),
        ("label", Json::text(count.counter.label())),
        ("unit", Json::text(count.counter.unit())),
        ("values", Json::List(count.values.map(Json::maybe).into())),
        ("delta", Json::maybe(count.delta)),
    ])
}

pub(super) fn csv(state: &State) -> String {
    let [left, right] = Side::BOTH.map(|side| label(state, side));
    let head = ["counter", "unit", &format!("left {left}"), &format!("right {right}"), "difference"].map(str::to_owned);
    let rows = all(state).into_iter().map(|count| {
        let [left, right] = count.values.map(cell);
        [count.counter.name().to_owned(), count.counter.unit().to_owned(), left, right, cell(count.delta)]
    });
    std::iter::once(head).chain(rows).map(|row| row.map(|cell| field(&cell)).join(",") + "\r\n").collect()
}

fn cell(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn field(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
