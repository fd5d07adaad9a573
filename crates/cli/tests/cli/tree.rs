//! A kernel tree in the place of the built-in text.

use super::{assert_fits, check, play, steady};
use expect_test::{Expect, expect};
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of the tree of testdata, which goes when it is dropped.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("cr3play-{}-{name}", std::process::id()));
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tree"), &folder);
        Self(folder)
    }

    fn file(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Replaces `from` by `to` in a file.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(path)).expect("the file");
        assert!(text.contains(from), "{path} has no {from}");
        fs::write(self.file(path), text.replacen(from, to, 1)).expect("the file can be written");
    }

    fn check(&self, command: &str, status: i32, expected: Expect) {
        let answer = play(&format!("{command} --tree {}", self.0.display()), "");
        assert_fits(command, &answer);
        let said = format!("{}{}", answer.out, answer.err).replace(&self.0.display().to_string(), "TREE");
        expected.assert_eq(&steady(&said));
        assert_eq!(answer.status, status, "{command}");
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).expect("the file can be copied")),
        }
    }
}

const ENTRY: &str = "arch/x86/entry/entry_64.S";
const CALLING: &str = "arch/x86/entry/calling.h";

#[test]
fn walks_both_texts() {
    check("tree --tree testdata/tree", 0, expect![[""]]);
    let different = Copy::new("different");
    different.edit(ENTRY, "\tstd\n", "");
    different.check("tree", 1, expect![[""]]);
}

#[test]
fn runs_the_tree_as_form_custom() {
    check("run --tree testdata/tree --inject nmi_exit:db --features pti,pcid --steps none", 0, expect![[""]]);
    check("compare --forms E,custom --tree testdata/tree --inject kernel_loop+1:nmi", 0, expect![[""]]);
    check("places --tree testdata/tree nmi_exit_cr3", 0, expect![[""]]);
    check("claims 3 --tree testdata/tree", 0, expect![[""]]);
    check("run --form E --tree testdata/tree", 2, expect![[""]]);
    check("run --config DEBUG_ENTRY=y", 2, expect![[""]]);
}

#[test]
fn bisects() {
    let status = |tree: &Copy| {
        let command = "explore --bisect --features pti,pcid --handler quiet --vectors nmi --tree";
        play(&format!("{command} {}", tree.0.display()), "").status
    };
    let tree = Copy::new("bisected");
    assert_eq!(status(&tree), 0);
    tree.edit(CALLING, "\tmovq\t\\save_reg, %cr3\n", "");
    assert_eq!(status(&tree), 1);
    tree.edit(CALLING, "\tbt\t$PTI_USER_PGTABLE_BIT, \\save_reg\n", "\tno such instruction\n");
    assert_eq!(status(&tree), 125);
}

#[test]
fn reads_nothing_outside_the_tree() {
    let tree = Copy::new("outside");
    let outside = tree.file("arch/x86/include/asm/segment.h");
    fs::remove_file(&outside).expect("the file");
    std::os::unix::fs::symlink("/etc/passwd", &outside).expect("a link");
    tree.check("run", 2, expect![[""]]);
    fs::remove_file(&outside).expect("the link");
    fs::create_dir(&outside).expect("a folder");
    tree.check("run", 2, expect![[""]]);
    tree.edit(ENTRY, "<asm/segment.h>", "\"/etc/passwd\"");
    tree.check("run", 2, expect![[""]]);
    check("run --tree no/such/folder", 2, expect![[""]]);
    check("run --tree testdata/asm", 2, expect![[""]]);
}
