//! What has been assembled so far: sections, symbols, diagnostics, and the text that was expanded.

use super::Options;
use super::expression::{Dialect, Direction, Scope, parse};
use super::layout::{EntryStart, Filler, Item, Layout, StatementKind, too_long};
use super::register::Register;
use super::report::{Fault, Place, Report};
use super::scrub::commas;
use super::symbols::Symbols;
use super::value::{Base, LabelId, Value};

/// What has been assembled so far.
pub(super) struct Assembler<'a, 'r> {
    pub(super) options: &'a Options,
    pub(super) report: &'r mut Report<'a>,
    pub(super) layout: Layout,
    pub(super) symbols: Symbols,
    /// The sections that `.pushsection` saved, each with the one before it.
    pub(super) section_stack: Vec<(usize, usize)>,
    pub(super) previous_section: usize,
    /// The assembled statements, as text for another assembler.
    pub(super) expanded: String,
}

/// The names that expressions may use while the text is read.
pub(super) struct Names<'s> {
    pub(super) symbols: &'s mut Symbols,
    pub(super) layout: &'s mut Layout,
}

impl Scope for Names<'_> {
    fn symbol(&mut self, name: &str) -> Value {
        self.symbols.mention(name)
    }
    fn numeric(&mut self, number: u64, direction: Direction) -> Option<Value> {
        self.symbols.numeric(number, direction)
    }
    fn here(&mut self) -> Option<Value> {
        Some(Value::Relative(Base::Label(self.layout.mark()), 0))
    }
    fn distance(&self, a: LabelId, b: LabelId) -> Option<i64> {
        self.layout.distance(a, b)
    }
}

/// The same names where GNU `as` compares registers too: in `.if`.
pub(super) struct Compared<'s>(pub(super) Names<'s>);

impl Scope for Compared<'_> {
    fn symbol(&mut self, name: &str) -> Value {
        self.0.symbol(name)
    }
    fn numeric(&mut self, number: u64, direction: Direction) -> Option<Value> {
        self.0.numeric(number, direction)
    }
    fn here(&mut self) -> Option<Value> {
        self.0.here()
    }
    fn register(&mut self, register: Register) -> Option<Value> {
        Some(Value::Relative(Base::Register(register), 0))
    }
    fn distance(&self, a: LabelId, b: LabelId) -> Option<i64> {
        self.0.distance(a, b)
    }
}

impl<'a, 'r> Assembler<'a, 'r> {
    /// Nothing but the section `.text` and the constants of `options`.
    pub(super) fn new(options: &'a Options, report: &'r mut Report<'a>) -> Self {
        let mut assembler = Self {
            options,
            report,
            layout: Layout::new(),
            symbols: Symbols::default(),
            section_stack: Vec::new(),
            previous_section: 0,
            expanded: String::new(),
        };
        assembler.enter_section(".text", None);
        for (name, value) in &options.constants {
            assembler.expanded.push_str(&format!("\t.set {name}, {value:#x}\n"));
            // A fresh table accepts every name.
            let _ = assembler.symbols.set(name, Value::Constant(*value));
        }
        assembler
    }

    pub(super) fn names(&mut self) -> Names<'_> {
        Names { symbols: &mut self.symbols, layout: &mut self.layout }
    }

    pub(super) fn value(&mut self, text: &str) -> Result<Value, Fault> {
        parse(text, Dialect::Gas, &mut self.names())
    }

    /// Makes a section current. Creates it at the base that the options give.
    pub(super) fn enter_section(&mut self, name: &str, flags: Option<&str>) {
        let section = self.layout.find(name).unwrap_or_else(|| {
            let base = self.options.sections.get(name).copied().unwrap_or(0);
            let code = flags.map_or_else(|| holds_code(name), |flags| flags.contains('x'));
            self.layout.add(name, base, code, self.options.fate(name))
        });
        self.previous_section = self.layout.current();
        self.layout.enter(section);
    }

    pub(super) fn set(&mut self, name: &str, value: &str, place: &Place) -> Result<(), Fault> {
        let value = self.value(value)?;
        self.layout.set(&value, place);
        // As gas takes it.
        if name == "." {
            let filler = Filler::Pattern { value: 0, size: 1 };
            self.layout.item(Item::Org { to: value, filler, place: place.clone() });
            return Ok(());
        }
        self.symbols.set(name, value)
    }

    /// Stops when the text has written more bytes than the limits allow.
    pub(super) fn check_size(&mut self, place: &Place) {
        if self.layout.written() > self.options.limits.bytes {
            self.report.stop(place, too_long(self.options.limits.bytes as u64));
        }
    }

    /// Lists the data written since `start`.
    pub(super) fn list_data(&mut self, start: EntryStart, text: &str, place: &Place) {
        self.check_size(place);
        self.layout.list(start, StatementKind::Data, readable(text).into(), place);
    }

    /// Adds a statement to the expanded text.
    pub(super) fn emit_text(&mut self, text: &str) {
        self.expanded.push('\t');
        self.expanded.push_str(text);
        self.expanded.push('\n');
    }
}

/// The statement with a space after each comma between operands.
pub(super) fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut start = 0;
    for end in commas(text).map(|at| at + 1).filter(|end| text[*end..].starts_with(|next| next != ' ')) {
        out += &text[start..end];
        out.push(' ');
        start = end;
    }
    out + &text[start..]
}

/// Sections that hold code without a flag for it (`special_sections` of bfd/elf.c).
fn holds_code(name: &str) -> bool {
    matches!(name, ".text" | ".init" | ".fini") || name.starts_with(".text.")
}
