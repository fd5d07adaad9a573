//! `cr3play report`.

use super::{check, json, play};
use expect_test::expect;

/// What a report prints, and the exit status.
fn report(arguments: &str) -> (String, i32) {
    let answer = play(&format!("report --verdict no {arguments}"), "");
    assert_eq!(answer.err, "", "{arguments}");
    (answer.out, answer.status)
}

#[test]
fn a_report_of_options() {
    check("report --forms never,E --inject entry_SYSRETQ_unsafe_stack:nmi --verdict no", 1, expect![[""]]);
}

#[test]
fn the_explorer_is_asked_unless_a_person_says_no() {
    let answer = play("report --inject kernel_loop+1:nmi", "");
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    let words = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "E: holds for all",
        "schedules, depth 1",
        "cr3play explore --form E --depth 1 --vectors nmi,db,mc --handler quiet",
        "cr3play compare --forms A,E",
    ] {
        assert!(words.contains(said), "{said}: {}", answer.out);
    }
    assert!(report("--inject kernel_loop+1:nmi").0.contains("at every instruction: not asked."));
}

/// A link, the part of it after `#`, a file that has one, a mail on standard input: all open the same.
#[test]
fn a_link_is_taken_wherever_it_stands() {
    let link = "v=1&a=B2&b=E&f=pti,pcid&h=quiet&s=kernel_loop%2B1:nmi&at=40";
    let (expected, status) = report(link);
    assert_eq!(status, 0);
    assert!(expected.ends_with(&format!("\n#{link}\n")), "{expected}");
    assert_eq!(report(&format!("https://example.org/x/#{link}")), (expected.clone(), 0));
    let mail = format!("> See\n> <https://example.org/#{link}>, please.\n");
    let answer = play("report --verdict no -", &mail);
    assert_eq!((answer.out.as_str(), answer.status), (expected.as_str(), 0));
    assert_eq!(play("report --verdict no -", &expected).out, expected, "a report opens what it reports");
    let saved = play(&format!("report --verdict no --format link {link}"), "").out;
    assert_eq!(play("report --verdict no -", &saved).out, expected);
    let based = play(&format!("report --verdict no --base-address https://example.org/cr3/ {link}"), "").out;
    assert!(based.ends_with(&format!("\nhttps://example.org/cr3/#{link}\n")), "{based}");
}

#[test]
fn two_thousand_injections_fit_a_mail() {
    let schedule = vec!["kernel_loop+1:nmi"; 2000].join(",");
    let answer = play(&format!("report --verdict no --inject {schedule}"), "");
    assert!(answer.out.len() < 8000, "{} bytes", answer.out.len());
    assert!(answer.out.lines().all(|line| line.chars().count() <= 72), "{}", answer.out);
    let saved = play(&format!("report --verdict no --format link --inject {schedule}"), "").out;
    assert_eq!(play("report --verdict no -", &saved).out, answer.out, "the file has all of it");
}

#[test]
fn a_text_of_ones_own_travels_in_the_link() {
    let (text, status) = report("--macro crates/core/src/linux/restore/b2.S --inject entry_SYSRETQ_unsafe_stack:nmi");
    assert_eq!(status, 0);
    assert!(text.contains(include_str!("../../../core/src/linux/restore/b2.S")), "{text}");
    let link = text.lines().last().expect("a link");
    assert!(link.starts_with("#v=2&a=E&b=custom&") && link.contains("&d=B2,"), "{link}");
    assert_eq!(report(link), (text, 0));
}

#[test]
fn other_formats() {
    let of = |format: &str| report(&format!("--inject kernel_loop+1:nmi --format {format}")).0;
    let counters = json("report --verdict no --inject kernel_loop+1:nmi --json", 0);
    assert_eq!(counters, serde_json::from_str::<serde_json::Value>(&of("json")).expect("JSON"));
    let compared = json("compare --inject kernel_loop+1:nmi --json", 0);
    let by_name = |all: &serde_json::Value| {
        let all = all.as_array().expect("a list").iter();
        all.map(|one| (one["name"].to_string(), one["values"].to_string())).collect::<Vec<_>>()
    };
    assert_eq!(by_name(&counters["counters"]), by_name(&compared["counters"]));
    assert_eq!(of("csv").lines().count(), by_name(&compared["counters"]).len() + 1);
    assert!(of("svg").starts_with("<svg xmlns="));
    assert!(of("html").starts_with("<!doctype html>"));
}

#[test]
fn what_a_report_cannot_be_about_is_said() {
    check("report --forms A,B2,E", 2, expect![[""]]);
    check("report --tree testdata/tree", 2, expect![[""]]);
    check("report README.md", 2, expect![[""]]);
    check("report v=1 --forms A,E", 2, expect![[""]]);
    check("report 'v=9&a=Z&b=E&s=&b=E' --verdict no --format csv", 0, expect![[""]]);
}
