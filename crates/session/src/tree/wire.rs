//! What the page and the worker that reads trees write to each other. The files themselves are handed over by the browser.

use super::{Message, Opened};
use crate::fields::{PART, SEPARATOR, items, list, plain};
use cr3_core::linux::TreeId;
use cr3_core::linux::tree::Checked;
use std::str::FromStr;

/// Begins a message that gives a worker a tree.
const TREE: &str = "tree";

/// Gives a worker the files of a tree.
#[must_use]
pub fn gift(id: TreeId, files: &[(String, String)]) -> String {
    let file = |(path, text): &(String, String)| format!("{path}{PART}{}", plain(text));
    format!("{TREE}{SEPARATOR}{id}{SEPARATOR}{}", list(files.iter().map(file)))
}

/// The files of a tree that a worker is given; none if a message gives none.
#[must_use]
pub fn given(text: &str) -> Option<(TreeId, Vec<(String, String)>)> {
    let (id, files) = text.strip_prefix(TREE)?.strip_prefix(SEPARATOR)?.split_once(SEPARATOR)?;
    let file = |item: &str| item.split_once(PART).map(|(path, text)| (path.to_owned(), text.to_owned()));
    Some((id.parse().ok()?, items(files).map(file).collect::<Option<_>>()?))
}

/// What the worker tells, but [`Message::Opening`], which the page knows.
#[must_use]
pub fn encode(message: &Message) -> String {
    match message {
        Message::Opening => String::new(),
        Message::Opened(Opened { id, release, kernel, checked, files, configured }) => {
            let checked = checked.name();
            format!("opened{SEPARATOR}{id}{PART}{release}{PART}{kernel}{PART}{checked}{PART}{files}{PART}{configured}")
        }
        Message::Refused(why) => format!("refused{SEPARATOR}{why}"),
    }
}

/// Reads a message back; `None` if it is none of these.
#[must_use]
pub fn decode(text: &str) -> Option<Message> {
    let (kind, rest) = text.split_once(SEPARATOR)?;
    Some(match kind {
        "opened" => {
            let mut parts = rest.splitn(6, PART);
            Message::Opened(Opened {
                id: parsed(parts.next())?,
                release: parts.next()?.to_owned(),
                kernel: parsed(parts.next())?,
                checked: checked_of(parts.next()?)?,
                files: parsed(parts.next())?,
                configured: parts.next()?.to_owned(),
            })
        }
        "refused" => Message::Refused(rest.to_owned()),
        _ => return None,
    })
}

fn checked_of(name: &str) -> Option<Checked> {
    Checked::ALL.into_iter().find(|checked| checked.name() == name)
}

fn parsed<T: FromStr>(field: Option<&str>) -> Option<T> {
    field?.parse().ok()
}
