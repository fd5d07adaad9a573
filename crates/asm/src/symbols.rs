//! The symbol table.

use super::expression::Direction;
use super::register::register;
use super::report::{Cause, Fault, nearest};
use super::sorted::{Map, Set};
use super::value::{Base, LabelId, SymbolId, Value};

/// A misspelt name is compared with this many symbols.
const MAX_COMPARED: usize = 2000;

/// The definition of a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Definition {
    Undefined,
    Label(LabelId),
    /// By `.set` or `=`; may change.
    Variable(Value),
}

#[derive(Clone, Debug)]
struct Symbol {
    name: String,
    definition: Definition,
    weak: bool,
}

/// Every name that was mentioned, and the numeric labels.
#[derive(Default)]
pub(super) struct Symbols {
    list: Vec<Symbol>,
    names: Map<String, SymbolId>,
    /// How often each numeric label was defined, and the symbols of its definitions, one ahead.
    numeric: Map<u64, Vec<SymbolId>>,
    weak: Set<LabelId>,
}

impl Symbols {
    /// The symbol of `name`, created if it is new.
    pub(super) fn intern(&mut self, name: &str) -> SymbolId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.push(name);
        self.names.insert(name.to_owned(), id);
        id
    }

    fn push(&mut self, name: &str) -> SymbolId {
        self.list.push(Symbol { name: name.to_owned(), definition: Definition::Undefined, weak: false });
        SymbolId(self.list.len() - 1)
    }

    pub(super) fn name(&self, id: SymbolId) -> &str {
        self.list.get(id.0).map_or("", |symbol| &symbol.name)
    }

    /// The definition of `name`, without mentioning it.
    pub(super) fn definition(&self, name: &str) -> &Definition {
        let id = self.names.get(name);
        id.and_then(|id| self.list.get(id.0)).map_or(&Definition::Undefined, |symbol| &symbol.definition)
    }

    /// What a mention of `name` means now: its value as far as it is defined.
    pub(super) fn mention(&mut self, name: &str) -> Value {
        let id = self.intern(name);
        self.value(id).unwrap_or(Value::Relative(Base::Symbol(id), 0))
    }

    /// The value of a defined symbol.
    pub(super) fn value(&self, id: SymbolId) -> Option<Value> {
        match &self.list.get(id.0)?.definition {
            Definition::Undefined => None,
            Definition::Label(label) => Some(Value::Relative(Base::Label(*label), 0)),
            Definition::Variable(value) => Some(value.clone()),
        }
    }

    pub(super) fn define_label(&mut self, name: &str, label: LabelId) -> Result<(), Fault> {
        let id = self.intern(name);
        let Some(symbol) = self.list.get_mut(id.0) else {
            return Ok(());
        };
        if symbol.definition != Definition::Undefined {
            return Err(Cause::new(name, format!("`{name}` is already defined"))
                .hint("a label in a macro needs `\\@` in its name, or a number: `1:`"));
        }
        symbol.definition = Definition::Label(label);
        if symbol.weak {
            self.weak.insert(label);
        }
        Ok(())
    }

    pub(super) fn set(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let id = self.intern(name);
        match self.list.get_mut(id.0) {
            Some(symbol) if matches!(symbol.definition, Definition::Label(_)) => {
                Err(Cause::new(name, format!("`{name}` is already defined as a label"))
                    .hint("give the value another name"))
            }
            Some(symbol) => {
                symbol.definition = Definition::Variable(value);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn set_weak(&mut self, name: &str) {
        let id = self.intern(name);
        if let Some(symbol) = self.list.get_mut(id.0) {
            symbol.weak = true;
            if let Definition::Label(label) = symbol.definition {
                self.weak.insert(label);
            }
        }
    }

    /// Whether another object could replace the label.
    pub(super) fn is_weak(&self, label: LabelId) -> bool {
        self.weak.contains(&label)
    }

    /// Defines the next `number:`.
    pub(super) fn define_numeric(&mut self, number: u64, label: LabelId) {
        let id = match self.numeric.get(&number).and_then(|list| list.last()).copied() {
            Some(id) => id,
            None => self.next_numeric(number),
        };
        if let Some(symbol) = self.list.get_mut(id.0) {
            symbol.definition = Definition::Label(label);
        }
        self.next_numeric(number);
    }

    fn next_numeric(&mut self, number: u64) -> SymbolId {
        let id = self.push(&format!("{number}f"));
        self.numeric.get_or_insert_with(number, Vec::new).push(id);
        id
    }

    /// The value of `1b` or `1f`; `None` if there is no `1:` before.
    pub(super) fn numeric(&mut self, number: u64, direction: Direction) -> Option<Value> {
        if direction == Direction::Forward {
            let last = self.numeric.get(&number).and_then(|list| list.last()).copied();
            let id = last.unwrap_or_else(|| self.next_numeric(number));
            return Some(Value::Relative(Base::Symbol(id), 0));
        }
        let list = self.numeric.get(&number)?;
        let id = list.get(list.len().checked_sub(2)?)?;
        self.value(*id)
    }

    /// The fault of a symbol that has no definition.
    pub(super) fn undefined(&self, id: SymbolId) -> Fault {
        let name = self.name(id);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            let number = name.trim_end_matches('f');
            return Cause::new(name, format!("no label `{number}:` after this"))
                .hint(format!("`{number}b` looks backward"));
        }
        let fault = Cause::new(name, format!("`{name}` is not defined"));
        if register(&name.to_ascii_lowercase()).is_some() {
            return fault.hint(format!("registers are written with `%`: `%{name}`"));
        }
        let defined = self.names.iter().take(MAX_COMPARED).filter(|(_, other)| self.value(**other).is_some());
        match nearest(name, defined.map(|(name, _)| name.as_str())) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("define it as a label, by `.set` or by `#define`, or give it as a constant"),
        }
    }

    /// All defined names except numeric labels: first the labels, then the values.
    pub(super) fn defined(&self) -> impl Iterator<Item = (&str, &Definition)> {
        self.names.iter().filter_map(|(name, id)| Some((name.as_str(), &self.list.get(id.0)?.definition)))
    }
}
