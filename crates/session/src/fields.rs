//! Messages between the page and its workers: a ticket and fields, as one text.

/// Separates fields. A person's text stands last, so it may contain the separator.
pub(crate) const SEPARATOR: char = '\u{1f}';

/// A message: its ticket, then its fields.
pub(crate) fn joined(ticket: u32, fields: &[String]) -> String {
    let mut text = ticket.to_string();
    for field in fields {
        text.push(SEPARATOR);
        text += field;
    }
    text
}

/// Separates the items of a list in a field.
pub(crate) const ITEM: char = '\u{1e}';

/// Separates the parts of an item.
pub(crate) const PART: char = '\u{1d}';

pub(crate) fn list(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(ITEM);
        }
        text += item.as_ref();
    }
    text
}

pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(ITEM).filter(|item| !item.is_empty())
}

/// A text without the characters that separate fields.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace([SEPARATOR, ITEM, PART], " ")
}
