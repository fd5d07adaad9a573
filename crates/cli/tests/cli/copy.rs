//! Kernel trees that a test may edit.

use super::{assert_fits, play, steady};
use expect_test::Expect;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of the tree of testdata, which goes when it is dropped.
pub(super) struct Copy(PathBuf);

impl Copy {
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("cr3play-{}-{name}", std::process::id()));
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tree"), &folder);
        Self(folder)
    }

    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// As an option takes it.
    pub(super) fn folder(&self) -> String {
        self.0.display().to_string()
    }

    /// Replaces `from` by `to` in a file.
    pub(super) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(path)).expect("the file");
        assert!(text.contains(from), "{path} has no {from}");
        fs::write(self.file(path), text.replacen(from, to, 1)).expect("the file can be written");
    }

    /// What a command says of it, with TREE in the place of its name.
    pub(super) fn check(&self, command: &str, status: i32, expected: Expect) {
        let answer = play(&format!("{command} --tree {}", self.folder()), "");
        assert_fits(command, &answer);
        let said = format!("{}{}", answer.out, answer.err).replace(&self.folder(), "TREE");
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
