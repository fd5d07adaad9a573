//! What is changed in a macro. Each operator is a pure function of its statements.

use crate::machine::cpu::GENERAL;
use std::fmt::{self, Display, Formatter};

/// One way to change a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The statement goes.
    Delete,
    /// It stands twice.
    Double,
    /// It changes places with the next one.
    Swap,
    /// A conditional jump jumps if it did not; an ALTERNATIVE takes the other arm.
    Negate,
    /// The bit that BT, BTS, BTR or BTC names.
    Bit(Neighbour),
    /// The mask of AND, OR, XOR or TEST.
    Mask(MaskChange),
    /// The register of this number among those that the statement names, from 1, gives way to the macro's next one.
    Register(usize),
}

/// Which bit stands in place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Neighbour {
    /// The next higher one.
    Higher,
    /// The next lower one.
    Lower,
}

/// What happens to a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaskChange {
    /// One bit to the left.
    Left,
    /// One bit to the right.
    Right,
    /// Every bit turned over.
    Inverse,
}

impl Display for Operator {
    /// The last part of a mutant's id.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("delete"),
            Self::Double => f.write_str("double"),
            Self::Swap => f.write_str("swap"),
            Self::Negate => f.write_str("negate"),
            Self::Bit(Neighbour::Higher) => f.write_str("bit-higher"),
            Self::Bit(Neighbour::Lower) => f.write_str("bit-lower"),
            Self::Mask(MaskChange::Left) => f.write_str("mask-left"),
            Self::Mask(MaskChange::Right) => f.write_str("mask-right"),
            Self::Mask(MaskChange::Inverse) => f.write_str("mask-inverse"),
            Self::Register(number) => write!(f, "register-{number}"),
        }
    }
}

/// A change of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) operator: Operator,
    /// The statement, by number from 0. [`Operator::Swap`] changes the one after it too.
    pub(super) at: usize,
    /// What stands in its place: nothing, or statements with `;` between.
    pub(super) new: String,
    /// What stands in place of the next one, if that changes.
    pub(super) next: Option<String>,
}

/// Every change of a macro's `statements`, in their order. `parameters` are written as after `.macro`.
pub(super) fn changes(statements: &[String], parameters: &[String]) -> Vec<Change> {
    let registers = registers(statements, parameters);
    let each = |(at, statement): (usize, &String)| {
        let next = statements.get(at + 1);
        let change = |operator, new, next| Change { operator, at, new, next };
        let mut changes = vec![
            change(Operator::Delete, String::new(), None),
            change(Operator::Double, format!("{statement}; {statement}"), None),
        ];
        changes.extend(next.map(|next| change(Operator::Swap, next.clone(), Some(statement.clone()))));
        let others = negated(statement).into_iter().chain(bits(statement)).chain(masks(statement));
        let others = others.chain(other_registers(statement, &registers));
        changes.extend(others.map(|(operator, new)| change(operator, new, None)));
        changes
    };
    statements.iter().enumerate().flat_map(each).collect()
}

/// The mnemonic, and what follows it.
fn parts(statement: &str) -> (&str, &str) {
    statement.split_once([' ', '\t']).unwrap_or((statement, ""))
}

/// The operands, or the arguments of a macro: what commas separate outside strings and brackets.
fn operands(text: &str) -> Vec<&str> {
    let (mut depth, mut in_string, mut start) = (0_u32, false, 0);
    let mut found = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth = depth.saturating_sub(1),
            ',' if !in_string && depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found
}

fn negated(statement: &str) -> Option<(Operator, String)> {
    let (word, rest) = parts(statement);
    let new = match word {
        "ALTERNATIVE" => other_arm(rest)?,
        _ => format!("{} {rest}", negated_jump(word)?),
    };
    Some((Operator::Negate, new))
}

/// Both arms of an ALTERNATIVE the other way round.
fn other_arm(arguments: &str) -> Option<String> {
    match operands(arguments).as_slice() {
        [old, new, feature] => Some(format!("ALTERNATIVE {new}, {old}, {feature}")),
        _ => None,
    }
}

/// The jump that jumps if this one does not. Every condition has a name with `n` and one without (SDM vol. 2, Jcc).
fn negated_jump(word: &str) -> Option<String> {
    const CONDITIONS: [&str; 15] = ["a", "ae", "b", "be", "c", "e", "g", "ge", "l", "le", "o", "p", "s", "z", "pe"];
    let condition = word.strip_prefix('j')?;
    match condition {
        "po" => Some("jpe".to_owned()),
        "pe" => Some("jpo".to_owned()),
        _ if CONDITIONS.contains(&condition) => Some(format!("jn{condition}")),
        _ => condition.strip_prefix('n').filter(|rest| CONDITIONS.contains(rest)).map(|rest| format!("j{rest}")),
    }
}

/// Mnemonics with or without a suffix for the size.
fn is_one_of(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.strip_prefix(stem).is_some_and(|size| matches!(size, "" | "b" | "w" | "l" | "q")))
}

/// The immediate that comes first, and the rest of the operands.
fn immediate(rest: &str) -> Option<(&str, String)> {
    let operands = operands(rest);
    let (first, others) = operands.split_first()?;
    Some((first.strip_prefix('$')?, others.join(", ")))
}

fn bits(statement: &str) -> Vec<(Operator, String)> {
    let (word, rest) = parts(statement);
    let Some((bit, others)) = immediate(rest).filter(|_| is_one_of(word, &["bt", "bts", "btr", "btc"])) else {
        return Vec::new();
    };
    let neighbour = |(neighbour, sign)| (Operator::Bit(neighbour), format!("{word} $({bit} {sign} 1), {others}"));
    [(Neighbour::Higher, '+'), (Neighbour::Lower, '-')].map(neighbour).to_vec()
}

fn masks(statement: &str) -> Vec<(Operator, String)> {
    let (word, rest) = parts(statement);
    let Some((mask, others)) = immediate(rest).filter(|_| is_one_of(word, &["and", "or", "xor", "test"])) else {
        return Vec::new();
    };
    let changed = [
        (MaskChange::Left, format!("({mask} << 1)")),
        (MaskChange::Right, format!("({mask} >> 1)")),
        (MaskChange::Inverse, format!("(~{mask})")),
    ];
    changed.map(|(change, mask)| (Operator::Mask(change), format!("{word} ${mask}, {others}"))).to_vec()
}

/// Whether this names a 64-bit register; RSP is none that a macro keeps a value in.
fn is_register(name: &str) -> bool {
    name.strip_prefix('%').is_some_and(|name| name != "rsp" && GENERAL.contains(&name))
}

/// Where `text` names a register or a parameter.
fn named(text: &str) -> Vec<(usize, &str)> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.char_indices().filter(|(_, c)| matches!(c, '\\' | '%'));
    let name = |(at, _): (usize, char)| {
        let length = text[at + 1..].find(|c| !part_of_name(c)).unwrap_or(text.len() - at - 1);
        (at, &text[at..=at + length])
    };
    starts.map(name).collect()
}

/// The registers of a macro: its parameters, and those that its statements name.
fn registers(statements: &[String], parameters: &[String]) -> Vec<String> {
    let parameter = |text: &String| format!("\\{}", text.split([':', '=', ',']).next().unwrap_or(text));
    let mut all: Vec<_> = parameters.iter().map(parameter).collect();
    let names = statements.iter().flat_map(|statement| named(statement)).map(|(_, name)| name);
    for name in names.filter(|name| is_register(name)) {
        if !all.iter().any(|other| other == name) {
            all.push(name.to_owned());
        }
    }
    all
}

fn other_registers(statement: &str, registers: &[String]) -> Vec<(Operator, String)> {
    let index = |name: &str| registers.iter().position(|register| register == name);
    let used = named(statement).into_iter().filter_map(|(at, name)| Some((at, name, index(name)?)));
    let changed = |(number, (at, name, index)): (usize, (usize, &str, usize))| {
        let other = registers.get((index + 1) % registers.len()).filter(|other| *other != name)?;
        let new = format!("{}{other}{}", &statement[..at], &statement[at + name.len()..]);
        Some((Operator::Register(number + 1), new))
    };
    used.enumerate().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(statements: &[&str], parameters: &[&str], expected: Expect) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let line = |change: Change| {
            let next = change.next.map_or(String::new(), |next| format!(" / {next}"));
            format!("{}:{}: {}{next}\n", change.at, change.operator, change.new)
        };
        let all = changes(&owned(statements), &owned(parameters));
        expected.assert_eq(&all.into_iter().map(line).collect::<String>());
    }

    #[test]
    fn every_operator_at_every_statement() {
        check(
            &["ALTERNATIVE \"jmp .Lend_\\@\",\"\",X86_FEATURE_PTI", "bt $(A|B),\\save_reg", "jnc .Lend_\\@", "x:"],
            &["scratch_reg:req", "save_reg:req"],
            expect![[r#"
                0:delete: 
                0:double: ALTERNATIVE "jmp .Lend_\@","",X86_FEATURE_PTI; ALTERNATIVE "jmp .Lend_\@","",X86_FEATURE_PTI
                0:swap: bt $(A|B),\save_reg / ALTERNATIVE "jmp .Lend_\@","",X86_FEATURE_PTI
                0:negate: ALTERNATIVE "", "jmp .Lend_\@", X86_FEATURE_PTI
                1:delete: 
                1:double: bt $(A|B),\save_reg; bt $(A|B),\save_reg
                1:swap: jnc .Lend_\@ / bt $(A|B),\save_reg
                1:bit-higher: bt $((A|B) + 1), \save_reg
                1:bit-lower: bt $((A|B) - 1), \save_reg
                1:register-1: bt $(A|B),\scratch_reg
                2:delete: 
                2:double: jnc .Lend_\@; jnc .Lend_\@
                2:swap: x: / jnc .Lend_\@
                2:negate: jc .Lend_\@
                3:delete: 
                3:double: x:; x:
            "#]],
        );
    }

    #[test]
    fn masks_and_registers() {
        check(
            &["andq $(0x7FF),\\a", "movq %r14,%cr3", "movq %r14,8(%rsp,%rbx)", "jmp x", "jrcxz x"],
            &["a=%rax"],
            expect![[r#"
                0:delete: 
                0:double: andq $(0x7FF),\a; andq $(0x7FF),\a
                0:swap: movq %r14,%cr3 / andq $(0x7FF),\a
                0:mask-left: andq $((0x7FF) << 1), \a
                0:mask-right: andq $((0x7FF) >> 1), \a
                0:mask-inverse: andq $(~(0x7FF)), \a
                0:register-1: andq $(0x7FF),%r14
                1:delete: 
                1:double: movq %r14,%cr3; movq %r14,%cr3
                1:swap: movq %r14,8(%rsp,%rbx) / movq %r14,%cr3
                1:register-1: movq %rbx,%cr3
                2:delete: 
                2:double: movq %r14,8(%rsp,%rbx); movq %r14,8(%rsp,%rbx)
                2:swap: jmp x / movq %r14,8(%rsp,%rbx)
                2:register-1: movq %rbx,8(%rsp,%rbx)
                2:register-2: movq %r14,8(%rsp,\a)
                3:delete: 
                3:double: jmp x; jmp x
                3:swap: jrcxz x / jmp x
                4:delete: 
                4:double: jrcxz x; jrcxz x
            "#]],
        );
    }

    #[test]
    fn conditions_are_negated_twice_to_what_they_were() {
        for jump in
            ["ja", "jae", "jb", "jbe", "jc", "je", "jg", "jge", "jl", "jle", "jo", "jp", "js", "jz", "jpe", "jpo"]
        {
            let there = negated_jump(jump).unwrap_or_else(|| panic!("{jump}"));
            let back = negated_jump(&there);
            assert!(back.as_deref() == Some(jump) || jump.starts_with("jp"), "{jump} {there} {back:?}");
        }
        for word in ["jmp", "jrcxz", "jecxz", "call", "j", "jn", "jne_", "SET_NOFLUSH_BIT"] {
            assert_eq!(negated_jump(word), None, "{word}");
        }
    }
}
