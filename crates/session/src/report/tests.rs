use super::*;
use crate::link::Link;
use crate::state::Settings;
use crate::{Action, Form, update};
use cr3_core::linux::sources::form_source;
use cr3_core::query::Assumption;
use expect_test::{Expect, expect};

fn opened(link: &str) -> State {
    State::open(link, Settings::default())
}

/// The report with the address that a page below this one has.
fn reported(state: &State) -> String {
    text(state, &format!("https://example.org/cr3/#{}", link::encode(&state.link())))
}

/// As many injections as that, at two places in turn.
fn long_schedule(count: usize) -> String {
    let one = |at: usize| if at.is_multiple_of(3) { "user_loop%2B1:nmi" } else { "kernel_loop%2B1:db" };
    format!("v=1&a=A&b=E&s={}", (0..count).map(one).collect::<Vec<_>>().join(","))
}

#[test]
fn the_report_says_how_the_runs_went_before_what_they_counted() {
    let state = opened("v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=390");
    let report = text(&state, "a link");
    let words: Vec<_> = report.split_whitespace().collect();
    let report = words.join(" ");
    let said = [
        "never: the program exited after 1694 steps; breaks",
        "user-cr3 at step 391, user_write_done: user mode on the kernel's tables",
        &format!("E: the program exited after 1517 steps; {} held in this run", cr3_core::promises::Promises::JUDGED),
        "The counters are not comparable: never breaks restored at step 388.",
        "whole run never E diff",
        "In a terminal: cr3play compare --forms never,E",
    ];
    let places: Vec<_> = said.iter().map(|words| report.find(words)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{report}");
    assert!(
        report.contains("CR3 writes 18 17 n/c") && report.contains("at step 383 of 1694 in never, 391 of 1517 in E:"),
        "{report}"
    );
}

#[test]
fn the_whole_report() {
    let state = update(&opened(""), Action::SetTitle("The restore that form E leaves out".into()));
    let state = update(&state, Action::SetNote(state.cursor, "Here form A writes the value that CR3 has.".into()));
    expect_test::expect_file!["report.txt"].assert_eq(&reported(&state));
}

#[test]
fn a_report_fits_a_mail() {
    let own = Link { forms: [Form::Custom, Form::E], custom: Some(form_source(Form::E, "").text), ..Link::default() };
    let links = [
        String::new(),
        "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi".into(),
        "v=1&a=B2&b=never&f=none&k=debug-entry%2Bearly-switching&h=perf%2Bpending-flush&t=skylake&s=nowhere:nmi".into(),
        "v=1&a=custom&b=E&c=K0otLsmvUChILMrMSwYA".into(),
        link::encode(&own),
        long_schedule(12),
        long_schedule(13),
    ];
    for link in links {
        let report = reported(&opened(&link));
        assert_eq!(too_wide(&report), Vec::<&str>::new(), "{report}");
        assert!(report.len() < 8000, "{} bytes: {report}", report.len());
    }
}

#[test]
fn two_thousand_injections_are_told_in_few_lines() {
    let state = opened(&long_schedule(2000));
    let report = reported(&state);
    assert!(report.len() < 8000, "{} bytes", report.len());
    assert_eq!(too_wide(&report), Vec::<&str>::new());
    let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = [
        "inject 2,000 injections: 667 NMI, 1,333 #DB; 0 inside another's handler",
        "#DB at kernel_loop+1 (1,333), NMI at user_loop+1 (667)",
        "the first is user_loop+1:nmi, the last is kernel_loop+1:db",
        "cr3play report cr3-link.txt",
        "characters, more than the rest of the report",
    ];
    assert!(said.iter().all(|said| words.contains(said)), "{report}");
    let short = State::open(&long_schedule(13), Settings { budget: 700, ..Settings::default() });
    assert!(reported(&short).contains("\n  cr3play report cr3-link.txt --budget 700\n"), "{}", reported(&short));
}

#[test]
fn assumptions_that_are_off_are_named() {
    let off = [Assumption::NoPoke, Assumption::Aligned].map(Action::ToggleAssumption);
    let state = off.into_iter().fold(opened("a=A&b=E"), |state, action| update(&state, action));
    let said = verdicts(&state);
    assert_eq!(said[0], "Every NMI, #DB, #MC at every instruction, under 9 assumptions, 2 off:");
    assert_eq!(said[1], "off: no-poke, aligned");
}

#[test]
fn a_persons_own_text_stands_in_the_report() {
    let macro_text = form_source(Form::E, "").text.replace("SET_NOFLUSH_BIT", "/* ours */ SET_NOFLUSH_BIT");
    let link = Link { forms: [Form::E, Form::Custom], custom: Some(macro_text.clone()), ..Link::default() };
    let report = reported(&opened(&link::encode(&link)));
    assert!(report.contains(&macro_text), "{report}");
    assert!(report.contains("with the text above in the file my.S:"), "{report}");
    let long = format!("{macro_text}{}", "/* a remark */\n".repeat(1000));
    let link = Link { forms: [Form::E, Form::Custom], custom: Some(long), ..Link::default() };
    let report = reported(&opened(&link::encode(&link)));
    assert!(report.contains("more lines: the link has them") && report.len() < 14_000, "{}", report.len());
}

/// What the terminal and the editor say of a text stands beside its side, once.
#[test]
fn the_report_says_what_a_text_was_taken_for() {
    let check = |[left, right]: [Option<&str>; 2], expected: Expect| {
        let form = |text: Option<&str>| text.map_or(Form::E, |_| Form::Custom);
        let custom = left.or(right).map(str::to_owned);
        let link = Link {
            forms: [form(left), form(right)],
            custom,
            right: left.and(right).map(str::to_owned),
            ..Link::default()
        };
        let report = reported(&opened(&link::encode(&link)));
        assert_eq!(too_wide(&report), Vec::<&str>::new(), "{report}");
        let lines = report.lines().skip(2).take_while(|line| !line.starts_with("with  "));
        expected.assert_eq(&lines.map(|line| format!("{line}\n")).collect::<String>());
    };
    let mail = include_str!("../../../../testdata/patches/resent.mail");
    check(
        [None, Some(mail)],
        expect![[r#"
        left  E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR
              on the pending flush
        right custom: your own text
              taken for a mail with a unified diff; left out: heads of mails,
              the words around it; it fits form A, and changes calling.h (1
              hunk), comments alone (1 hunk)
    "#]],
    );
    let hunk = "--- a/arch/x86/mm/tlb.c\n+++ b/arch/x86/mm/tlb.c\n@@ -1 +1 @@\n-a\n+b\n";
    let diff = format!("{hunk}{}", include_str!("../../../../testdata/patches/merged.diff"));
    check(
        [Some(mail), Some(&diff)],
        expect![[r#"
        left  custom: your own text
              taken for a mail with a unified diff; left out: heads of mails,
              the words around it; it fits form A, and changes calling.h (1
              hunk), comments alone (1 hunk)
        right custom: your own text
              taken for a unified diff; it fits form A, and changes calling.h (3
              hunks), entry_64.S (2 hunks); arch/x86/mm/tlb.c is left out: not
              modelled; the arm for a kernel without page-table isolation is
              left out
    "#]],
    );
    let asks = (1..9).map(|n| format!("#ifdef CONFIG_ODD_{n}\n\tnop\n#endif\n")).collect::<String>();
    let text = format!("{asks}{}", form_source(Form::E, "").text);
    check(
        [None, Some(&text)],
        expect![[r#"
            left  E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR
                  on the pending flush
            right custom: your own text
                  taken for one macro; off: CONFIG_ODD_1, CONFIG_ODD_2,
                  CONFIG_ODD_3, CONFIG_ODD_4, CONFIG_ODD_5, CONFIG_ODD_6, 2 more
                  names
        "#]],
    );
    check(
        [Some(&form_source(Form::A, "").text), None],
        expect![[r#"
            left  custom: your own text
                  taken for one macro
            right E: PARANOID_RESTORE_CR3, merged in v6.9: skips a kernel CR3, BTR
                  on the pending flush
        "#]],
    );
}

/// What a person mails is what another opens.
#[test]
fn the_link_of_a_report_opens_the_state_that_it_reports() {
    let noted = Link {
        title: "Why? Because: 1 + 1 = 2, & so on".into(),
        notes: vec![link::Note { row: 3, text: "first".into() }, link::Note { row: 40, text: "50 % & more #1".into() }],
        ..Link::default()
    };
    let links = [
        String::new(),
        "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=390&show=cr3&judge=standard&without=no-poke".into(),
        "v=1&a=custom&b=E&c=K0otLsmvUChILMrMSwYA".into(),
        link::encode(&noted),
    ];
    for link in links {
        let state = opened(&link);
        let report = reported(&state);
        let found = link::find(&report).expect("a link");
        let again = opened(&found);
        assert_eq!((again.link(), again.notice.as_ref()), (state.link(), state.notice.as_ref()), "{report}");
        assert_eq!(reported(&again), report);
    }
}
