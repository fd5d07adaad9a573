use super::*;
use cr3_core::linux::{Feature, Handler, Variation};
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

/// Links that people have in their mails. They must open for good: each version adds an entry, and nobody changes one.
#[test]
fn golden_links() {
    check("", expect!["v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi"]);
    check(
        "#v=1&a=A&b=E&f=pti,pcid&h=quiet&s=kernel_loop%2B1:nmi&at=41",
        expect!["v=1&a=A&b=E&f=pti,pcid&h=quiet&s=kernel_loop%2B1:nmi&at=41"],
    );
    check(
        "v=1&a=B2&b=never&f=none&h=pending-flush&t=skylake&s=kernel_loop+1:nmi>exc_nmi+2:mc,user_loop#2:irq&at=9&show=differences&side=b&tab=stack",
        expect![
            "v=1&a=B2&b=never&f=none&h=pending-flush&t=skylake&s=kernel_loop%2B1:nmi%3Eexc_nmi%2B2:mc,user_loop%232:irq&at=9&show=differences&side=b&tab=stack"
        ],
    );
    check("v=1&a=A&b=E&f=pti&h=quiet&s=&at=7&pane=code", expect!["v=1&a=A&b=E&f=pti&h=quiet&s=&at=7&pane=code"]);
    check(
        "v=1&a=A&b=E&f=pti&h=quiet&s=&at=7&follow=no&code=exc_nmi%2B2&counters=all",
        expect!["v=1&a=A&b=E&f=pti&h=quiet&s=&at=7&follow=no&code=exc_nmi%2B2&counters=all"],
    );
    check(
        "v=1&a=A&b=E&f=pti&h=quiet&s=&judge=standard&without=nmi-frame,no-poke",
        expect!["v=1&a=A&b=E&f=pti&h=quiet&s=&judge=standard&without=no-poke,nmi-frame"],
    );
    check("v=1&a=A&b=E&f=pti,pcid,no-sev-es&h=quiet&s=", expect!["v=1&a=A&b=E&f=pti,pcid,no-sev-es&h=quiet&s="]);
    check(
        "v=1&a=A&b=E&h=perf+ghes&s=kernel_loop+1:nmi",
        expect!["v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=perf%2Bpending-flush&s=kernel_loop%2B1:nmi"],
    );
    check("v=1&a=A&b=E&f=pti&k=debug-entry&h=quiet&s=", expect!["v=1&a=A&b=E&f=pti&h=quiet&k=v6.12%2Bdebug-entry&s="]);
    check(
        "v=1&a=D&b=custom&c=K0otLsmvUChILMrMSwYA",
        expect!["v=1&a=E&b=custom&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi&c=K0otLsmvUChILMrMSwYA"],
    );
}

#[test]
fn a_damaged_link_opens_what_is_left_of_it_and_says_what_was_ignored() {
    check(
        "v=1&a=Z&b=E&f=pti,sse9&h=&s=kernel_loop%2&at=-1&side=c&follow=yes&code=+&counters=&%%%=1&c=*",
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
              ignored %%%: this version knows no such part
              ignored c: the text of the custom form is damaged"#]],
    );
    check(
        "v=7&b=C",
        expect![[r#"
        v=1&a=A&b=C&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi
          ignored v: the link has version 7, this page reads up to 1; it shows what it understands"#]],
    );
    check(
        "utm_source=newsletter",
        expect![[r#"
        v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&h=quiet&s=kernel_loop%2B1:nmi
          ignored utm_source: this version knows no such part"#]],
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
        prop::option::of(any::<String>()),
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
    (run, shown, judged).prop_map(
        |(
            ((forms, own), features, kernel, handlers, geometry, schedule, custom),
            (row, filter, side, pane, tab, (follow, browsed, all_counters)),
            (scope, off),
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
            filter,
            side,
            pane,
            tab,
            follow,
            browsed,
            all_counters,
            scope,
            assumed: off.into_iter().fold(Assumptions::default(), Assumptions::without),
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
