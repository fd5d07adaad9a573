//! The entry code itself against GNU `as`: every file of `src/linux`, in every combination that a configuration uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cr3_core::asm::expanded_text;
use cr3_core::linux::{Config, Features, Form, Handler, Handlers, Kernel, System, Variation, boot};

use cr3_testing::gas::{have_binutils, linked};

const NONE: Features = Features { sev_es: true, ..Features::NONE };
const PTI: Features = Features { pti: true, ..NONE };
const PCID: Features = Features { pcid: true, nx: true, ..PTI };
const ALL: Features = Features { invpcid: true, fsgsbase: true, ..PCID };

fn configs() -> Vec<Config> {
    let forms = [Form::A, Form::B2, Form::C, Form::E, Form::Never];
    let by_form =
        forms.into_iter().flat_map(|form| [NONE, PTI, PCID, ALL].map(|features| (form, features, Handlers::QUIET)));
    let by_handler = Handler::ALL.map(|handler| (Form::E, ALL, Handlers::only(handler)));
    let pairs = Handler::ALL.windows(2).map(|pair| (Form::A, PTI, pair.iter().copied().collect()));
    let all = (Form::E, ALL, Handler::ALL.into_iter().collect());
    let config =
        |(form, features, handler): (Form, Features, Handlers)| Config { features, form, handler, ..Config::default() };
    let by_kernel = Variation::ALL.map(Kernel::only).into_iter().chain([Variation::ALL.into_iter().collect()]);
    let varied = by_kernel.map(|kernel| Config { kernel, ..Config::default() });
    by_form.chain(by_handler).chain(pairs).chain([all]).map(config).chain(varied).collect()
}

fn booted(config: &Config) -> System {
    boot(config).unwrap_or_else(|diagnostics| panic!("{config:?}: {diagnostics:?}"))
}

#[test]
fn bytes_are_those_of_gas() {
    if !have_binutils() {
        return;
    }
    for config in configs() {
        let system = booted(&config);
        let sections = &system.image.sections;
        let bases: Vec<(String, u64)> = sections.iter().map(|section| (section.name.clone(), section.base)).collect();
        let ours: BTreeMap<String, Vec<u8>> =
            sections.iter().map(|section| (section.name.clone(), section.bytes.clone())).collect();
        let mut theirs = linked(&expanded_text(&system.image), &bases).expect("as and ld take the expanded text");
        theirs.retain(|name, _| ours.contains_key(name));
        for (name, bytes) in &ours {
            // ld does not write an empty section.
            let same = theirs.get(name).map_or(bytes.is_empty(), |their| their == bytes);
            assert!(same, "{name} differs in {config:?}");
        }
    }
}

/// Every `.S` file is part of some configuration above.
#[test]
fn no_file_is_left_out() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/linux");
    let mut files = BTreeSet::new();
    collect(&root, &root, &mut files);
    // What stands around the text of a kernel tree is assembled in tests/tree.rs.
    files.retain(|name| !name.starts_with("tree/"));
    let used: BTreeSet<String> = configs()
        .iter()
        .flat_map(|config| booted(config).sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(files.difference(&used).collect::<Vec<_>>(), [&""; 0]);
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "S") {
            let name = path.strip_prefix(root).expect("the file is in the folder");
            files.insert(name.to_string_lossy().into_owned());
        }
    }
}
