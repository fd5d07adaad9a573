//! A text with as many headers as the kernel's entry code has, in our words: guards, `#define`s that name others, comments,
//! lines that an `#if` leaves out, and a macro in each.

use cr3_core::asm::{Assembled, Files, Includes, Options, Severity, Source, assemble_including};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Headers that arch/x86/entry/entry_64.S of v6.12 includes.
const HEADERS: usize = 98;

/// Their lines, on average.
const LINES: usize = 190;

/// Calls of the headers' macros in the text that includes them: as many instructions as entry_64.S has.
const CALLS: usize = 800;

/// The headers by path.
pub(super) struct Headers(BTreeMap<String, String>);

impl Files for Headers {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        Ok(self.0.get(path).cloned())
    }
}

impl Headers {
    pub(super) fn new() -> Self {
        Self((0..HEADERS).map(|number| (format!("include/asm/h{number}.h"), header(number))).collect())
    }

    /// Assembles a text that includes all. It has no errors.
    pub(super) fn assemble(&self) -> Assembled {
        let mut text: String = (0..HEADERS).map(|number| format!("#include <asm/h{number}.h>\n")).collect();
        for call in 0..CALLS {
            let number = call % HEADERS;
            let _ = writeln!(text, "\tm{number} %rax, H{number}_BIT_{}\n\tjne 1f\n1:", call % 60);
        }
        let folders = ["include".to_owned()];
        let includes = Includes { files: self, folders: &folders };
        let source = Source { name: "entry/entry.S".to_owned(), text };
        let assembled = assemble_including(&[source], &includes, &Options::default());
        assert!(
            assembled.diagnostics.iter().all(|told| told.severity != Severity::Error),
            "{:?}",
            assembled.diagnostics
        );
        assembled
    }
}

/// One header. It includes the next, so that a chain of them is open, as in the kernel.
fn header(number: usize) -> String {
    let next = if number.is_multiple_of(8) { number } else { number - 1 };
    let mut text = format!("#ifndef H{number}_H\n#define H{number}_H\n#include <asm/h{next}.h>\n");
    let mut lines = 10;
    for bit in 0.. {
        if lines >= LINES {
            break;
        }
        let _ = writeln!(text, "#define H{number}_SHIFT_{bit}\t({bit} & 31) /* the place of a bit */");
        let _ = writeln!(text, "#define H{number}_BIT_{bit}\t(1 << H{number}_SHIFT_{bit})");
        let _ = writeln!(text, "#ifndef __ASSEMBLY__\nextern int h{number}_{bit};\n#endif");
        lines += 5;
    }
    text + &format!(".macro m{number} to:req value:req\n\tadd $\\value, \\to\n.endm\n#endif\n")
}
