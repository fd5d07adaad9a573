//! Instructions that GNU `as` knows and this machine does not model, with what each would need.

use super::report::{Cause, Fault};

struct Group {
    names: &'static [&'static str],
    /// The reason, after "is not modelled: ".
    reason: &'static str,
    hint: &'static str,
}

/// docs/LIMITS.md names the same groups.
const GROUPS: [Group; 10] = [
    Group {
        names: &["invlpgb", "tlbsync"],
        reason: "it reaches other processors",
        hint: "this machine has one processor; `invlpg` and `invpcid` drop its own translations",
    },
    Group {
        names: &["senduipi", "clui", "stui", "testui", "uiret"],
        reason: "it needs user interrupts, which reach other processors",
        hint: "leave it out: this machine has one processor, and its interrupts enter the kernel",
    },
    Group {
        names: &["monitorx", "mwaitx", "umonitor", "umwait", "tpause"],
        reason: "it waits for a clock or for a write of another processor",
        hint: "use `pause` or `hlt`; an injection ends a wait in `hlt`",
    },
    Group {
        names: &["vmxon", "vmptrld", "vmptrst", "vmclear", "vmread", "vmwrite", "vmfunc", "invlpga", "skinit"],
        reason: "it needs a hypervisor's state",
        hint: "leave it out: this machine has no second level of address translation",
    },
    Group {
        names: &["pvalidate", "rmpadjust", "rmpupdate", "rmpquery", "psmash"],
        reason: "it needs the table of page owners of SEV-SNP",
        hint: "leave it out: of SEV, this machine has #VC only",
    },
    Group {
        names: &["erets", "eretu", "lkgs"],
        reason: "it needs FRED",
        hint: "events are delivered through the IDT here; `iretq` returns from them, and `swapgs` changes the GS base",
    },
    Group {
        names: &["wrussd", "wrussq"],
        reason: "it needs shadow stacks",
        hint: "leave it out: CR4.CET cannot be set here",
    },
    Group {
        names: &["xbegin", "xend", "xabort", "xtest", "xsusldtrk", "xresldtrk"],
        reason: "it needs transactional memory",
        hint: "leave it out, or take the path of a transaction that aborts",
    },
    Group {
        names: &["enclu", "enclv", "getsec", "seamcall", "seamret", "seamops"],
        reason: "it enters code that this machine does not have",
        hint: "leave it out",
    },
    Group {
        names: &["cldemote", "movdiri", "movdir64b", "enqcmd", "enqcmds"],
        reason: "it needs caches of data or devices",
        hint: "leave it out: memory is always up to date here; use `clflush` or `mov`",
    },
];

/// The fault of `word`, if it is such an instruction.
pub(super) fn unmodelled(word: &str) -> Option<Fault> {
    let lower = word.to_ascii_lowercase();
    let group = GROUPS.iter().find(|group| group.names.contains(&lower.as_str()))?;
    Some(Cause::new(word, format!("`{word}` is not modelled: {}", group.reason)).hint(group.hint))
}

#[cfg(test)]
mod tests {
    use super::super::instruction::InstructionSet;
    use super::*;

    #[test]
    fn the_table_has_none_of_them() {
        let set = InstructionSet::new();
        let known: Vec<_> = GROUPS.iter().flat_map(|group| group.names).filter(|name| set.knows(name)).collect();
        assert_eq!(known, [&""; 0]);
    }
}
