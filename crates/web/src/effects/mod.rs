//! What the page does besides rendering: address bar, keyboard, focus, explanations, timer, clipboard,
//! what the browser remembers, the assembler, the second CPU, the explorer, texts beside the page, files that
//! leave it and come back, the editor of code, the rest of this module, and what broke down.

mod address;
mod assembler;
mod broken;
mod check;
mod clipboard;
mod code;
mod drafts;
mod drawn;
mod drop;
mod explain;
mod explore;
mod exports;
mod files;
mod focus;
mod frames;
mod keyboard;
mod later;
mod papers;
mod play;
mod relatives;
mod rest;
mod settings;
mod still;
mod storage;
mod workers;

pub(crate) use address::{address, hash, use_address};
pub(crate) use assembler::{texts, use_assembler};
pub use broken::tell_panics;
pub(crate) use check::use_check;
pub(crate) use clipboard::copy;
pub(crate) use code::{Ears, Place, Seat, Shown, use_code};
pub(crate) use drafts::{kept, save, use_drafts};
pub(crate) use drawn::{Drawn, use_drawn};
pub(crate) use drop::{chosen, use_drop};
pub(crate) use explain::Explain;
pub(crate) use explore::use_explore;
pub(crate) use exports::{open_file, save_export, save_link, share};
pub(crate) use focus::use_focus;
pub(crate) use frames::{next_frame, pause};
pub(crate) use keyboard::{KEYS, use_keyboard};
pub(crate) use later::use_later;
pub(crate) use papers::use_papers;
pub(crate) use play::use_play;
pub(crate) use relatives::use_relatives;
pub use rest::begin;
pub(crate) use settings::{restore, use_settings};
pub(crate) use still::use_still;
