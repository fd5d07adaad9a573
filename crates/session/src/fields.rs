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
