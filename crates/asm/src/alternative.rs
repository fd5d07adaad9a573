//! `ALTERNATIVE old, new, feature` and its longer forms (arch/x86/include/asm/alternative.h), resolved here.
//!
//! The kernel assembles the old arm, padded with no-operations to the length of the longest, and patches another one in
//! at boot. Here the assembler puts the arm that the features choose in its place, without padding: padding would only
//! add steps that do nothing.

use std::collections::BTreeSet;

use super::expression::{Dialect, Scope, parse};
use super::macros::arguments;
use super::report::{Cause, Fault};
use super::value::Value;

/// How many arms each name takes besides the old one.
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

/// The text of the arm that `features` choose: the last one whose feature holds, or else the old one.
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
    word.starts_with("X86_FEATURE_") || word.starts_with("X86_BUG_")
}

/// Bits of a condition besides the number of the feature: `ALT_FLAG_NOT` and `ALT_FLAG_DIRECT_CALL` above
/// `ALT_FLAGS_SHIFT`, and `ALTINSTR_FLAG_INV`, which meant "not" from v5.16 to v6.3.
const NOT: i64 = 1 << 16;
const DIRECT_CALL: i64 = 2 << 16;
const INVERSE: i64 = 1 << 15;

/// The number that represents the feature, whichever it is. It is no flag, and no text is likely to contain it.
const FEATURE: i64 = 0x2b5;

/// Constants of alternative.h.
fn flag(name: &str) -> Option<i64> {
    match name {
        "ALT_FLAGS_SHIFT" => Some(16),
        "ALT_FLAG_NOT" => Some(NOT >> 16),
        "ALT_FLAG_DIRECT_CALL" => Some(DIRECT_CALL >> 16),
        "ALTINSTR_FLAG_INV" => Some(INVERSE),
        _ => None,
    }
}

/// The features that a condition names. It may name nothing else but flags.
#[derive(Default)]
struct Named {
    features: BTreeSet<String>,
    strange: bool,
}

impl Scope for Named {
    fn symbol(&mut self, name: &str) -> Value {
        if is_feature(name) {
            self.features.insert(name.to_owned());
            return Value::Constant(FEATURE);
        }
        self.strange |= flag(name).is_none();
        Value::Constant(flag(name).unwrap_or(0))
    }
}

/// Writes `condition` with the feature macros of alternative.h expanded.
fn written_out(condition: &str) -> String {
    let condition = condition.replace("ALT_CALL_ALWAYS", "ALT_DIRECT_CALL(X86_FEATURE_ALWAYS)").replace(" (", "(");
    let condition = condition.replace("ALT_NOT(", &format!("({NOT}|"));
    condition.replace("ALT_DIRECT_CALL(", &format!("({DIRECT_CALL}|"))
}

/// Whether the condition of an arm holds: `X86_FEATURE_PTI`, `ALT_NOT(X86_FEATURE_PTI)`, or either with flags or'ed in.
/// The arm is taken if the feature is present and the condition has no "not", or if neither is so
/// (`apply_alternatives`, arch/x86/kernel/alternative.c, v6.12). `X86_FEATURE_ALWAYS` is present on every processor.
fn holds(condition: &str, features: &BTreeSet<String>) -> Result<bool, Fault> {
    let refused = || {
        Cause::new(condition, format!("`{condition}` does not name one feature"))
            .hint("write one name such as `X86_FEATURE_PTI`, alone or in `ALT_NOT(...)`")
    };
    let mut named = Named::default();
    let value = parse(&written_out(condition), Dialect::Gas, &mut named).map_err(|_| refused())?;
    let flags =
        value.constant().map(|value| value ^ FEATURE).filter(|flags| flags & !(NOT | DIRECT_CALL | INVERSE) == 0);
    let (Some(flags), 1, false) = (flags, named.features.len(), named.strange) else {
        return Err(refused());
    };
    let there = named.features.iter().all(|name| name == "X86_FEATURE_ALWAYS" || features.contains(name));
    Ok(there != (flags & (NOT | INVERSE) != 0))
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
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(X86_FEATURE_ALWAYS)", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(X86_FEATURE_C)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",(X86_FEATURE_A)", Ok("new")),
            // ORing a flag in twice changes nothing: "not not" is "not".
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(ALT_NOT(X86_FEATURE_A))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",((ALT_FLAG_NOT<<ALT_FLAGS_SHIFT)|(X86_FEATURE_ALWAYS))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",(1<<16)|X86_FEATURE_A", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",(1<<16)|X86_FEATURE_C", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",(X86_FEATURE_A|ALTINSTR_FLAG_INV)", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",(X86_FEATURE_C|ALTINSTR_FLAG_INV)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_DIRECT_CALL(X86_FEATURE_A)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(ALT_DIRECT_CALL(X86_FEATURE_A))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_CALL_ALWAYS", Ok("new")),
            ("ALTERNATIVE_2", "\"old\",\"a\",X86_FEATURE_ALWAYS,\"b\",ALT_NOT(X86_FEATURE_ALWAYS)", Ok("a")),
            ("ALTERNATIVE_2", "\"old\",\"a\",ALT_NOT(X86_FEATURE_B),\"b\",ALT_NOT(X86_FEATURE_C)", Ok("b")),
            // A complement is another feature with all flags, an offset is another feature.
            ("ALTERNATIVE", "\"old\",\"new\",~X86_FEATURE_A", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_A+1", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_A|X86_FEATURE_B", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(7)", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT()", Err(())),
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
