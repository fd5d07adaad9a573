//! A tree's entry text beside the built-in one: walked in lockstep, and run.

mod runs;

pub use crate::linux::lockstep::{DECLARED, Declared};
pub use runs::{Mismatch, Pair, Ran};

use crate::asm::{Diagnostic, Image, Source};
use crate::linux::lockstep::{Code, Found, Macro, Mitigations, Parting, walk};
use crate::linux::tree::Release;
use crate::linux::{Base, Config, Features, Form, Kernel, System, Tree, boot};
use std::sync::Arc;

/// An instruction of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Linear address.
    pub address: u64,
    /// The statement.
    pub text: String,
    /// The name of the source.
    pub source: String,
    /// The line in it.
    pub line: u32,
}

/// Where the texts part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In the built-in text.
    pub ours: Spot,
    /// In the tree.
    pub theirs: Spot,
    /// In what they differ.
    pub what: String,
    /// Why the difference is known and what it changes; none for one that nobody declared.
    pub declared: Option<&'static Declared>,
}

/// The outcome of a walk in lockstep.
#[derive(Clone, Debug)]
pub struct Lockstep {
    /// The release of the tree.
    pub release: Release,
    /// The form of the macro that the tree has, or comes nearest to.
    pub form: Form,
    /// Entry points: labels that both texts have, and what the exception table leads to.
    pub entries: usize,
    /// Pairs of instructions that agree.
    pub pairs: usize,
    /// The first difference of each path.
    pub differences: Vec<Difference>,
    /// Labels of the tree's entry text that no path reached: what the built-in text leaves out.
    pub unreached: Vec<String>,
}

impl Lockstep {
    /// The differences that nobody declared.
    pub fn undeclared(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.declared.is_none())
    }
}

/// The forms that a tree may have.
const FORMS: [Form; 4] = [Form::E, Form::A, Form::C, Form::B2];

/// Walks a tree's text and the built-in one, with the form that fits the tree best. `settings` are lines of the preprocessor that set names
/// of the configuration for the tree.
///
/// # Errors
/// Diagnostics if the tree does not assemble.
pub fn lockstep(
    tree: &Arc<Tree>,
    settings: &str,
    features: Features,
    kernel: Kernel,
) -> Result<Lockstep, Vec<Diagnostic>> {
    let config = |base, form| Config { features, kernel, base, form, custom: settings.into(), ..Config::default() };
    let theirs = boot(&config(Base::Tree(Arc::clone(tree)), Form::Custom))?;
    let mitigations = if settings.is_empty() { Mitigations::Compared } else { Mitigations::Passed };
    let mut best: Option<(Form, Found, System)> = None;
    for form in FORMS {
        let ours = boot(&config(Base::BuiltIn, form))?;
        let found = walk(
            &Code::new(&ours.image),
            &Code::new(&theirs.image),
            (Macro::Compared, mitigations),
            Some(tree.release()),
        );
        let undeclared = |found: &Found| found.partings.iter().filter(|parting| parting.declared.is_none()).count();
        if best.as_ref().is_none_or(|(_, best, _)| undeclared(&found) < undeclared(best)) {
            best = Some((form, found, ours));
        }
    }
    let Some((form, found, ours)) = best else { return Err(Vec::new()) };
    let difference = |parting: Parting| Difference {
        ours: spot(&ours.image, &ours.sources, parting.ours),
        theirs: spot(&theirs.image, &theirs.sources, parting.theirs),
        what: parting.what,
        declared: parting.declared,
    };
    Ok(Lockstep {
        release: tree.release(),
        form,
        entries: found.entries,
        pairs: found.pairs.len(),
        unreached: unreached(&ours.image, &theirs.image, &found),
        differences: found.partings.into_iter().map(difference).collect(),
    })
}

fn spot(image: &Image, sources: &[Source], address: u64) -> Spot {
    let line = image.listing.iter().find(|line| line.address == address && line.length > 0);
    let source = line.and_then(|line| sources.get(line.position.source));
    Spot {
        address,
        text: line.map(|line| line.text.clone()).unwrap_or_default(),
        source: source.map(|source| source.name.clone()).unwrap_or_default(),
        line: line.map_or(0, |line| line.position.line),
    }
}

/// Labels of the tree's entry text that the built-in one lacks and that no path reached.
fn unreached(ours: &Image, theirs: &Image, found: &Found) -> Vec<String> {
    let code = Code::new(theirs);
    let labels = code.entries().filter(|(name, _)| !ours.symbols.contains_key(*name));
    labels.filter(|(_, address)| !found.back.contains_key(address)).map(|(name, _)| name.to_owned()).collect()
}
