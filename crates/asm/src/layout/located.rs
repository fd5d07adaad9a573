//! Values once their labels have places.

use std::cell::Cell;

use super::super::expression::division_by_zero;
use super::super::report::{Cause, Fault};
use super::super::symbols::Symbols;
use super::super::value::{Base, Operation, SymbolId, Value, compute};
use super::{Fate, Layout, Mark};

/// Operations evaluated for all values of a text, in all passes.
const MAX_OPERATIONS: u32 = 10_000_000;

/// Depth of symbols that are defined by other symbols.
const MAX_CHAIN: u32 = 32;

/// Operations evaluated for one value.
const MAX_OPERATIONS_OF_VALUE: u32 = 10_000;

/// A value as a number that counts from the bases of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// The section from whose base the number counts.
    pub(super) section: Option<usize>,
    /// The section whose base is subtracted: the value is an address here less one there.
    pub(super) from: Option<usize>,
    pub(super) number: i64,
}

impl Located {
    fn constant(number: i64) -> Self {
        Self { section: None, from: None, number }
    }
}

/// The layout as far as values depend on it: with the offset of each item.
pub(super) struct Known<'l> {
    pub(super) layout: &'l Layout,
    pub(super) symbols: &'l Symbols,
    /// Offset of each item from its section's base.
    pub(super) offsets: Vec<Vec<u64>>,
    /// Operations that may still be evaluated.
    operations: Cell<u32>,
}

impl<'l> Known<'l> {
    pub(super) fn new(layout: &'l Layout, symbols: &'l Symbols, offsets: Vec<Vec<u64>>) -> Self {
        Self { layout, symbols, offsets, operations: Cell::new(MAX_OPERATIONS) }
    }

    pub(super) fn offset_of(&self, mark: Mark) -> u64 {
        let item = self.offsets.get(mark.section).and_then(|items| items.get(mark.item));
        item.copied().unwrap_or(0).wrapping_add(mark.offset as u64)
    }

    /// The label and offset of `value`, for jumps that may be short. Weak symbols are never near, because others may
    /// replace them.
    pub(super) fn label_of(&self, value: &Value) -> Option<(Mark, i64)> {
        let mut value = value.clone();
        let mut sum = 0_i64;
        for _ in 0..MAX_CHAIN {
            let Value::Relative(base, offset) = value else {
                return None;
            };
            sum = sum.wrapping_add(offset);
            match base {
                Base::Label(label) => {
                    let weak = self.symbols.is_weak(label);
                    return self.layout.labels.get(label.0).filter(|_| !weak).map(|mark| (*mark, sum));
                }
                Base::Symbol(symbol) => value = self.symbols.value(symbol)?,
                Base::Register(_) => return None,
            }
        }
        None
    }

    /// The value as an address or a number.
    pub(super) fn number(&self, value: &Value) -> Result<i64, Fault> {
        let located = self.kept(self.evaluate(value)?)?;
        match located.from {
            None => Ok(self.number_at(located)),
            Some(_) => Err(apart()),
        }
    }

    /// The same value, unless its section is discarded.
    pub(super) fn kept(&self, located: Located) -> Result<Located, Fault> {
        let discarded = located.section.and_then(|section| self.layout.drafts.get(section));
        match discarded.is_some_and(|draft| draft.fate == Fate::Discarded) {
            false => Ok(located),
            true => Err(Cause::new("", "the label is in a section that is discarded")
                .hint("`ld` refuses this too: move the label, or what uses it")),
        }
    }

    /// The number that `located` is once the sections have their bases, as `ld` gives them.
    pub(super) fn number_at(&self, located: Located) -> i64 {
        let base = |section: Option<usize>| {
            section.and_then(|section| self.layout.drafts.get(section)).map_or(0, |draft| draft.base as i64)
        };
        located.number.wrapping_add(base(located.section)).wrapping_sub(base(located.from))
    }

    pub(super) fn evaluate(&self, value: &Value) -> Result<Located, Fault> {
        let given = self.operations.get().min(MAX_OPERATIONS_OF_VALUE);
        let mut budget = given;
        let located = self.evaluate_within(value, MAX_CHAIN, &mut budget);
        self.operations.set(self.operations.get() - (given - budget));
        located
    }

    fn evaluate_within(&self, value: &Value, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        *budget = budget.checked_sub(1).ok_or_else(|| {
            Cause::new("", "this expression takes too long to evaluate")
                .hint("it uses names that use other names: give one of them a number")
        })?;
        match value {
            Value::Constant(number) => Ok(Located::constant(*number)),
            Value::Relative(base, offset) => {
                let at = self.evaluate_base(*base, chain, budget)?;
                Ok(Located { number: at.number.wrapping_add(*offset), ..at })
            }
            Value::Complex(operation) => {
                let left = self.evaluate_within(&operation.left, chain, budget)?;
                let right = self.evaluate_within(&operation.right, chain, budget)?;
                combine(operation, left, right)
            }
        }
    }

    /// Whether every name in `value` is defined.
    pub(super) fn is_defined(&self, value: &Value) -> bool {
        match value {
            Value::Relative(Base::Symbol(symbol), _) => self.symbols.value(*symbol).is_some(),
            Value::Complex(operation) => self.is_defined(&operation.left) && self.is_defined(&operation.right),
            _ => true,
        }
    }

    fn evaluate_base(&self, base: Base, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        match base {
            Base::Label(label) => {
                let unplaced = || Cause::new("", "a label has no place").hint("define it in a section");
                let mark = self.layout.labels.get(label.0).ok_or_else(unplaced)?;
                Ok(Located { section: Some(mark.section), from: None, number: self.offset_of(*mark) as i64 })
            }
            Base::Symbol(symbol) => self.evaluate_symbol(symbol, chain, budget),
            Base::Register(_) => Err(Cause::new("", "a register has no value here").hint("compare it in `.if`")),
        }
    }

    fn evaluate_symbol(&self, symbol: SymbolId, chain: u32, budget: &mut u32) -> Result<Located, Fault> {
        let value = self.symbols.value(symbol).ok_or_else(|| self.symbols.undefined(symbol))?;
        if chain == 0 {
            let name = self.symbols.name(symbol);
            return Err(Cause::new(
                name,
                format!("`{name}` is defined in terms of itself, or through too many other names"),
            )
            .hint("give one of the names a number or a label"));
        }
        self.evaluate_within(&value, chain - 1, budget)
    }
}

/// Applies an operator to located values: addresses of one section can be subtracted and compared. An address of another
/// section less one of the section at hand is what a relocation relative to the place expresses, so that may be moved by
/// a number and nothing else.
fn combine(operation: &Operation, left: Located, right: Located) -> Result<Located, Fault> {
    use super::super::value::Operator as O;
    let number = compute(operation.operator, left.number, right.number).ok_or_else(division_by_zero)?;
    match (operation.operator, left.section, right.section) {
        (_, None, None) => Ok(Located::constant(number)),
        (O::Add | O::Subtract, Some(_), None) => Ok(Located { number, ..left }),
        (O::Add, None, Some(_)) => Ok(Located { number, ..right }),
        _ if left.from.or(right.from).is_some() => Err(apart()),
        (O::Subtract | O::Equal(_) | O::NotEqual(_), Some(a), Some(b)) if a == b => Ok(Located::constant(number)),
        (O::Less(_) | O::LessEqual(_) | O::Greater(_) | O::GreaterEqual(_), Some(a), Some(b)) if a == b => {
            Ok(Located::constant(number))
        }
        (O::Subtract, Some(_), from @ Some(_)) => Ok(Located { from, number, ..left }),
        _ => Err(apart()),
    }
}

pub(super) fn apart() -> Fault {
    Cause::new("", "addresses can only be moved by a number, subtracted or compared")
        .hint("both labels of a difference must be in one section, or the subtracted one in the section at hand")
}
