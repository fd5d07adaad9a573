//! From the text of a source file to the names in it.

use super::{Module, Path};

/// Keywords that a name follows, which they define.
const DEFINES: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];

impl Module {
    pub(super) fn read(text: &str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut module = Self::default();
        let mut rest = tokens.as_slice();
        while let [first, after @ ..] = rest {
            rest = match (first.as_str(), after) {
                ("use", _) => module.import(after),
                ("mod", [name, end, ..]) => module.declare(name, end, after),
                (keyword, [name, ..]) if DEFINES.contains(&keyword) => module.define(name, after),
                _ if is_name(first) => module.mention(rest),
                _ => after,
            };
        }
        module
    }

    /// Reads the paths after `use` and returns what follows their `;`.
    fn import<'t>(&mut self, tokens: &'t [String]) -> &'t [String] {
        let end = tokens.iter().position(|token| token == ";").unwrap_or(tokens.len());
        let mut tree = &tokens[..end];
        self.tree(&Path::new(), &mut tree);
        tokens.get(end + 1..).unwrap_or_default()
    }

    /// Reads one branch of a tree of imports, up to the `,` or `}` behind it.
    fn tree(&mut self, before: &Path, tokens: &mut &[String]) {
        let mut path = before.clone();
        while let [first, after @ ..] = *tokens {
            match first.as_str() {
                "," | "}" => break,
                "::" => *tokens = after,
                "{" => {
                    *tokens = after;
                    return self.branches(&path, tokens);
                }
                "as" => {
                    let name = after.first().cloned().unwrap_or_default();
                    *tokens = after.get(1..).unwrap_or_default();
                    return self.imports.push((path, name));
                }
                "self" if !path.is_empty() => *tokens = after,
                _ => {
                    path.push(first.clone());
                    *tokens = after;
                }
            }
        }
        if let Some(name) = path.last().cloned() {
            self.imports.push((path, name));
        }
    }

    fn branches(&mut self, path: &Path, tokens: &mut &[String]) {
        while let [first, after @ ..] = *tokens {
            match first.as_str() {
                "}" => {
                    *tokens = after;
                    return;
                }
                "," => *tokens = after,
                _ => self.tree(path, tokens),
            }
        }
    }

    fn declare<'t>(&mut self, name: &str, end: &str, after: &'t [String]) -> &'t [String] {
        if end == ";" {
            self.children.push(name.to_owned());
        } else {
            self.items.insert(name.to_owned());
        }
        &after[1..]
    }

    fn define<'t>(&mut self, name: &str, after: &'t [String]) -> &'t [String] {
        let name = if name == "!" { after.get(1).map_or("", String::as_str) } else { name };
        if is_name(name) && name != "mut" {
            self.items.insert(name.to_owned());
        }
        after
    }

    /// Reads a name, or a path of names, and returns what follows it.
    fn mention<'t>(&mut self, tokens: &'t [String]) -> &'t [String] {
        let mut path = vec![tokens[0].clone()];
        let mut rest = &tokens[1..];
        while let [colons, name, after @ ..] = rest
            && colons == "::"
            && is_name(name)
        {
            path.push(name.clone());
            rest = after;
        }
        self.words.extend(path.iter().cloned());
        if path.len() > 1 {
            self.paths.push(path);
        }
        rest
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The names, `::`, and single other characters of a text, without comments, literals and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = match token(rest, first) {
            0 => (first.len_utf8(), !first.is_whitespace()),
            length => (length, is_name(rest) && !is_literal(rest) || rest.starts_with("::")),
        };
        if kept {
            found.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    found
}

/// The length of the token, comment or literal that `text` begins with; 0 for a single character.
fn token(text: &str, first: char) -> usize {
    let until = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    match first {
        '/' if text.starts_with("//") => until("\n", 0),
        '/' if text.starts_with("/*") => until("*/", 2),
        ':' if text.starts_with("::") => 2,
        '"' => string(text),
        'r' | 'b' | 'c' if is_literal(text) => literal(text),
        '\'' => quoted(text),
        _ if is_name(text) || first.is_ascii_digit() => {
            text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
        }
        _ => 0,
    }
}

/// Whether `text` begins with a prefixed literal: `r"..."`, `br#"..."#`, `b'.'`.
fn is_literal(text: &str) -> bool {
    let rest = text.trim_start_matches(['b', 'r', 'c']);
    let prefix = text.len() - rest.len();
    let quoted = rest.trim_start_matches('#').starts_with('"') || rest.starts_with('\'');
    (1..=2).contains(&prefix) && quoted
}

fn literal(text: &str) -> usize {
    let rest = text.trim_start_matches(['b', 'r', 'c']);
    let prefix = text.len() - rest.len();
    if rest.starts_with('\'') {
        return prefix + quoted(rest);
    }
    if !text[..prefix].contains('r') {
        return prefix + string(rest);
    }
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let start = prefix + hashes + 1;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of a character, or of a lifetime, which no quote ends.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 3)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1 + text[1..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - 1),
        },
        None => text.len(),
    }
}

/// The tokens without the items under `#[cfg(test)]` and the like.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let [first, after @ ..] = rest {
        rest = match test_attribute(rest) {
            Some(length) => item_end(&rest[length..]),
            None => {
                kept.push(first.clone());
                after
            }
        };
    }
    kept
}

/// The length of the attribute at the start, if it is for tests.
fn test_attribute(tokens: &[String]) -> Option<usize> {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token == text);
    if !(is(0, "#") && is(1, "[") && is(2, "cfg")) {
        return None;
    }
    let end = tokens.iter().position(|token| token == "]")?;
    let for_tests = tokens[..end].iter().any(|token| token == "test" || token == "doctest");
    for_tests.then_some(end + 1)
}

/// What follows the item at the start: behind its `;`, or behind its braces.
fn item_end(tokens: &[String]) -> &[String] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            ";" if depth == 0 => return &tokens[at + 1..],
            "{" => depth += 1,
            "}" if depth == 1 => return &tokens[at + 1..],
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    &[]
}
