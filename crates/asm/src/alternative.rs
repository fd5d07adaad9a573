//! `ALTERNATIVE old, new, feature` and its longer forms (arch/x86/include/asm/alternative.h), resolved here.
//!
//! The kernel assembles the old arm padded with no-operations to the length of the longest, and patches another in at boot.
//! Here the arm that the features choose is assembled in its place, without padding: padding would only be steps that do
//! nothing.

use std::collections::BTreeSet;

use super::macros::arguments;
use super::report::{Cause, Fault};

/// How many arms beside the old one each name takes.
fn arms(word: &str) -> Option<usize> {
    match word {
        "ALTERNATIVE" => Some(1),
        "ALTERNATIVE_2" => Some(2),
        "ALTERNATIVE_3" => Some(3),
        _ => None,
    }
}

/// Whether `word` begins an ALTERNATIVE.
pub(super) fn is_alternative(word: &str) -> bool {
    arms(word).is_some()
}

/// The text of the arm that `features` choose: the last one whose feature holds, else the old one.
pub(super) fn choose(word: &str, text: &str, features: &BTreeSet<String>) -> Result<String, Fault> {
    let count = arms(word).unwrap_or(1);
    let parts = arguments(text);
    if parts.len() != 1 + 2 * count {
        let message = format!("`{word}` takes {} arguments, not {}", 1 + 2 * count, parts.len());
        return Err(Cause::new(word, message)
            .hint("write each arm as a string: `ALTERNATIVE \"old\", \"new\", X86_FEATURE_NAME`"));
    }
    let mut chosen = parts.first().cloned().unwrap_or_default();
    for pair in parts[1..].chunks_exact(2) {
        if let [arm, feature] = pair
            && holds(feature, features)?
        {
            chosen = arm.clone();
        }
    }
    Ok(chosen)
}

fn is_feature(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && (word.starts_with("X86_FEATURE_") || word.starts_with("X86_BUG_"))
}

/// `ALT_NOT` and its like, and numbers.
fn is_flag(word: &str) -> bool {
    word.starts_with("ALT_") || word.parse::<u32>().is_ok()
}

fn is_balanced(condition: &str) -> bool {
    let mut depth = 0_i32;
    let never_negative = condition.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    });
    never_negative && depth == 0
}

/// Whether the condition of an arm holds: `X86_FEATURE_PTI`, `ALT_NOT(X86_FEATURE_PTI)`, or either with flags or'ed in.
fn holds(condition: &str, features: &BTreeSet<String>) -> Result<bool, Fault> {
    let words: Vec<&str> = condition.split(|c| "()|<~+ ".contains(c)).filter(|word| !word.is_empty()).collect();
    let mut names = words.iter().copied().filter(|word| is_feature(word));
    let is_expression = words.iter().all(|word| is_feature(word) || is_flag(word)) && is_balanced(condition);
    let (Some(name), None, true) = (names.next(), names.next(), is_expression) else {
        return Err(Cause::new(condition, format!("`{condition}` does not name one feature"))
            .hint("write one name such as `X86_FEATURE_PTI`, alone or in `ALT_NOT(...)`"));
    };
    if name == "X86_FEATURE_ALWAYS" {
        return Ok(true);
    }
    let negated = ["ALT_NOT(", "ALT_FLAG_NOT"].iter().any(|not| condition.contains(not));
    Ok(features.contains(name) != negated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_choose_the_arm() {
        let features: BTreeSet<String> = ["X86_FEATURE_A".to_owned(), "X86_FEATURE_B".to_owned()].into();
        let cases = [
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_A", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"\",X86_FEATURE_A", Ok("")),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_C", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(X86_FEATURE_A)", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",(ALT_FLAG_NOT<<16)|X86_FEATURE_C", Ok("new")),
            ("ALTERNATIVE_2", "\"old\",\"a\",X86_FEATURE_A,\"b\",X86_FEATURE_B", Ok("b")),
            ("ALTERNATIVE_2", "\"old\",\"a\",X86_FEATURE_A,\"c\",X86_FEATURE_C", Ok("a")),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_ALWAYS", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\"", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",7", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_%C", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_(C", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_C)", Err(())),
        ];
        for (word, text, want) in cases {
            let got = choose(word, text, &features);
            assert_eq!(got.as_deref().map_err(|_| ()), want, "{word} {text}");
        }
    }
}
