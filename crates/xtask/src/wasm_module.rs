//! Which crates the code of a WebAssembly module comes from, by the names that its functions still have.

use std::collections::{BTreeMap, BTreeSet};

/// Sections of the binary format (WebAssembly core specification 5.5.2), and the part of the name section with functions (7.4.1).
const CUSTOM: u8 = 0;
const IMPORTS: u8 = 2;
const CODE: u8 = 10;
const FUNCTION_NAMES: u8 = 1;

/// Kinds of an import, by how many numbers describe its type.
const FUNCTION: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;

/// Code of no crate in Cargo.lock: the standard library, and whatever the compiler adds.
const STANDARD: &str = "std and what of it is generic";

/// Bytes of code of each crate, the largest first. None if `module` is no module or its functions have no names.
pub(crate) fn code_by_crate(module: &[u8], crates: &BTreeSet<String>) -> Option<Vec<(String, u64)>> {
    let functions = functions(module)?;
    let mut sizes = BTreeMap::<&str, u64>::new();
    for (name, size) in &functions {
        *sizes.entry(crate_of(name, crates)).or_default() += size;
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().map(|(name, size)| (name.to_owned(), size)).collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    Some(sizes)
}

/// The first crate that a mangled name (`_ZN8cr3_core5linux4boot17h0123456789abcdefE`) or one of its types mentions.
fn crate_of<'names>(mangled: &str, crates: &'names BTreeSet<String>) -> &'names str {
    let mut rest = mangled.strip_prefix("_ZN").unwrap_or_default();
    while let Some(digits) = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0) {
        let (length, after) = rest.split_at(digits);
        let Some((segment, after)) = length.parse().ok().and_then(|length| after.split_at_checked(length)) else {
            break;
        };
        let mut words = segment.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if let Some(found) = words.find_map(|word| crates.get(word)) {
            return found;
        }
        rest = after;
    }
    STANDARD
}

/// Name and bytes of each function that has code.
fn functions(module: &[u8]) -> Option<Vec<(String, u64)>> {
    let mut reader = Reader(module.strip_prefix(b"\0asm\x01\0\0\0")?);
    let (mut imported, mut sizes, mut names) = (0, Vec::new(), None);
    while !reader.0.is_empty() {
        let (kind, mut body) = (reader.byte()?, reader.block()?);
        match kind {
            IMPORTS => imported = imported_functions(&mut body)?,
            CODE => sizes = body.list(|body| Some(body.block()?.0.len() as u64))?,
            CUSTOM if body.text()? == "name" => names = Some(function_names(&mut body)?),
            _ => {}
        }
    }
    let mut names = names?;
    let named = sizes.into_iter().zip(imported..).map(|(size, index)| (names.remove(&index).unwrap_or_default(), size));
    Some(named.collect())
}

fn imported_functions(body: &mut Reader<'_>) -> Option<u64> {
    let kinds = body.list(|body| {
        body.text()?;
        body.text()?;
        let kind = body.byte()?;
        match kind {
            FUNCTION => body.number().map(drop)?,
            TABLE => body.byte().and_then(|_| body.limits())?,
            MEMORY => body.limits()?,
            GLOBAL => body.byte().and_then(|_| body.byte()).map(drop)?,
            _ => return None,
        }
        Some(kind)
    })?;
    Some(kinds.into_iter().filter(|kind| *kind == FUNCTION).count() as u64)
}

fn function_names(body: &mut Reader<'_>) -> Option<BTreeMap<u64, String>> {
    while !body.0.is_empty() {
        let (kind, mut part) = (body.byte()?, body.block()?);
        if kind == FUNCTION_NAMES {
            return Some(part.list(|part| Some((part.number()?, part.text()?.to_owned())))?.into_iter().collect());
        }
    }
    None
}

/// The bytes that are still to be read.
struct Reader<'bytes>(&'bytes [u8]);

impl<'bytes> Reader<'bytes> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// LEB128, unsigned.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Bytes preceded by their number.
    fn block(&mut self) -> Option<Reader<'bytes>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Reader(block))
    }

    fn text(&mut self) -> Option<&'bytes str> {
        std::str::from_utf8(self.block()?.0).ok()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.number()?).map(|_| item(self)).collect()
    }

    /// A minimum size, and a maximum one if the first bit says so.
    fn limits(&mut self) -> Option<()> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 != 0 {
            self.number()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates() -> BTreeSet<String> {
        ["cr3_core", "yew"].map(str::to_owned).into()
    }

    #[test]
    fn a_name_belongs_to_the_first_crate_in_it() {
        let check = |name, expected| assert_eq!(crate_of(name, &crates()), expected, "{name}");
        check("_ZN8cr3_core5linux4boot17h0123456789abcdefE", "cr3_core");
        check("_ZN51_$LT$yew..html..Node$u20$as$u20$core..clone..Clone$GT$5clone17h0123456789abcdefE", "yew");
        check("_ZN4core3ptr37drop_in_place$LT$cr3_core..run..Run$GT$17h0123456789abcdefE", "cr3_core");
        check("_ZN5alloc3vec9from_elem17h0123456789abcdefE", STANDARD);
        check("__wbindgen_malloc", STANDARD);
        check("_ZN9999x", STANDARD);
    }

    /// A module that imports a function, a memory, a table and a global, and has two functions of 3 and 2 bytes.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x02\x1e\x04\x01a\x01b\x00\x00\x01a\x01m\x02\x00\x01\x01a\x01t\x01\x70\x01\x01\x02\x01a\x01g\x03\x7f\x00\
        \x0a\x08\x02\x03\x00\x01\x0b\x02\x00\x0b\
        \x00\x29\x04name\x00\x02\x01m\x01\x1e\x02\x01\x0c_ZN3yew1a1hE\x02\x0d_ZN4core1a1hE";

    #[test]
    fn code_is_counted_by_crate() {
        let found = code_by_crate(MODULE, &crates());
        assert_eq!(found, Some(vec![("yew".to_owned(), 3), (STANDARD.to_owned(), 2)]));
        assert_eq!(code_by_crate(&MODULE[..MODULE.len() - 1], &crates()), None, "cut off");
        assert_eq!(code_by_crate(b"\0asm\x01\0\0\0", &crates()), None, "no names");
        assert_eq!(code_by_crate(b"<html>", &crates()), None);
    }
}
