//! Names of the kernel's configuration that are set before a text.

use super::Line;

/// Lines that set names of the configuration, and the text after them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings<'t> {
    /// `#define CONFIG_X 1` and `#undef CONFIG_X`, a line each.
    pub(super) lines: &'t str,
    /// What follows.
    pub(super) rest: &'t str,
    /// Lines by which the numbers of the rest differ from its own.
    shift: u32,
}

impl<'t> Settings<'t> {
    /// The settings at the beginning of `text`. `#line 1` ends them if the lines after it count from 1.
    pub(super) fn before(text: &'t str) -> Self {
        let (mut end, mut shift) = (0, 0);
        for line in text.split_inclusive('\n') {
            let begun = shift > 0;
            if begun && line.trim() == "#line 1" {
                return Self { lines: &text[..end], rest: &text[end + line.len()..], shift: 0 };
            }
            if !sets(line) {
                break;
            }
            end += line.len();
            shift += 1;
        }
        Self { lines: &text[..end], rest: &text[end..], shift }
    }

    /// Line of the person's text that is line `line` of the rest.
    pub(super) fn line(&self, line: u32) -> u32 {
        line + self.shift
    }

    /// Line of the person's text, and characters before the text in it.
    pub(super) fn place(&self, line: &Line) -> (u32, u32) {
        (self.line(line.at), line.shift)
    }
}

/// Whether a line sets a name of the configuration and does nothing else.
fn sets(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().take(4).collect();
    let is_name =
        |name: &str| name.strip_prefix("CONFIG_").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_letter));
    line.ends_with('\n')
        && match words[..] {
            ["#define", name, "0" | "1"] | ["#undef", name] => is_name(name),
            _ => false,
        }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_the_lines_at_the_beginning() {
        let check = |text: &'static str, lines, rest, shift| {
            assert_eq!(Settings::before(text), Settings { lines, rest, shift }, "{text}");
        };
        check("", "", "", 0);
        check("a\n#define CONFIG_A 1\n", "", "a\n#define CONFIG_A 1\n", 0);
        check("#define CONFIG_A 1\n#undef CONFIG_B2\nrest", "#define CONFIG_A 1\n#undef CONFIG_B2\n", "rest", 2);
        check("#define CONFIG_A 1\n#line 1\n#undef CONFIG_B\n", "#define CONFIG_A 1\n", "#undef CONFIG_B\n", 0);
        check("#line 1\n", "", "#line 1\n", 0);
        check("#define CONFIG_A 2\n#define CONFIG_ 1\n", "", "#define CONFIG_A 2\n#define CONFIG_ 1\n", 0);
        check("#define CONFIG_A 1", "", "#define CONFIG_A 1", 0);
    }
}
