use super::*;
use crate::state::{Settings, State};
use crate::story::STORIES;
use crate::{Action, update};
use cr3_core::linux::sources::form_source;
use cr3_core::linux::{Feature, Handler, Variation};
use cr3_core::scenario::presets::PRESETS;
use cr3_core::scenario::{Injection, Nesting, Place, Vector};
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn check(text: &str, golden: Expect) {
    let (link, ignored) = decode(text);
    let mut shown = encode(&link);
    for reason in ignored {
        shown.push_str("\n  ignored ");
        shown.push_str(&reason);
    }
    golden.assert_eq(&shown);
}

/// A link to a situation with a name is short enough for a line of a mail, and so is one to a macro with a few lines
/// edited.
#[test]
fn links_are_short() {
    let longest = STORIES.iter().map(|story| {
        let setup = story.setup();
        let state = State::open(&format!("v=1&s={}", escape::escape(&compact(&setup.schedule))), Settings::default());
        let index = STORIES.iter().position(|other| other == story).expect("it is one of them");
        let state = update(&state, Action::OpenStory(index));
        assert_eq!(*state.setup, setup);
        encode(&state.link()).len()
    });
    assert!(longest.max().is_some_and(|longest| longest <= 120));
    for preset in PRESETS {
        let link = Link {
            features: preset.features,
            handler: preset.handler,
            schedule: preset.schedule(),
            row: Some(99_999),
            forms: [Form::Never, Form::E],
            ..Link::default()
        };
        assert!(encode(&link).len() <= 120, "{}", encode(&link));
    }
    let merged = form_source(Form::E, "").text;
    let edited = merged
        .replace("jc\t.Lwrcr3_\\@", "jnc\t.Lwrcr3_\\@\n\tnop")
        .replace("\tSET_NOFLUSH_BIT \\save_reg\n", "\tbtsq\t$63, \\save_reg\n")
        .replace("Take the pending flush", "Take, and do not forget, the pending flush");
    let link = Link { forms: [Form::E, Form::Custom], custom: Some(edited), row: Some(99_999), ..Link::default() };
    let text = encode(&link);
    assert!(text.len() <= 700, "{} characters: {text}", text.len());
    assert_eq!(decode(&text), (link, Vec::new()));
}

#[test]
fn a_link_of_a_newer_version_is_known_as_one() {
    for (link, newer) in [
        ("", false),
        ("v=1", false),
        ("#v=2&a=A", false),
        ("#v=3&a=A", false),
        ("#v=4&a=A", true),
        ("a=A&v=9", true),
        ("v=x", false),
    ] {
        assert_eq!(is_newer(link), newer, "{link}");
    }
}

/// A text, and its difference from a form: both would be the text of the left side.
#[test]
fn a_text_that_comes_twice_is_said() {
    let edit = encode(&Link {
        forms: [Form::Custom, Form::E],
        custom: Some(form_source(Form::E, "").text.replacen("jc\t", "jb\t", 1)),
        ..Link::default()
    });
    let (_, difference) = edit.split_once("&d=").expect("an edit");
    let (link, ignored) = decode(&format!("v=2&a=custom&c={}&d={difference}", pack::pack("\tnop\n")));
    assert_eq!(ignored, [format!("d: {TWICE}")]);
    assert!(link.custom.is_some_and(|text| text.contains("jb\t")), "the last one counts");
}

#[test]
fn a_damaged_link_opens_what_is_left_of_it_and_says_what_was_ignored() {
    check(
        "v=1&a=Z&b=E&f=pti,sse9&h=&s=kernel_loop%2&at=-1&side=c&follow=yes&code=+&counters=&%%%=1&c=*&d=E,*&d=Z,AAAA&d=E&nx=1",
        expect![[r#"
            v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi
              ignored a: "Z" is not a name on this page
              ignored f: unknown feature 'sse9': one of pti, pcid, invpcid, fsgsbase, nx, sev-es, no-sev-es
              ignored h: unknown handler '': one of quiet, perf, pending-flush, kgdb-poke, rogue-cr3, rogue-switch-mm, schedule, efi-call
              ignored s: column 12: found '%', expected ':' and a vector (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
              ignored at: "-1" is not a step number
              ignored side: "c" is not a name on this page
              ignored follow: "yes" is not a name on this page
              ignored code: column 1: found '+', expected a label (an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc)
              ignored counters: "" is not a name on this page
              ignored %%%: this version does not know this part
              ignored c: the text of the custom form is damaged
              ignored d: the text of the custom form is damaged
              ignored d: "Z,AAAA" is not a name on this page
              ignored d: "E" is not a difference from a form
              ignored nx: this version does not know this part"#]],
    );
    check(
        "v=7&b=C",
        expect![[r#"
        v=1&a=A&b=C&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi
          ignored v: the link has version 7, this program reads up to 3; it shows what it understands"#]],
    );
    check(
        "v=1&a=A&b=C&a=C&n4=one&n4=two",
        expect![[r#"
        v=2&a=C&b=C&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi&n4=two
          ignored a: the link has it more than once; the last one counts
          ignored n4: the link has it more than once; the last one counts"#]],
    );
    check(
        "v=1&a=A&b=C&n4=one&n04=two",
        expect![[r#"
        v=2&a=A&b=C&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi&n4=two
          ignored n04: the link has it more than once; the last one counts"#]],
    );
    // What is known of a list is kept.
    check(
        "v=1&a=A&b=E&without=no-poke,no-magic,df-once,no-luck",
        expect![[r#"
        v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi&without=no-poke,df-once
          ignored without: unknown assumption 'no-magic': one of no-schedule, no-mm-switch, no-poke, no-raw-cr3, no-request-after-look, aligned, ist-once, nmi-frame, vc-gap, vc-once, df-once"#]],
    );
    check(
        "utm_source=newsletter",
        expect![[r#"
        v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi
          ignored utm_source: this version does not know this part"#]],
    );
}

#[test]
fn a_text_that_unpacks_without_end_is_refused() {
    let bomb = pack::pack(&"a".repeat(pack::LIMIT + 1));
    assert!(bomb.len() < 400, "it is small before it unpacks");
    let (link, ignored) = decode(&format!("c={bomb}"));
    assert_eq!(link.custom, None);
    assert_eq!(ignored, ["c: the text of the custom form is damaged or too long"]);
}

fn place() -> impl Strategy<Value = Place> {
    let parts = ("[a-z_][a-zA-Z0-9_]{0,12}", 0u32..500, 1u32..9);
    parts.prop_map(|(label, offset, occurrence)| Place { label, offset, occurrence })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let injection = (place(), prop::sample::select(Vector::ALL.to_vec()), any::<bool>());
    prop::collection::vec(injection, 0..4).prop_map(|injections| {
        let nested = |at: usize, inside: bool| if at > 0 && inside { Nesting::Inside } else { Nesting::After };
        let injections = injections.into_iter().enumerate();
        Schedule {
            injections: injections
                .map(|(at, (place, vector, inside))| Injection { place, vector, nesting: nested(at, inside) })
                .collect(),
        }
    })
}

/// A form's text with a line replaced.
fn edit() -> impl Strategy<Value = String> {
    (prop::sample::select(Form::NAMED.to_vec()), any::<prop::sample::Index>(), any::<String>()).prop_map(
        |(form, at, line)| {
            let text = form_source(form, "").text;
            let mut lines: Vec<_> = text.lines().collect();
            let at = at.index(lines.len());
            lines[at] = &line;
            lines.join("\n")
        },
    )
}

/// A text of a person's own.
fn own_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), edit()]
}

fn link() -> impl Strategy<Value = Link> {
    let form = || prop::sample::select(Form::ALL.to_vec());
    let tree = || any::<u64>().prop_map(cr3_core::linux::TreeId);
    let own = || prop_oneof![Just(Own::Text), tree().prop_map(Own::Tree), tree().prop_map(Own::EditedTree)];
    let features = prop::collection::vec(prop::sample::select(Feature::ALL.to_vec()), 0..6);
    let run = (
        ([form(), form()], [own(), own()]),
        features.prop_map(|features| features.into_iter().collect()),
        prop::sample::subsequence(Variation::ALL.to_vec(), 0..=Variation::ALL.len()),
        prop::sample::subsequence(Handler::ALL.to_vec(), 0..=Handler::ALL.len()),
        prop::sample::select(Geometry::ALL.to_vec()),
        schedule(),
        (prop::option::of(own_text()), prop::option::of(own_text())),
    );
    let shown = (
        prop::option::of(any::<usize>()),
        prop::sample::select(Filter::ALL.to_vec()),
        prop::sample::select(Side::BOTH.to_vec()),
        prop::sample::select(Pane::ALL.to_vec()),
        prop::sample::select(Tab::ALL.to_vec()),
        (any::<bool>(), prop::option::of(place()), any::<bool>()),
    );
    let off = prop::sample::subsequence(Assumption::ALL.to_vec(), 0..=Assumption::ALL.len());
    let judged = (prop::sample::select(Scope::ALL.to_vec()), off);
    let notes = prop::collection::btree_map(0usize..10_000, any::<String>(), 0..4);
    let written = (
        any::<String>(),
        notes.prop_map(|notes| notes.iter().fold(Vec::new(), |all, (row, text)| pinned(&all, *row, text))),
    );
    (run, shown, judged, written).prop_map(
        |(
            ((forms, own), features, kernel, handlers, geometry, schedule, (custom, right)),
            (row, filter, side, pane, tab, (follow, browsed, all_counters)),
            (scope, off),
            (title, notes),
        )| Link {
            forms,
            own,
            features,
            kernel: kernel.into_iter().collect(),
            handler: handlers.into_iter().collect(),
            geometry,
            schedule,
            row,
            custom,
            right,
            filter,
            side,
            pane,
            tab,
            follow,
            browsed,
            all_counters,
            scope,
            assumed: off.into_iter().fold(Assumptions::default(), Assumptions::without),
            title,
            notes,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(link in link()) {
        let text = encode(&link);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        prop_assert_eq!(decode(&text), (link, Vec::new()));
    }

    #[test]
    fn any_text_opens(text in any::<String>()) {
        let (link, _) = decode(&text);
        prop_assert_eq!(decode(&encode(&link)), (link, Vec::new()));
    }

    #[test]
    fn any_cut_of_a_link_opens(link in link(), at in any::<prop::sample::Index>()) {
        let text = encode(&link);
        let cut = text.get(..at.index(text.len())).unwrap_or_default();
        let (link, _) = decode(cut);
        prop_assert_eq!(decode(&encode(&link)), (link, Vec::new()));
    }
}

/// A link in docs/FINDINGS.md opens what its finding is about: the schedule, the handler and the features of a command beside it.
#[test]
fn links_of_the_findings_open_what_they_stand_beside() {
    let document = include_str!("../../../../docs/FINDINGS.md");
    let mut links = 0;
    for section in document.split("\n### ") {
        let Some((_, rest)) = section.split_once("```text\n#") else { continue };
        let text = rest.split_once('\n').expect("a line").0;
        let (link, ignored) = decode(text);
        assert_eq!((ignored, encode(&link).as_str()), (Vec::new(), text));
        let preset = cr3_core::scenario::presets::PRESETS.iter().find(|preset| {
            (preset.schedule(), preset.features, preset.handler) == (link.schedule.clone(), link.features, link.handler)
        });
        let named = preset.is_some_and(|preset| section.contains(&format!("--preset {}", preset.name)));
        let quiet = (link.features, link.handler) == (Features::ALL, Handlers::QUIET);
        let written = quiet && section.contains(&format!("--inject '{}'", link.schedule));
        assert!(named || written, "no command of {text}");
        links += 1;
    }
    assert_eq!(links, 7);
}
