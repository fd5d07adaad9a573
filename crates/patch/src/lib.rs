#![doc = include_str!("../README.md")]

mod apply;
mod code;
mod decode;
mod diff;
mod fault;
mod mail;
mod quote;
mod taken;
mod undone;

pub use apply::{Applied, Base, EditedLine, Key, Misfit, Rules, apply};
pub use code::without_comments;
pub use diff::{File, Hunk, HunkLine, Patch, Tag};
pub use fault::Fault;
pub use taken::{LeftOut, Taken, What, Wrapping, recognise};
pub use undone::Undone;

/// The longest text that is looked at, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// The most hunks on texts that there are.
pub const MAX_HUNKS: usize = 400;

/// A line of a text, and where it stood in what a person gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Without its end.
    pub text: String,
    /// Line in the given text, from 1. Of an encoded body that has other lines, its first.
    pub at: u32,
    /// Characters that stood before `text` in that line: marks of a quotation or of a diff.
    pub shift: u32,
}

impl Line {
    /// The same line without its first `bytes` bytes, which are ASCII.
    fn after(&self, bytes: usize) -> Self {
        let text = self.text.get(bytes..).unwrap_or_default().to_owned();
        Self { text, at: self.at, shift: self.shift + bytes as u32 }
    }
}
