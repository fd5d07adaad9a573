//! Bodies of mails that were encoded for their way: quoted-printable and base64 (RFC 2045, sections 6.7 and 6.8).

use crate::{Line, Undone};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use quoted_printable::ParseMode;

/// Base64 that the end of a paste may have cut.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// The value of a `Content-Transfer-Encoding`.
    pub(crate) fn named(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Plain,
        }
    }

    /// The encoding of a body whose head is not there.
    pub(crate) fn guessed(lines: &[Line]) -> Self {
        // The `=` that fills the last line of base64 would be a soft line break.
        if is_base64(lines) {
            return Self::Base64;
        }
        if is_quoted_printable(lines) { Self::QuotedPrintable } else { Self::Plain }
    }

    /// What decoding undoes.
    pub(crate) fn undone(self) -> Option<Undone> {
        match self {
            Self::Plain => None,
            Self::QuotedPrintable => Some(Undone::QuotedPrintable),
            Self::Base64 => Some(Undone::Base64),
        }
    }

    /// The lines decoded; a body that turns out to be encoded otherwise stays as it is.
    pub(crate) fn decode(self, lines: Vec<Line>) -> Vec<Line> {
        match self {
            Self::Plain => lines,
            Self::QuotedPrintable => quoted_printable(lines),
            Self::Base64 => base64(&lines).unwrap_or(lines),
        }
    }
}

/// In quoted-printable each `=` begins an escape or ends a line, and a text with a `=` of its own has `=3D`. An escaped blank says so
/// too, where no name stands before it to which it might assign a number.
fn is_quoted_printable(lines: &[Line]) -> bool {
    let mut certain = false;
    for line in lines {
        let mut pieces = line.text.trim_end().split('=');
        let mut before = pieces.next().unwrap_or_default();
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            let assigns = before.ends_with(|c: char| c.is_ascii_alphanumeric() || " _.$".contains(c));
            before = piece;
            let escape = piece.as_bytes().get(..2);
            match escape {
                None if piece.is_empty() && pieces.peek().is_none() => certain = true,
                Some(hex) if hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) => {
                    certain |= hex == b"3D" || !assigns && matches!(hex, b"09" | b"20");
                }
                _ => return false,
            }
        }
    }
    certain
}

/// Decodes each line; those that a soft break ends are joined, at the place of the first.
fn quoted_printable(lines: Vec<Line>) -> Vec<Line> {
    let mut decoded: Vec<Line> = Vec::new();
    let mut open: Option<(String, u32)> = None;
    for line in lines {
        let (mut text, at) = open.take().unwrap_or((String::new(), line.at));
        match line.text.trim_end().strip_suffix('=') {
            Some(begin) => {
                text.push_str(begin);
                open = Some((text, at));
            }
            None => {
                text.push_str(&line.text);
                push_decoded(&mut decoded, &text, at);
            }
        }
    }
    if let Some((text, at)) = open {
        push_decoded(&mut decoded, &text, at);
    }
    decoded
}

fn push_decoded(decoded: &mut Vec<Line>, text: &str, at: u32) {
    let bytes = quoted_printable::decode(text, ParseMode::Robust).unwrap_or_else(|_| text.as_bytes().to_vec());
    decoded.extend(split(&String::from_utf8_lossy(&bytes), at));
}

/// The lines of a decoded text; all have the place of the encoded one.
fn split(text: &str, at: u32) -> impl Iterator<Item = Line> + '_ {
    let ended = text.strip_suffix('\n').unwrap_or(text);
    ended.split('\n').map(move |line| Line { text: line.trim_end_matches('\r').to_owned(), at, shift: 0 })
}

fn is_base64(lines: &[Line]) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let mut length = 0;
    for line in lines {
        let text = line.text.trim();
        if !text.bytes().all(letter) {
            return false;
        }
        length += text.len();
    }
    length >= 40 && base64(lines).is_some_and(|decoded| decoded.len() > 1)
}

fn base64(lines: &[Line]) -> Option<Vec<Line>> {
    let at = lines.iter().find(|line| !line.text.trim().is_empty())?.at;
    let body: String = lines.iter().flat_map(|line| line.text.split_whitespace()).collect();
    let text = String::from_utf8(BASE64.decode(body).ok()?).ok()?;
    Some(split(&text, at).collect())
}
