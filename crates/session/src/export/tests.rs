use super::*;
use crate::choice::Form;
use crate::{Action, report, update};
use expect_test::{Expect, expect};

const ADDRESS: &str = "https://example.org/cr3/#v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi";

fn made(export: Export, address: &str) -> String {
    let (_, link) = address.split_once('#').expect("a link");
    let state = State::open(link, Settings::default());
    let report = report::text(&state, address);
    let file = export.file(&state, address, &report);
    let request = export.request(&state, address);
    assert_eq!(Export::answer(&request, &Library::default()), Some(file.clone()), "the worker makes the same");
    file
}

/// The first lines of a file.
fn check(export: Export, lines: usize, expected: Expect) {
    let file = made(export, ADDRESS);
    expected.assert_eq(&file.lines().take(lines).map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn counters_for_other_programs() {
    check(
        Export::Json,
        55,
        expect![[r#"
        {
          "program": "CR3 playground 0.1.0",
          "title": "",
          "link": "https://example.org/cr3/#v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi",
          "features": "pti,pcid,invpcid,fsgsbase,nx",
          "kernel": "v6.12",
          "handler": "quiet",
          "geometry": "architectural",
          "inject": "entry_SYSRETQ_unsafe_stack:nmi",
          "budget": 100000,
          "runs": [
            {
              "name": "never",
              "form": "never",
              "of": null,
              "tree": null,
              "kernel": "v6.12",
              "ending": "the program exited after 1694 steps",
              "broken": [
                {
                  "promise": "restored",
                  "step": 388,
                  "place": "entry_SYSRETQ_unsafe_stack",
                  "why": "the exception struck with CR3 0x101801 and returned with 0x100001"
                },
                {
                  "promise": "user-cr3",
                  "step": 391,
                  "place": "user_write_done",
                  "why": "user mode on the kernel's tables, CR3 0x100001"
                }
              ]
            },
            {
              "name": "E",
              "form": "E",
              "of": null,
              "tree": null,
              "kernel": "v6.12",
              "ending": "the program exited after 1517 steps",
              "broken": []
            }
          ],
          "not_comparable": "never breaks restored at step 388",
          "counters": [
            {
              "name": "instructions",
              "label": "instructions",
              "unit": "instructions",
              "values": [
                1690,
                1514
              ],
              "delta": null
            },
    "#]],
    );
    check(
        Export::Csv,
        6,
        expect![[r#"
        counter,unit,left never,right E,difference
        instructions,instructions,1690,1514,
        cr3_reads,instructions,18,16,
        cr3_writes,instructions,18,17,
        redundant_cr3_writes,instructions,1,0,
        flushing_cr3_writes,instructions,0,0,
    "#]],
    );
}

#[test]
fn what_a_person_writes_breaks_no_file() {
    let state = State::open("v=1&s=", Settings::default());
    let title = "<script>alert(1)</script> \"quoted\" & \\ \u{1}\n, done";
    let state = update(&state, Action::SetTitle(title.into()));
    let state = update(&state, Action::SetNote(0, "<b>".into()));
    let files = Export::FILES.map(|export| export.file(&state, "#v=1", &report::text(&state, "#v=1")));
    assert!(
        files[0].contains(r#""title": "<script>alert(1)</script> \"quoted\" & \\ \u0001\n, done""#),
        "{}",
        files[0]
    );
    for file in &files[2..] {
        assert!(file.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot; &amp; \\"), "{file}");
        assert!(!file.contains("<script") && !file.contains("<b>\n"), "{file}");
    }
}

/// Nothing in a file makes a browser ask for another.
#[test]
fn a_file_asks_for_nothing() {
    for export in [Export::Svg, Export::Html] {
        let file = made(export, ADDRESS);
        for asks in ["src=", "@import", "<link", "<script", "<iframe", "<image", "<use", "url(http", "xlink"] {
            assert!(!file.contains(asks), "{asks}");
        }
    }
    assert!(made(Export::Html, ADDRESS).contains("default-src 'none'"));
}

/// The page opens an exported comparison again.
#[test]
fn the_link_of_a_file_is_found() {
    let html = made(Export::Html, ADDRESS);
    assert_eq!(crate::link::find(&html).as_deref(), ADDRESS.split_once('#').map(|(_, link)| link));
    let relative = made(Export::Html, "#v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
    assert_eq!(crate::link::find(&relative).as_deref(), Some("v=1&a=A&b=E&s=kernel_loop%2B1:nmi"));
    assert_eq!(Export::answer("pdf\u{1f}\u{1f}#v=1\u{1f}", &Library::default()), None);
    assert_eq!(Export::answer("", &Library::default()), None);
}

/// What the explorer has reported is in the report that a worker makes.
#[test]
fn a_worker_makes_the_report_of_the_page() {
    let state = State::open("v=1&s=kernel_loop%2B1:nmi", Settings::default());
    let ticket = state.searches()[0].0;
    let state = update(&state, Action::Explored(ticket, crate::explore::Message::Broke("it was too warm".into())));
    let address = format!("https://example.org/#{}", crate::link::encode(&state.link()));
    let made = Export::answer(&Export::Report.request(&state, &address), &Library::default());
    assert!(made.as_ref().is_some_and(|report| report.contains("it was too warm")), "{made:?}");
    assert_eq!(made, Some(report::text(&state, &address)));
}

/// Where the present text does not assemble, a file is about the run that the page shows, and says so.
#[test]
fn a_file_has_the_run_that_is_displayed() {
    let macro_text = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr3\n.endm\n";
    let actions = [
        Action::EditDraft(macro_text.into()),
        Action::SetForm(Side::Right, Form::Custom),
        Action::EditDraft("no macro".into()),
    ];
    let opened = State::open("v=1&a=E&s=kernel_loop%2B1:nmi", Settings::default());
    let broken = actions.into_iter().fold(opened, |state, action| update(&state, action));
    let shown = broken.on_display();
    assert_eq!((&**broken.custom.of(Side::Right), &**shown.custom.of(Side::Right)), ("no macro", macro_text));
    let address = format!("https://example.org/#{}", crate::link::encode(&shown.link()));
    let report = report::text(&shown, &address);
    let [text, json, csv, svg, html] = Export::ALL.map(|export| {
        let file = export.file(&shown, &address, &report);
        assert_eq!(Export::answer(&export.request(&shown, &address), &Library::default()).as_ref(), Some(&file));
        assert!(!file.contains("no macro") && !file.contains("does not assemble, so"), "{file}");
        file
    });
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains(
            "right custom: your own text the last text that assembled; the present one does not taken for one macro \
             with"
        ),
        "{text}"
    );
    assert!(words.contains(" custom: the last text that assembled: the program exited after "), "{text}");
    assert!(report::too_wide(&text).is_empty() && text.contains(macro_text), "{text}");
    assert!(json.contains("\"of\": \"the last text that assembled\"") && json.contains("\"of\": null"), "{json}");
    assert!(csv.starts_with("counter,unit,left E,right custom (the last text that assembled),difference\r\n"), "{csv}");
    assert!(svg.contains("<title>CR3 playground: E and custom (the last text that assembled)</title>"), "{svg}");
    assert!(html.contains("<b>custom</b>: the last text that assembled: the program exited"), "{html}");
    // Once the text is mended, the page says nothing of that.
    let mended = update(&broken, Action::EditDraft(macro_text.into()));
    assert_eq!(mended.on_display(), mended);
}

/// A run of a hundred thousand steps is a file that a browser opens.
#[test]
fn a_long_run_is_no_large_file() {
    let long = "#v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi";
    for (export, limit) in [(Export::Svg, 60_000), (Export::Html, 180_000), (Export::Json, 12_000), (Export::Csv, 4000)]
    {
        let length = made(export, long).len();
        assert!(length < limit, "{}: {length} bytes", export.name());
    }
}
