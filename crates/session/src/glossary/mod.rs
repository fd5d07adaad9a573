//! The explanations of everything that the page names: the one glossary, from which docs/GLOSSARY.md is written too.
//!
//! Forms, features, handlers, vectors, counters, assumptions and TLB models have their words in the core, and keep them.
//!
//! The page reads the explanations in that document, which lies beside it: most visitors look up none or a few, and
//! nobody before the page is drawn.

mod prose;
mod words;

pub use prose::{Piece, Unseen};
pub use words::Word;

use crate::choice::{Feature, Form};
use crate::words::feature_label;
use cr3_core::cost::Part;
use cr3_core::counters::Counter;
use cr3_core::geometry::Geometry;
use cr3_core::linux::Handler;
use cr3_core::promises::Promise;
use cr3_core::query::Assumption;
use cr3_core::scenario::Vector;

/// Something that has an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// A word of the field or of this page.
    Word(Word),
    /// A form of the macro.
    Form(Form),
    /// A switch of the processor or the kernel.
    Feature(Feature),
    /// A handler.
    Handler(Handler),
    /// What strikes.
    Vector(Vector),
    /// A promise.
    Promise(Promise),
    /// An assumption.
    Assumption(Assumption),
    /// A counter.
    Counter(Counter),
    /// A part of the cost.
    Cost(Part),
    /// A TLB model.
    Geometry(Geometry),
}

/// The explanation of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The term.
    pub name: &'static str,
    /// What it means, in one or two sentences.
    pub says: String,
    /// Where a fact about it can be read; empty where the explanation is about this page.
    pub source: String,
}

impl Term {
    /// All terms, in the order of the glossary.
    pub fn all() -> impl Iterator<Item = Self> {
        let words = Word::ALL.iter().copied().map(Self::Word);
        words
            .chain(Form::ALL.map(Self::Form))
            .chain(Feature::ALL.map(Self::Feature))
            .chain(Vector::ALL.map(Self::Vector))
            .chain(Handler::ALL.map(Self::Handler))
            .chain(Promise::ALL.map(Self::Promise))
            .chain(Assumption::ALL.map(Self::Assumption))
            .chain(Counter::ALL.iter().copied().map(Self::Counter))
            .chain(Part::ALL.map(Self::Cost))
            .chain(Geometry::ALL.map(Self::Geometry))
    }

    /// The name in the page's markup.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Word(word) => word.key().to_owned(),
            Self::Form(form) => format!("form-{}", form.name()),
            Self::Feature(feature) => format!("feature-{}", feature.name()),
            Self::Handler(handler) => format!("handler-{}", handler.name()),
            Self::Vector(vector) => format!("vector-{}", vector.name()),
            Self::Promise(promise) => format!("promise-{}", promise.id()),
            Self::Assumption(assumption) => format!("assumption-{}", assumption.id()),
            Self::Counter(counter) => format!("counter-{}", counter.name()),
            Self::Cost(part) => format!("cost-{}", part.name()),
            Self::Geometry(geometry) => format!("tlb-{}", geometry.name()),
        }
    }

    /// The term of a key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::all().find(|term| term.key() == key)
    }

    /// The term itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Word(word) => word.name(),
            Self::Form(form) => form.name(),
            Self::Feature(feature) => feature_label(feature),
            Self::Handler(handler) => handler.name(),
            Self::Vector(vector) => vector.mnemonic(),
            Self::Promise(promise) => promise.id(),
            Self::Assumption(assumption) => assumption.id(),
            Self::Counter(counter) => counter.label(),
            Self::Cost(part) => part.label(),
            Self::Geometry(geometry) => geometry.name(),
        }
    }

    /// The chapter of the glossary that it stands in.
    #[must_use]
    pub fn chapter(self) -> &'static str {
        match self {
            Self::Word(_) => "Words",
            Self::Form(_) => "Forms of the macro",
            Self::Feature(_) => "Features",
            Self::Vector(_) => "Exceptions",
            Self::Handler(_) => "Handlers",
            Self::Promise(_) => "Promises",
            Self::Assumption(_) => "Assumptions",
            Self::Counter(_) => "Counters",
            Self::Cost(_) => "Parts of the cost",
            Self::Geometry(_) => "TLB models",
        }
    }

    /// What it consists of, where each part has an explanation of its own.
    #[must_use]
    pub fn parts(self) -> Vec<Self> {
        match self {
            Self::Word(Word::Promise) => Promise::ALL.map(Self::Promise).to_vec(),
            _ => Vec::new(),
        }
    }

    /// Its explanation in docs/GLOSSARY.md.
    #[must_use]
    pub fn entry_in(self, glossary: &str) -> Option<Entry> {
        let mut chapters = glossary.split("\n## ");
        let chapter = chapters.find_map(|chapter| chapter.strip_prefix(self.chapter())?.strip_prefix('\n'))?;
        let start = format!("- **{}**: ", self.name());
        let words = chapter.lines().find_map(|line| line.strip_prefix(start.as_str()))?;
        let parted = words.strip_suffix('*').and_then(|words| words.rsplit_once(" *"));
        let (says, source) = parted.unwrap_or((words, ""));
        Some(Entry { name: self.name(), says: says.to_owned(), source: source.to_owned() })
    }

    /// Its explanation, from which the document is written.
    #[must_use]
    pub fn entry(self) -> Entry {
        let (says, source) = match self {
            Self::Word(word) => (word.says().to_owned(), word.source()),
            Self::Form(form) => {
                let says = format!("{} {}", sentence(form.description()), form_letter(form));
                (says.trim_end().to_owned(), form_source(form))
            }
            Self::Feature(feature) => (sentence(feature.description()), feature_source(feature)),
            Self::Handler(handler) => (sentence(handler.description()), handler_source(handler)),
            Self::Vector(vector) => {
                (format!("{} {}", sentence(vector.description()), vector_strikes(vector)), vector_source(vector))
            }
            Self::Promise(promise) => (promise_says(promise).to_owned(), ""),
            Self::Assumption(assumption) => {
                let says = format!("{} Reason: {}.", assumption.sentence(), assumption.source());
                (says.replace('`', ""), "")
            }
            Self::Counter(counter) => (counter.description().to_owned(), ""),
            Self::Cost(part) => (cost_says(part).to_owned(), ""),
            Self::Geometry(geometry) => (sentence(geometry.description()), ""),
        };
        Entry { name: self.name(), says, source: source.to_owned() }
    }
}

/// A description as a sentence of its own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    // Names stay as they are.
    match words.split(' ').next() {
        Some(name) if name.contains('_') || name.chars().any(char::is_uppercase) => format!("{words}."),
        _ => format!("{first}{}.", letters.as_str()),
    }
}

/// Why the form has its name.
fn form_letter(form: Form) -> &'static str {
    match form {
        Form::A => "It was there first, hence the first letter.",
        Form::B2 => "It is the second patch of the second posting; the first, B1, is the code of C.",
        Form::C => "It is the third posting, of the first patch of 2020.",
        Form::E => "D was proposed in the review of C, and E is the same code as it was merged.",
        Form::Never => "Nobody posted it, so it has no letter.",
        Form::Custom => "It has the name that links give it.",
    }
}

/// When it strikes.
fn vector_strikes(vector: Vector) -> &'static str {
    match vector {
        Vector::Nmi => "IF does not hold it back; another NMI waits until IRET.",
        Vector::Debug => "Entry code can touch a watched address at any instruction.",
        Vector::MachineCheck => "The hardware reports an error at any instruction, whatever IF says.",
        Vector::VmmCommunication => "The hypervisor intercepted an instruction and the guest has to emulate it.",
        Vector::DoubleFault => "An exception struck while another one was being delivered.",
        Vector::Interrupt => "It takes the ordinary entry, which knows from CPL what is loaded.",
    }
}

fn form_source(form: Form) -> &'static str {
    match form {
        Form::A => "commit 21e94459110252, arch/x86/entry/calling.h",
        Form::B2 => "message 20200526043507.51977-3-laijs@linux.alibaba.com",
        Form::C => "message 20230817121513.1382800-1-jackmanb@google.com",
        Form::E => "commit bb998361999e, arch/x86/entry/calling.h",
        Form::Never | Form::Custom => "",
    }
}

fn feature_source(feature: Feature) -> &'static str {
    match feature {
        Feature::Pti => "Documentation/arch/x86/pti.rst, v6.12",
        Feature::Pcid => "Intel SDM vol. 3A, 4.10.1",
        Feature::Invpcid => "Intel SDM vol. 3A, 4.10.4.1",
        Feature::Fsgsbase => "Documentation/arch/x86/x86_64/fsgs.rst, v6.12",
        Feature::Nx => "Intel SDM vol. 3A, 4.6",
        Feature::SevEs => "AMD APM vol. 2, 15.35",
    }
}

fn handler_source(handler: Handler) -> &'static str {
    match handler {
        Handler::Quiet | Handler::RogueCr3 | Handler::RogueSwitchMm | Handler::Schedule => "",
        Handler::Perf => "arch/x86/events/core.c, perf_callchain_user, v6.12",
        Handler::PendingFlush => "arch/x86/mm/tlb.c, flush_tlb_one_kernel, v6.12",
        Handler::KgdbPoke => "arch/x86/kernel/alternative.c, text_poke_kgdb, v6.12",
        Handler::EfiCall => "arch/x86/platform/efi/efi_64.c, efi_alloc_page_tables, v4.15",
    }
}

fn vector_source(vector: Vector) -> &'static str {
    match vector {
        Vector::Nmi => "Intel SDM vol. 3A, 6.7",
        Vector::VmmCommunication => "AMD APM vol. 2, 15.35.5",
        Vector::Debug | Vector::MachineCheck | Vector::DoubleFault => "Intel SDM vol. 3A, 6.15",
        Vector::Interrupt => "Intel SDM vol. 3A, 6.8.1",
    }
}

fn promise_says(promise: Promise) -> &'static str {
    match promise {
        Promise::UserCr3 => {
            "User mode runs on the user half, under the user PCID and in the address space of its task."
        }
        Promise::KernelCr3 => {
            "Kernel code runs on the tables and under the PCID that the kernel's records name, unless they say that it is switching."
        }
        Promise::Restored => "On return from an exception CR3 names what it named when the exception struck.",
        Promise::NoStale => {
            "No access uses a translation that the tables no longer have, unless a flush of it is pending."
        }
        Promise::FlushKept => {
            "A requested flush is neither lost nor late: it comes before user mode runs under that PCID."
        }
        Promise::Regs => "On return from an exception registers, flags and selectors are as when it struck.",
        Promise::Gs => "The kernel reaches its per-CPU data with its own GS base.",
        Promise::Mapped => "The kernel recovers from every exception it takes, and the program finishes.",
        Promise::Nested => "Every handler returns to what it interrupted, and no NMI is lost.",
    }
}

fn cost_says(part: Part) -> &'static str {
    match part {
        Part::Cr3Writes => "Cycles of the CR3 writes themselves, without the misses that they cause later.",
        Part::Refills => "Cycles of page walks for translations that a flush had dropped: its later cost.",
        Part::OtherWalks => "Cycles of all other page walks.",
        Part::Invpcid => "Cycles of INVPCID, by which the kernel flushes a user PCID at once.",
        Part::Invlpg => "INVLPG, by which the kernel flushes a page. No figure is published.",
    }
}

#[cfg(test)]
mod tests;
