//! The command that shows in a terminal what the page shows.

use crate::choice::Side;
use crate::link;
use crate::setup::Setup;
use crate::state::State;
use crate::words::Files;
use cr3_core::geometry::Geometry;
use cr3_core::linux::Kernel;
use std::sync::Arc;

/// What a folded command's later lines begin with.
const INDENT: &str = "   ";

/// What a terminal runs to show what is on display: `cr3play compare` with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Options with their values, each as a shell takes it.
    options: Vec<String>,
    /// The texts that are run: none, that of both sides or of the only one, or both.
    texts: Vec<Arc<str>>,
}

/// The program with its first argument.
const NAME: &str = "cr3play compare";

impl Command {
    /// The command of what a state shows.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let setup = &state.setup;
        let forms = Side::BOTH.map(|side| form(setup, side)).join(",");
        let mut options = vec![format!("--forms {forms}"), format!("--features {}", setup.features)];
        if setup.kernel != Kernel::V6_12 {
            options.push(format!("--kernel {}", setup.kernel));
        }
        options.push(format!("--handler {}", setup.handler));
        if setup.geometry != Geometry::default() {
            options.push(format!("--geometry {}", setup.geometry));
        }
        if !setup.schedule.injections.is_empty() {
            // Nothing in a schedule ends a shell's quotes.
            options.push(format!("--inject '{}'", setup.schedule));
        }
        options.extend(of_trees(state));
        options.push(format!("--budget {}", setup.budget));
        let mut texts: Vec<_> = Side::BOTH
            .into_iter()
            .filter(|side| setup.uses_text(*side))
            .map(|side| state.custom.of(side).clone())
            .collect();
        texts.dedup();
        Self { options, texts }
    }

    /// Everything that a shell needs, a person's own text included.
    #[must_use]
    pub fn whole(&self) -> String {
        match self.texts.as_slice() {
            [] => self.with(""),
            [text] => {
                let end = delimiter(text);
                format!("{} <<'{end}'\n{}", self.with(" --macro -"), ended(text, &end))
            }
            texts => self.with_all(texts),
        }
    }

    /// A shell has one standard input, and as many others as one likes.
    fn with_all(&self, texts: &[Arc<str>]) -> String {
        let ends: Vec<_> = texts.iter().map(|text| delimiter(text)).collect();
        let numbered = || (3..).zip(&ends);
        let options: String = numbered().map(|(number, _)| format!(" --macro /dev/fd/{number}")).collect();
        let inputs: String = numbered().map(|(number, end)| format!(" {number}<<'{end}'")).collect();
        let texts: String = texts.iter().zip(&ends).map(|(text, end)| ended(text, end)).collect();
        format!("{}{inputs}\n{texts}", self.with(&options))
    }

    fn with(&self, own: &str) -> String {
        format!("{NAME} {}{own}", self.options.join(" "))
    }

    /// The command in lines of at most `width` characters that a shell takes as one. A person's own text is in a file.
    #[must_use]
    pub fn folded(&self, width: usize) -> Vec<String> {
        let files = if self.texts.len() > 1 { &Files::OF_SIDES[..] } else { &[Files::default()] };
        let own = files.iter().zip(&self.texts).map(|(files, _)| format!("--macro {}", files.text));
        folded(NAME, self.options.iter().cloned().chain(own), width)
    }
}

/// The word of `--forms` for what a side runs.
fn form(setup: &Setup, side: Side) -> &'static str {
    match (setup.tree(side), setup.uses_text(side)) {
        (Some(_), false) => "tree",
        (None, true) if setup.tree(side.other()).is_some() => "text",
        _ => setup.forms[side.index()].name(),
    }
}

/// Where commands find what a side runs.
pub(crate) fn files(state: &State, side: Side) -> Files {
    let (default, own) = (Files::default(), Files::OF_SIDES[side.index()]);
    let [left, right] = Side::BOTH.map(|side| state.setup.tree(side));
    let has_two_trees = left.is_some() && right.is_some() && left != right;
    Files {
        text: if state.linked_right().is_some() { own.text } else { default.text },
        tree: if has_two_trees { own.tree } else { default.tree },
    }
}

/// The trees that the sides run, each once: a side that runs it, and what stands for its folder.
pub(crate) fn trees(state: &State) -> Vec<(Side, &'static str)> {
    let with_tree = Side::BOTH.into_iter().filter(|side| state.setup.tree(*side).is_some());
    let mut trees: Vec<_> = with_tree.map(|side| (side, files(state, side).tree)).collect();
    trees.dedup_by_key(|(_, folder)| *folder);
    trees
}

/// The options that give them.
pub(crate) fn of_trees(state: &State) -> Vec<String> {
    trees(state).into_iter().map(|(_, folder)| format!("--tree {folder}")).collect()
}

/// A text of a shell's input, with the word that ends it.
fn ended(text: &str, end: &str) -> String {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{newline}{end}\n")
}

/// A word that no line of the text is.
fn delimiter(text: &str) -> String {
    let mut word = "EOF".to_owned();
    while text.lines().any(|line| line == word) {
        word.push('_');
    }
    word
}

/// A command and its options, in lines of at most `width` characters as far as blanks allow. Blanks between quotes are
/// those of a schedule, in which a new line means the same.
pub(crate) fn folded(command: &str, options: impl IntoIterator<Item = String>, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = command.to_owned();
    let mut is_quoted = false;
    for option in options {
        for (index, word) in option.split(' ').enumerate() {
            // The first word of an option decides where all of it begins.
            let ahead = if index == 0 { option.len() } else { word.len() };
            if line.len() + ahead + " ".len() + " \\".len() > width {
                lines.push(if is_quoted { line } else { line + " \\" });
                line = INDENT.to_owned();
            }
            line.push(' ');
            line.push_str(word);
            is_quoted ^= word.matches('\'').count() % 2 == 1;
        }
    }
    lines.push(line);
    lines
}

/// The command that opens what is too long for a line, from the file that the page saves.
#[must_use]
pub fn of_file() -> String {
    format!("cr3play report {}", link::FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Form;
    use crate::state::Settings;
    use expect_test::{Expect, expect};

    fn check(link: &str, expected: Expect) {
        let state = State::open(link, Settings::default());
        let command = Command::of(&state);
        let folded = command.folded(60);
        assert!(folded.iter().all(|line| line.len() <= 60), "{folded:?}");
        expected.assert_eq(&format!("{}\n---\n{}\n", command.whole(), folded.join("\n")));
    }

    #[test]
    fn a_shell_takes_the_command() {
        check(
            "",
            expect![[r#"
            cr3play compare --forms A,E --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject 'kernel_loop+1:nmi' --budget 100000
            ---
            cr3play compare --forms A,E \
                --features pti,pcid,invpcid,fsgsbase,nx \
                --handler quiet --inject 'kernel_loop+1:nmi' \
                --budget 100000
        "#]],
        );
        check(
            "v=1&a=B2&k=debug-entry&t=skylake&f=none&s=",
            expect![[r#"
            cr3play compare --forms B2,E --features none --kernel v6.12+debug-entry --handler quiet --geometry skylake --budget 100000
            ---
            cr3play compare --forms B2,E --features none \
                --kernel v6.12+debug-entry --handler quiet \
                --geometry skylake --budget 100000
        "#]],
        );
        check(
            "v=1&s=kernel_loop%2B1:nmi%3Eexc_nmi%2B2:db,nmi_exit:nmi,kernel_loop%2B1%232:mc,kernel_loop%2B1:nmi",
            expect![[r#"
                cr3play compare --forms A,E --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject 'kernel_loop+1:nmi > exc_nmi+2:db, nmi_exit:nmi, kernel_loop+1#2:mc, kernel_loop+1:nmi' --budget 100000
                ---
                cr3play compare --forms A,E \
                    --features pti,pcid,invpcid,fsgsbase,nx \
                    --handler quiet \
                    --inject 'kernel_loop+1:nmi > exc_nmi+2:db,
                    nmi_exit:nmi, kernel_loop+1#2:mc, kernel_loop+1:nmi' \
                    --budget 100000
            "#]],
        );
    }

    /// `--forms` and the options that give texts and trees; `input` is what a shell reads.
    fn check_sides(link: &str, forms: &str, trees: &str, [typed, folded]: [&str; 2], input: &str) {
        let command = Command::of(&State::open(link, Settings::default()));
        let around = |texts: &str| {
            format!(
                "{NAME} --forms {forms} --features pti,pcid,invpcid,fsgsbase,nx --handler quiet{trees} --budget 100000{texts}"
            )
        };
        assert_eq!(command.whole(), format!("{}{input}", around(typed)), "{link}");
        assert_eq!(command.folded(60).join("\n").replace(&format!(" \\\n{INDENT}"), ""), around(folded), "{link}");
    }

    #[test]
    fn sides_with_texts_and_trees_have_one_command() {
        const INPUT: [&str; 2] = [" --macro - <<'EOF'\n", " --macro my.S"];
        check_sides("v=2&a=custom&b=custom&tb=12&s=", "text,tree", " --tree DIR", INPUT, "\nEOF\n");
        check_sides(
            "v=2&a=custom&b=custom&ta=11&tb=12&s=",
            "tree,tree",
            " --tree LEFT_DIR --tree RIGHT_DIR",
            ["", ""],
            "",
        );
        check_sides("v=2&a=E&b=custom&tb=12&s=", "E,tree", " --tree DIR", ["", ""], "");
        let edited = "v=2&a=custom&b=custom&ta=12&tb=12%2B&c=K0otLsmvUChILMrMSwYA&s=";
        check_sides(edited, "tree,custom", " --tree DIR", INPUT, "restox parinc\nEOF\n");
    }

    #[test]
    fn a_text_of_ones_own_stands_in_the_command() {
        let custom = "/* mine */\nEOF\n.macro RESTORE_CR3\n.endm";
        let link =
            crate::link::Link { forms: [Form::Custom, Form::E], custom: Some(custom.into()), ..Default::default() };
        check(
            &crate::link::encode(&link),
            expect![[r#"
            cr3play compare --forms custom,E --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject 'kernel_loop+1:nmi' --budget 100000 --macro - <<'EOF_'
            /* mine */
            EOF
            .macro RESTORE_CR3
            .endm
            EOF_

            ---
            cr3play compare --forms custom,E \
                --features pti,pcid,invpcid,fsgsbase,nx \
                --handler quiet --inject 'kernel_loop+1:nmi' \
                --budget 100000 --macro my.S
        "#]],
        );
    }
}
