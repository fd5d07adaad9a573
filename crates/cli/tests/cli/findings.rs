//! docs/FINDINGS.md: each command in it, with the output lines on which the finding rests.
//!
//! A block holds one command, lines of its output, and the exit status as `echo $?` prints it. `...` stands for omitted
//! lines and `N` for any number, decimal or hexadecimal. Lines without `...` between them are adjacent in the output,
//! however it is wrapped.

use super::{Answer, play};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    fs::read_to_string(root().join("docs/FINDINGS.md")).expect("docs/FINDINGS.md")
}

#[derive(Clone, Debug)]
enum Quoted {
    /// A command of the playground and what it prints.
    Play { arguments: String, runs: Vec<Vec<String>>, status: i32 },
    /// Tests that assert the counts, by a part of their names.
    Tests { package: String, filter: String },
}

/// The blocks of the document that hold commands.
fn blocks(document: &str) -> Vec<&str> {
    let after = document.split("```console\n").skip(1);
    after.map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

fn quoted(block: &str) -> Quoted {
    let (command, rest) = block.split_once('\n').expect("a command in its own line");
    if let Some(test) = command.strip_prefix("$ cargo nextest run -p ") {
        assert_eq!(rest, "", "{command}");
        let (package, filter) = test.split_once(' ').expect("a package and a filter");
        return Quoted::Tests { package: package.to_owned(), filter: filter.to_owned() };
    }
    let arguments = command.strip_prefix("$ cr3play ").unwrap_or_else(|| panic!("{command} is no command"));
    let (output, status) = rest.split_once("$ echo $?\n").unwrap_or_else(|| panic!("{command}: no exit status"));
    let runs = output.split("...\n").map(|run| run.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let runs: Vec<_> = runs.filter(|run| !run.is_empty()).collect();
    assert!(!runs.is_empty(), "{command}: nothing is expected of it");
    let status = status.trim().parse().unwrap_or_else(|_| panic!("{command}: {status:?} is no exit status"));
    Quoted::Play { arguments: arguments.to_owned(), runs, status }
}

/// A word of the output, and whether it begins or ends a line.
struct Word<'a> {
    text: &'a str,
    first: bool,
    last: bool,
}

fn output_words(output: &str) -> Vec<Word<'_>> {
    output.lines().flat_map(line_words).collect()
}

fn line_words(line: &str) -> impl Iterator<Item = Word<'_>> {
    let count = line.split_whitespace().count();
    let words = line.split_whitespace().enumerate();
    words.map(move |(index, text)| Word { text, first: index == 0, last: index + 1 == count })
}

/// Whether a word is as expected; `N`, with or without a comma, stands for any number.
fn same(expected: &str, found: &str) -> bool {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
    };
    match expected {
        "N" => number(found),
        "N," => found.strip_suffix(',').is_some_and(number),
        _ => expected == found,
    }
}

/// Where in the output the lines of `run` end, if they occur.
fn find(run: &[String], output: &[Word]) -> Option<usize> {
    let at = output.windows(run.len()).position(|window| {
        let lines = window.first().is_some_and(|word| word.first) && window.last().is_some_and(|word| word.last);
        lines && run.iter().zip(window).all(|(expected, word)| same(expected, word.text))
    });
    at.map(|at| at + run.len())
}

/// What differs from the document.
fn verdict(runs: &[Vec<String>], status: i32, answer: &Answer) -> Result<(), String> {
    let words = output_words(&answer.out);
    let mut rest = words.as_slice();
    for run in runs {
        let end = find(run, rest).ok_or_else(|| format!("`{}` is not in\n{}", run.join(" "), answer.out))?;
        rest = &rest[end..];
    }
    match (answer.status == status, answer.err.as_str()) {
        (true, "") => Ok(()),
        _ => Err(format!("exit status {} and not {status}: {}", answer.status, answer.err)),
    }
}

fn played(document: &str) -> Vec<(String, Vec<Vec<String>>, i32)> {
    let play = |block| match quoted(block) {
        Quoted::Play { arguments, runs, status } => Some((arguments, runs, status)),
        Quoted::Tests { .. } => None,
    };
    blocks(document).into_iter().filter_map(play).collect()
}

/// A changed word, a lost one or another status must not pass; otherwise the comparison shows nothing.
fn assert_would_fail(arguments: &str, runs: &[Vec<String>], status: i32, answer: &Answer) {
    assert!(verdict(runs, 1 - status, answer).is_err(), "{arguments}: any status passes");
    for (at, run) in runs.iter().enumerate() {
        for word in 0..run.len() {
            let mut changed = runs.to_vec();
            changed[at][word].push('0');
            assert!(verdict(&changed, status, answer).is_err(), "{arguments}: {} passes", changed[at].join(" "));
        }
    }
}

#[test]
fn each_command_of_the_findings_prints_what_they_quote() {
    let document = document();
    let commands = played(&document);
    assert_eq!(commands.len(), 36);
    assert_eq!(
        document.matches("cr3play ").count(),
        commands.len() + 2,
        "two in the text: `cr3play presets`, `cr3play claims`"
    );
    for (arguments, runs, status) in commands {
        let answer = play(&arguments, "");
        if let Err(cause) = verdict(&runs, status, &answer) {
            panic!("docs/FINDINGS.md: $ cr3play {arguments}\n{cause}");
        }
        assert_would_fail(&arguments, &runs, status, &answer);
    }
}

#[test]
fn another_command_does_not_print_it() {
    let document = document();
    let mut commands = played(&document);
    let (arguments, runs, status) = commands.swap_remove(0);
    assert_eq!(arguments, "compare --inject kernel_loop+1:nmi");
    for other in ["compare", "compare --inject kernel_loop+1:db", "compare --forms B2,E --inject kernel_loop+1:nmi"] {
        let cause = verdict(&runs, status, &play(other, "")).expect_err(other);
        assert!(cause.starts_with('`') || cause.starts_with("exit status"), "{other}: {cause}");
    }
    let cause = verdict(&runs, status, &play("compare --inject kernel_loop+1:nmj", "")).expect_err("no such vector");
    assert!(cause.starts_with("`end A: the program exited after N steps "), "{cause}");
}

/// The texts of all tests of a package.
fn tests_of(package: &str) -> String {
    let mut folders = vec![root().join("crates").join(package.trim_start_matches("cr3-")).join("tests")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("tests") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => text += &fs::read_to_string(path).expect("text"),
            }
        }
    }
    text
}

#[test]
fn each_test_that_the_findings_name_exists() {
    let mut filters = BTreeSet::new();
    for block in blocks(&document()) {
        if let Quoted::Tests { package, filter } = quoted(block) {
            let tests = tests_of(&package);
            let named =
                |line: &str| ["fn ", "mod "].iter().any(|word| line.starts_with(word)) && line.contains(&filter);
            assert!(tests.lines().any(named), "no test of {package} has {filter} in its name");
            filters.insert(filter);
        }
    }
    assert_eq!(filters.len(), 14, "{filters:?}");
}

/// What a mail to the list needs beside the parts of every finding.
#[test]
fn each_finding_to_post_has_all_that_a_mail_needs() {
    let document = document();
    let (_, rest) = document.split_once("\n## To post\n").expect("the chapter");
    let chapter = rest.split("\n## ").next().unwrap_or(rest);
    let sections: Vec<_> = chapter.split("\n### ").skip(1).collect();
    for section in &sections {
        for part in ["Needs", "Shortest", "Forms", "Premise", "Mend"] {
            assert_eq!(section.matches(&format!("\n- {part}: ")).count(), 1, "no {part:?} in {section}");
        }
        let link = section.contains("\n```text\n#v=1&");
        assert_eq!(link, !section.contains("no link"), "a link, or why there is none: {section}");
    }
    assert_eq!(sections.len(), 8);
}

/// Nobody can quote a finding alone if it lacks a part, and a mail has 80 columns.
#[test]
fn each_finding_has_its_parts_in_short_lines() {
    let document = document();
    let sections: Vec<_> = document.split("\n### ").skip(1).collect();
    for section in &sections {
        let section = section.split("\n## ").next().unwrap_or(section);
        for part in ["\n- Claim: ", "\n- Machine: ", "\n- Affected: ", "\n```console\n$ "] {
            assert_eq!(section.matches(part).count().min(1), 1, "no {part:?} in {section}");
        }
    }
    assert_eq!(sections.len(), 41);
    let prose = document.split("```").step_by(2).flat_map(str::lines);
    let long = prose.filter(|line| !line.starts_with(['|', '#'])).find(|line| line.chars().count() > 80);
    assert_eq!(long, None);
    let cells = document.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('|'));
    assert_eq!(cells.filter(|cell| cell.len() > 40).collect::<Vec<_>>(), [""; 0]);
}
