//! The timeline as a picture.

use super::markup::{escaped, name};
use crate::report::names;
use crate::state::State;
use crate::view::Half;
use crate::view::row::MarkKind;
use crate::view::timeline::{Event, Segment, Strip, Timeline, timeline};
use std::fmt::Write as _;

/// Sizes in pixels: the whole width, what is left of the strips, a lane, and the rows between the parts.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 60.0;
const LANE: f64 = 16.0;
const GAP: f64 = 22.0;

/// Kernel and user tables differ in pattern and colour, marks in shape.
const DEFINITIONS: &str = "\
<defs>
<pattern id=\"user\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect width=\"6\" height=\"6\" fill=\"#f3d9a4\"/><rect width=\"2\" height=\"6\" fill=\"#b7791f\"/></pattern>
</defs>
";

pub(super) fn svg(state: &State) -> String {
    let timeline = timeline(&state.runs, 0..state.runs.len());
    let lanes = f64::from(timeline.lanes) * LANE;
    let height = 2.0 * (lanes + GAP) + 3.0 * GAP;
    let names = names(state);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{}</title>\n{DEFINITIONS}\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n",
        escaped(&name(state))
    );
    for (index, (strip, form)) in timeline.strips.iter().zip(names).enumerate() {
        let top = GAP + (lanes + GAP) * index as f64;
        let _ = writeln!(text, "<text x=\"4\" y=\"{}\">{form}</text>", top + lanes);
        text += &drawn(&timeline, strip, top);
    }
    let below = GAP + 2.0 * (lanes + GAP);
    text += &differences(&timeline, below - GAP / 2.0);
    let legend = "plain: the kernel's tables, hatched: the user's; a lane is a level of nesting. ▼ injection  ▽ event  \
                  ■ CR3 write, flush  □ CR3 write, no flush  ◇ entries dropped  ⚑ broken promise  bar: the runs differ";
    let _ = write!(
        text,
        "<text x=\"{LEFT}\" y=\"{}\">rows 1 to {}</text>\n<text x=\"4\" y=\"{}\" font-size=\"10\">{legend}</text>\n</svg>\n",
        below + 12.0,
        timeline.scale.rows.len(),
        below + 32.0
    );
    text
}

/// Where one of so many units begins.
fn x(units: usize, at: usize) -> f64 {
    let part = at as f64 / units.max(1) as f64;
    ((LEFT + part * (WIDTH - LEFT - 8.0)) * 10.0).round() / 10.0
}

/// Where a lane begins: the deepest nesting is on top.
fn y(timeline: &Timeline, level: u8, top: f64) -> f64 {
    top + f64::from(timeline.lanes.saturating_sub(1).saturating_sub(level)) * LANE
}

fn drawn(timeline: &Timeline, strip: &Strip, top: f64) -> String {
    let segments = strip.segments.iter().map(|segment| self::segment(timeline, strip, segment, top));
    let events = strip.events.iter().map(|event| mark(timeline, strip, event, top));
    segments.chain(events).collect()
}

fn segment(timeline: &Timeline, strip: &Strip, segment: &Segment, top: f64) -> String {
    let (left, right) = (x(strip.units, segment.start), x(strip.units, segment.end));
    let fill = match segment.half {
        Half::Kernel => "#9db8dd",
        Half::User => "url(#user)",
    };
    let width = ((right - left) * 10.0).round() / 10.0;
    format!(
        "<rect x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"{}\" fill=\"{fill}\"/>\n",
        y(timeline, segment.level, top),
        LANE - 2.0
    )
}

fn mark(timeline: &Timeline, strip: &Strip, event: &Event, top: f64) -> String {
    let shape = match event.kind {
        MarkKind::Injection => "▼",
        MarkKind::Delivery => "▽",
        MarkKind::FlushingWrite => "■",
        MarkKind::NoFlushWrite => "□",
        MarkKind::Drop | MarkKind::Shutdown => "✕",
        MarkKind::Refill => "·",
        MarkKind::Broken => "⚑",
    };
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\"><title>step {}: {}</title>{shape}</text>\n",
        x(strip.units, event.at),
        y(timeline, event.level, top) + LANE - 4.0,
        event.step,
        escaped(&event.text)
    )
}

fn differences(timeline: &Timeline, top: f64) -> String {
    let bar = |(start, end): &(usize, usize)| {
        let left = x(timeline.scale.rows.len(), *start);
        let width = ((x(timeline.scale.rows.len(), *end) - left).max(2.0) * 10.0).round() / 10.0;
        format!("<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"6\" fill=\"#333\"/>\n")
    };
    timeline.differences.iter().map(bar).collect()
}
