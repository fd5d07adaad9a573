//! The command that shows in a terminal what the page shows.

use crate::choice::{Form, Side};
use crate::link;
use crate::runs::BUDGET;
use crate::setup::Setup;
use crate::state::State;
use crate::words::{MACRO_FILE, TEXT_FILES};
use cr3_core::geometry::Geometry;
use cr3_core::linux::Kernel;
use std::sync::Arc;

/// What a folded command's later lines begin with.
const INDENT: &str = "   ";

/// What a terminal runs to show what is on display: `cr3play compare`, or `cr3play run` for each side where both have a
/// custom form, on different trees, because `compare` takes one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(Vec<Program>);

/// One call of `cr3play`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    /// The program with its first argument.
    name: &'static str,
    /// Options with their values, each as a shell takes it.
    options: Vec<String>,
    /// The texts of the custom form that are run: none, that of both sides or of the only one, or both.
    texts: Vec<Arc<str>>,
}

impl Command {
    /// The command of what a state shows.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let Setup { forms, own, .. } = &state.setup;
        if forms == &[Form::Custom; 2] && own[0] != own[1] {
            return Self(Side::BOTH.map(|side| Program::of(state, "cr3play run", &[side])).into());
        }
        Self(vec![Program::of(state, "cr3play compare", &Side::BOTH)])
    }

    /// Everything that a shell needs, a person's own text included.
    #[must_use]
    pub fn whole(&self) -> String {
        self.0.iter().map(Program::whole).collect::<Vec<_>>().join("\n")
    }

    /// The command in lines of at most `width` characters that a shell takes as one. A person's own text is in [`MACRO_FILE`], two are in [`TEXT_FILES`].
    #[must_use]
    pub fn folded(&self, width: usize) -> Vec<String> {
        self.0.iter().flat_map(|program| program.folded(width)).collect()
    }
}

impl Program {
    /// What runs the sides.
    fn of(state: &State, name: &'static str, sides: &[Side]) -> Self {
        let setup = &state.setup;
        let forms: Vec<_> = sides.iter().map(|side| setup.forms[side.index()].name()).collect();
        let option = if sides.len() == 1 { "--form" } else { "--forms" };
        let mut options = vec![format!("{option} {}", forms.join(",")), format!("--features {}", setup.features)];
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
        if sides.iter().any(|side| setup.tree(*side).is_some()) {
            options.push("--tree DIR".to_owned());
        }
        options.push(format!("--budget {BUDGET}"));
        let mut texts: Vec<_> =
            sides.iter().filter(|side| setup.uses_text(**side)).map(|side| state.custom.of(*side).clone()).collect();
        texts.dedup();
        Self { name, options, texts }
    }

    fn whole(&self) -> String {
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
        format!("{} {}{own}", self.name, self.options.join(" "))
    }

    fn folded(&self, width: usize) -> Vec<String> {
        let files = if self.texts.len() > 1 { &TEXT_FILES[..] } else { &[MACRO_FILE] };
        let own = files.iter().zip(&self.texts).map(|(file, _)| format!("--macro {file}"));
        let words = self.options.iter().cloned().chain(own);
        folded(self.name, words, width)
    }
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

    #[test]
    fn sides_with_different_texts_have_a_command_each() {
        check(
            "v=2&a=custom&b=custom&tb=12&s=",
            expect![[r#"
            cr3play run --form custom --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --budget 100000 --macro - <<'EOF'

            EOF

            cr3play run --form custom --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --tree DIR --budget 100000
            ---
            cr3play run --form custom \
                --features pti,pcid,invpcid,fsgsbase,nx \
                --handler quiet --budget 100000 --macro my.S
            cr3play run --form custom \
                --features pti,pcid,invpcid,fsgsbase,nx \
                --handler quiet --tree DIR --budget 100000
        "#]],
        );
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
