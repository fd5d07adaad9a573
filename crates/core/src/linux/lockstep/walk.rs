//! Follows two texts at once.

use super::super::sources::MACRO_NAMES;
use super::super::tree::Release;
use super::code::{Code, goes_on};
use super::declared::{DECLARED, Declared, MITIGATING, MITIGATION, RETURN_THUNK, Resumes};
use super::same::same;
use iced_x86::Mnemonic;
use std::collections::BTreeMap;

/// How the macro that restores CR3 is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    /// Like all code.
    Compared,
    /// Whatever it is, both texts go on after it.
    Passed,
}

/// Where paths part.
pub(crate) struct Parting {
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
    pub(crate) what: String,
    pub(crate) declared: Option<&'static Declared>,
}

/// What a walk found.
#[derive(Default)]
pub(crate) struct Found {
    /// Ours to theirs.
    pub(crate) pairs: BTreeMap<u64, u64>,
    /// Theirs to ours.
    pub(crate) back: BTreeMap<u64, u64>,
    pub(crate) partings: Vec<Parting>,
    pub(crate) entries: usize,
}

/// How code is looked at that a person turned on in theirs by `--config`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mitigations {
    /// As all other code. What stands in those macros by default is the text's own.
    Compared,
    /// As declared differences.
    Passed,
}

/// Walks from every label that both have. Declared differences of `release` are passed; without one, all are.
pub(crate) fn walk(
    ours: &Code<'_>,
    theirs: &Code<'_>,
    (restore, mitigations): (Macro, Mitigations),
    release: Option<Release>,
) -> Found {
    let names = [MACRO_NAMES[0], MACRO_NAMES[1]];
    let mut walk = Walk {
        ours,
        theirs,
        release,
        macros: match restore {
            Macro::Compared => [Vec::new(), Vec::new()],
            Macro::Passed => [ours.expansions(&names), theirs.expansions(&names)],
        },
        mitigations: (mitigations == Mitigations::Passed).then(|| theirs.expansions(&MITIGATING)),
        found: Found::default(),
        open: Vec::new(),
    };
    let labels: BTreeMap<_, _> = theirs.entries().collect();
    let both = ours.entries().filter_map(|(name, address)| Some((address, *labels.get(name)?)));
    walk.open.extend(both);
    walk.found.entries = walk.open.len();
    walk.go();
    walk.follow_exceptions();
    walk.go();
    walk.start_unreached();
    walk.go();
    walk.found
}

struct Walk<'c, 'i> {
    ours: &'c Code<'i>,
    theirs: &'c Code<'i>,
    release: Option<Release>,
    /// Where the macro stands, in ours and in theirs.
    macros: [Vec<(u64, u64)>; 2],
    /// Where mitigations stand in theirs, if they are passed.
    mitigations: Option<Vec<(u64, u64)>>,
    found: Found,
    open: Vec<(u64, u64)>,
}

impl Walk<'_, '_> {
    fn go(&mut self) {
        while let Some((ours, theirs)) = self.open.pop() {
            self.step(self.ours.past_nops(ours), self.theirs.past_nops(theirs));
        }
    }

    fn step(&mut self, ours: u64, theirs: u64) {
        match (self.found.pairs.get(&ours), self.found.back.get(&theirs)) {
            (Some(paired), _) if *paired == theirs => return,
            (None, None) => {}
            _ => return self.part(ours, theirs, "one of them pairs with another instruction".to_owned()),
        }
        let Some((o, t)) = self.ours.decode(ours).zip(self.theirs.decode(theirs)) else {
            return self.part(ours, theirs, "no instruction".to_owned());
        };
        match same(self.ours, self.theirs, &o, &t) {
            Ok(leads) => {
                self.found.pairs.insert(ours, theirs);
                self.found.back.insert(theirs, ours);
                self.open.extend(leads);
            }
            Err(what) => self.part(ours, theirs, what),
        }
    }

    /// The fix-up of an instruction that is paired is an entry point too.
    fn follow_exceptions(&mut self) {
        let theirs: BTreeMap<_, _> = self.theirs.exceptions().collect();
        let fixups = self.ours.exceptions().filter_map(|(from, to)| {
            let paired = self.found.pairs.get(&from)?;
            Some((to, *theirs.get(paired)?))
        });
        let before = self.open.len();
        self.open.extend(fixups);
        self.found.entries += self.open.len() - before;
    }

    /// What features leave out has local labels in both texts. A label that a macro makes ends in a number.
    fn start_unreached(&mut self) {
        let local = |code: &Code<'_>, found: &BTreeMap<u64, u64>| {
            let made = |name: &str| name.ends_with(|c: char| c.is_ascii_digit());
            let labels = code.image.symbols.iter().filter(|(name, _)| name.starts_with(".L") && !made(name));
            let new = labels.filter(|(_, address)| code.is_entry(**address) && !found.contains_key(address));
            new.map(|(name, address)| (name.clone(), *address)).collect::<BTreeMap<_, _>>()
        };
        let theirs = local(self.theirs, &self.found.back);
        let ours = local(self.ours, &self.found.pairs);
        self.open.extend(ours.iter().filter_map(|(name, address)| Some((*address, *theirs.get(name)?))));
    }

    /// The paths part here; both go on where a declared difference or the macro ends.
    fn part(&mut self, ours: u64, theirs: u64, what: String) {
        if let Some(after) = self.after_macro(ours, theirs) {
            return self.open.push(after);
        }
        if self.found.partings.iter().any(|parting| (parting.ours, parting.theirs) == (ours, theirs)) {
            return;
        }
        let (mitigated, resumed) = self.mitigated(ours, theirs);
        if mitigated {
            self.open.extend(resumed);
            return self.found.partings.push(Parting { ours, theirs, what, declared: Some(&MITIGATION) });
        }
        let declared = DECLARED
            .iter()
            .find(|declared| self.release.is_none_or(|release| declared.is_of(release)) && self.is_in(declared, ours));
        if let Some(declared) = declared {
            let after = match declared.resumes {
                Resumes::Never => None,
                Resumes::Here => self.resumed(ours, theirs),
                Resumes::At(label) => self.label(label).and_then(|label| self.resumed(label, theirs)),
            };
            self.open.extend(after);
        }
        self.found.partings.push(Parting { ours, theirs, what, declared });
    }

    /// Whether theirs has a mitigation here, and where both go on behind it.
    fn mitigated(&self, ours: u64, theirs: u64) -> (bool, Option<(u64, u64)>) {
        let Some(places) = &self.mitigations else { return (false, None) };
        let end = places.iter().find(|(begin, end)| (*begin..*end).contains(&theirs)).map(|(_, end)| *end);
        (end.is_some() || self.returns_by_thunk(ours, theirs), end.map(|end| (ours, end)))
    }

    /// Whether theirs jumps to the thunk that returns where ours returns.
    fn returns_by_thunk(&self, ours: u64, theirs: u64) -> bool {
        let both = self.ours.decode(ours).zip(self.theirs.decode(theirs));
        both.is_some_and(|(o, t)| {
            let target = self.theirs.names(t.near_branch_target());
            o.mnemonic() == Mnemonic::Ret && t.mnemonic() == Mnemonic::Jmp && target.contains(&RETURN_THUNK)
        })
    }

    fn label(&self, name: &str) -> Option<u64> {
        self.ours.image.symbols.get(name).copied()
    }

    /// Whether our address is in the part of the text that a declaration names.
    fn is_in(&self, declared: &Declared, ours: u64) -> bool {
        let begins = self.label(declared.from).is_some_and(|from| from <= ours);
        begins && self.label(declared.until).is_none_or(|until| ours < until)
    }

    /// Past the macro, if one of both is in it.
    fn after_macro(&self, ours: u64, theirs: u64) -> Option<(u64, u64)> {
        let end = |side: usize, address: u64| {
            self.macros[side].iter().find(|(begin, end)| (*begin..*end).contains(&address)).map(|(_, end)| *end)
        };
        match (end(0, ours), end(1, theirs)) {
            (None, None) => None,
            (o, t) => Some((o.unwrap_or(ours), t.unwrap_or(theirs))),
        }
    }

    /// Our address, and the first of theirs from `theirs` on, as far as control goes on there, at which the next instructions are the same.
    fn resumed(&self, ours: u64, theirs: u64) -> Option<(u64, u64)> {
        const REACH: usize = 64;
        let next = |address: &u64| {
            let on = self.theirs.decode(*address).filter(goes_on);
            on.map(|instruction| instruction.next_ip())
        };
        let mut addresses = std::iter::successors(Some(theirs), next).take(REACH);
        addresses.find(|address| self.alike(ours, *address)).map(|address| (ours, address))
    }

    fn alike(&self, mut ours: u64, mut theirs: u64) -> bool {
        const INSTRUCTIONS: usize = 3;
        (0..INSTRUCTIONS).all(|_| {
            (ours, theirs) = (self.ours.past_nops(ours), self.theirs.past_nops(theirs));
            let both = self.ours.decode(ours).zip(self.theirs.decode(theirs));
            both.is_some_and(|(o, t)| {
                (ours, theirs) = (o.next_ip(), t.next_ip());
                same(self.ours, self.theirs, &o, &t).is_ok()
            })
        })
    }
}
