//! From the text of an instruction to its bytes: finds the row of the table that takes the operands.

use super::encode::{Encoded, encode};
use super::expression::Scope;
use super::matching::{Candidate, Remark, choose};
use super::operand::{Memory, Operand, OperandKind, operands};
use super::prefix::{self, PREFIXES, Prefixes};
use super::register::Width;
use super::report::{Cause, Fault, nearest};
use super::sorted::Map;
use super::table::{CONDITIONAL, CONDITIONS, Choice, Kind, Row, TABLE};
use super::unmodelled::unmodelled;
use super::value::Value;

/// What an instruction becomes.
pub(super) enum Assembled {
    Fixed(Encoded),
    /// A jump whose length the layout decides, with the prefixes written before it.
    Jump {
        prefixes: Vec<u8>,
        target: Value,
        condition: Option<u8>,
    },
}

/// The table by mnemonic.
pub(super) struct InstructionSet {
    rows: Map<&'static str, Vec<&'static Row>>,
}

impl InstructionSet {
    pub(super) fn new() -> Self {
        let mut rows: Map<&'static str, Vec<&'static Row>> = Map::new();
        for row in TABLE.iter().copied().flatten() {
            rows.get_or_insert_with(row.name, Vec::new).push(row);
        }
        Self { rows }
    }

    /// Assembles `mnemonic operands` with its prefixes. `Ok(None)`: the first word is no mnemonic.
    pub(super) fn assemble(&self, text: &str, scope: &mut dyn Scope) -> Result<Option<(Assembled, Remark)>, Fault> {
        let mut prefixes = Prefixes::default();
        let mut written: Vec<String> = Vec::new();
        let mut rest = text.trim();
        loop {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let word = word.to_ascii_lowercase();
            let Some((_, byte)) = PREFIXES.iter().find(|(name, _)| *name == word) else {
                break;
            };
            if !prefixes.add(*byte) {
                return Err(Cause::new(&word, format!("`{word}` repeats or contradicts another prefix"))
                    .hint("write one prefix of each kind"));
            }
            written.push(word);
            rest = after.trim_start();
        }
        if rest.is_empty() && written.len() > 1 {
            return Err(Cause::new(text, "several prefixes and no instruction").hint("write each on a line of its own"));
        }
        if rest.is_empty() && !written.is_empty() {
            let bytes = prefixes.bytes().collect();
            let encoded = Encoded { bytes, holes: Vec::new() };
            return Ok(Some((Assembled::Fixed(encoded), None)));
        }
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let mnemonic = word.to_ascii_lowercase();
        let candidates = self.candidates(&mnemonic);
        if candidates.is_empty() {
            return if written.is_empty() { Ok(None) } else { Err(self.unknown(word)) };
        }
        let operands = operands(after, scope)?;
        let (choice, remark) = choose(&mnemonic, &candidates, &operands)?;
        for prefix in &written {
            prefix::check(prefix, &choice, &operands)?;
        }
        assemble_choice(choice, &operands, prefixes).map(|assembled| Some((assembled, remark)))
    }

    /// Whether `name` is a mnemonic.
    pub(super) fn knows(&self, name: &str) -> bool {
        !self.candidates(name).is_empty()
    }

    /// The fault of a word that is no mnemonic.
    pub(super) fn unknown(&self, word: &str) -> Fault {
        if let Some(fault) = unmodelled(word) {
            return fault;
        }
        let fault = Cause::new(word, format!("`{word}` is not an instruction, a directive or a macro"));
        match self.nearest(word) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("define it by `.macro` or `#define`; x87, SSE and AVX instructions are not supported"),
        }
    }

    fn nearest(&self, word: &str) -> Option<String> {
        let suffixed = self.rows.iter().flat_map(|(name, rows)| {
            let widths = rows.iter().flat_map(|row| row.widths);
            widths.map(move |width| format!("{name}{}", width.suffix()))
        });
        let conditional =
            CONDITIONAL.iter().flat_map(|stem| CONDITIONS.iter().map(move |(cc, _)| format!("{stem}{cc}")));
        let prefixes = PREFIXES.iter().map(|(name, _)| (*name).to_owned());
        let plain = self.rows.keys().filter(|name| !CONDITIONAL.contains(name)).map(|name| (*name).to_owned());
        let all: Vec<String> = plain.chain(conditional).chain(prefixes).chain(suffixed).collect();
        nearest(word, all.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The rows that `mnemonic` may mean, each with the width from its suffix and its condition code.
    fn candidates(&self, mnemonic: &str) -> Vec<Candidate> {
        let mut list = self.stem(mnemonic, None);
        let suffix = mnemonic.chars().last().and_then(Width::of_suffix);
        if let (Some(width), Some(stem)) = (suffix, mnemonic.get(..mnemonic.len().saturating_sub(1))) {
            let suffixed = self.stem(stem, Some(width));
            list.extend(suffixed.into_iter().filter(|candidate| candidate.row.takes_suffix(width)));
        }
        list
    }

    fn stem(&self, name: &str, suffix: Option<Width>) -> Vec<Candidate> {
        let rows = |stem: &str, condition: u8| -> Vec<Candidate> {
            let rows = self.rows.get(stem).map_or(&[][..], Vec::as_slice).iter();
            rows.map(|row| Candidate { row, suffix, condition }).collect()
        };
        for stem in CONDITIONAL {
            let code = name.strip_prefix(stem).and_then(|cc| CONDITIONS.iter().find(|(name, _)| *name == cc));
            if let Some((_, code)) = code {
                return rows(stem, *code);
            }
        }
        if CONDITIONAL.contains(&name) { Vec::new() } else { rows(name, 0) }
    }
}

fn assemble_choice(choice: Choice, operands: &[Operand], prefixes: Prefixes) -> Result<Assembled, Fault> {
    let target = choice.row.operands.first() == Some(&Kind::Target);
    match operands.first().map(|operand| &operand.kind) {
        Some(OperandKind::Memory(Memory { displacement: Some(value), .. })) if target => Ok(Assembled::Jump {
            prefixes: prefixes.bytes().collect(),
            target: value.clone(),
            condition: choice.row.how.condition.then_some(choice.condition),
        }),
        _ => encode(choice, operands, prefixes).map(Assembled::Fixed),
    }
}
