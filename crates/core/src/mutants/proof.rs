//! Whether a mutant does the same as the original, whatever it is given and whatever strikes inside it.

use super::alone::{self, Input, Outcome, Site};
use super::struck::Struck;
use super::{Extra, Macro};
use crate::linux::written::Macros;
use crate::linux::{Features, System};
use crate::machine::Machine;
use std::collections::{BTreeSet, HashMap};

/// A system whose macros can be run alone.
#[derive(Debug)]
pub(super) struct Bench {
    features: Features,
    kernel: Machine,
    sites: Vec<Site>,
}

impl Bench {
    /// `None` if the system does not come to the kernel, or the code of a macro lies in several places.
    pub(super) fn new(system: &System, features: Features, macros: &Macros) -> Option<Self> {
        Some(Self { features, kernel: alone::in_kernel(system)?, sites: alone::sites(&system.image, macros)? })
    }

    /// What the macros of some sites do.
    fn known(&self, chosen: impl Fn(&Site) -> bool) -> Vec<Known> {
        let known = |site: &Site| {
            let run = |input: Input| (input, alone::run(&self.kernel, site, &input));
            let all = alone::inputs(&self.kernel, site.part, self.features).into_iter().map(run).collect();
            Known { site: site.clone(), all }
        };
        self.sites.iter().filter(|site| chosen(site)).map(known).collect()
    }
}

/// What a macro may be given at a site, and the outcome.
#[derive(Debug)]
struct Known {
    site: Site,
    all: Vec<(Input, Outcome)>,
}

/// The original's macros, with all that they do.
#[derive(Debug)]
pub(super) struct Original {
    bench: Bench,
    known: Vec<Known>,
    /// Words that they store to.
    words: BTreeSet<u64>,
}

/// How a mutant's macros compare with the original's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// They do the same, with so much more.
    Same(Extra),
    /// Something differs, or it is not known.
    Different,
}

/// Which masks are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Masks {
    /// Every mask.
    Every,
    /// The one without a bit, which nothing changes.
    Empty,
}

impl Original {
    pub(super) fn new(mut bench: Bench) -> Self {
        let restores = bench.known(|site| site.part == Macro::Restore);
        if !uses_saved(&restores) {
            let saves = bench.sites.iter_mut().filter(|site| site.part == Macro::Save);
            saves.for_each(|site| site.dead = alone::UNUSED_SAVE);
        }
        let known: Vec<_> = restores.into_iter().chain(bench.known(|site| site.part != Macro::Restore)).collect();
        let words = known.iter().flat_map(|known| &known.all).flat_map(|(_, outcome)| outcome.heard.words()).collect();
        Self { bench, known, words }
    }

    /// The sites of a macro, each with the mutant's site.
    fn pairs<'a>(&'a self, mutant: &'a Bench, part: Macro) -> impl Iterator<Item = (&'a Known, Site)> {
        let known = self.known.iter().filter(move |known| known.site.part == part);
        known.map(|known| (known, known.site.among(&mutant.sites)))
    }

    /// Holds the macro that a mutant changes against this one.
    pub(super) fn compare(&self, mutant: &Bench, part: Macro, masks: Masks) -> Compared {
        let mut extra = Extra::default();
        let is_known = |site: &Site| self.known.iter().any(|known| known.site.is_call_of(site));
        if !mutant.sites.iter().all(is_known) {
            return Compared::Different;
        }
        for (known, site) in self.pairs(mutant, part) {
            let tried = known.all.iter().filter(|(input, _)| masks == Masks::Every || input.mask == 0);
            for (input, original) in tried {
                match more(original, &alone::run(&mutant.kernel, &site, input)) {
                    Some(more) => extra += more,
                    None => return Compared::Different,
                }
            }
            if !self.same_when_struck(known, mutant, &site, masks) {
                return Compared::Different;
            }
        }
        Compared::Same(extra)
    }

    /// A word that the macro of a mutant stores to and none of these does.
    pub(super) fn stray_store(&self, mutant: &Bench, part: Macro) -> Option<u64> {
        let words = |(known, site): (&Known, Site)| {
            let words = |(input, _): &(Input, Outcome)| alone::run(&mutant.kernel, &site, input).heard.words();
            known.all.iter().flat_map(words).collect::<BTreeSet<_>>()
        };
        let stray = self.pairs(mutant, part).flat_map(words).find(|word| !self.words.contains(word));
        stray.map(|word| word * 8)
    }

    fn same_when_struck(&self, known: &Known, mutant: &Bench, site: &Site, masks: Masks) -> bool {
        let features = self.bench.features;
        let spaces = alone::spaces(&self.bench.kernel, known.site.part, features);
        // The first two PCIDs stand for all: they differ in the bits of the mask that are theirs.
        let mut few = spaces.iter().filter(|(cr3, saved)| (cr3 | saved) & 7 <= 2);
        few.all(|&(cr3, saved)| {
            let masks = match masks {
                Masks::Every => alone::chosen_masks(features, cr3 | saved).to_vec(),
                Masks::Empty => vec![0],
            };
            let input = Input { cr3, saved, mask: 0, flags: 0 };
            Struck::new(masks, [(&mutant.kernel, site), (&self.bench.kernel, &known.site)], &input).agree()
        })
    }
}

/// Whether what was saved changes what the macro that restores leaves.
fn uses_saved(restores: &[Known]) -> bool {
    let key = |input: &Input| (input.cr3, input.mask, input.flags);
    restores.iter().any(|known| {
        let mut left = HashMap::new();
        known.all.iter().any(|(input, outcome)| *left.entry(key(input)).or_insert(&outcome.left) != &outcome.left)
    })
}

/// How much more the mutant does to leave the same. Nothing if it leaves something else, or flushes less.
fn more(original: &Outcome, mutant: &Outcome) -> Option<Extra> {
    let same = original.left == mutant.left && alone::flushed(&original.heard.flushes, &mutant.heard.flushes);
    let writes = mutant.heard.writes.checked_sub(original.heard.writes)?;
    let flushes = mutant.heard.flushes.len().checked_sub(original.heard.flushes.len())?;
    same.then_some(Extra { inputs: 1, writes: writes.into(), flushes: flushes as u64 })
}
