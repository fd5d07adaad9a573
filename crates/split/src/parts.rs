//! Two modules that are one.

use crate::module::{Malformed, Module, count, section};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, RefType, TableSection, TableType,
    TypeSection, ValType,
};
use wasmparser::{
    ExportSectionReader, FunctionSectionReader, GlobalSectionReader, TableSectionReader, TypeSectionReader,
};

/// The two parts of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Takes the module's place. It has all its exports and imports, and calls the import that brings the rest when it needs it.
    pub first: Vec<u8>,
    /// Needs the exports of an instance of the first part as its imports, all under the module name [`FIRST`].
    pub rest: Vec<u8>,
}

/// The module name under which the rest imports the first part's exports.
const FIRST: &str = "first";

/// The exported global of the first part that whoever has instantiated the rest sets to 1.
const HERE: &str = "rest_is_here";

/// Takes a module apart. The first part has the defined functions of `kept`, by their numbers among those that the module
/// defines, and the rest has all others. Where one of those is called while the rest is not here, the first part calls
/// the imported function whose name begins with `bring`, with the argument 1. After it returns, the rest has to be here.
///
/// # Errors
/// The module cannot be read, or imports no such function with one parameter of 32 bits.
pub fn split(module: &Module<'_>, kept: &BTreeSet<u32>, bring: &str) -> Result<Parts, Malformed> {
    let plan = Plan::new(module, kept, bring)?;
    let rest = plan.rest()?;
    Ok(Parts { first: plan.first(&rest.needed)?, rest: rest.module })
}

/// What goes where.
struct Plan<'module, 'bytes> {
    module: &'module Module<'bytes>,
    /// The defined functions of the rest, by their numbers, in the order in which the table of the rest has them.
    away: Vec<u32>,
    /// The imported function that brings the rest.
    bring: u32,
    /// The type of a function without parameters and results; one past the last type if the module has none.
    plain: u32,
}

/// The rest, and the functions of the first part that it imports.
struct Rest {
    module: Vec<u8>,
    needed: Vec<u32>,
}

impl<'module, 'bytes> Plan<'module, 'bytes> {
    fn new(module: &'module Module<'bytes>, kept: &BTreeSet<u32>, bring: &str) -> Result<Self, Malformed> {
        let takes_number = |of: u32| module.types[of as usize].params() == [wasmparser::ValType::I32];
        let found = module.imports.iter().position(|(name, of)| name.starts_with(bring) && takes_number(*of));
        let Some(bring) = found.map(count) else {
            return Err(Malformed(format!("it imports no function {bring} that takes one number")));
        };
        let is_plain = |of: &wasmparser::FuncType| of.params().is_empty() && of.results().is_empty();
        let plain = count(module.types.iter().position(is_plain).unwrap_or(module.types.len()));
        let away = (0..count(module.functions.len())).filter(|function| !kept.contains(function)).collect();
        Ok(Self { module, away, bring, plain })
    }

    /// The index of a defined function.
    fn index(&self, function: u32) -> u32 {
        self.module.imported() + function
    }

    /// The table whose elements are the functions of the rest.
    fn table(&self) -> u32 {
        count(self.module.tables.len())
    }

    fn table_type(&self) -> TableType {
        let length = self.away.len() as u64;
        TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: length,
            maximum: Some(length),
            shared: false,
        }
    }

    /// The global that says whether the rest is here.
    fn here(&self) -> u32 {
        count(self.module.globals.len())
    }

    /// The function that sees to it that the rest is here.
    fn ensure(&self) -> u32 {
        self.index(count(self.module.functions.len()))
    }

    fn first(&self, needed: &[u32]) -> Result<Vec<u8>, Malformed> {
        let mut written = wasm_encoder::Module::new();
        for id in section::ALL {
            match id {
                section::TYPE => {
                    written.section(&self.types()?);
                }
                section::FUNCTION => {
                    written.section(&self.functions()?);
                }
                section::TABLE => {
                    written.section(&self.tables()?);
                }
                section::GLOBAL => {
                    written.section(&self.globals()?);
                }
                section::EXPORT => {
                    written.section(&self.exports(needed)?);
                }
                section::CODE => {
                    written.section(&self.code());
                }
                _ => self.module.raw(id).iter().for_each(|raw| {
                    written.section(raw);
                }),
            }
        }
        Ok(written.finish())
    }

    fn types(&self) -> Result<TypeSection, Malformed> {
        let mut types = TypeSection::new();
        let reader = TypeSectionReader::new(self.module.reader(section::TYPE))?;
        RoundtripReencoder.parse_type_section(&mut types, reader)?;
        if self.plain == count(self.module.types.len()) {
            types.ty().function([], []);
        }
        Ok(types)
    }

    fn functions(&self) -> Result<FunctionSection, Malformed> {
        let mut functions = FunctionSection::new();
        let reader = FunctionSectionReader::new(self.module.reader(section::FUNCTION))?;
        RoundtripReencoder.parse_function_section(&mut functions, reader)?;
        functions.function(self.plain);
        Ok(functions)
    }

    fn tables(&self) -> Result<TableSection, Malformed> {
        let mut tables = TableSection::new();
        let reader = TableSectionReader::new(self.module.reader(section::TABLE))?;
        RoundtripReencoder.parse_table_section(&mut tables, reader)?;
        tables.table(self.table_type());
        Ok(tables)
    }

    fn globals(&self) -> Result<GlobalSection, Malformed> {
        let mut globals = GlobalSection::new();
        let reader = GlobalSectionReader::new(self.module.reader(section::GLOBAL))?;
        RoundtripReencoder.parse_global_section(&mut globals, reader)?;
        let here = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(here, &ConstExpr::i32_const(0));
        Ok(globals)
    }

    /// The module's own exports, and what the rest imports, under names that no export of wasm-bindgen has.
    fn exports(&self, needed: &[u32]) -> Result<ExportSection, Malformed> {
        let mut exports = ExportSection::new();
        let reader = ExportSectionReader::new(self.module.reader(section::EXPORT))?;
        RoundtripReencoder.parse_export_section(&mut exports, reader)?;
        exports.export(HERE, ExportKind::Global, self.here());
        for table in 0..=self.table() {
            exports.export(&name('t', table), ExportKind::Table, table);
        }
        for memory in 0..count(self.module.memories.len()) {
            exports.export(&name('m', memory), ExportKind::Memory, memory);
        }
        for global in 0..self.here() {
            exports.export(&name('g', global), ExportKind::Global, global);
        }
        for function in needed {
            exports.export(&name('f', *function), ExportKind::Func, *function);
        }
        Ok(exports)
    }

    /// The functions of the first part as they are, and in the place of each other one a call of it by the table.
    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();
        let mut away = self.away.iter().zip(0..).peekable();
        for (body, function) in self.module.bodies.iter().zip(0..) {
            match away.next_if(|(other, _)| **other == function) {
                Some((_, element)) => code.function(&self.stand_in(function, element)),
                None => code.raw(body.as_bytes()),
            };
        }
        code.function(&self.ensuring());
        code
    }

    fn stand_in(&self, function: u32, element: u32) -> Function {
        let of = self.module.functions[function as usize];
        let parameters = count(self.module.types[of as usize].params().len());
        let mut body = Function::new([]);
        body.instruction(&Instruction::Call(self.ensure()));
        for parameter in 0..parameters {
            body.instruction(&Instruction::LocalGet(parameter));
        }
        body.instruction(&Instruction::I32Const(element.cast_signed()));
        body.instruction(&Instruction::CallIndirect { type_index: of, table_index: self.table() });
        body.instruction(&Instruction::End);
        body
    }

    fn ensuring(&self) -> Function {
        let (_, of) = self.module.imports[self.bring as usize];
        let results = self.module.types[of as usize].results().len();
        let mut body = Function::new([]);
        let calls = [
            Instruction::GlobalGet(self.here()),
            Instruction::I32Eqz,
            Instruction::If(BlockType::Empty),
            Instruction::I32Const(1),
            Instruction::Call(self.bring),
        ];
        let drops = std::iter::repeat_n(Instruction::Drop, results);
        for instruction in calls.into_iter().chain(drops).chain([Instruction::End, Instruction::End]) {
            body.instruction(&instruction);
        }
        body
    }

    fn rest(&self) -> Result<Rest, Malformed> {
        let needed = self.needed()?;
        let imported = count(needed.len());
        let own = self.away.iter().map(|function| self.index(*function));
        let mut renumbered = Renumbered(needed.iter().copied().chain(own).zip(0..).collect());
        let mut code = CodeSection::new();
        for function in &self.away {
            renumbered.parse_function_body(&mut code, self.module.bodies[*function as usize].clone())?;
        }
        let mut written = wasm_encoder::Module::new();
        written.section(&self.types()?);
        written.section(&self.imports(&needed)?);
        let mut functions = FunctionSection::new();
        for function in &self.away {
            functions.function(self.module.functions[*function as usize]);
        }
        written.section(&functions);
        let mut elements = ElementSection::new();
        let all: Vec<u32> = (imported..).take(self.away.len()).collect();
        elements.active(Some(self.table()), &ConstExpr::i32_const(0), Elements::Functions(all.into()));
        written.section(&elements).section(&code);
        Ok(Rest { module: written.finish(), needed })
    }

    /// The functions of the first part that functions of the rest name, by their indexes.
    fn needed(&self) -> Result<Vec<u32>, Malformed> {
        let own: BTreeSet<u32> = self.away.iter().map(|function| self.index(*function)).collect();
        let mut named = Named::default();
        for function in &self.away {
            named.parse_function_body(&mut CodeSection::new(), self.module.bodies[*function as usize].clone())?;
        }
        Ok(named.0.into_iter().filter(|function| !own.contains(function)).collect())
    }

    fn imports(&self, needed: &[u32]) -> Result<ImportSection, Malformed> {
        let mut encoder = RoundtripReencoder;
        let mut imports = ImportSection::new();
        for function in needed {
            let of = match self.module.imports.get(*function as usize) {
                Some((_, of)) => *of,
                None => self.module.functions[(function - self.module.imported()) as usize],
            };
            imports.import(FIRST, &name('f', *function), EntityType::Function(of));
        }
        for (of, table) in self.module.tables.iter().zip(0..) {
            imports.import(FIRST, &name('t', table), EntityType::Table(encoder.table_type(*of)?));
        }
        imports.import(FIRST, &name('t', self.table()), EntityType::Table(self.table_type()));
        for (of, memory) in self.module.memories.iter().zip(0..) {
            imports.import(FIRST, &name('m', memory), EntityType::Memory(encoder.memory_type(*of)?));
        }
        for (of, global) in self.module.globals.iter().zip(0..) {
            imports.import(FIRST, &name('g', global), EntityType::Global(encoder.global_type(*of)?));
        }
        Ok(imports)
    }
}

/// An export of the first part for the rest: what it is, and its index in the module.
fn name(kind: char, index: u32) -> String {
    format!("{kind}{index}")
}

/// Writes down each function that code names.
#[derive(Default)]
struct Named(BTreeSet<u32>);

impl Reencode for Named {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        self.0.insert(function);
        Ok(function)
    }
}

/// Gives functions the indexes that they have in the rest.
struct Renumbered(BTreeMap<u32, u32>);

impl Reencode for Renumbered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        // All that code of the rest names is in the map.
        Ok(self.0.get(&function).copied().unwrap_or(function))
    }
}
