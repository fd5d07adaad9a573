//! Random texts against GNU `as`: valid ones byte for byte, damaged ones for a diagnostic.
//!
//! What gas refuses must be an error here. What gas accepts must have its bytes here, or be an error if the text uses
//! something unsupported. `PROPTEST_RNG_SEED` is the first seed, `CR3_CASES_TIMES` multiplies the number of texts.

use std::collections::BTreeMap;

use cr3_asm::{Options, Source, assemble};
use proptest::test_runner::RngSeed;

use crate::files::ALTERNATIVES;
use crate::generate;
use crate::support::{check_told, errors};
use cr3_testing::Random;
use cr3_testing::cases;
use cr3_testing::gas::{have_binutils, hex, linked};

const FEATURES: [&str; 2] = ["X86_FEATURE_PTI", "X86_FEATURE_PCID"];
/// Address of the first text of a batch, and the distance between texts.
const BASE: u64 = 0x40_0000;
const APART: u64 = 0x1_0000;
/// Texts in one call of `as`.
const BATCH: usize = 500;

/// The texts of a run: a random generator from the seed, and how many to draw.
fn drawn(usual: u32) -> (Random, usize) {
    let config = cases(usual);
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 1,
    };
    (Random(seed), config.cases as usize)
}

/// The sections of a text with their bases: the one that it begins in, and another.
fn sections(at: usize) -> [(String, u64); 2] {
    let base = BASE + APART * at as u64;
    [(format!(".t{at}"), base), (format!(".u{at}"), base + APART / 2)]
}

fn begin(at: usize, text: &str) -> String {
    format!(".section .t{at},\"ax\"\n{text}")
}

/// The bytes of both sections, one after the other.
fn joined<'b>(at: usize, bytes: impl Fn(&str) -> Option<&'b [u8]>) -> Vec<u8> {
    sections(at).iter().flat_map(|(name, _)| bytes(name).unwrap_or(&[]).to_vec()).collect()
}

/// The result of an assembler: bytes, or why not.
type Made = Result<Vec<u8>, String>;

/// What we make of text number `at`.
fn ours(at: usize, text: &str) -> Made {
    let options = Options {
        features: FEATURES.iter().map(|feature| (*feature).to_owned()).collect(),
        sections: sections(at).into(),
        discarded: [".discard".to_owned()].into(),
        ..Options::default()
    };
    let source = Source { name: "random.S".into(), text: begin(at, text) };
    let (image, diagnostics) = assemble(&[source], &options);
    check_told(&diagnostics);
    let errors = errors(&diagnostics);
    let bytes = |name: &str| Some(&*image.sections.iter().find(|section| section.name == name)?.bytes);
    if errors.is_empty() { Ok(joined(at, bytes)) } else { Err(errors.join("; ")) }
}

/// A text with its number.
type Numbered = (usize, String);

/// What gas and ld make of each text. Repeats without the texts that they complain about.
fn by_gas(texts: &[Numbered]) -> BTreeMap<usize, Made> {
    let mut refused: BTreeMap<usize, Made> = BTreeMap::new();
    loop {
        let left: Vec<&Numbered> = texts.iter().filter(|(at, _)| !refused.contains_key(at)).collect();
        let file = File::joining(&left);
        let messages = match linked(&file.text, &file.bases) {
            Ok(sections) => {
                let bytes = |at| joined(at, |name| sections.get(name).map(Vec::as_slice));
                refused.extend(left.into_iter().map(|(at, _)| (*at, Ok(bytes(*at)))));
                return refused;
            }
            Err(messages) => messages,
        };
        let complaints = file.complaints(&messages);
        if complaints.is_empty() {
            // It names no line if a numeric label is missing.
            refused.extend(halves(&left, &messages));
            return refused;
        }
        refused.extend(complaints.into_iter().map(|(at, message)| (at, Err(message))));
    }
}

fn halves(texts: &[&Numbered], messages: &str) -> BTreeMap<usize, Made> {
    if let [(at, _)] = texts {
        return BTreeMap::from([(*at, Err(messages.to_owned()))]);
    }
    let (first, second) = texts.split_at(texts.len() / 2);
    [first, second].into_iter().flat_map(|half| by_gas(&half.iter().copied().cloned().collect::<Vec<_>>())).collect()
}

/// Several texts for `as`, each in a section of its own.
struct File {
    text: String,
    bases: Vec<(String, u64)>,
    /// The line at which each text begins, and its number.
    starts: Vec<(usize, usize)>,
}

/// Kernel headers define a word that a damaged mnemonic may become, and so does our prelude.
const HEADERS: &str = ".macro ENDBR\nendbr64\n.endm\n";

impl File {
    fn joining(texts: &[&Numbered]) -> Self {
        let features: String = FEATURES.iter().map(|feature| format!("{feature} = 1\n")).collect();
        let mut file =
            Self { text: format!("{features}{ALTERNATIVES}{HEADERS}"), bases: Vec::new(), starts: Vec::new() };
        let mut line = file.text.lines().count() + 1;
        for (at, text) in texts {
            let text = format!("{}\n", begin(*at, text));
            file.bases.extend(sections(*at));
            file.starts.push((line, *at));
            line += text.lines().count();
            file.text += &text;
        }
        file
    }

    /// The texts that the messages are about: `as` names lines, and after a line of a macro's body those of its calls;
    /// `ld` names sections.
    fn complaints(&self, messages: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut message = "";
        for line in messages.lines() {
            let section = line.split_once("(.t").or_else(|| line.split_once("(.u"));
            if let Some((at, what)) = section.and_then(|(_, rest)| rest.split_once('+')) {
                found.extend(at.parse().map(|at| (at, what.to_owned())));
            } else if let Some((place, what)) = line.split_once(": Error: ") {
                message = what;
                found.extend(self.text_at(place).map(|at| (at, message.to_owned())));
            } else if let (Some((place, _)), false) = (line.split_once(":  Info: macro"), message.is_empty()) {
                found.extend(self.text_at(place).map(|at| (at, message.to_owned())));
            } else {
                message = "";
            }
        }
        found
    }

    fn text_at(&self, place: &str) -> Option<usize> {
        let number: usize = place.rsplit(':').next()?.parse().ok()?;
        self.starts.iter().rev().find(|(start, _)| *start <= number).map(|(_, at)| *at)
    }
}

/// How a text went if both agree; else the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    SameBytes,
    BothRefuse,
    OnlyGasTakes,
}

fn compare(text: &str, gas: &Made, ours: &Made) -> Result<Agreement, String> {
    match (gas, ours) {
        (Ok(gas), Ok(ours)) if gas == ours => Ok(Agreement::SameBytes),
        (Ok(gas), Ok(ours)) => Err(format!("{text}\n  as:   {}\n  ours: {}\n", hex(gas), hex(ours))),
        (Ok(_), Err(_)) => Ok(Agreement::OnlyGasTakes),
        (Err(_), Err(_)) => Ok(Agreement::BothRefuse),
        (Err(why), Ok(ours)) => Err(format!("{text}\n  as:   refused: {why}\n  ours: {}\n", hex(ours))),
    }
}

/// Compares once more, without what other texts of the batch may have defined.
fn compare_alone(text: &str) -> Result<Agreement, String> {
    let text = text.replace('#', "0");
    let gas = by_gas(&[(0, text.clone())]);
    compare(&text, &gas[&0], &ours(0, &text))
}

/// How many texts went which way, in one call of `as`.
fn play_batch(batch: &[String], wrong: &mut Vec<String>) -> [usize; 3] {
    let mut counts = [0; 3];
    let numbered = batch.iter().enumerate().map(|(at, text)| (at, text.replace('#', &at.to_string())));
    let numbered: Vec<Numbered> = numbered.collect();
    let gas = by_gas(&numbered);
    for (at, text) in &numbered {
        match compare(text, &gas[at], &ours(*at, text)).or_else(|_| compare_alone(&batch[*at])) {
            Ok(agreement) => counts[agreement as usize] += 1,
            Err(difference) => wrong.push(difference),
        }
    }
    counts
}

/// How many texts went which way, with `size` of them in each call of `as`. A difference ends the test.
fn play(texts: &[String], size: usize) -> [usize; 3] {
    let mut wrong = Vec::new();
    let batches = texts.chunks(size).map(|batch| play_batch(batch, &mut wrong));
    let counts = batches.fold([0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]));
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), texts.len(), wrong.join("\n"));
    counts
}

#[test]
fn lines_of_every_row_have_the_bytes_of_gas() {
    if !have_binutils() {
        return;
    }
    let (mut random, each) = drawn(4);
    let texts = generate::lines_of_every_row(&mut random, each);
    let [same, refused, left] = play(&texts, BATCH);
    println!("{same} lines with the same bytes, {refused} refused by both, {left} taken by gas only");
    assert!(same > texts.len() * 8 / 10, "{same} of {} lines are valid", texts.len());
}

#[test]
fn programs_have_the_bytes_of_gas() {
    if !have_binutils() {
        return;
    }
    let (mut random, count) = drawn(400);
    let texts: Vec<String> = (0..count).map(|_| generate::program(&mut random)).collect();
    let [same, refused, left] = play(&texts, BATCH);
    println!("{same} programs with the same bytes, {refused} refused by both, {left} taken by gas only");
    assert!(same > count * 7 / 10, "{same} of {count} programs are valid");
}

#[test]
fn damaged_lines_get_an_error_or_the_bytes_of_gas() {
    if !have_binutils() {
        return;
    }
    let (mut random, count) = drawn(600);
    let texts: Vec<String> = (0..count).map(|_| generate::damaged_line(&mut random)).collect();
    let [same, refused, left] = play(&texts, BATCH);
    println!("{same} damaged lines with the same bytes, {refused} refused by both, {left} taken by gas only");
    assert!(refused > count / 3, "{refused} of {count} damaged lines are refused");
}

/// One at a time: a lost `.endm` swallows what follows.
#[test]
fn damaged_programs_get_an_error_or_the_bytes_of_gas() {
    if !have_binutils() {
        return;
    }
    let (mut random, count) = drawn(200);
    let texts: Vec<String> = (0..count).map(|_| generate::damaged_program(&mut random)).collect();
    let [same, refused, left] = play(&texts, 1);
    println!("{same} damaged programs with the same bytes, {refused} refused by both, {left} taken by gas only");
    assert!(refused > count / 4, "{refused} of {count} damaged programs are refused");
}

/// What random texts have found.
#[test]
fn findings_stay_mended() {
    if !have_binutils() {
        return;
    }
    let texts = [
        "a:\n.long a-2107485356\n",
        "a:\n.long a+4\n.word 0-9\n.long 0-9\n",
        "ENDBR\n",
        ".if 0\n\tpush $1\n.else\n\tpush $2\n.end\n",
        "nop\n.balignw 8\nnop\n.p2alignl 3\n.data\n.byte 1\n.balignl 8\n.byte 2\n.byte 3\n.balignw 4,7\n",
    ];
    assert_eq!(play(&texts.map(str::to_owned), 1), [3, 2, 0]);
}
