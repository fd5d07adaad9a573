//! Values of expressions: what is known while the text is read, and what waits for the layout.

use std::rc::Rc;

use super::register::Register;

/// A point in a section, numbered in order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LabelId(pub(super) usize);

/// A name in the symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SymbolId(pub(super) usize);

/// What a relative value counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A label that already has a place.
    Label(LabelId),
    /// A name that had no definition when it was read.
    Symbol(SymbolId),
    /// A register in an `.if`, which compares it with others.
    Register(Register),
}

/// An expression as far as it is known at its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Constant(i64),
    Relative(Base, i64),
    Complex(Rc<Operation>),
}

impl Value {
    pub(super) fn constant(&self) -> Option<i64> {
        match self {
            Self::Constant(number) => Some(*number),
            _ => None,
        }
    }
}

/// An operator whose operands wait for the layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) operator: Operator,
    pub(super) left: Value,
    pub(super) right: Value,
    /// Nesting of operations below this one: bounds every recursion over values.
    pub(super) depth: u32,
}

/// Binary operators. They express the unary ones too: `-x` is `0 - x`, `~x` is `x ^ -1`, `!x` is `x == 0` in the
/// arithmetic of C (see [`Truth`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Multiply,
    Divide,
    Remainder,
    ShiftLeft,
    ShiftRight,
    Or,
    OrNot,
    Xor,
    And,
    Add,
    Subtract,
    Equal(Truth),
    NotEqual(Truth),
    Less(Truth),
    LessEqual(Truth),
    Greater(Truth),
    GreaterEqual(Truth),
    AndAlso,
    OrElse,
}

/// The value of a comparison that holds: 1 in C, -1 in GNU `as` ("Infix Operators" in its manual).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    One,
    MinusOne,
}

impl Truth {
    pub(super) fn of(self, holds: bool) -> i64 {
        match (holds, self) {
            (false, _) => 0,
            (true, Self::One) => 1,
            (true, Self::MinusOne) => -1,
        }
    }
}

/// The result of known operands. `None` is a division by zero.
pub(super) fn compute(operator: Operator, a: i64, b: i64) -> Option<i64> {
    use Operator as O;
    Some(match operator {
        O::Multiply => a.wrapping_mul(b),
        O::Divide => (b != 0).then(|| a.wrapping_div(b))?,
        O::Remainder => (b != 0).then(|| a.wrapping_rem(b))?,
        O::ShiftLeft => shift(a, b, u64::checked_shl),
        O::ShiftRight => shift(a, b, u64::checked_shr),
        O::Or => a | b,
        O::OrNot => a | !b,
        O::Xor => a ^ b,
        O::And => a & b,
        O::Add => a.wrapping_add(b),
        O::Subtract => a.wrapping_sub(b),
        O::Equal(truth) => truth.of(a == b),
        O::NotEqual(truth) => truth.of(a != b),
        O::Less(truth) => truth.of(a < b),
        O::LessEqual(truth) => truth.of(a <= b),
        O::Greater(truth) => truth.of(a > b),
        O::GreaterEqual(truth) => truth.of(a >= b),
        O::AndAlso => i64::from(a != 0 && b != 0),
        O::OrElse => i64::from(a != 0 || b != 0),
    })
}

/// Shifts are of unsigned 64-bit values; a count of 64 or more gives 0.
fn shift(a: i64, b: i64, by: fn(u64, u32) -> Option<u64>) -> i64 {
    let count = u32::try_from(b).unwrap_or(64);
    by(a as u64, count).unwrap_or(0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_on_known_operands() {
        use Operator as O;
        let cases = [
            (O::Divide, -7, 2, Some(-3)),
            (O::Remainder, -7, 3, Some(-1)),
            (O::Divide, 1, 0, None),
            (O::Remainder, 1, 0, None),
            (O::Divide, i64::MIN, -1, Some(i64::MIN)),
            (O::ShiftRight, -1, 60, Some(15)),
            (O::ShiftLeft, 1, 64, Some(0)),
            (O::ShiftLeft, 1, -1, Some(0)),
            (O::OrNot, 6, 3, Some(-2)),
            (O::Less(Truth::MinusOne), 2, 3, Some(-1)),
            (O::Less(Truth::One), 2, 3, Some(1)),
            (O::AndAlso, 1, 2, Some(1)),
            (O::OrElse, 5, 0, Some(1)),
        ];
        for (operator, a, b, want) in cases {
            assert_eq!(compute(operator, a, b), want, "{a} {operator:?} {b}");
        }
    }
}
