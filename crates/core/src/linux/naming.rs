//! Names for the places of a tree: those that the built-in text gives to what stands there.
//!
//! A schedule, a promise and a claim name places by labels of the built-in text. Linux lacks some of these, and has others. Where
//! both texts run in lockstep, a place of the tree has the built-in name, and the tree's own label is understood beside it. The built-in
//! text understands the labels of Linux that begin no place in it.

use super::lockstep::{Code, Found, Macro, Mitigations, goes_on, walk};
use super::own::note_kind::TAKEN;
use super::tree::{Checked, Configured, ENTRY, ENTRY_INDEX, Tree};
use crate::asm::{Diagnostic, Image, Position, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// Labels of Linux (arch/x86/entry/entry_64.S, v6.12) that begin no place in the built-in text, and its labels of what stands there.
const OF_LINUX: [(&str, &str); 2] =
    [("common_interrupt_return", "swapgs_restore_regs_and_return_to_usermode"), ("nmi_swapgs", ".Lnmi_swapgs")];

/// Lets the built-in text understand the labels of Linux.
pub(crate) fn understand_linux(image: &mut Image) {
    for (theirs, ours) in OF_LINUX {
        // A patch may have brought the label.
        if let (None, Some(address)) = (image.symbols.get(theirs), image.symbols.get(ours).copied()) {
            image.aliases.insert(theirs.to_owned(), address);
        }
    }
}

/// Gives a tree's image the names of the built-in text. The notes say what stands for the C side, what of the tree's configuration a
/// person's `settings` leave in force, and which names of the built-in text are of no use here.
pub(crate) fn adopt(image: &mut Image, tree: &Tree, settings: &str, built_in: &Image) -> Vec<Diagnostic> {
    mark_instructions(image);
    let ours = Code::new(built_in);
    let found = walk(&ours, &Code::new(image), (Macro::Passed, Mitigations::Passed), None);
    let theirs: BTreeMap<String, u64> =
        Code::new(image).entries().map(|(name, address)| (name.to_owned(), address)).collect();
    let labels: BTreeMap<&str, u64> = ours.entries().collect();
    for (name, address) in theirs.iter().filter(|(name, _)| !labels.contains_key(name.as_str())) {
        // A label inside code that both have begins no place: places count from the built-in text's labels there.
        if found.back.contains_key(address) {
            image.symbols.remove(name);
            image.aliases.insert(name.clone(), *address);
        }
    }
    let mut missing = Vec::new();
    for (name, address) in labels.iter().filter(|(name, _)| !theirs.contains_key(**name)) {
        match stands(&ours, &found, *address) {
            Some(there) => drop(image.symbols.insert((*name).to_owned(), there)),
            None if is_code(built_in, *address) => missing.push(*name),
            None => {}
        }
    }
    image.absent = missing.iter().map(|name| (*name).to_owned()).collect();
    let counted = counted_otherwise(&ours, &Code::new(image), &found);
    let named = [
        (missing, "these labels of the built-in text have no place here, as the texts differ before them"),
        (counted, "instructions after these labels are counted differently here than in the built-in text"),
    ];
    let said = named.into_iter().filter(|(labels, _)| !labels.is_empty());
    let lists = said.map(|(labels, what)| note(what.to_owned(), labels.join(", ")));
    of_c_side(tree)
        .into_iter()
        .chain(of_switching(tree))
        .chain(of_configuration(&tree.configured().beside(settings)))
        .chain(lists)
        .collect()
}

/// Whether an instruction is at the address.
fn is_code(image: &Image, address: u64) -> bool {
    image.listing.iter().any(|line| line.instruction && line.address == address)
}

/// Where a label of ours stands in the tree: at what pairs with its instruction, or where the texts part.
fn stands(ours: &Code<'_>, found: &Found, address: u64) -> Option<u64> {
    let address = ours.past_nops(address);
    let parting = || found.partings.iter().find(|parting| parting.ours == address).map(|parting| parting.theirs);
    found.pairs.get(&address).copied().or_else(parting)
}

/// What stands for the tree's C side.
fn of_c_side(tree: &Tree) -> Option<Diagnostic> {
    if tree.is_alone() {
        let what = "a whole entry_64.S that came without its tree: its calling.h, its headers and the C side are stand-ins \
                    modelled on v6.12";
        return Some(note(format!("{TAKEN}{what}"), "open the folder of its tree for its own".to_owned()));
    }
    let release = tree.release();
    let what = format!("the C side of {release} is unchecked: the nearest that is modelled is that of v6.12");
    let held = "the entry texts of v6.1 and v6.12 were compared with it".to_owned();
    let known = release.otherwise().map(|what| format!("; in {release} {what}"));
    let unchecked = || note(what, [held].into_iter().chain(known).collect());
    (release.checked() == Checked::Unchecked).then(unchecked)
}

/// What is assumed where the tree lacks the text that tells.
fn of_switching(tree: &Tree) -> Option<Diagnostic> {
    let what = "the tree has no arch/x86/mm/tlb.c, so switch_mm_irqs_off says that it is switching after it chooses an ASID, as in v6.12";
    let hint = "--kernel early-switching says it before, as v6.12.y and v6.17 do since a fix of 2025";
    (tree.lacks_switching() && !tree.is_alone()).then(|| note(what.to_owned(), hint.to_owned()))
}

/// What was taken of the tree's configuration, and what was not.
fn of_configuration(configured: &Configured) -> impl Iterator<Item = Diagnostic> + use<> {
    let words = configured.words();
    let taken = (!words.is_empty()).then(|| note(words, "--config NAME=y or NAME=n changes one".to_owned()));
    let off = configured
        .off()
        .map(|(names, why)| note(names, format!("{}; --config NAME=y sets one all the same", why.join("; "))));
    let otherwise = configured.otherwise().map(|names| {
        let hint =
            "the machine decides these, whatever the .config says; --config NAME=y or NAME=n sets one all the same";
        note(names, hint.to_owned())
    });
    taken.into_iter().chain(off).chain(otherwise)
}

fn note(message: String, hint: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Note,
        position: Position { source: ENTRY_INDEX, line: 0, column: 0 },
        source: ENTRY.to_owned(),
        message,
        hint: Some(hint),
        expansion: Vec::new(),
    }
}

/// Our labels after which a place of ours has another name in the tree.
fn counted_otherwise<'i>(ours: &Code<'i>, theirs: &Code<'_>, found: &Found) -> Vec<&'i str> {
    let (o, t) = (places(ours), places(theirs));
    let mut labels = BTreeSet::new();
    for (our, their) in &found.pairs {
        if let (Some((label, offset)), Some(there)) = (o.get(our), t.get(their)) {
            let paired = found.pairs.get(&ours.past_nops(*label));
            if paired.is_some_and(|paired| (*paired, *offset) != *there) {
                labels.extend(ours.names(*label).iter().filter(|name| !name.starts_with(".L")));
            }
        }
    }
    labels.into_iter().collect()
}

/// Each instruction of entry code with the address of the label before it, and how many are between.
fn places(code: &Code<'_>) -> BTreeMap<u64, (u64, usize)> {
    let labels: BTreeSet<u64> = code.entries().map(|(_, address)| address).collect();
    let lines = code.image.listing.iter().filter(|line| line.instruction && code.is_entry(line.address));
    let addresses: BTreeSet<u64> = lines.map(|line| line.address).collect();
    let mut places = BTreeMap::new();
    let (mut label, mut offset) = (0, 0);
    for address in addresses {
        if let Some(begun) = labels.range(label + 1..=address).next_back() {
            (label, offset) = (*begun, 0);
        }
        places.insert(address, (label, offset));
        offset += 1;
    }
    places
}

/// Instructions that a text writes as data, as CLAC was for old assemblers: data to which an instruction goes on.
fn mark_instructions(image: &mut Image) {
    let code = Code::new(image);
    let mut reached = BTreeSet::new();
    let mut marked = Vec::new();
    let mut lines: Vec<_> = image.listing.iter().enumerate().filter(|(_, line)| code.is_entry(line.address)).collect();
    lines.sort_by_key(|(index, line)| (line.address, *index));
    for (index, line) in lines {
        let decoded = code.decode(line.address).filter(|decoded| decoded.len() == line.length as usize);
        let is_data = !line.instruction && reached.contains(&line.address);
        if let Some(decoded) = decoded.filter(|_| line.instruction || is_data) {
            if goes_on(&decoded) {
                reached.insert(decoded.next_ip());
            }
            if is_data {
                marked.push(index);
            }
        }
    }
    for index in marked {
        image.listing[index].instruction = true;
    }
}
