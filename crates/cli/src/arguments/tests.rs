//! The text of `--help`.

use super::Arguments;
use clap::CommandFactory;

/// Whether a line is an example, which keeps its own breaks.
fn is_example(line: &str) -> bool {
    line.starts_with("  ")
}

/// Lines that end although the next word would have fitted: they were broken by hand.
fn early(text: &str, width: usize) -> Vec<String> {
    let fits = |line: &str, next: &str| {
        let word = next.split(' ').next().unwrap_or_default();
        line.chars().count() + 1 + word.chars().count() <= width
    };
    let pairs = text.split("\n\n").flat_map(|paragraph| paragraph.lines().zip(paragraph.lines().skip(1)));
    let plain = pairs.filter(|(line, next)| !is_example(line) && !is_example(next));
    plain.filter(|(line, next)| fits(line, next)).map(|(line, _)| line.to_owned()).collect()
}

/// What a command says after its options, as a terminal of this width shows it.
fn after(command: &clap::Command, width: usize) -> Option<String> {
    let source = command.get_after_help()?.to_string();
    let begin = source.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let help = command.clone().term_width(width).render_help().to_string();
    let at = help.rfind(&begin).expect("the help ends with it");
    Some(help[at..].to_owned())
}

#[test]
fn only_the_terminal_breaks_lines_of_help() {
    assert_eq!(early("one two\nthree four", 20), ["one two"]);
    let all = Arguments::command();
    for width in [80, 100] {
        let texts = std::iter::once(&all).chain(all.get_subcommands()).filter_map(|command| after(command, width));
        let texts: Vec<_> = texts.collect();
        assert_eq!(texts.len(), 6);
        assert_eq!(texts.iter().flat_map(|text| early(text, width)).collect::<Vec<_>>(), [""; 0], "at {width} columns");
    }
}
