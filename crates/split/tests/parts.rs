//! Both parts together do what the module did, whichever functions come first. Node runs them.

use cr3_split::{Module, called, split, watched};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemArg, MemorySection, MemoryType, RefType,
    TableSection, TableType, TypeSection, ValType,
};

/// Runs the module that it is given, and then that of each subset of its functions in two parts. Prints what each came to.
const RUN: &str = r#"
import { readFileSync, existsSync } from "node:fs";
const folder = process.argv[1];
const module = (name) => new WebAssembly.Module(readFileSync(`${folder}/${name}.wasm`));
function run(whole, rest) {
  const said = [];
  let first;
  const bring = (now) => {
    if (now !== 1 || first.rest_is_here.value) throw new Error("it is there");
    new WebAssembly.Instance(rest, { first });
    first.rest_is_here.value = 1;
    return 7;
  };
  first = new WebAssembly.Instance(whole, { js: { log: (number) => said.push(number), bring } }).exports;
  said.push(first.add(2, 3), first.weigh(5n), first.count(6), first.through(0), first.through(1), first.add(4, 4));
  said.push(first.counted.value, new Uint8Array(first.memory.buffer, 0, 8).join(" "));
  const marks = Object.keys(first).filter((name) => name.startsWith("called") && first[name].value);
  return [said.join(","), marks.join(" ")];
}
console.log(run(module("whole"))[0]);
console.log(run(module("watched"))[1]);
for (let set = 0; existsSync(`${folder}/first${set}.wasm`); set++) console.log(run(module(`first${set}`), module(`rest${set}`))[0]);
"#;

const FUNCTIONS: u32 = 7;

/// A module with what splitting has to keep: parameters and results of all kinds, calls in a circle, calls by a table, a global, a
/// memory, and calls of what it imports. Its last function is called by nobody.
fn module() -> Vec<u8> {
    const LOG: u32 = 0;
    const FIRST: u32 = 2;
    let [add, weigh, count, odd, through, multiply, unused] = [0, 1, 2, 3, 4, 5, 6].map(|at| FIRST + at);
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], []);
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I64], [ValType::I64, ValType::F64]);
    let mut imports = ImportSection::new();
    imports.import("js", "log", EntityType::Function(0)).import("js", "bring", EntityType::Function(1));
    let mut functions = FunctionSection::new();
    [2, 3, 0, 0, 1, 2, 0].into_iter().for_each(|of| {
        functions.function(of);
    });
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 2,
        maximum: None,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    for (name, function) in [("add", add), ("weigh", weigh), ("count", count), ("through", through)] {
        exports.export(name, ExportKind::Func, function);
    }
    exports.export("memory", ExportKind::Memory, 0).export("counted", ExportKind::Global, 0);
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(vec![add, multiply].into()));
    let mut code = CodeSection::new();
    let mut body = |write: &dyn Fn(&mut wasm_encoder::InstructionSink<'_>)| {
        let mut function = Function::new([]);
        write(&mut function.instructions());
        code.function(&function);
    };
    let byte = MemArg { offset: 0, align: 0, memory_index: 0 };
    body(&|it| {
        it.local_get(0).local_get(1).i32_add().end();
    });
    body(&|it| {
        it.local_get(0).i64_const(3).i64_mul().local_get(0).f64_convert_i64_s().end();
    });
    body(&|it| {
        it.local_get(0).if_(BlockType::Empty);
        it.global_get(0).local_get(0).call(add).global_set(0);
        it.local_get(0).local_get(0).i32_store8(byte);
        it.local_get(0).call(LOG);
        it.local_get(0).i32_const(1).i32_sub().call(odd).end().end();
    });
    body(&|it| {
        it.local_get(0).if_(BlockType::Empty);
        it.local_get(0).i32_const(1).i32_sub().call(count).end().end();
    });
    body(&|it| {
        it.i32_const(6).i32_const(7).local_get(0).call_indirect(0, 2).end();
    });
    body(&|it| {
        it.local_get(0).local_get(1).i32_mul().end();
    });
    body(&|it| {
        it.local_get(0).call(unused).end();
    });
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code);
    module.finish()
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cr3-split-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the parts");
    folder
}

fn run(folder: &Path) -> Vec<String> {
    let output = Command::new("node").args(["--input-type=module", "--eval", RUN, "--"]).arg(folder).output();
    let output = output.expect("Node.js is one of the README's requirements");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn any_two_parts_do_what_the_module_did() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| {
        wasmparser::validate(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        std::fs::write(folder.join(format!("{name}.wasm")), bytes).expect("it is written");
    };
    let bytes = module();
    let module = Module::read(&bytes).expect("a module");
    write("whole", &bytes);
    write("watched", &watched(&module).expect("it is watched"));
    for set in 0..1_u32 << FUNCTIONS {
        let kept: BTreeSet<u32> = (0..FUNCTIONS).filter(|function| set >> function & 1 != 0).collect();
        let parts = split(&module, &kept, "bring").expect("two parts");
        write(&format!("first{set}"), &parts.first);
        write(&format!("rest{set}"), &parts.rest);
    }
    let told = run(&folder);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    let [whole, marks, parts @ ..] = &told[..] else { panic!("{told:?}") };
    assert_eq!(whole, "6,4,2,5,15,5,,13,42,8,12,0 0 2 0 4 0 6 0");
    assert_eq!(called(marks), [0, 1, 2, 3, 4, 5], "all but the last");
    assert_eq!(parts.len(), 128);
    assert!(parts.iter().all(|came| came == whole), "{parts:#?}");
}

#[test]
fn functions_are_small_by_their_bytes() {
    let bytes = module();
    let module = Module::read(&bytes).expect("a module");
    let small = |bytes| module.small(bytes).collect::<Vec<_>>();
    assert_eq!(small(0), []);
    assert_eq!(small(8), [0, 5, 6]);
    assert_eq!(small(1000), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_cannot_be_taken_apart_says_why() {
    let check = |bytes: &[u8], import, expected| {
        let error =
            Module::read(bytes).and_then(|module| split(&module, &BTreeSet::new(), import)).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    };
    let bytes = module();
    check(&bytes, "nobody", "it imports no function nobody that takes one number");
    check(
        b"<html>",
        "bring",
        "magic header not detected: bad magic number - expected=[\n    0x0,\n    0x61,\n    0x73,\n    0x6d,\n] actual=[\n    0x3c,\n    0x68,\n    0x74,\n    0x6d,\n] (at offset 0x0)",
    );
    check(&bytes[..bytes.len() - 3], "bring", "it is cut off");
    let mut imports = ImportSection::new();
    imports.import(
        "js",
        "memory",
        EntityType::Memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }),
    );
    let mut other = wasm_encoder::Module::new();
    other.section(&imports);
    check(&other.finish(), "bring", "memory is imported and is no function");
}
