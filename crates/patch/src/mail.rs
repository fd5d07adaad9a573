//! Mails: where each begins, what its head says of its body, and the parts of a body that has several (RFC 5322, RFC 2046).

use crate::decode::Encoding;
use crate::{Line, Undone};

/// Parts within parts; nobody nests them deeper.
const MAX_DEPTH: usize = 4;

/// One mail, or a text that is none.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Whether it has a head.
    pub(crate) has_head: bool,
    /// The number of `[PATCH 2/5]` in its subject.
    pub(crate) number: Option<u32>,
    /// Its text, decoded.
    pub(crate) body: Vec<Line>,
    /// The encodings that were undone.
    pub(crate) undone: Vec<Undone>,
}

/// The mails of a text, in its order.
pub(crate) fn mails(lines: Vec<Line>) -> Vec<Mail> {
    let mut mails: Vec<Vec<Line>> = vec![Vec::new()];
    let mut after_blank = true;
    for line in lines {
        if after_blank && begins_mail(&line.text) {
            mails.push(Vec::new());
        } else if let Some(mail) = mails.last_mut() {
            after_blank = line.text.trim().is_empty();
            mail.push(line);
        }
    }
    let written = |mail: &Vec<Line>| mail.iter().any(|line| !line.text.trim().is_empty());
    mails.into_iter().filter(written).map(mail).collect()
}

/// The line that separates mails in a file of them: `From`, who or which commit, and a date with its year.
fn begins_mail(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().take(8).collect();
    let year = |word: &&str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    line.starts_with("From ") && words.len() >= 7 && words.iter().any(year)
}

fn mail(lines: Vec<Line>) -> Mail {
    let mut mail = Mail::default();
    let (head, body) = head(lines);
    mail.has_head = head.is_some();
    match head {
        Some(head) => {
            mail.number = head.get("subject").and_then(number);
            part(&mut mail, &head, body, 0);
        }
        None => {
            let encoding = Encoding::guessed(&body);
            add(&mut mail, encoding, body);
        }
    }
    mail
}

fn add(mail: &mut Mail, encoding: Encoding, body: Vec<Line>) {
    mail.undone.extend(encoding.undone().filter(|undone| !mail.undone.contains(undone)));
    mail.body.extend(encoding.decode(body));
}

/// The fields of a head, their names in small letters.
struct Head(Vec<(String, String)>);

impl Head {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is a head rather than lines of prose with colons.
    fn is_certain(&self) -> bool {
        let certain = ["from", "subject", "message-id", "content-type", "content-transfer-encoding", "mime-version"];
        self.0.len() >= 2 && self.0.iter().any(|(name, _)| certain.contains(&name.as_str()))
    }
}

/// The head, if the text begins with one, and what follows it.
fn head(lines: Vec<Line>) -> (Option<Head>, Vec<Line>) {
    let begin = lines.iter().position(|line| !line.text.trim().is_empty()).unwrap_or(0);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut end = begin;
    for line in lines.iter().skip(begin) {
        let folded = line.text.starts_with([' ', '\t']);
        match (field(&line.text), fields.last_mut()) {
            (Some(field), _) if !folded => fields.push(field),
            (_, Some((_, value))) if folded && !line.text.trim().is_empty() => {
                value.push(' ');
                value.push_str(line.text.trim());
            }
            _ => break,
        }
        end += 1;
    }
    let head = Head(fields);
    let ends = lines.get(end).is_none_or(|line| line.text.trim().is_empty());
    if ends && head.is_certain() {
        let body = lines.into_iter().skip(end + 1).collect();
        (Some(head), body)
    } else {
        (None, lines)
    }
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (letters && !name.is_empty()).then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// The 2 of `[PATCH v3 2/5] ...`.
fn number(subject: &str) -> Option<u32> {
    let tag = subject.split_once('[')?.1.split_once(']')?.0;
    tag.split_whitespace().find_map(|word| word.split_once('/')?.0.parse().ok())
}

/// A body under `head`: decoded, or its parts.
fn part(mail: &mut Mail, head: &Head, body: Vec<Line>, depth: usize) {
    let kind = head.get("content-type").unwrap_or("text/plain");
    let is = |prefix: &str| kind.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
    match boundary(kind) {
        Some(boundary) if is("multipart/") && depth < MAX_DEPTH => {
            parts(body, &boundary).into_iter().for_each(|lines| {
                let (head, body) = part_head(lines);
                part(mail, &head, body, depth + 1);
            });
        }
        _ if is("text/html") || !is("text/") && depth > 0 && !is("application/") => {}
        _ => add(mail, head.get("content-transfer-encoding").map_or(Encoding::Plain, Encoding::named), body),
    }
}

/// The head of a part ends with the first empty line, and may be empty itself.
fn part_head(lines: Vec<Line>) -> (Head, Vec<Line>) {
    let end = lines.iter().position(|line| line.text.trim().is_empty()).unwrap_or(lines.len());
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in &lines[..end] {
        match (field(&line.text), fields.last_mut()) {
            (Some(field), _) if !line.text.starts_with([' ', '\t']) => fields.push(field),
            (_, Some((_, value))) => value.push_str(line.text.trim()),
            _ => {}
        }
    }
    (Head(fields), lines.into_iter().skip(end + 1).collect())
}

fn boundary(kind: &str) -> Option<String> {
    let at = kind.to_ascii_lowercase().find("boundary=")?;
    let value = kind.get(at + "boundary=".len()..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([';', ' ']).next()?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

fn parts(body: Vec<Line>, boundary: &str) -> Vec<Vec<Line>> {
    let mut parts: Vec<Vec<Line>> = Vec::new();
    let mut open = false;
    for line in body {
        match line.text.trim_end().strip_prefix("--").and_then(|rest| rest.strip_prefix(boundary)) {
            Some("") => {
                parts.push(Vec::new());
                open = true;
            }
            Some("--") => open = false,
            _ => {
                if let Some(part) = parts.last_mut().filter(|_| open) {
                    part.push(line);
                }
            }
        }
    }
    parts
}
