//! Expressions: integers, names, labels, and the operators of GNU `as` or of the C preprocessor.

use std::rc::Rc;

use super::register::{Register, register};
use super::report::{Cause, Fault};
use super::value::{Base, LabelId, Operation, Operator, Truth, Value, compute};

/// Deeper nesting of brackets and unary operators than any program writes.
const MAX_DEPTH: u32 = 100;

/// Whose operators and ranks apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// "Infix Operators" of the GNU assembler's manual: shifts rank with multiplication, `|` and `&` above `+`.
    Gas,
    /// `#if`: the ranks of C; numbers may end in `U` and `L`.
    C,
}

/// Maximum nesting of operations that wait for the layout.
const MAX_WAITING: u32 = 40;

/// The meaning of the names in an expression. Before the layout exists, numeric labels and `.` have none.
pub(super) trait Scope {
    fn symbol(&mut self, name: &str) -> Value;
    /// The numeric label `1b` or `1f`.
    fn numeric(&mut self, _number: u64, _direction: Direction) -> Option<Value> {
        None
    }
    /// The value of `.`.
    fn here(&mut self) -> Option<Value> {
        None
    }
    /// What a register stands for, where registers are compared.
    fn register(&mut self, _register: Register) -> Option<Value> {
        None
    }
    /// `a - b`, if no statement between them can change its length.
    fn distance(&self, _a: LabelId, _b: LabelId) -> Option<i64> {
        None
    }
}

/// Which of several numeric labels is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Backward,
    Forward,
}

/// Whether `c` may begin a name. GNU `as` treats every byte above 127 as a letter.
pub(super) fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '$') || !c.is_ascii()
}

/// Whether `c` may continue a name.
pub(super) fn continues_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit()
}

/// The name at the start of `text`; empty if there is none.
pub(super) fn leading_name(text: &str) -> &str {
    if !text.starts_with(begins_name) {
        return "";
    }
    &text[..text.find(|c| !continues_name(c)).unwrap_or(text.len())]
}

/// The value of `text`, all of it.
pub(super) fn parse(text: &str, dialect: Dialect, scope: &mut dyn Scope) -> Result<Value, Fault> {
    let mut parser = Parser { text, at: 0, depth: 0, dialect, scope };
    let value = parser.binary(0)?;
    parser.skip_space();
    match parser.rest() {
        "" => Ok(value),
        rest => Err(Cause::new(word_of(rest), format!("`{}` does not continue an expression", word_of(rest)))
            .hint("put an operator before it, or a comma where the next operand begins")),
    }
}

/// A piece of `text` short enough to name in a message.
pub(super) fn word_of(text: &str) -> &str {
    let name = leading_name(text);
    let end = match name.len() {
        0 => text.chars().next().map_or(0, char::len_utf8),
        length => length.min(60),
    };
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

struct Parser<'t, 's> {
    text: &'t str,
    at: usize,
    depth: u32,
    dialect: Dialect,
    scope: &'s mut dyn Scope,
}

impl<'t> Parser<'t, '_> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Reads operators of at least `rank`. All of them associate to the left.
    fn binary(&mut self, rank: u8) -> Result<Value, Fault> {
        let mut left = self.unary()?;
        loop {
            self.skip_space();
            let Some((operator, length, found)) = operator_at(self.rest(), self.dialect).filter(|o| o.2 >= rank) else {
                return Ok(left);
            };
            let spelling = &self.rest()[..length];
            self.at += length;
            let right = self.binary(found + 1)?;
            left = fold(operator, left, right, self.scope).map_err(|fault| fault.at(spelling))?;
        }
    }

    fn unary(&mut self) -> Result<Value, Fault> {
        self.skip_space();
        let rest = self.rest();
        let sign = rest.chars().next().unwrap_or(' ');
        if !matches!(sign, '-' | '~' | '!' | '+' | '(') {
            return self.primary();
        }
        if self.depth == MAX_DEPTH {
            return Err(Cause::new("", "the expression nests too deeply").hint("name parts of it by `.set`"));
        }
        self.depth += 1;
        self.at += 1;
        let value = match sign {
            '(' => self.bracket(),
            _ => self.unary().and_then(|value| apply_unary(sign, value, self.scope).map_err(|fault| fault.at(sign))),
        };
        self.depth -= 1;
        value
    }

    fn bracket(&mut self) -> Result<Value, Fault> {
        let value = self.binary(0)?;
        self.skip_space();
        if !self.rest().starts_with(')') {
            return Err(Cause::new("(", "no `)` for this `(`").hint("close the bracket with `)`"));
        }
        self.at += 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        match rest.chars().next() {
            None => Err(Cause::new("", "an expression is missing here").hint("write a number or a name")),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some('\'') => self.character(),
            Some('%') => self.register(),
            Some('$') => Err(Cause::new("$", "`$` stands inside an expression")
                .hint("an immediate has one `$`, before the whole expression")),
            Some(c) if begins_name(c) => self.name(),
            Some(c) => Err(Cause::new(c, format!("`{c}` does not begin an expression")).hint(beginning(c))),
        }
    }

    fn name(&mut self) -> Result<Value, Fault> {
        let name = leading_name(self.rest());
        self.at += name.len();
        match name {
            "." => self.scope.here().ok_or_else(|| {
                Cause::new(".", "`.` has no meaning here")
                    .hint("`.` is the address of a statement, and the preprocessor knows no addresses")
            }),
            _ => Ok(self.scope.symbol(name)),
        }
    }

    fn register(&mut self) -> Result<Value, Fault> {
        let name = self.rest()[1..].trim_start();
        let length = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        let found = register(&name[..length].to_ascii_lowercase()).and_then(|found| self.scope.register(found));
        let value = found.ok_or_else(|| Cause::new('%', "`%` does not begin an expression").hint(beginning('%')))?;
        self.at = self.text.len() - name.len() + length;
        Ok(value)
    }

    fn character(&mut self) -> Result<Value, Fault> {
        let mut chars = self.rest().chars().skip(1);
        let Some(c) = chars.next() else {
            return Err(Cause::new("'", "a character is missing after `'`").hint("write one: `'a`"));
        };
        self.at += 1 + c.len_utf8();
        if chars.next() == Some('\'') {
            self.at += 1;
        }
        Ok(Value::Constant(i64::from(u32::from(c))))
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        if self.dialect == Dialect::Gas
            && let Some((number, direction)) = numeric_label(word)
        {
            let none = || {
                Cause::new(word, format!("no label `{number}:` before this")).hint(format!("`{number}f` looks forward"))
            };
            return self.scope.numeric(number, direction).ok_or_else(none);
        }
        let digits = match self.dialect {
            Dialect::Gas => word,
            Dialect::C => word.trim_end_matches(['u', 'U', 'l', 'L']),
        };
        match integer(digits) {
            Ok(number) => Ok(Value::Constant(number as i64)),
            Err(fault) => Err(fault.at(word)),
        }
    }
}

/// What may replace `wrong` at the beginning of an expression.
fn beginning(wrong: char) -> &'static str {
    match wrong {
        '"' => "write strings in `.ascii` and `.asciz`, and a character as `'a`",
        '%' => "a register is an operand by itself, or part of the brackets of an address",
        _ => "a number, a name, `'a` or `(` begins one",
    }
}

pub(super) fn division_by_zero() -> Fault {
    Cause::new("", "division by zero").hint("the right side of `/` and `%` must not be 0")
}

/// `1b` and `1f`.
fn numeric_label(word: &str) -> Option<(u64, Direction)> {
    let (digits, direction) = match word.split_at_checked(word.len().wrapping_sub(1))? {
        (digits, "b") => (digits, Direction::Backward),
        (digits, "f") => (digits, Direction::Forward),
        _ => return None,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(|number| (number, direction))
}

/// An unsigned integer as C and GNU `as` write it: decimal, `0x`, `0b`, or octal with a leading `0`.
pub(super) fn integer(word: &str) -> Result<u64, Fault> {
    let short: String = word.chars().take(60).collect();
    let lower = word.to_ascii_lowercase();
    let (digits, radix) = match lower.as_str() {
        text if text.starts_with("0x") => (&text[2..], 16),
        text if text.starts_with("0b") => (&text[2..], 2),
        text if text.starts_with('0') && text.len() > 1 => (&text[1..], 8),
        text => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Cause::new(word, format!("`{short}` is not a number"))
            .hint("write `10`, `0x0a`, `0b1010`, or `012`, which is octal"));
    }
    u64::from_str_radix(digits, radix).map_err(|_| {
        Cause::new(word, format!("`{short}` does not fit in 64 bits")).hint("the largest is 0xffffffffffffffff")
    })
}

/// The binary operator at the start of `text`: what it does, its length, and its rank (higher binds tighter).
fn operator_at(text: &str, dialect: Dialect) -> Option<(Operator, usize, u8)> {
    use Operator as O;
    let truth = match dialect {
        Dialect::Gas => Truth::MinusOne,
        Dialect::C => Truth::One,
    };
    let (operator, length, gas, c) = match text.as_bytes() {
        [b'<', b'<', ..] => (O::ShiftLeft, 2, 6, 8),
        [b'>', b'>', ..] => (O::ShiftRight, 2, 6, 8),
        [b'<', b'=', ..] => (O::LessEqual(truth), 2, 3, 7),
        [b'>', b'=', ..] => (O::GreaterEqual(truth), 2, 3, 7),
        [b'<', b'>', ..] if dialect == Dialect::Gas => (O::NotEqual(truth), 2, 3, 0),
        [b'=', b'=', ..] => (O::Equal(truth), 2, 3, 6),
        [b'!', b'=', ..] => (O::NotEqual(truth), 2, 3, 6),
        [b'&', b'&', ..] => (O::AndAlso, 2, 2, 2),
        [b'|', b'|', ..] => (O::OrElse, 2, 1, 1),
        [b'<', ..] => (O::Less(truth), 1, 3, 7),
        [b'>', ..] => (O::Greater(truth), 1, 3, 7),
        [b'*', ..] => (O::Multiply, 1, 6, 10),
        [b'/', ..] => (O::Divide, 1, 6, 10),
        [b'%', ..] => (O::Remainder, 1, 6, 10),
        [b'|', ..] => (O::Or, 1, 5, 3),
        [b'^', ..] => (O::Xor, 1, 5, 4),
        [b'&', ..] => (O::And, 1, 5, 5),
        [b'!', ..] if dialect == Dialect::Gas => (O::OrNot, 1, 5, 0),
        [b'+', ..] => (O::Add, 1, 4, 9),
        [b'-', ..] => (O::Subtract, 1, 4, 9),
        _ => return None,
    };
    let rank = match dialect {
        Dialect::Gas => gas,
        Dialect::C => c,
    };
    Some((operator, length, rank))
}

fn apply_unary(sign: char, value: Value, scope: &dyn Scope) -> Result<Value, Fault> {
    let zero = Value::Constant(0);
    match sign {
        '-' => fold(Operator::Subtract, zero, value, scope),
        '~' => fold(Operator::Xor, value, Value::Constant(-1), scope),
        // GNU `as` makes `!0` 1, unlike its binary comparisons.
        '!' => fold(Operator::Equal(Truth::One), value, zero, scope),
        _ => Ok(value),
    }
}

/// Applies `operator` as far as the operands are known: two constants, a label plus a constant, and the difference of
/// two labels whose distance cannot change. GNU `as` does the same while it reads.
pub(super) fn fold(operator: Operator, left: Value, right: Value, scope: &dyn Scope) -> Result<Value, Fault> {
    use Operator as O;
    match (operator, &left, &right) {
        (_, Value::Constant(a), Value::Constant(b)) => {
            compute(operator, *a, *b).map(Value::Constant).ok_or_else(division_by_zero)
        }
        (O::Add, Value::Relative(base, offset), Value::Constant(more))
        | (O::Add, Value::Constant(more), Value::Relative(base, offset)) => {
            Ok(Value::Relative(*base, offset.wrapping_add(*more)))
        }
        (O::Subtract, Value::Relative(base, offset), Value::Constant(less)) => {
            Ok(Value::Relative(*base, offset.wrapping_sub(*less)))
        }
        // `!%rsp` compares nothing, and is no number.
        (O::Equal(truth @ Truth::MinusOne) | O::NotEqual(truth), Value::Relative(Base::Register(_), _), other)
        | (O::Equal(truth @ Truth::MinusOne) | O::NotEqual(truth), other, Value::Relative(Base::Register(_), _))
            if !matches!(other, Value::Complex(_)) =>
        {
            let holds = (left == right) == matches!(operator, O::Equal(_));
            Ok(Value::Constant(truth.of(holds)))
        }
        (_, Value::Relative(Base::Register(_), 1..=i64::MAX | i64::MIN..=-1), _)
        | (_, _, Value::Relative(Base::Register(_), 1..=i64::MAX | i64::MIN..=-1)) => operation(operator, left, right),
        _ => match (comparable(operator), &left, &right) {
            (true, Value::Relative(a, a_offset), Value::Relative(b, b_offset)) => match known_distance(*a, *b, scope) {
                Some(distance) => {
                    let a = distance.wrapping_add(*a_offset);
                    compute(operator, a, *b_offset).map(Value::Constant).ok_or_else(division_by_zero)
                }
                None => operation(operator, left, right),
            },
            _ => operation(operator, left, right),
        },
    }
}

/// Whether the operator's value depends on its operands' distance alone.
fn comparable(operator: Operator) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Subtract | O::Equal(_) | O::NotEqual(_) | O::Less(_) | O::LessEqual(_) | O::Greater(_) | O::GreaterEqual(_)
    )
}

fn known_distance(a: Base, b: Base, scope: &dyn Scope) -> Option<i64> {
    match (a, b) {
        (Base::Symbol(a), Base::Symbol(b)) if a == b => Some(0),
        (Base::Register(a), Base::Register(b)) if a == b => Some(0),
        (Base::Label(a), Base::Label(b)) => scope.distance(a, b),
        _ => None,
    }
}

fn operation(operator: Operator, left: Value, right: Value) -> Result<Value, Fault> {
    let depth = |value: &Value| match value {
        Value::Complex(operation) => operation.depth + 1,
        _ => 0,
    };
    let depth = depth(&left).max(depth(&right));
    if depth > MAX_WAITING {
        return Err(Cause::new("", "too many operations wait for the addresses of labels")
            .hint("name parts of it by `.set`, below the labels"));
    }
    Ok(Value::Complex(Rc::new(Operation { operator, left, right, depth })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scope without names.
    struct Empty;

    impl Scope for Empty {
        fn symbol(&mut self, _: &str) -> Value {
            Value::Constant(0)
        }
    }

    fn value(text: &str, dialect: Dialect) -> Option<i64> {
        parse(text, dialect, &mut Empty).ok()?.constant()
    }

    #[test]
    fn ranks_and_values_are_those_of_the_dialect() {
        // The first column is what `.long` of GNU as 2.40 gives, the second what C gives.
        let cases = [
            ("2+3*4", Some(14), Some(14)),
            ("2|1+4", Some(7), Some(7)),
            ("1|2+4", Some(7), Some(7)),
            ("6&3|8", Some(10), Some(10)),
            ("8|6&3", Some(2), Some(10)),
            ("1<<2+1", Some(5), Some(8)),
            ("3==1+1", Some(0), Some(0)),
            ("2==1+1", Some(-1), Some(1)),
            ("1==1<2", Some(-1), Some(1)),
            ("1||0&&0", Some(1), Some(1)),
            ("4&&0==0", Some(1), Some(1)),
            ("7&3==3", Some(-1), Some(1)),
            ("1<>2", Some(-1), None),
            ("6!3", Some(-2), None),
            ("!5", Some(0), Some(0)),
            ("!0", Some(1), Some(1)),
            ("~0>>60", Some(15), Some(15)),
            ("- - 1", Some(1), Some(1)),
            ("~(0x1000 | 0x800)", Some(!0x1800), Some(!0x1800)),
            ("017 + 0b101 + 0X1f", Some(51), Some(51)),
            ("0xffffffffffffffff", Some(-1), Some(-1)),
            ("1UL << 3", None, Some(8)),
            ("'a + 1", Some(98), Some(98)),
            ("08", None, None),
            ("1 2", None, None),
            ("(1", None, None),
            ("0x10000000000000000", None, None),
        ];
        for (text, gas, c) in cases {
            assert_eq!(value(text, Dialect::Gas), gas, "gas: {text}");
            assert_eq!(value(text, Dialect::C), c, "C: {text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error() {
        for piece in ["(", "-", "~"] {
            assert!(parse(&piece.repeat(100_000), Dialect::Gas, &mut Empty).is_err());
        }
    }
}
