//! A text as its difference from a form's, or from the other side's, line by line. A few changed lines of a macro are a short link.
//!
//! The first line is a check sum of the whole text. Then `=N` keeps the next N lines of the form's text, `-N` leaves N
//! out, and `+` is followed by a line of the text.

use cr3_core::linux::Form;
use cr3_core::linux::sources::form_source;
use std::fmt::Write as _;

/// Lines up to which a text is compared. No macro is that long; a mail is no edit of one.
pub(crate) const LINES: usize = 400;

/// The form that the text has most lines in common with, and the difference from it; none if it is no edit of any.
pub(crate) fn nearest(text: &str) -> Option<(Form, String)> {
    let scripts = Form::NAMED.into_iter().filter_map(|form| Some((form, from(&form_source(form, "").text, text)?)));
    scripts.min_by_key(|(_, script)| script.len())
}

/// The difference of a text from another; none if it is no edit of it.
pub(super) fn from(base: &str, text: &str) -> Option<String> {
    let is_short = |text: &str| text.lines().nth(LINES).is_none();
    let script = (is_short(base) && is_short(text)).then(|| script(base, text))?;
    Some(script).filter(|script| script.len() < text.len())
}

/// The text of which this is the difference.
///
/// # Errors
/// It is none from the text that the form has in this version.
pub(super) fn applied(form: Form, script: &str) -> Result<String, String> {
    let whole = applied_to(&form_source(form, "").text, script)?;
    whole.ok_or_else(|| format!("the difference is damaged, or form {form} has another text in this version"))
}

/// The same of any text; none if it is that of another text.
///
/// # Errors
/// It is no difference.
pub(super) fn applied_to(base: &str, script: &str) -> Result<Option<String>, String> {
    let text = apply(base, script).ok_or("the difference is damaged")?;
    Ok((script.split('\n').next() == Some(&sum(&text))).then_some(text))
}

fn script(base: &str, text: &str) -> String {
    let base: Vec<&str> = base.split_inclusive('\n').collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut script = sum(text) + "\n";
    let (mut from, mut to) = (0, 0);
    for (kept_from, kept_to, count) in common(&base, &lines) {
        leave(&mut script, '-', kept_from - from);
        lines[to..kept_to].iter().for_each(|line| add(&mut script, line));
        leave(&mut script, '=', count);
        (from, to) = (kept_from + count, kept_to + count);
    }
    lines[to..].iter().for_each(|line| add(&mut script, line));
    script
}

fn leave(script: &mut String, what: char, count: usize) {
    if count > 0 {
        let _ = writeln!(script, "{what}{count}");
    }
}

fn add(script: &mut String, line: &str) {
    script.push('+');
    script.push_str(line);
}

/// Runs of lines that both have, in order: where each begins, and how long it is.
pub(crate) fn common(base: &[&str], lines: &[&str]) -> Vec<(usize, usize, usize)> {
    // How many lines the ends from each pair of lines on have in common.
    let width = lines.len() + 1;
    let mut most = vec![0u16; (base.len() + 1) * width];
    for from in (0..base.len()).rev() {
        for to in (0..lines.len()).rev() {
            most[from * width + to] = match base[from] == lines[to] {
                true => most[(from + 1) * width + to + 1] + 1,
                false => most[(from + 1) * width + to].max(most[from * width + to + 1]),
            };
        }
    }
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    let (mut from, mut to) = (0, 0);
    while from < base.len() && to < lines.len() {
        if base[from] == lines[to] {
            match runs.last_mut() {
                Some((start, other, count)) if *start + *count == from && *other + *count == to => *count += 1,
                _ => runs.push((from, to, 1)),
            }
            (from, to) = (from + 1, to + 1);
        } else if most[(from + 1) * width + to] >= most[from * width + to + 1] {
            from += 1;
        } else {
            to += 1;
        }
    }
    runs
}

fn apply(base: &str, script: &str) -> Option<String> {
    let (_, script) = script.split_once('\n')?;
    let mut base = base.split_inclusive('\n');
    let mut text = String::new();
    for line in script.split_inclusive('\n') {
        let rest = line.get(1..)?;
        match line.as_bytes().first()? {
            b'+' => text.push_str(rest),
            b'=' => (0..count(rest)?).try_for_each(|_| base.next().map(|line| text.push_str(line)))?,
            b'-' => (0..count(rest)?).try_for_each(|_| base.next().map(|_| ()))?,
            _ => return None,
        }
    }
    Some(text)
}

fn count(text: &str) -> Option<u16> {
    text.trim_end_matches('\n').parse().ok()
}

/// A check sum that tells one text from another by accident (FNV-1a, 32 bits).
fn sum(text: &str) -> String {
    let sum = text.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<(Form, &str)>) {
        let found = nearest(text);
        let without_sum = found.as_ref().map(|(form, script)| (*form, &script[9..]));
        assert_eq!(without_sum, expected, "{text}");
        if let Some((form, script)) = &found {
            assert_eq!(applied(*form, script).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_few_lines_are_said_as_a_few_lines() {
        let merged = form_source(Form::E, "").text;
        let lines = merged.lines().count();
        check(&merged, Some((Form::E, &format!("={lines}\n"))));
        let without = merged.replace("\tSET_NOFLUSH_BIT \\save_reg\n", "");
        check(&without, Some((Form::E, &format!("=20\n-1\n={}\n", lines - 21))));
        let other = merged.replace("jc\t.Lwrcr3_\\@", "jnc\t.Lwrcr3_\\@");
        check(&other, Some((Form::E, &format!("=18\n-1\n+\tjnc\t.Lwrcr3_\\@\n={}\n", lines - 19))));
        check(&format!("{merged}nop"), Some((Form::E, &format!("={lines}\n+nop"))));
        check("nop\n", None);
        check("", None);
        check(&"nop\n".repeat(LINES + 1), None);
    }

    #[test]
    fn a_damaged_difference_is_refused() {
        let refused = |form, script: &str| applied(form, script).expect_err("it is refused");
        assert_eq!(refused(Form::E, ""), "the difference is damaged");
        assert_eq!(refused(Form::E, "00000000\n=9999\n"), "the difference is damaged");
        assert_eq!(refused(Form::E, "00000000\n*3\n"), "the difference is damaged");
        assert_eq!(refused(Form::E, "00000000\né\n"), "the difference is damaged");
        let of_another = nearest(&form_source(Form::A, "").text).expect("an edit").1;
        assert!(refused(Form::B2, &of_another).starts_with("the difference is damaged"));
        let other = format!("00000000\n{}", &of_another[9..]);
        assert_eq!(refused(Form::A, &other), "the difference is damaged, or form A has another text in this version");
    }

    proptest! {
        #[test]
        fn what_is_left_out_comes_back(
            form in prop::sample::select(Form::NAMED.to_vec()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[^\u{0}]{0,30}"), 0..6),
        ) {
            let mut lines: Vec<String> = form_source(form, "").text.lines().map(str::to_owned).collect();
            for (at, line) in edits {
                let at = at.index(lines.len());
                lines[at] = line;
            }
            let text = lines.join("\n");
            if let Some((form, script)) = nearest(&text) {
                prop_assert_eq!(applied(form, &script), Ok(text));
            }
        }
    }
}
