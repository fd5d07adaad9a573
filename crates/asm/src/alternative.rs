//! `ALTERNATIVE old, new, feature` and its longer forms (arch/x86/include/asm/alternative.h), resolved here.
//!
//! The kernel assembles the old arm, padded with no-operations to the length of the longest, and patches another one in
//! at boot. Here the assembler puts the arm that the features choose in its place, without padding: padding would only
//! add steps that do nothing.

use super::expression::{Dialect, Scope, parse};
use super::macros::arguments;
use super::report::{Cause, Fault};
use super::sorted::{Map, Set};
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
pub(super) fn choose(word: &str, text: &str, features: &Features<'_>) -> Result<Chosen, Fault> {
    let count = arms(word).unwrap_or(1);
    let parts = arguments(text);
    if parts.len() != 1 + 2 * count {
        let message = format!("`{word}` takes {} arguments, not {}", 1 + 2 * count, parts.len());
        return Err(Cause::new(word, message)
            .hint("write each arm as a string: `ALTERNATIVE \"old\", \"new\", X86_FEATURE_NAME`"));
    }
    let mut chosen = Chosen { arm: parts.first().cloned().unwrap_or_default(), unknown: Vec::new() };
    for pair in parts[1..].chunks_exact(2) {
        let [arm, condition] = pair else { continue };
        let condition = Condition::read(condition)?;
        if let Feature::Number(number) = condition.feature
            && features.names(number).next().is_none()
        {
            chosen.unknown.push(number);
        }
        if features.has(&condition.feature) != condition.negated {
            chosen.arm.clone_from(arm);
        }
    }
    Ok(chosen)
}

/// The arm of an ALTERNATIVE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) arm: String,
    /// Numbers in its conditions that are of no feature with a name. Such a feature counts as off.
    pub(super) unknown: Vec<u16>,
}

/// The features that are on, and the names behind the numbers that a text may write for them.
pub(super) struct Features<'o> {
    on: &'o Set<String>,
    named: Map<u16, Vec<String>>,
}

impl<'o> Features<'o> {
    /// `on` are names. A number means what the text defines to be that number, or else what `usual` says.
    pub(super) fn new(on: &'o Set<String>, defined: &[(String, i64)], usual: &Map<String, u16>) -> Self {
        let mut named: Map<u16, Vec<String>> = Map::new();
        for (name, number) in defined.iter().filter(|(name, _)| is_feature(name)) {
            if let Ok(number) = u16::try_from(*number) {
                named.get_or_insert_with(number, Vec::new).push(name.clone());
            }
        }
        for (name, number) in usual {
            named.get_or_insert_with(*number, || vec![name.clone()]);
        }
        Self { on, named }
    }

    fn names(&self, number: u16) -> impl Iterator<Item = &String> {
        self.named.get(&number).into_iter().flatten()
    }

    fn has(&self, feature: &Feature) -> bool {
        let on = |name: &str| name == "X86_FEATURE_ALWAYS" || self.on.contains(name);
        match feature {
            Feature::Name(name) => on(name),
            Feature::Number(number) => self.names(*number).any(|name| on(name)),
        }
    }
}

fn is_feature(word: &str) -> bool {
    word.starts_with("X86_FEATURE_") || word.starts_with("X86_BUG_")
}

/// Bits of a condition besides the number of the feature: `ALT_FLAG_NOT` and `ALT_FLAG_DIRECT_CALL` above
/// `ALT_FLAGS_SHIFT`, and `ALTINSTR_FLAG_INV`, which meant "not" from v5.16 to v6.3.
const NOT: i64 = 1 << 16;
const DIRECT_CALL: i64 = 2 << 16;
const INVERSE: i64 = 1 << 15;

/// The bits of the number. The kernel has fewer than 1,000 features.
const NUMBER: i64 = INVERSE - 1;

/// The number that represents a feature with a name, whichever it is. It is no flag, and no text is likely to contain it.
const NAMED: i64 = 0x2b5;

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
    features: Set<String>,
    strange: bool,
}

impl Scope for Named {
    fn symbol(&mut self, name: &str) -> Value {
        if is_feature(name) {
            self.features.insert(name.to_owned());
            return Value::Constant(NAMED);
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

/// A feature as a condition has it.
#[derive(Debug, PartialEq, Eq)]
enum Feature {
    Name(String),
    Number(u16),
}

/// The condition of an arm: `X86_FEATURE_PTI`, `ALT_NOT(X86_FEATURE_PTI)`, `( 7*32+11)`, or one of them with flags or'ed
/// in. The arm is taken if the feature is present and the condition has no "not", or if neither is so
/// (`apply_alternatives`, arch/x86/kernel/alternative.c, v6.12). `X86_FEATURE_ALWAYS` is present on every processor.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    feature: Feature,
    negated: bool,
}

impl Condition {
    fn read(condition: &str) -> Result<Self, Fault> {
        let refused = || {
            Cause::new(condition, format!("`{condition}` does not name one feature"))
                .hint("write one name such as `X86_FEATURE_PTI`, or its number, alone or in `ALT_NOT(...)`")
        };
        let mut named = Named::default();
        let value = parse(&written_out(condition), Dialect::Gas, &mut named).map_err(|_| refused())?;
        let value = value.constant().filter(|_| !named.strange).ok_or_else(refused)?;
        let mut names = named.features.into_keys();
        let (feature, flags) = match (names.next(), names.next()) {
            (Some(name), None) => (Feature::Name(name), value ^ NAMED),
            // No text means the feature with the number 0 by leaving the number out.
            (None, None) if value & NUMBER != 0 => (Feature::Number((value & NUMBER) as u16), value & !NUMBER),
            _ => return Err(refused()),
        };
        match flags & !(NOT | DIRECT_CALL | INVERSE) {
            0 => Ok(Self { feature, negated: flags & (NOT | INVERSE) != 0 }),
            _ => Err(refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_choose_the_arm() {
        let on: Set<String> = ["X86_FEATURE_A".to_owned(), "X86_FEATURE_B".to_owned()].into();
        let defined = [("X86_FEATURE_A".to_owned(), 7 * 32 + 11), ("X86_FEATURE_ALWAYS".to_owned(), 3 * 32 + 21)];
        let usual = [("X86_FEATURE_C".to_owned(), 7 * 32 + 11), ("X86_FEATURE_B".to_owned(), 9 * 32)].into();
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
            // Numbers: what the text calls them, or else what they usually mean.
            ("ALTERNATIVE", "\"old\",\"new\",( 7*32+11)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",(((1 << 0) << 16) | (( 7*32+11)))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",( 9*32+ 0)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",((1 << 15) | ( 9*32+ 0))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",( 3*32+21)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(( 3*32+21))", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",7", Ok("old")),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT(7)", Ok("new")),
            ("ALTERNATIVE", "\"old\",\"new\",(1<<18)|7", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",0", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",-7", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",ALT_NOT()", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\"", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_%C", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_(C", Err(())),
            ("ALTERNATIVE", "\"old\",\"new\",X86_FEATURE_C)", Err(())),
        ];
        for (word, text, want) in cases {
            let got = choose(word, text, &Features::new(&on, &defined, &usual));
            assert_eq!(got.map(|chosen| chosen.arm).map_err(|_| ()).as_deref(), want.as_deref(), "{word} {text}");
        }
    }

    #[test]
    fn numbers_without_a_name_are_told() {
        let on = Set::new();
        let usual = [("X86_FEATURE_A".to_owned(), 5)].into();
        let got = choose("ALTERNATIVE_2", "\"old\",\"a\",5,\"b\",ALT_NOT(6)", &Features::new(&on, &[], &usual));
        assert_eq!(got.ok(), Some(Chosen { arm: "b".to_owned(), unknown: vec![6] }));
    }
}
