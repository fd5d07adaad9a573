//! Small parts that several components use.

mod button;
mod classes;
pub(crate) mod disagreement;
mod effect;
mod explanation;
mod focus;
mod hex;
mod icon;
mod leaf;
mod nodes;
mod opening;
mod segments;
mod select;
mod sight;
mod still;
mod term;
mod window;

pub(crate) use button::{CLOSE, Look, Stand, button};
pub(crate) use classes::{classes, when};
pub(crate) use effect::{use_each, use_number, use_once};
pub(crate) use explanation::{Anchor, EXPLANATION, Explanation};
pub(crate) use focus::focus_in_place;
pub(crate) use hex::hex;
pub(crate) use icon::Shape;
pub(crate) use leaf::leaf;
pub(crate) use nodes::nodes;
pub(crate) use opening::{open_drawn, use_opening};
pub(crate) use segments::segments;
pub(crate) use select::Select;
pub(crate) use sight::{Sight, side_class};
pub(crate) use still::Still;
pub(crate) use term::{explained, term, term_here};
pub(crate) use window::{Height, Window, use_window};
