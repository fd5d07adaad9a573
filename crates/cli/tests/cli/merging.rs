//! `cr3play merge`: what is joined, what is said of shares that did not finish, and what is refused.

use super::exploring_at_length::{folder, merge, read, same, shares};
use super::{json, play};
use expect_test::{Expect, expect};
use serde_json::Value;
use std::process::Command;

/// One system, so that a search is short.
const ONE: &str = "--features pti,pcid,invpcid,fsgsbase,nx --handler quiet";

/// What is about a share alone, or about what no share asks.
const OF_A_SHARE: [&str; 3] = ["shard", "at_any_depth", "without"];

fn joined(files: &[String], status: i32) -> Value {
    json(&format!("merge {} --json", files.join(" ")), status)
}

/// Each share takes the steps of single exceptions.
#[test]
fn all_but_the_work_is_that_of_the_whole() {
    let search = format!("{ONE} --vectors db --depth 2");
    let whole = json(&format!("explore {search} --json"), 0);
    let files = shares("whole", &search, 3);
    let merged = joined(&files, 0);
    same(&merged, &whole, &[&OF_A_SHARE[..], &["work"]].concat());
    let each = files.iter().map(|file| read(file)["work"]["runs"].as_u64());
    let runs = each.sum::<Option<u64>>();
    assert_eq!((merged["work"]["runs"].as_u64(), &merged["work"]["method"]), (runs, &"cut-off".into()));
    assert_eq!((&merged["shares"], &merged["unfinished"]), (&3.into(), &Value::Array(Vec::new())));
}

#[test]
fn two_forms_side_by_side_are_joined_both() {
    let search = format!("{ONE} --vectors nmi --against A");
    let whole = json(&format!("explore {search} --json"), 0);
    let mut merged = joined(&shares("sides", &search, 2), 0);
    let against = merged["against"].take();
    same(&merged, &whole, &[&OF_A_SHARE[..], &["work", "against"]].concat());
    same(&against, &whole["against"], &[&OF_A_SHARE[..], &["work"]].concat());
    assert!(merged["differences"]["cr3_writes"].is_i64(), "{}", merged["differences"]);
}

/// The lines between the vectors and the assumptions. Where lines end must not depend on where the files are.
#[track_caller]
fn check(files: &[String], status: i32, expected: Expect) {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let names = files.iter().map(|file| std::path::Path::new(file).strip_prefix(folder).expect("a file of a test"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cr3play"));
    let output = command.arg("merge").args(names).current_dir(folder).output().expect("cr3play starts");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(status), &b""[..]));
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    let lines = out.lines().skip_while(|line| !line.starts_with("shares"));
    let lines = lines.take_while(|line| !line.starts_with("assumes"));
    expected.assert_eq(&super::steady(&lines.map(|line| format!("{line}\n")).collect::<String>()));
}

#[test]
fn a_share_that_did_not_finish_is_named() {
    let search = format!("{ONE} --vectors db --depth 2");
    let whole = shares("early", &search, 2);
    let early = shares("early_states", &format!("{search} --max-states 3000"), 2);
    let files = [whole[0].clone(), early[1].clone()];
    check(
        &files,
        3,
        expect![[r#"
            shares    all 2, of which 1 did not finish
                share 2/2, early_states/2.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
            verdict   not finished; every schedule of one exception was covered, and ###### schedules were seen
                      in all; share 2/2 did not finish
            choices   ######: 0 refused, ##### excluded, ###### schedules
        "#]],
    );
    check(
        &shares("six", &format!("{search} --max-states 3000"), 6),
        3,
        expect![[r#"
            shares    all 6, of which 6 did not finish
                share 1/6, six/1.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 2/6, six/2.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 3/6, six/3.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 4/6, six/4.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 5/6, six/5.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 6/6, six/6.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
            verdict   not finished; every schedule of one exception was covered, and ###### schedules were seen
                      in all; shares 1/6, 2/6, 3/6 and 3 more did not finish
            choices   ######: 0 refused, ##### excluded, ###### schedules
        "#]],
    );
    let merged = joined(&files, 3);
    let [unfinished] = merged["unfinished"].as_array().expect("a list").as_slice() else { panic!("{merged}") };
    assert_eq!(unfinished["shard"], "2/2");
    assert_eq!((&unfinished["depth"], &unfinished["obstacle"]["reason"]), (&1.into(), &"states".into()));
    assert_eq!((&merged["obstacle"]["reason"], &merged["systems"][0]["depth"]), (&"states".into(), &1.into()));
}

#[test]
fn shares_that_break_say_at_which_depth() {
    let search = |form: &str, depth: u32| format!("{ONE} {form} --vectors db --depth {depth}");
    let second = "--macro testdata/explore/second_hit.S";
    check(
        &shares("breaks", &search(second, 2), 2),
        1,
        expect![[r#"
        shares    all 2
        verdict   breaks at depth 2: ###### of ###### schedules of up to 2 exceptions
        choices   #######: 0 refused, ###### excluded, ###### schedules
            breaks restored at step ###: entry_SYSCALL_##:db, entry_SYSCALL_##:db
                the exception struck with CR3 0x###### and returned with 0x######
                cr3play run --macro testdata/explore/second_hit.S --features pti,pcid,invpcid,fsgsbase,nx
                --handler quiet --inject 'entry_SYSCALL_##:db, entry_SYSCALL_##:db'
            breaks user-cr3 at step ###: entry_SYSCALL_##_safe_stack:db, sysret_exit_switch_cr3+##:db
                user mode on the kernel's tables, CR3 0x######
                cr3play run --macro testdata/explore/second_hit.S --features pti,pcid,invpcid,fsgsbase,nx
                --handler quiet --inject 'entry_SYSCALL_##_safe_stack:db, sysret_exit_switch_cr3+##:db'
    "#]],
    );
    check(
        &shares("breaks_early", &search(&format!("{second} --max-states 3000"), 2), 2),
        1,
        expect![[r#"
            shares    all 2, of which 2 did not finish
                share 1/2, breaks_early/1.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
                share 2/2, breaks_early/2.json: depth 1 is complete; its budget of states is spent; try a larger
                --max-states
            verdict   breaks at depth 2: ## of #### schedules of up to 2 exceptions; shares 1/2 and 2/2 did not
                      finish
            choices   ####: 0 refused, #### excluded, #### schedules
                breaks restored at step ###: entry_SYSCALL_##:db, entry_SYSCALL_##:db
                    the exception struck with CR3 0x###### and returned with 0x######
                    cr3play run --macro testdata/explore/second_hit.S --features pti,pcid,invpcid,fsgsbase,nx
                    --handler quiet --inject 'entry_SYSCALL_##:db, entry_SYSCALL_##:db'
        "#]],
    );
    check(
        &shares("breaks_first", &search("--form never", 2), 2),
        1,
        expect![[r#"
        shares    all 2
        verdict   breaks at depth 1: ### of #### schedules; depth 2 not searched
        choices   ####: 0 refused, 0 excluded, #### schedules
            breaks restored at step ###: entry_SYSCALL_##:db
                the exception struck with CR3 0x###### and returned with 0x######
                cr3play run --form never --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject
                entry_SYSCALL_##:db
            breaks user-cr3 at step ###: sysret_exit_switch_cr3+##:db
                user mode on the kernel's tables, CR3 0x######
                cr3play run --form never --features pti,pcid,invpcid,fsgsbase,nx --handler quiet --inject
                sysret_exit_switch_cr3+##:db
    "#]],
    );
    let alone = "--macro testdata/explore/never_leaves.S";
    check(
        &shares("breaks_alone", &search(alone, 1), 2),
        1,
        expect![[r#"
        shares    all 2
        verdict   breaks without any exception
        choices   0: 0 refused, 0 excluded, 0 schedules
            breaks user-cr3 at step ###: without any exception
                user mode on the kernel's tables, CR3 0x######
                cr3play run --macro testdata/explore/never_leaves.S --features pti,pcid,invpcid,fsgsbase,nx
                --handler quiet
            breaks mapped at step #####: without any exception
                the program has not finished ##### steps after the last exception
                cr3play run --macro testdata/explore/never_leaves.S --features pti,pcid,invpcid,fsgsbase,nx
                --handler quiet
    "#]],
    );
}

/// What is said of files that are refused, in one line each.
fn refused(files: &[&String]) -> String {
    let files: Vec<_> = files.iter().map(|file| (*file).clone()).collect();
    let answer = merge(&files);
    assert_eq!((answer.status, answer.out.as_str()), (2, ""), "{}", answer.err);
    let words: Vec<_> = answer.err.split_whitespace().collect();
    words.join(" ").replace(env!("CARGO_TARGET_TMPDIR"), "") + "\n"
}

#[test]
fn shares_that_are_not_of_one_search_say_which_option_differs() {
    let search = "--vectors nmi --random 4";
    let one = shares("together", &format!("{ONE} {search}"), 2);
    let other = |name: &str, arguments: &str| {
        let other = shares(name, arguments, 2);
        refused(&[&one[0], &other[1]])
    };
    let tree = format!("{ONE} {search} --tree testdata/tree");
    let macros = ["reentrant", "second_hit"].map(|name| format!("{ONE} {search} --macro testdata/explore/{name}.S"));
    let [left, right] = [0, 1].map(|at| shares(&format!("text_{at}"), &macros[at], 2));
    let trees = shares("trees", &tree, 2);
    let mut other_tree = read(&trees[1]);
    other_tree["tree"]["sum"] = "another".into();
    std::fs::write(&trees[1], other_tree.to_string()).expect("it can be written");
    let mut told = [
        refused(&[&one[0]]),
        refused(&[&one[0], &one[1], &one[1]]),
        refused(&[&one[0], &shares("three", &format!("{ONE} {search}"), 3)[1]]),
        other("form", &format!("{ONE} {search} --form A")),
        other("tree", &tree),
        refused(&[&left[0], &right[1]]),
        refused(&[&trees[0], &trees[1]]),
        other("kernel", &format!("{ONE} {search} --kernel debug-entry")),
        other("vectors", &format!("{ONE} --vectors db --random 4")),
        other("seed", &format!("{ONE} {search} --seed 2")),
        other("numbered", &format!("{ONE} --vectors nmi")),
        other("handler", "--features pti,pcid,invpcid,fsgsbase,nx --handler perf --vectors nmi --random 4"),
        other("features", "--features pti --handler quiet --vectors nmi --random 4"),
        other("without", &format!("{ONE} {search} --without ist-once")),
    ]
    .concat();
    let single = shares("single_shares", &format!("{ONE} --vectors nmi"), 2);
    for (name, arguments) in
        [("plain", "--plain"), ("against", "--against A"), ("depth_2", "--depth 2 --max-states 2000")]
    {
        told += &refused(&[&single[0], &shares(name, &format!("{ONE} --vectors nmi {arguments}"), 2)[1]]);
    }
    expect![[r#"
        cr3play: share 2/2 is missing run it, and give its file too
        cr3play: /together/2.json and /together/2.json are both share 2/2 give each share once
        cr3play: /together/1.json and /three/2.json are not shares of one search: one is of 2 shares, the other of 3 give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /form/2.json are not shares of one search: one has --form E, the other --form A give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /tree/2.json are not shares of one search: one has --form E, the other --form custom give the shares of one command, from one version of cr3play
        cr3play: /text_0/1.json and /text_1/2.json are not shares of one search: their texts of --macro differ give the shares of one command, from one version of cr3play
        cr3play: /trees/1.json and /trees/2.json are not shares of one search: their trees of --tree differ give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /kernel/2.json are not shares of one search: one has --kernel v6.12, the other --kernel v6.12+debug-entry give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /vectors/2.json are not shares of one search: one has --vectors nmi, the other --vectors db give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /seed/2.json are not shares of one search: one has --random 4 --seed 1, the other --random 4 --seed 2 give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /numbered/2.json are not shares of one search: one has --random 4 --seed 1, the other no --random give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /handler/2.json are not shares of one search: one has --handler quiet, the other --handler perf give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /features/2.json are not shares of one search: one has --features pti,pcid,invpcid,fsgsbase,nx, the other --features pti give the shares of one command, from one version of cr3play
        cr3play: /together/1.json and /without/2.json are not shares of one search: one has no --without, the other --without ist-once give the shares of one command, from one version of cr3play
        cr3play: /single_shares/1.json and /plain/2.json are not shares of one search: one has no --plain, the other --plain give the shares of one command, from one version of cr3play
        cr3play: /single_shares/1.json and /against/2.json are not shares of one search: one has no --against, the other --against A give the shares of one command, from one version of cr3play
        cr3play: /single_shares/1.json and /depth_2/2.json are not shares of one search: one has --depth 1, the other --depth 2 give the shares of one command, from one version of cr3play
    "#]].assert_eq(&told);
}

#[test]
fn files_that_are_no_shares_say_what_they_are_instead() {
    let share =
        std::fs::read_to_string(&shares("share", &format!("{ONE} --vectors nmi --random 4"), 2)[1]).expect("a share");
    let written = |name: &str, text: &[u8]| {
        let file = folder("no_shares").join(name);
        std::fs::write(&file, text).expect("it can be written");
        file.display().to_string()
    };
    let changed = |name: &str, field: &str, value: Value| {
        let mut answer: Value = serde_json::from_str(&share).expect("JSON");
        answer[field] = value;
        written(name, answer.to_string().as_bytes())
    };
    let whole = play(&format!("explore {ONE} --random 1 --json"), "").out;
    let other = play("presets --json", "").out;
    let files = [
        folder("no_shares").join("nothing.json").display().to_string(),
        written("empty.json", b""),
        written("half.json", &share.as_bytes()[..share.len() / 2]),
        written("text.json", b"form E"),
        written("binary.json", b"\x7fELF\0\xff"),
        written("list.json", b"[1]"),
        written("presets.json", other.as_bytes()),
        written("whole.json", whole.as_bytes()),
        changed("joined.json", "shares", 2.into()),
        changed("beyond.json", "shard", "3/2".into()),
        changed("silent.json", "verdict", Value::Null),
        changed("older.json", "version", 4.into()),
    ];
    expect![[r#"
        cr3play: cannot read /no_shares/nothing.json: No such file or directory (os error 2) name a text file that exists, or - for standard input
        cr3play: /no_shares/empty.json is not a result of `cr3play explore --json --shard I/N`: it is empty run this share again: the search printed no complete answer
        cr3play: /no_shares/half.json is not a result of `cr3play explore --json --shard I/N`: it ends in the middle run this share again: the search printed no complete answer
        cr3play: /no_shares/text.json is not a result of `cr3play explore --json --shard I/N`: it is not JSON at line 1, column 2 give what it printed, a file for each share
        cr3play: /no_shares/binary.json is not a result of `cr3play explore --json --shard I/N`: it is not JSON at line 1, column 1 give what it printed, a file for each share
        cr3play: /no_shares/list.json is not a result of `cr3play explore --json --shard I/N`: it is JSON of another kind give what it printed, a file for each share
        cr3play: /no_shares/presets.json is not a result of `cr3play explore --json --shard I/N`: it is JSON of another kind give what it printed, a file for each share
        cr3play: /no_shares/whole.json is not a result of `cr3play explore --json --shard I/N`: it is of a whole search, not of a share its verdict needs no others; --shard I/N searches a share
        cr3play: /no_shares/joined.json is not a result of `cr3play explore --json --shard I/N`: shares are joined in it already give what it printed, a file for each share
        cr3play: /no_shares/beyond.json is not a result of `cr3play explore --json --shard I/N`: its `shard` is '3/2', not I/N give what it printed, a file for each share
        cr3play: /no_shares/silent.json is not a result of `cr3play explore --json --shard I/N`: its `verdict` is '', which no search says give what it printed, a file for each share
        cr3play: /no_shares/older.json is not a result of `cr3play explore --json --shard I/N`: its format has version 4, and this program reads 5 run all shares with one version of cr3play, and merge with the same
    "#]].assert_eq(&files.iter().map(|file| refused(&[file])).collect::<String>());
}
