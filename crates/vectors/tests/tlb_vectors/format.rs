//! What the format accepts, and its messages for the rest. Both players must agree.

use cr3_vectors::{Outcome, Player, parse, run_on};

/// A file of one vector on 64-bit paging with one page, X to 0x240000 in a 4-KByte page.
fn one_vector(state: &str, steps: &str) -> String {
    format!(
        r#"
[names]
P1 = "0x10_0000"
X = "0x1234_5678_9000"
[baselines.B]
cr3 = "P1"
set = ["CR0.PE", "CR0.WP", "CR0.PG", "CR4.PAE", "EFER.LME", "EFER.LMA", "EFER.NXE"]
features = ["pcid", "smep", "nx"]
[[vector]]
id = "1"
title = ""
source = ""
baseline = "B"
{state}
steps = {steps}
"#
    )
}

const X_IN_4K: &str = r#"map = { root = "P1", linear = "X", frame = "0x24_0000", flags = ["present", "writable"] }"#;

/// The outcome from both players, which must be the same.
fn played(state: &str, steps: &str) -> Result<Outcome, String> {
    let suite = parse("x.toml", &one_vector(state, steps)).map_err(|error| error.to_string())?;
    let [machine, manual] = [Player::Machine, Player::Manual].map(|player| run_on(player, &suite).remove(0).outcome);
    // The second model does not say why it refuses.
    let fault = |outcome: &Outcome| match outcome {
        Outcome::Failed(lines) => {
            lines.iter().map(|line| line.split(", got ").next().unwrap_or(line).to_owned()).collect()
        }
        _ => Vec::new(),
    };
    assert_eq!(fault(&machine), fault(&manual), "{state} {steps}");
    assert_eq!(machine == Outcome::Passed, manual == Outcome::Passed, "{state} {steps}: {manual:?}");
    Ok(machine)
}

fn check_passes(state: &str, steps: &str) {
    assert_eq!(played(state, steps), Ok(Outcome::Passed), "{state} {steps}");
}

fn check_fails(state: &str, steps: &str, line: &str) {
    let both = ["Min", "Max"].map(|reading| format!("{reading}: {line}"));
    assert_eq!(played(state, steps), Ok(Outcome::Failed(both.to_vec())), "{state} {steps}");
}

fn check_refused(state: &str, steps: &str, expected: &str) {
    let found = played(state, steps).expect_err(steps);
    assert_eq!(found, format!("x.toml: vector 1: {expected}"));
}

/// At every level: the frame of a page of each size, and that of a table, which `bytes` lays out for a walk to continue
/// in.
#[test]
fn a_frame_takes_the_place_of_the_one_before_it() {
    let check = |size: &str, before: &str, level: u8, frame: &str, bytes: &str, reached: &str| {
        let state = format!(
            r#"map = {{ root = "P1", linear = "X", size = "{size}", frame = "{before}", flags = ["present", "writable"] }}
            bytes = [{bytes}]"#
        );
        let steps = format!(
            r#"[
                {{ op = "edit", root = "P1", linear = "X", level = {level}, frame = "{frame}" }},
                {{ op = "read", linear = "X+5", physical = "{reached}" }},
            ]"#
        );
        check_passes(&state, &steps);
    };
    check("4K", "0x24_0000", 1, "0x20_4000", "", "0x20_4005");
    check("4K", "0x20_4000", 1, "0", "", "5");
    check("2M", "0x1240_0000", 2, "0x2100_0000", "", "0x2118_9005");
    check("1G", "0x1_c000_0000", 3, "0x2_4000_0000", "", "0x2_5678_9005");
    // X selects entries 0x189, 0xb3, 0xd1 and 0x24 from the PTE up.
    let pte = r#"{ physical = "0x50_0c48", hex = "03 40 20 00 00 00 00 00" }"#;
    let pde_of_2m = r#"{ physical = "0x50_0598", hex = "83 00 00 21 00 00 00 00" }"#;
    let pdpte_of_1g = r#"{ physical = "0x50_0688", hex = "83 00 00 40 02 00 00 00" }"#;
    check("4K", "0x24_0000", 2, "0x50_0000", pte, "0x20_4005");
    check("4K", "0x24_0000", 3, "0x50_0000", pde_of_2m, "0x2118_9005");
    check("4K", "0x24_0000", 4, "0x50_0000", pdpte_of_1g, "0x2_5678_9005");
}

#[test]
fn an_edit_leaves_the_bits_it_does_not_name() {
    check_passes(
        X_IN_4K,
        r#"[
            { op = "edit", root = "P1", linear = "X", level = 1, set = "dirty", clear = "writable", frame = "0x20_4000" },
            { op = "expect", root = "P1", linear = "X", level = 1, set = ["present", "dirty"], clear = "writable" },
            { op = "edit", root = "P1", linear = "X", level = 1, set = ["reserved", "writable"], frame = "0x20_8000" },
            { op = "expect", root = "P1", linear = "X", level = 1, set = ["reserved", "writable", "dirty"] },
            { op = "edit", root = "P1", linear = "X", level = 1, frame = "0x20_4000" },
            { op = "expect", root = "P1", linear = "X", level = 1, clear = "reserved" },
        ]"#,
    );
}

#[test]
fn an_edit_that_cannot_be_done_says_why() {
    let map = |size: &str| {
        format!(r#"map = {{ root = "P1", linear = "X", size = "{size}", frame = "0", flags = ["present"] }}"#)
    };
    let edit = |level: u8, frame: &str| {
        format!(r#"[{{ op = "edit", root = "P1", linear = "X", level = {level}, frame = "{frame}" }}]"#)
    };
    let misfit = |frame: &str, lowest: u8| {
        format!("steps[0]: frame {frame} does not fit the address field of this entry, bits 51:{lowest}")
    };
    check_fails(&map("4K"), &edit(1, "0x20_4008"), &misfit("0x204008", 12));
    check_fails(&map("4K"), &edit(4, "0x10_0000_0000_0000"), &misfit("0x10000000000000", 12));
    check_fails(&map("2M"), &edit(2, "0x20_4000"), &misfit("0x204000", 21));
    check_fails(&map("1G"), &edit(3, "0x20_0000"), &misfit("0x200000", 30));
    let nothing = "steps[0]: there is nothing to edit: an entry above it names no table";
    check_fails(&map("2M"), &edit(1, "0x20_4000"), nothing);
}

#[test]
fn bits_have_two_spellings() {
    for register in ["CR4.", ""] {
        check_passes(
            &format!("{X_IN_4K}\nset = ['{register}PCIDE', '{register}PGE']\nclear = ['{register}PGE']"),
            &format!(
                r##"[
                    {{ op = "mov-to-cr3", value = "P1+5+0x8000_0000_0000_0000" }},
                    {{ op = "change-control", register = "CR4", clear = ["{register}PCIDE"], set = ["{register}PGE"] }},
                    {{ op = "change-control", register = "CR4", set = ["{register}PCIDE"], fault = "#GP(0)" }},
                ]"##
            ),
        );
    }
    for (register, bit, fault) in [("CR0", "WP", ""), ("CR0", "PG", r##", fault = "#GP(0)""##), ("CR4", "SMEP", "")] {
        for name in [bit.to_owned(), format!("{register}.{bit}")] {
            let change =
                format!(r#"[{{ op = "change-control", register = "{register}", clear = ["{name}"]{fault} }}]"#);
            check_passes(X_IN_4K, &change);
        }
    }
}

#[test]
fn an_unknown_name_is_answered_with_those_that_exist() {
    let change = |register: &str, name: &str| {
        format!(r#"[{{ op = "change-control", register = "{register}", set = ["{name}"] }}]"#)
    };
    let cr4 = "is no bit of CR4 that can be named here: one of PSE, PAE, PGE, LA57, PCIDE, SMEP, SMAP";
    for name in ["CR4.PCID", "PCID", "CR0.PG", "PG", "CR4.", "CR4.CR4.PCIDE", ""] {
        check_refused("", &change("CR4", name), &format!("steps[0].set: `{name}` {cr4}"));
    }
    let cr0 = "steps[0].set: `CR4.PGE` is no bit of CR0 that can be named here: one of PE, WP, PG";
    check_refused("", &change("CR0", "CR4.PGE"), cr0);
    let efer = "steps[0].set: `AC` is no bit of EFER that can be named here: one of LME, LMA, NXE";
    check_refused("", &change("EFER", "AC"), efer);
    let all = "one of CR0.PE, CR0.WP, CR0.PG, CR4.PSE, CR4.PAE, CR4.PGE, CR4.LA57, CR4.PCIDE, CR4.SMEP, CR4.SMAP, \
               EFER.LME, EFER.LMA, EFER.NXE, RFLAGS.AC";
    for name in ["PCID", "CR8.PG", "EFLAGS.AC"] {
        let expected = format!("clear: `{name}` is no bit that can be named here: {all}");
        check_refused(&format!(r#"clear = "{name}""#), "[]", &expected);
    }
    let entry = "steps[0].clear: `rw` is no bit of a paging-structure entry: one of present, writable, user, accessed, \
                 dirty, global, execute-disable, reserved";
    check_refused("", r#"[{ op = "edit", root = "P1", linear = "X", level = 1, clear = "rw" }]"#, entry);
    let features = "features: `PCID` is no feature of the machine: one of pcid, invpcid, fsgsbase, smep, smap, nx, umip, \
                    lam, la57";
    check_refused(r#"features = "PCID""#, "[]", features);
    let operations = "steps[0].op: `jump` is no operation: one of mov-to-cr3, mov-from-cr3, change-control, invlpg, \
                      invpcid, invpcid-from-memory, read, write, fetch, execute, edit, expect, \
                      processor-drops-everything";
    check_refused("", r#"[{ op = "jump" }]"#, operations);
    check_refused(r#"min = "b""#, r#"[{ op = "mov-from-cr3" }]"#, "min: `b` is no cached entry: there is none");
    let baseline = one_vector("", "[]").replace(r#"baseline = "B""#, r#"baseline = "C""#);
    let error = parse("x.toml", &baseline).expect_err("no such baseline").to_string();
    assert_eq!(error, "x.toml: vector 1: baseline: `C` is no baseline of this file: there is only B");
}

#[test]
fn error_codes_are_decimal_or_hexadecimal() {
    let user = X_IN_4K.replace("[\"present\"", "[\"user\", \"present\"");
    let fetch = |fault: &str| format!(r#"[{{ op = "fetch", linear = "X", fault = "{fault}" }}]"#);
    let smep = format!("{user}\nset = \"CR4.SMEP\"");
    for code in ["0x11", "17", "0x0011", "0x1_1", "017"] {
        check_passes(&smep, &fetch(&format!("#PF({code})")));
    }
    let cause = "supervisor mode may not execute a user page while CR4.SMEP=1";
    let line = format!("steps[0]: expected #PF(0x1a = 26), got #PF(0x11 = 17) {cause}");
    check_fails(&smep, &fetch("#PF(26)"), &line);
    check_fails(&smep, &fetch("#GP(3)"), &format!("steps[0]: expected #GP(3), got #PF(0x11 = 17) {cause}"));
    for name in ["#DF", "#TS", "#NP", "#SS", "#GP", "#PF", "#AC", "#CP", "#VC"] {
        let line = format!("steps[0]: expected {name}(0xfe = 254), got #PF(0x11 = 17) {cause}");
        check_fails(&smep, &fetch(&format!("{name}(0xfe)")), &line);
        let place = "steps[0].fault";
        let mend = format!("write {name}(17) or {name}(0x11)");
        check_refused("", &fetch(name), &format!("{place}: {name} has an error code: {mend}"));
        for code in ["(", "()", "(0x)", "(-1)", "(x)", "(17", "(0x1_0000_0000)"] {
            let expected = format!("{place}: `{name}{code}` has no error code that is a number: {mend}");
            check_refused("", &fetch(&format!("{name}{code}")), &expected);
        }
    }
    for name in ["#DE", "#DB", "#BP", "#OF", "#BR", "#UD", "#NM", "#MF", "#XM", "#VE"] {
        check_fails(&smep, &fetch(name), &format!("steps[0]: expected {name}, got #PF(0x11 = 17) {cause}"));
        let expected = format!("steps[0].fault: {name} has no error code: write {name}");
        check_refused("", &fetch(&format!("{name}(0)")), &expected);
    }
    check_refused(
        "",
        &fetch("#PG(1)"),
        "steps[0].fault: `#PG(1)` is no fault: one of #DE, #DB, #BP, #OF, #BR, #UD, #NM, #DF, #TS, #NP, #SS, #GP, #PF, #MF, \
         #AC, #XM, #VE, #CP, #VC, or none",
    );
}

/// Every list of the format with one thing in it, and that thing by itself.
#[test]
fn one_thing_is_a_list_of_one() {
    let text = |open: &str, close: &str| {
        let list = |value: &str| format!("{open}{value}{close}");
        format!(
            r#"
baselines.B.cr3 = "0x10_0000"
baselines.B.set = ["PE", "PG", "PAE", "LME", "LMA"]
baselines.B.features = {feature}
vector = {vector}
"#,
            feature = list(r#""nx""#),
            vector = list(&format!(
                r##"{{ id = "1", title = "", source = "", baseline = "B", set = {nxe}, clear = {wp}, without-features = {pcid},
    map = {map}, cached = {cached}, cached-structures = {structure}, bytes = {bytes}, steps = {steps},
    min = {all}, max = {none}, after = {{ dirty = {x}, no-structures-for = {far} }} }}"##,
                nxe = list(r#""NXE""#),
                wp = list(r#""WP""#),
                pcid = list(r#""pcid""#),
                map = list(&format!(
                    r#"{{ root = "0x10_0000", linear = "0x3000", frame = "0x5000", flags = {} }}"#,
                    list(r#""present""#)
                )),
                cached = list(r#"{ name = "x", pcid = 0, root = "0x10_0000", linear = "0x3000" }"#),
                structure = list(r#"{ name = "p", pcid = 0, root = "0x10_0000", linear = "0x3000", level = 2 }"#),
                bytes = list(r#"{ physical = "0x5000", hex = "90" }"#),
                steps = list(&format!(
                    r#"{{ op = "write", linear = "0x3000", physical = {0}, physical-max = {0} }}"#,
                    list(r#""0x5000""#)
                )),
                all = list(r#""p x""#),
                none = list(r#""none""#),
                x = list(r#""x""#),
                far = list(r#""0x4000_0000_0000""#),
            )),
        )
    };
    let outcomes = |text: &str| {
        let suite = parse("x.toml", text).unwrap_or_else(|error| panic!("{error}"));
        [Player::Machine, Player::Manual].map(|player| run_on(player, &suite).remove(0).outcome)
    };
    let expected = ["Max: left are [p x], expected []".to_owned()];
    for (open, close) in [("[", "]"), ("", "")] {
        assert_eq!(outcomes(&text(open, close)), [(); 2].map(|()| Outcome::Failed(expected.to_vec())), "{open}{close}");
    }
    let both = outcomes(&text("[", "]").replace("[\"p x\"]", "[\"p\", \"x\"]").replace("[\"none\"]", "[\"p\", \"x\"]"));
    assert_eq!(both, [Outcome::Passed, Outcome::Passed]);
}

#[test]
fn a_wrong_thing_in_a_list_is_told_with_its_place() {
    let read = |physical: &str| format!(r#"[{{ op = "read", linear = "X", physical = {physical} }}]"#);
    let place = "steps[0].physical";
    check_refused("", &read("5"), &format!("{place}: expected text in quotes, found integer"));
    check_refused("", &read(r#"["X", 5]"#), &format!("{place}[1]: expected text in quotes, found integer"));
    check_refused("", &read(r#"[["X"]]"#), &format!("{place}[0]: expected text in quotes, found array"));
    check_refused(r#"map = "X""#, "[]", "map: expected a table, found string");
    check_refused("map = [{}]", "[]", "map[0].root: is missing");
    check_refused("map = {}", "[]", "map.root: is missing");
    check_refused("", r#"{ op = "read" }"#, "steps.linear: is missing");
    check_refused("", "[]", "steps: is missing or empty");
}
