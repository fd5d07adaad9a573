//! The words of `--form` and `--forms`, and which of the given texts and trees each of them takes.

use crate::outcome::WrongUse;
use crate::own_text::{Given, OwnText};
use cr3_core::linux::{Base, Config, Form, Tree};
use std::sync::Arc;

/// A form as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// A form of the built-in text.
    Named(Form),
    /// A text of one's own, in a tree if one is given; or that tree.
    Custom,
    /// A text of one's own in the built-in one, whatever tree is given.
    Text,
    /// A tree as it stands, whatever text is given.
    Tree,
}

const CUSTOM: &str = "custom";
const TEXT: &str = "text";
const TREE: &str = "tree";

impl Word {
    fn of(word: &str) -> Result<Self, WrongUse> {
        match word {
            CUSTOM => Ok(Self::Custom),
            TEXT => Ok(Self::Text),
            TREE => Ok(Self::Tree),
            form => form
                .parse()
                .map(Self::Named)
                .map_err(|unknown| WrongUse::new(unknown, "or custom, text or tree, with --macro FILE or --tree DIR")),
        }
    }

    fn is_own(self) -> bool {
        !matches!(self, Self::Named(_))
    }

    fn takes_text(self) -> bool {
        matches!(self, Self::Custom | Self::Text)
    }

    fn takes_tree(self) -> bool {
        matches!(self, Self::Custom | Self::Tree)
    }
}

/// The form of a command that has one: what `--form` says, or that of a text of one's own.
pub(crate) fn one<'f>(form: Option<&'f str>, own: &OwnText) -> Result<&'f str, WrongUse> {
    match (form, own.is_given()) {
        (None, true) => Ok(CUSTOM),
        (None, false) => Ok("E"),
        (Some(form), true) if matches!(Word::of(form)?, Word::Named(_)) => {
            let cause = format!("{} is given but the form is '{form}'", own.option());
            Err(WrongUse::new(cause, "leave --form out, or try --form custom"))
        }
        (Some(form), _) => Ok(form),
    }
}

/// The forms of a command that holds one form against another. Where the other one is a person's own, the texts and trees may be for it alone.
pub(crate) fn pair(form: Option<&str>, other: &str, own: &OwnText) -> Result<[String; 2], WrongUse> {
    let form = match (form, Word::of(other)?.is_own()) {
        (Some(form), true) => form,
        (form, _) => one(form, own)?,
    };
    Ok([form, other].map(str::to_owned))
}

/// The forms of a command that compares, if it is given none: `named`, and one that is custom for each text or tree.
/// Several of these are compared with each other alone.
pub(crate) fn usual(named: &str, with_own: &str, own: &OwnText) -> String {
    match own.count() {
        0 | 1 if !own.is_given() => named.to_owned(),
        0 | 1 => with_own.to_owned(),
        count => vec![CUSTOM; count].join(","),
    }
}

/// The configurations of a list of forms, on the processor of `system`. A tree has the C side of its release. The built-in text, which
/// is written for each of them, has that of the first tree: entry code is compared.
pub(crate) fn configs(forms: &str, own: &OwnText, given: &Given, system: &Config) -> Result<Vec<Config>, WrongUse> {
    Ok(chosen(forms, own, given, system)?.into_iter().map(|chosen| chosen.config).collect())
}

/// The outcome of a form of a list.
pub(crate) struct Chosen {
    pub(crate) config: Config,
    /// The arguments that give this form alone.
    pub(crate) options: String,
}

/// The same with the arguments of each.
pub(crate) fn chosen(forms: &str, own: &OwnText, given: &Given, system: &Config) -> Result<Vec<Chosen>, WrongUse> {
    let words = forms.split(',').map(|word| Word::of(word.trim())).collect::<Result<Vec<_>, _>>()?;
    are_taken(&words, forms, own)?;
    let Given { texts, trees } = given;
    let first = trees.first().map(|(_, tree)| tree);
    let on_system = |config: Config| {
        let kernel = config.base.tree().or(first).map_or(system.kernel, |tree| tree.kernel(system.kernel));
        Config { base: config.base, form: config.form, custom: config.custom, kernel, ..system.clone() }
    };
    let chosen = words.iter().enumerate().map(|(at, word)| {
        let before = |takes: fn(Word) -> bool| words[..at].iter().filter(|word| takes(**word)).count();
        let text = nth(texts.len(), before(Word::takes_text)).filter(|_| word.takes_text());
        let tree = nth(trees.len(), before(Word::takes_tree)).filter(|_| word.takes_tree());
        let config = config(*word, text.map(|at| &texts[at]), tree.map(|at| &trees[at].1), own)?;
        let options = match word {
            Word::Named(form) => format!("--form {form}"),
            _ => own.options_of(text, tree),
        };
        Ok(Chosen { config: on_system(config), options })
    });
    chosen.collect()
}

/// The index of the one with this number, or of the last.
fn nth(count: usize, index: usize) -> Option<usize> {
    count.checked_sub(1).map(|last| index.min(last))
}

/// The form, its text and the base of it, and nothing else.
fn config(word: Word, text: Option<&Arc<str>>, tree: Option<&Arc<Tree>>, own: &OwnText) -> Result<Config, WrongUse> {
    let missing = match (word, text, tree) {
        (Word::Named(form), ..) => return Ok(Config { form, ..Config::default() }),
        (Word::Custom, None, None) => Some(("form 'custom' has no text", "give it with --macro FILE or --tree DIR")),
        (Word::Text, None, _) => Some(("form 'text' has no text", "give it with --macro FILE")),
        (Word::Tree, _, None) => Some(("form 'tree' has no tree", "give it with --tree DIR")),
        _ => None,
    };
    match missing {
        Some(_) if own.has_only_settings() => {
            Err(WrongUse::new("--config is given but no text", "give one with --macro FILE or --tree DIR"))
        }
        Some((cause, mend)) => Err(WrongUse::new(cause, mend)),
        None => {
            let base = tree.map_or(Base::BuiltIn, |tree| Base::Tree(tree.clone()));
            let custom = text.cloned().unwrap_or_else(|| own.settings().into());
            Ok(Config { form: Form::Custom, base, custom, ..Config::default() })
        }
    }
}

/// Whether each text, tree and setting that is given has a form that takes it.
fn are_taken(words: &[Word], forms: &str, own: &OwnText) -> Result<(), WrongUse> {
    let takers = |takes: fn(Word) -> bool| words.iter().filter(|word| takes(**word)).count();
    let all = [
        ("--macro", own.macros(), takers(Word::takes_text)),
        ("--tree", own.folders(), takers(Word::takes_tree)),
        ("--config", usize::from(own.is_given()), takers(Word::is_own).min(1)),
    ];
    let Some((option, given, takers)) = all.into_iter().find(|(_, given, takers)| given > takers) else {
        return Ok(());
    };
    Err(match takers {
        0 => WrongUse::new(
            format!("{option} is given but no form takes it"),
            format!("try custom as one of the forms: {forms},custom"),
        ),
        _ => {
            let word = if option == "--tree" { TREE } else { CUSTOM };
            let noun = if takers == 1 { "form" } else { "forms" };
            let compare = format!("`cr3play compare --forms {}`", vec![word; given].join(","));
            let mend = match given {
                2 => format!("{compare} takes two, and so does `cr3play explore --against {word}`"),
                _ => format!("{compare} takes {given}"),
            };
            WrongUse::new(format!("{option} is given {given} times, for {takers} {noun} that can take one"), mend)
        }
    })
}

/// What runs are called: their forms. Of several that are a person's own the words of `--forms` say which is which, and numbers
/// where words do not.
pub(crate) fn names<'c>(configs: impl IntoIterator<Item = &'c Config>) -> Vec<String> {
    let configs: Vec<_> = configs.into_iter().collect();
    let has_tree = configs.iter().any(|config| config.base.tree().is_some());
    let words: Vec<_> = configs.iter().map(|config| word(config, has_tree)).collect();
    let named = words.iter().enumerate().map(|(at, word)| {
        let is_same = |other: &&&str| *other == word;
        let is_own = configs[at].form == Form::Custom;
        match is_own && words.iter().filter(is_same).count() > 1 {
            true => format!("{word}-{}", words[..=at].iter().filter(is_same).count()),
            false => (*word).to_owned(),
        }
    });
    named.collect()
}

/// The word that gives this configuration, beside a tree or not.
fn word(config: &Config, has_tree: bool) -> &'static str {
    match (config.form, config.base.tree()) {
        (Form::Custom, Some(_)) if config.custom.is_empty() => TREE,
        (Form::Custom, None) if has_tree => TEXT,
        (form, _) => form.name(),
    }
}

/// What a form is, in a line that begins with what its run is called.
pub(crate) fn described(name: &str, config: &Config) -> String {
    let description = config.form.description();
    match config.base.tree() {
        None => format!("{name}: {description}"),
        Some(tree) if config.custom.is_empty() => format!("{name}: the entry code of {} as it stands", tree.release()),
        Some(tree) => format!("{name}: {description} in the entry code of {}", tree.release()),
    }
}
