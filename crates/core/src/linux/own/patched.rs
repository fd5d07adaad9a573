//! The built-in texts with a person's patches.

use super::super::sources::{CALLING_INDEX, FORM_INDEX, MACRO_NAMES, Signature, form_source};
use super::super::tree::Release;
use super::super::tree::{self, ENTRY_INDEX, Tree};
use super::super::{Base, Form};
use super::origins::{Origin, Origins};
use super::paths::{self, FILES, FileLine};
use super::settings::Settings;
use super::{Diagnostic, Line, Own, Position, Source, Texts, first, macros, note_kind, of_tree, refused};
use crate::asm::Options;
use cr3_patch::{Applied, EditedLine, Fault, Hunk, Misfit, Patch, Tag, apply};
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// The forms whose texts patches are matched against, in this order: of several that fit the first is taken.
const FORMS: [Form; 4] = [Form::E, Form::A, Form::C, Form::B2];

/// The texts that patches are matched against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    Form(Form),
    Tree(Release),
}

impl Display for Against {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(form) => write!(f, "form {form}"),
            Self::Tree(release) => write!(f, "the tree ({release})"),
        }
    }
}

/// Texts before a patch.
struct Before {
    against: Against,
    sources: Vec<Source>,
    options: Options,
    base: Base,
    restore: Signature,
    files: [Vec<FileLine>; 2],
}

impl Before {
    fn of(form: Form, own: &Own<'_>) -> Result<Self, Box<Diagnostic>> {
        let (sources, restore) = own.built_in(form_source(form, ""))?;
        let files = paths::files(&sources);
        let (options, base) = (own.options.clone(), Base::BuiltIn);
        Ok(Self { against: Against::Form(form), sources, options, base, restore, files })
    }

    fn of_tree(tree: &Arc<Tree>, own: &Own<'_>) -> Result<Self, Box<Diagnostic>> {
        let texts = of_tree::plain(tree, own.settings.lines, own.config.handler, own.options)?;
        let Texts { sources, options, base, restore, .. } = texts;
        let files = tree::EDITED.map(|(_, index)| paths::lines(&sources, index));
        Ok(Self { against: Against::Tree(tree.release()), sources, options, base, restore, files })
    }

    /// The macro that restores CR3 after the patches.
    fn signature(&self, sources: &[Source]) -> Result<Signature, Box<Diagnostic>> {
        match self.base.tree() {
            None => Signature::of(sources, &[CALLING_INDEX, FORM_INDEX], &self.options),
            Some(tree) => of_tree::restore(sources, &self.options, tree),
        }
    }

    fn apply(&self, patches: &[Patch]) -> Result<Applied, Misfit> {
        let lines = |file: usize| self.files[file].iter().map(|line| line.text.as_str()).collect();
        let bases = [0, 1].map(|file| cr3_patch::Base { path: FILES[file], lines: lines(file) });
        apply(patches, &bases, &paths::key)
    }

    /// Name and line of our text behind a line of a file.
    fn ours(&self, file: usize, line: usize) -> Option<(&str, usize)> {
        let (source, line) = self.files.get(file)?.get(line)?.ours?;
        Some((self.sources.get(source)?.name.as_str(), line + 1))
    }
}

/// The texts with the patches.
///
/// # Errors
/// A diagnostic where a hunk fits no form, or where no macro restores CR3 any more.
pub(super) fn texts(own: &Own<'_>, patches: &[Patch]) -> Result<Texts, Box<Diagnostic>> {
    edited_texts(own, patches, &fitting(own, patches)?)
}

/// The texts of a person's tree with the patches.
///
/// # Errors
/// A diagnostic where a hunk does not fit the tree.
pub(super) fn of_tree(own: &Own<'_>, tree: &Arc<Tree>, patches: &[Patch]) -> Result<Texts, Box<Diagnostic>> {
    let before = Before::of_tree(tree, own)?;
    match before.apply(patches) {
        Ok(applied) => edited_texts(own, patches, &Fitted { before, applied, calls: 0 }),
        Err(misfit) => Err(Box::new(misfitting(&own.settings, &before, &misfit))),
    }
}

fn edited_texts(own: &Own<'_>, patches: &[Patch], fitted: &Fitted) -> Result<Texts, Box<Diagnostic>> {
    let Fitted { before, applied, .. } = fitted;
    let (mut sources, origins) = edited(before, applied, &own.settings);
    let (options, base) = (before.options.clone(), before.base.clone());
    let restore = before.signature(&sources).map_err(|refused| Box::new(origins.given(*refused)))?;
    let calls = |(index, source): &(usize, &mut Source)| match before.against {
        Against::Form(_) => source.name.starts_with(FILES[1]),
        Against::Tree(_) => *index == ENTRY_INDEX,
    };
    for (_, source) in sources.iter_mut().enumerate().filter(calls) {
        source.text = restore.follow(&before.restore, &source.text);
    }
    let taken = taken_for(own, patches, fitted);
    let (unchanged, statements) =
        (super::written(&before.sources, &options, &base), super::written(&sources, &options, &base));
    let changes = macros::changes(&unchanged, &statements, &origins, taken.position);
    let left_out = applied.left_out.iter().map(|(path, line)| not_modelled(&own.settings, path, *line));
    let arm = arm_left_out(&own.settings, before, applied);
    let notes = [taken].into_iter().chain(left_out).chain(arm).chain(changes).collect();
    Ok(Texts { sources, options, base, restore, notes, origins })
}

/// The first form that the patches fit; where there is none, why they do not fit the one that they come nearest to.
///
/// A hunk of entry_64.S that only changes how the macro is called may be of a version whose code around the call is another: its
/// callers follow the macro without it.
fn fitting(own: &Own<'_>, patches: &[Patch]) -> Result<Fitted, Box<Diagnostic>> {
    let mut befores = Vec::new();
    for form in FORMS {
        let before = Before::of(form, own)?;
        match before.apply(patches) {
            Ok(applied) => return Ok(Fitted { before, applied, calls: 0 }),
            Err(misfit) => befores.push((before, misfit)),
        }
    }
    let mut nearest: Option<(Before, Misfit)> = None;
    let (fewer, calls) = without_calls(patches);
    for (before, misfit) in befores {
        match before.apply(&fewer) {
            Ok(applied) if calls > 0 && applied.hunks.iter().any(|hunks| *hunks > 0) => {
                return Ok(Fitted { before, applied, calls });
            }
            _ if nearest.as_ref().is_none_or(|(_, nearest)| nearest.reached < misfit.reached) => {
                nearest = Some((before, misfit));
            }
            _ => {}
        }
    }
    let no_file = || Fault::NoFile { line: 1, path: String::new() };
    Err(Box::new(nearest.map_or_else(
        || refused(&own.settings, &no_file()),
        |(before, misfit)| misfitting(&own.settings, &before, &misfit),
    )))
}

/// A form and the patches that fit it.
struct Fitted {
    before: Before,
    applied: Applied,
    /// Hunks left out because they only change how the macro is called.
    calls: usize,
}

/// The patches without such hunks, and how many there are.
fn without_calls(patches: &[Patch]) -> (Vec<Patch>, usize) {
    let mut fewer = patches.to_vec();
    let mut calls = 0;
    for file in fewer.iter_mut().flat_map(|patch| &mut patch.files).filter(|file| file.path.ends_with("entry_64.S")) {
        let before = file.hunks.len();
        file.hunks.retain(|hunk| !only_calls(hunk));
        calls += before - file.hunks.len();
    }
    (fewer, calls)
}

/// Whether all code that the hunk changes are calls of the macro.
fn only_calls(hunk: &Hunk) -> bool {
    let changed = hunk.lines.iter().filter(|line| line.tag != Tag::Context).map(|line| line.line.text.trim());
    let mut code = changed.filter(|text| !text.is_empty() && !text.starts_with(['*', '/'])).peekable();
    let is_call = |text: &str| text.split_whitespace().next().is_some_and(|word| MACRO_NAMES.contains(&word));
    hunk.missing == 0 && code.peek().is_some() && code.all(is_call)
}

fn misfitting(settings: &Settings<'_>, before: &Before, misfit: &Misfit) -> Diagnostic {
    let fault = &misfit.fault;
    let mend = fault.mend();
    let hint = match (fault, misfit.base) {
        (Fault::Differs { found: Some((_, line)), .. }, Some(base)) => match before.ours(base, *line) {
            Some((name, line)) => {
                format!("that is {name}, line {line}, with {}, which it fits best; {mend}", before.against)
            }
            None => format!("that is in {}; {mend}", FILES[base.min(1)]),
        },
        (Fault::Differs { found: None, .. } | Fault::Nowhere { .. }, Some(base)) => {
            format!("that is {} with {}; {mend}", FILES[base.min(1)], before.against)
        }
        (Fault::NoFile { path, .. }, _) => format!("{}: {mend}", known(path)),
        _ => mend.to_owned(),
    };
    Diagnostic { hint: Some(hint), ..refused(settings, fault) }
}

/// The files that a patch can change.
fn known(path: &str) -> String {
    let c_side = if path.ends_with(".c") { "the C side of the kernel is not modelled; " } else { "" };
    format!("{c_side}the files with a text are {}", FILES.join(" and "))
}

/// Our texts with the edits of the files; a line that no machine here assembles goes.
fn edited(before: &Before, applied: &Applied, settings: &Settings<'_>) -> (Vec<Source>, Origins) {
    let mut lines: Vec<Vec<(String, Origin)>> = vec![Vec::new(); before.sources.len()];
    let names: Vec<Arc<str>> = before.sources.iter().map(|source| source.name.as_str().into()).collect();
    for (file, edited) in before.files.iter().zip(&applied.texts) {
        for line in edited {
            let at = match line {
                EditedLine::Kept(index) => file.get(*index),
                EditedLine::Added { after, .. } => file.get(after.unwrap_or(0)),
            };
            let Some((source, number)) = at.and_then(|line| line.ours) else { continue };
            let name = Arc::clone(&names[source]);
            lines[source].push(match line {
                EditedLine::Kept(_) => {
                    let text = at.map(|line| line.text.clone()).unwrap_or_default();
                    (text, Origin::Kept { name, line: number as u32 + 1 })
                }
                EditedLine::Added { line, .. } => {
                    let (at, shift) = settings.place(line);
                    (line.text.clone(), Origin::Given { line: at, shift })
                }
            });
        }
    }
    let mut sources = before.sources.clone();
    let mut origins = Origins::default();
    for (index, lines) in lines.into_iter().enumerate().filter(|(_, lines)| !lines.is_empty()) {
        let text: String = lines.iter().flat_map(|(text, _)| [text.as_str(), "\n"]).collect();
        if text != sources[index].text {
            sources[index].name.push_str(" (patched)");
        }
        sources[index].text = text;
        origins.insert(index, lines.into_iter().map(|(_, origin)| origin).collect());
    }
    (sources, origins)
}

/// The one line that says what the text was taken for and what it fits.
fn taken_for(own: &Own<'_>, patches: &[Patch], fitted: &Fitted) -> Diagnostic {
    let Fitted { before, applied, calls } = fitted;
    let at = patches.iter().flat_map(|patch| &patch.files).next().map(|file| file.at);
    let line = at.map(|at| Line { text: String::new(), at, shift: 0 });
    let changed = FILES.iter().zip(&applied.hunks).filter(|(_, hunks)| **hunks > 0);
    let hunks = |count: usize| if count == 1 { "1 hunk".to_owned() } else { format!("{count} hunks") };
    let mut changes: Vec<_> = changed.map(|(file, count)| format!("{file} ({})", hunks(*count))).collect();
    if applied.comments > 0 {
        changes.push(format!("comments alone ({})", hunks(applied.comments)));
    }
    if *calls > 0 {
        changes.push(format!("how the macro is called, which follows from its head ({})", hunks(*calls)));
    }
    let hint = format!("it fits {}, and changes {}", before.against, changes.join(", "));
    note_kind::taken(first(&own.settings, line.as_ref()), &own.taken, Some(hint))
}

/// A note on lines that patches add to the arm of calling.h that is never assembled here.
fn arm_left_out(settings: &Settings<'_>, before: &Before, applied: &Applied) -> Option<Diagnostic> {
    let [calling, _] = &before.files;
    let in_arm = |after: &Option<usize>| after.and_then(|at| calling.get(at)).is_some_and(|line| line.ours.is_none());
    let added = applied.texts.first()?.iter().find_map(|line| match line {
        EditedLine::Added { line, after } if in_arm(after) => Some(line),
        _ => None,
    })?;
    let arm = "the arm for a kernel without page-table isolation";
    Some(note_kind::left_out(first(settings, Some(added)), arm, "isolation is compiled in here".to_owned()))
}

fn not_modelled(settings: &Settings<'_>, path: &str, line: u32) -> Diagnostic {
    let position = Position { line: settings.line(line), column: 1, source: FORM_INDEX };
    note_kind::not_modelled(position, path, known(path))
}
