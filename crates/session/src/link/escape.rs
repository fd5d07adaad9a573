//! Percent-encoding for the fragment of an address (RFC 3986, 2.1). It leaves the punctuation of a schedule readable.

use std::fmt::Write as _;

/// `text` with every byte except letters, digits and `-._~:,` as `%XX`. `+` is escaped too, because form decoders read
/// it as a blank.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:,".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The text behind an escaped one. A damaged escape stays as it is, and bytes that are not UTF-8 become `U+FFFD`.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Words of a person, in which `+` is a blank, so that they stay readable.
pub(super) fn escape_words(text: &str) -> String {
    escape(text).replace("%20", "+")
}

/// The words behind escaped ones.
pub(super) fn unescape_words(text: &str) -> String {
    unescape(&text.replace('+', " "))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
