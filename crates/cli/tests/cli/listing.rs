//! `cr3play places` and `presets`.

use super::{assert_fits, check, json, play};
use expect_test::expect;

#[test]
fn lists_places() {
    check(
        "places sysret_exit_user_cr3",
        0,
        expect![[r#"
            sysret_exit_user_cr3    ffffffff######f2  arch/x##/entry/entry_##.S:##  popq %rdi
            sysret_exit_user_cr3+1  ffffffff######f3  arch/x##/entry/entry_##.S:##  popq %rsp
        "#]],
    );
    let report = json("places kernel_loop --json", 0);
    assert_eq!(report["places"][1]["place"], "kernel_loop+1");
    assert_eq!(report["vectors"].as_array().map(Vec::len), Some(6));
    check(
        "places no_such_place",
        2,
        expect![[r#"
        --- standard error
        cr3play: no place has 'no_such_place' in its name
          `cr3play places` without a text lists all
    "#]],
    );
}

#[test]
fn a_label_of_linux_says_which_place_it_is() {
    for command in ["places nmi_swapgs --json", "places nmi_swapgs --tree testdata/tree --json"] {
        let places = json(command, 0)["places"].clone();
        assert_eq!((places[0]["place"].as_str(), places[1].as_str()), (Some("nmi_no_fsgsbase+2"), None), "{command}");
        assert_eq!(places[0]["instruction"], "swapgs");
    }
}

#[test]
fn lists_presets() {
    check(
        "presets",
        0,
        expect![[r#"
            kgdb-kernel
                In kernel code a debugger pokes text through a temporary mm, and the task comes back with
                another PCID.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   kgdb-poke
                inject    kernel_loop+1:db

            kgdb-sysret-exit
                The same between the switch to the user CR3 and SYSRET: the CR3 to restore names a PCID that was
                given away.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   kgdb-poke
                inject    sysret_exit_user_cr3:nmi

            kgdb-iret-exit
                The same before IRET to user mode.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   kgdb-poke
                inject    iret_exit_user_cr3:nmi

            kgdb-in-switch-mm
                A debugger pokes text while the records say that an address space is being switched.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   kgdb-poke
                inject    kernel_loop+1:db > switch_mm_switching:nmi

            late-flush
                A flush is requested after the exit has looked whether one is pending: user mode runs first, in
                every form.
                features  pti,pcid,fsgsbase,nx
                handler   pending-flush
                inject    sysret_exit_switch_cr3+5:nmi

            leftover-flush
                A flush is requested when the user CR3 is loaded already; form B2 flushes and leaves the request
                for another flush.
                features  pti,pcid,fsgsbase,nx
                handler   pending-flush
                inject    sysret_exit_user_cr3:nmi

            rogue-cr3
                A handler changes CR3 without recording it: form A repairs it, the others keep it.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   rogue-cr3
                inject    kernel_loop+1:nmi

            rogue-switch-mm
                A handler switches to init_mm and not back: form A makes CR3 disagree with the records, the
                others keep both wrong.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   rogue-switch-mm
                inject    kernel_loop+1:nmi

            schedule
                A handler switches to another task's address space and back, as if it had scheduled.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   schedule
                inject    kernel_loop+1:nmi

            efi-call
                An exception strikes while kernel code runs on EFI's tables, whose address has bit ## set: entry
                takes them for a user's.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   efi-call
                inject    kernel_loop+1:nmi > efi_service:mc

            vc-syscall-gap
                #VC in the first instructions of SYSCALL moves to the thread stack, and restores the user CR3
                while it runs on it.
                features  pti,pcid,invpcid,fsgsbase,nx
                handler   quiet
                inject    entry_SYSCALL_##+1:vc
        "#]],
    );
    let presets = json("presets --json", 0);
    for preset in presets.as_array().expect("a list") {
        let name = preset["name"].as_str().expect("a name");
        let run = json(&format!("run --preset {name} --steps none --budget 20000 --json"), status(name));
        for field in ["features", "handler", "geometry", "inject"] {
            assert_eq!(run[field], preset[field], "{name}: {field}");
        }
        assert_eq!(run["unfired"].to_string(), "[]", "{name} strikes");
    }
}

/// The exit status with form E: 0 if the program exits and no promise is broken.
fn status(preset: &str) -> i32 {
    i32::from(!["kgdb-kernel", "leftover-flush", "schedule"].contains(&preset))
}

#[test]
fn a_preset_stands_for_features_handler_and_schedule() {
    let named = play("compare --preset leftover-flush --forms B2,E", "");
    let written = "compare --features pti,pcid,fsgsbase,nx --handler pending-flush --inject sysret_exit_user_cr3:nmi";
    let spelt = play(&format!("{written} --forms B2,E"), "");
    assert_eq!((named.status, named.out), (0, spelt.out));
    let skylake = json("run --preset schedule --geometry skylake --steps none --json", 0);
    assert_eq!(skylake["geometry"], "skylake");
}

/// Every place can be copied into a schedule, and every line can be found in its text.
#[test]
fn places_are_never_cut() {
    let named: Vec<_> = json("places --json", 0)["places"].as_array().expect("places").clone();
    let all = play("places", "");
    assert_fits("places", &all);
    let mut words = all.out.split_whitespace();
    for place in &named {
        let origin = format!("{}:{}", place["source"].as_str().expect("a source"), place["line"]);
        let name = place["place"].as_str().expect("a name");
        assert!(words.any(|word| word == name) && words.any(|word| word == origin), "{name} {origin}");
    }
    for command in ["run --steps all", "compare --forms E,never --inject iret_exit_user_cr3:nmi --rows 9999"] {
        let answer = play(command, "");
        assert_fits(command, &answer);
        let place = |line: &str| line.trim_start_matches([' ', '+', '-', '~']).split(' ').next().map(str::to_owned);
        let cut = answer.out.lines().filter_map(place).find(|word| word.len() > 3 && word.ends_with('…'));
        assert_eq!(cut, None, "{command}");
    }
    let steps = play("run --steps all", "").out;
    let long = |place: &&str| place.len() > 27 && steps.lines().any(|line| line.ends_with(place));
    let alone = named.iter().filter_map(|place| place["place"].as_str()).filter(long).count();
    assert!(alone > 10, "{alone} long places have a line of their own");
}
