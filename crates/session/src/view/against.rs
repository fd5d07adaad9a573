//! The edited text against another: against the form that it is an edit of, or against the other side's.

use crate::choice::{Against, Side};
use crate::link::{LINES, common, nearest};
use crate::state::State;
use cr3_core::linux::sources::form_source;
use std::sync::Arc;

/// What the edited text is shown against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// What it is, in words.
    pub words: String,
    /// Its text.
    pub text: Arc<str>,
}

/// A line of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'t> {
    /// Both have it.
    Same(&'t str),
    /// The original alone has it.
    Old(&'t str),
    /// The edited text alone has it.
    New(&'t str),
}

impl<'t> Line<'t> {
    /// The sign of a patch, and the line.
    #[must_use]
    pub fn parts(self) -> (char, &'t str) {
        match self {
            Self::Same(line) => (' ', line),
            Self::Old(line) => ('-', line),
            Self::New(line) => ('+', line),
        }
    }
}

/// What the edited text is shown against, if anything is asked for.
///
/// # Errors
/// Why there is nothing to show it against.
pub fn original(state: &State) -> Option<Result<Original, &'static str>> {
    match state.against {
        Against::Nothing => None,
        Against::Base if is_patch(state.text()) => {
            Some(Err("A patch already shows the difference: - marks old lines, + marks new ones."))
        }
        Against::Base => Some(base(state).ok_or("The text is not based on a built-in form.")),
        Against::Other => Some(other(state).ok_or("The other side has no text yet.")),
    }
}

/// Whether the text has a hunk of a unified diff, as in a reply too.
fn is_patch(text: &str) -> bool {
    text.lines().any(|line| line.trim_start_matches(['>', ' ']).starts_with("@@ -"))
}

fn base(state: &State) -> Option<Original> {
    let (form, _) = nearest(state.text())?;
    Some(Original { words: format!("form {form}"), text: form_source(form, "").text.into() })
}

fn other(state: &State) -> Option<Original> {
    let side = state.edited.other();
    let words = if side == Side::Left { "the left text" } else { "the right text" };
    let text = state.custom.of(side).clone();
    (!text.trim().is_empty()).then(|| Original { words: words.to_owned(), text })
}

/// The lines of both texts, in order; none if there are too many to compare.
#[must_use]
pub fn lines<'t>(original: &'t str, text: &'t str) -> Option<Vec<Line<'t>>> {
    let [old, new] = [original, text].map(|text| text.lines().collect::<Vec<_>>());
    if old.len() > LINES || new.len() > LINES {
        return None;
    }
    let mut lines = Vec::new();
    let (mut from, mut to) = (0, 0);
    let end = (old.len(), new.len(), 0);
    for (kept_from, kept_to, count) in common(&old, &new).into_iter().chain([end]) {
        lines.extend(old[from..kept_from].iter().map(|line| Line::Old(line)));
        lines.extend(new[to..kept_to].iter().map(|line| Line::New(line)));
        lines.extend(old[kept_from..kept_from + count].iter().map(|line| Line::Same(line)));
        (from, to) = (kept_from + count, kept_to + count);
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::choice::Form;
    use crate::state::Settings;
    use crate::update::update;

    fn shown(original: &str, text: &str) -> String {
        let lines = lines(original, text).expect("few lines");
        lines.into_iter().map(Line::parts).map(|(sign, line)| format!("{sign}{line}\n")).collect()
    }

    #[test]
    fn a_difference_has_the_lines_of_both() {
        let check = |original, text, expected| assert_eq!(shown(original, text), expected, "{original:?} {text:?}");
        check("a\nb\nc\n", "a\nx\nc\n", " a\n-b\n+x\n c\n");
        check("", "a", "+a\n");
        check("a\nb", "", "-a\n-b\n");
        check("a", "a", " a\n");
        check("", "", "");
        assert_eq!(lines(&"x\n".repeat(LINES + 1), ""), None);
    }

    #[test]
    fn a_text_is_shown_against_its_base_and_against_the_other_side() {
        let words = |state: &State| original(state).map(|found| found.map(|it| it.words));
        let begun = update(&State::open("a=A&b=E", Settings::default()), Action::SetForm(Side::Right, Form::Custom));
        assert_eq!(words(&begun), None);
        let base = update(&begun, Action::SetAgainst(Against::Base));
        assert_eq!(words(&base), Some(Ok("form E".to_owned())));
        let edited = update(&base, Action::EditDraft(base.text().replacen("\n", "\n\tnop\n", 1)));
        let Some(Ok(Original { text, .. })) = original(&edited) else { panic!("a base") };
        let differing =
            lines(&text, edited.text()).expect("few lines").into_iter().filter(|line| !matches!(line, Line::Same(_)));
        assert_eq!(differing.collect::<Vec<_>>(), [Line::New("\tnop")]);
        let other = update(&edited, Action::SetAgainst(Against::Other));
        assert_eq!(words(&other), Some(Err("The other side has no text yet.")));
        let left = update(&other, Action::SetForm(Side::Left, Form::Custom));
        assert_eq!(words(&left), Some(Ok("the right text".to_owned())));
        let mail = update(&base, Action::EditDraft(include_str!("../../../../testdata/patches/resent.reply").into()));
        assert!(words(&mail).is_some_and(|words| words.is_err_and(|why| why.starts_with("A patch already shows"))));
        let none = update(&base, Action::EditDraft("nothing of the kind".into()));
        assert_eq!(words(&none), Some(Err("The text is not based on a built-in form.")));
    }
}
