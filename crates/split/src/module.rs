//! A module as far as taking it apart needs it.

use std::collections::BTreeMap;
use wasm_encoder::RawSection;
use wasmparser::{
    BinaryReader, BinaryReaderError, CompositeInnerType, FuncType, FunctionBody, Parser, Payload, TypeRef,
};

/// Why a module cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// What is wrong with it.
    pub String,
);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<BinaryReaderError> for Malformed {
    fn from(error: BinaryReaderError) -> Self {
        Self(error.to_string())
    }
}

impl From<wasm_encoder::reencode::Error> for Malformed {
    fn from(error: wasm_encoder::reencode::Error) -> Self {
        Self(error.to_string())
    }
}

/// The sections of a module, by their numbers in the binary format (WebAssembly core specification 5.5.2).
pub(crate) mod section {
    pub(crate) const TYPE: u8 = 1;
    pub(crate) const FUNCTION: u8 = 3;
    pub(crate) const TABLE: u8 = 4;
    pub(crate) const GLOBAL: u8 = 6;
    pub(crate) const EXPORT: u8 = 7;
    pub(crate) const CODE: u8 = 10;

    /// All of them, in the order in which a module has them.
    pub(crate) const ALL: [u8; 12] = [TYPE, 2, FUNCTION, TABLE, 5, GLOBAL, EXPORT, 8, 9, 12, CODE, 11];
}

/// A module that imports nothing but functions, as wasm-bindgen makes them for one thread.
#[derive(Debug)]
pub struct Module<'bytes> {
    bytes: &'bytes [u8],
    /// Sections by their numbers, without custom ones.
    sections: BTreeMap<u8, &'bytes [u8]>,
    pub(crate) types: Vec<FuncType>,
    /// Name and type of each imported function. They are the first functions of the module.
    pub(crate) imports: Vec<(&'bytes str, u32)>,
    /// The type of each function that the module defines.
    pub(crate) functions: Vec<u32>,
    pub(crate) tables: Vec<wasmparser::TableType>,
    pub(crate) memories: Vec<wasmparser::MemoryType>,
    pub(crate) globals: Vec<wasmparser::GlobalType>,
    pub(crate) exports: Vec<wasmparser::Export<'bytes>>,
    /// The body of each function that the module defines.
    pub(crate) bodies: Vec<FunctionBody<'bytes>>,
}

impl<'bytes> Module<'bytes> {
    /// The functions that have at most so many bytes of code, as indexes into those that the module defines.
    pub fn small(&self, bytes: usize) -> impl Iterator<Item = u32> {
        let small = move |body: &FunctionBody<'_>| body.as_bytes().len() <= bytes;
        self.bodies.iter().zip(0..).filter(move |(body, _)| small(body)).map(|(_, function)| function)
    }

    /// Reads a module in the binary format.
    ///
    /// # Errors
    /// The bytes are no module, or one that imports something else than functions.
    pub fn read(bytes: &'bytes [u8]) -> Result<Self, Malformed> {
        let mut module = Self {
            bytes,
            sections: BTreeMap::new(),
            types: Vec::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            exports: Vec::new(),
            bodies: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(bytes) {
            module.take(payload?)?;
        }
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'bytes>) -> Result<(), Malformed> {
        if let Some((id, range)) = payload.as_section().filter(|_| !matches!(payload, Payload::CustomSection(_))) {
            let data = self.bytes.get(range).ok_or_else(|| Malformed("it is cut off".to_owned()))?;
            self.sections.insert(id, data);
        }
        match payload {
            Payload::TypeSection(reader) => {
                for group in reader {
                    self.types.extend(group?.into_types().map(function_type).collect::<Result<Vec<_>, _>>()?);
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let import = import?;
                    let TypeRef::Func(of) = import.ty else {
                        return Err(Malformed(format!("{} is imported and is no function", import.name)));
                    };
                    self.imports.push((import.name, of));
                }
            }
            Payload::FunctionSection(reader) => self.functions = reader.into_iter().collect::<Result<_, _>>()?,
            Payload::TableSection(reader) => {
                let tables = reader.into_iter().map(|table| Ok(table?.ty));
                self.tables = tables.collect::<Result<_, Malformed>>()?;
            }
            Payload::MemorySection(reader) => self.memories = reader.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(reader) => {
                let globals = reader.into_iter().map(|global| Ok(global?.ty));
                self.globals = globals.collect::<Result<_, Malformed>>()?;
            }
            Payload::ExportSection(reader) => self.exports = reader.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            _ => {}
        }
        Ok(())
    }

    /// A section as it is, if the module has one.
    pub(crate) fn raw(&self, id: u8) -> Option<RawSection<'bytes>> {
        self.sections.get(&id).map(|data| RawSection { id, data })
    }

    /// What reads a section. One that the module does not have is empty.
    pub(crate) fn reader(&self, id: u8) -> BinaryReader<'bytes> {
        const EMPTY: &[u8] = &[0];
        BinaryReader::new(self.sections.get(&id).copied().unwrap_or(EMPTY), 0)
    }

    /// The bytes of a function's body before and from its first instruction on.
    pub(crate) fn around_start(&self, body: &FunctionBody<'bytes>) -> Result<[&'bytes [u8]; 2], Malformed> {
        let start = body.get_operators_reader()?.original_position();
        Ok([&self.bytes[body.range().start..start], &self.bytes[start..body.range().end]])
    }

    /// The number of functions that the module imports, which is the index of the first that it defines.
    pub(crate) fn imported(&self) -> u32 {
        count(self.imports.len())
    }
}

/// Modules of 2^32 things do not fit into the binary format.
pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn function_type(of: wasmparser::SubType) -> Result<FuncType, Malformed> {
    match of.composite_type.inner {
        CompositeInnerType::Func(of) => Ok(of),
        _ => Err(Malformed("it has a type that is no function's".to_owned())),
    }
}
