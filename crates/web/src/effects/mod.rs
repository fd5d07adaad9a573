//! What the page does besides rendering: address bar, keyboard, timer, clipboard, what the browser remembers,
//! the second CPU, the explorer, texts beside the page.

mod address;
mod check;
mod clipboard;
mod drafts;
mod explore;
mod files;
mod keyboard;
mod later;
mod limits;
mod play;
mod settings;
mod storage;
mod workers;

pub(crate) use address::{address, hash, use_address};
pub(crate) use check::use_check;
pub(crate) use clipboard::copy;
pub(crate) use drafts::{kept, save, use_drafts};
pub(crate) use explore::use_explore;
pub(crate) use keyboard::{KEYS, use_keyboard};
pub(crate) use later::use_later;
pub(crate) use limits::use_limits;
pub(crate) use play::use_play;
pub(crate) use settings::{restore, use_settings};
