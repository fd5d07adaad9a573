//! The panes of the page.

mod check;
mod code;
mod counters;
mod divider;
mod header;
mod inject;
mod inspector;
mod moves;
mod outcomes;
mod question;
mod running;
mod runs;
mod schedule;
mod setup;
mod timeline;
mod transport;
mod verdict;

pub(crate) use check::check;
pub(crate) use code::Code;
pub(crate) use counters::Counters;
pub(crate) use divider::{divider, widths};
pub(crate) use header::header;
pub(crate) use inject::InjectMenu;
pub(crate) use inspector::inspector;
pub(crate) use question::question;
pub(crate) use runs::RunList;
pub(crate) use schedule::Schedule;
pub(crate) use setup::setup;
pub(crate) use timeline::{TimelineStrip, zoom};
pub(crate) use transport::transport;
pub(crate) use verdict::{in_dialog, verdicts};

use crate::store::Props;
