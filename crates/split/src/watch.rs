//! Which functions are called: a module that writes it down.

use crate::module::{Malformed, Module, count, section};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, Encode, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction, ValType,
};
use wasmparser::{ExportSectionReader, GlobalSectionReader};

/// Before the number of a defined function, the name of the exported global that is 1 once it has been called.
const MARK: &str = "called";

/// The same module with an exported global for each function that it defines: `called0` is 1 once the first of them has been
/// called.
///
/// # Errors
/// The module cannot be read.
pub fn watched(module: &Module<'_>) -> Result<Vec<u8>, Malformed> {
    let mut written = wasm_encoder::Module::new();
    for id in section::ALL {
        match id {
            section::GLOBAL => {
                written.section(&globals(module)?);
            }
            section::EXPORT => {
                written.section(&exports(module)?);
            }
            section::CODE => {
                written.section(&code(module)?);
            }
            _ => module.raw(id).iter().for_each(|raw| {
                written.section(raw);
            }),
        }
    }
    Ok(written.finish())
}

/// The functions that the module defines, each with the index of its global.
fn marks(module: &Module<'_>) -> impl Iterator<Item = (usize, u32)> {
    (0..module.functions.len()).zip(count(module.globals.len())..)
}

fn globals(module: &Module<'_>) -> Result<GlobalSection, Malformed> {
    let mut globals = GlobalSection::new();
    let reader = GlobalSectionReader::new(module.reader(section::GLOBAL))?;
    RoundtripReencoder.parse_global_section(&mut globals, reader)?;
    for _ in marks(module) {
        let mark = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(mark, &ConstExpr::i32_const(0));
    }
    Ok(globals)
}

fn exports(module: &Module<'_>) -> Result<ExportSection, Malformed> {
    let mut exports = ExportSection::new();
    let reader = ExportSectionReader::new(module.reader(section::EXPORT))?;
    RoundtripReencoder.parse_export_section(&mut exports, reader)?;
    for (function, global) in marks(module) {
        exports.export(&format!("{MARK}{function}"), ExportKind::Global, global);
    }
    Ok(exports)
}

/// Each function, with the assignment to its global before its first instruction.
fn code(module: &Module<'_>) -> Result<CodeSection, Malformed> {
    let mut code = CodeSection::new();
    for (body, (_, global)) in module.bodies.iter().zip(marks(module)) {
        let [locals, instructions] = module.around_start(body)?;
        let mut marked = locals.to_vec();
        Instruction::I32Const(1).encode(&mut marked);
        Instruction::GlobalSet(global).encode(&mut marked);
        marked.extend(instructions);
        code.raw(&marked);
    }
    Ok(code)
}

/// The numbers of the functions whose globals are named in `names`.
#[must_use]
pub fn called(names: &str) -> Vec<u32> {
    names.split_whitespace().filter_map(|name| name.strip_prefix(MARK)?.parse().ok()).collect()
}
