//! The modules of a crate as its sources have them: what each defines, and which other module each mention leads to.

mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path as FilePath, PathBuf};

/// A module by the names that lead to it from the crate's root.
pub type Path = Vec<String>;

/// Re-exports of re-exports that are followed.
const DEPTH: u32 = 10;

/// The folders of all crates.
pub fn crates() -> Vec<String> {
    let folders = fs::read_dir(root()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = folders.filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    names
}

fn root() -> PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A module's own file, without what is compiled for tests only.
#[derive(Default)]
struct Module {
    items: BTreeSet<String>,
    /// Paths after `use`, each with the name that it gets here; `*` for all names.
    imports: Vec<(Path, String)>,
    /// Paths of two names and more in the rest of the code.
    paths: Vec<Path>,
    /// Names in the rest of the code.
    words: BTreeSet<String>,
    children: Vec<String>,
}

/// The modules of a crate.
pub struct Modules(BTreeMap<Path, Module>);

impl Modules {
    /// Reads the sources of a crate, given by its folder.
    pub fn read(name: &str) -> Self {
        let source = root().join(name).join("src");
        let start = ["lib.rs", "main.rs"].map(|file| source.join(file)).into_iter().find(|file| file.exists());
        let mut modules = Self(BTreeMap::new());
        modules.add(Path::new(), &start.expect("a crate has a root"));
        modules
    }

    fn add(&mut self, path: Path, file: &FilePath) {
        let module = Module::read(&fs::read_to_string(file).expect("a source file"));
        let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => file.parent().expect("a folder").to_path_buf(),
            Some(stem) => file.with_file_name(stem),
        };
        for child in &module.children {
            let files = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
            if let Some(file) = files.iter().find(|file| file.exists()) {
                self.add([path.clone(), vec![child.clone()]].concat(), file);
            }
        }
        self.0.insert(path, module);
    }

    /// The modules at the crate's root.
    pub fn at_top(&self) -> impl Iterator<Item = &str> {
        self.0[&Path::new()].children.iter().map(String::as_str)
    }

    /// Each use of an item: the module that uses it, the one that defines it, and its name.
    pub fn uses(&self) -> BTreeSet<(Path, Path, String)> {
        let mentions = self.0.keys().flat_map(|at| self.mentions(at).into_iter().map(move |path| (at, path)));
        let found = mentions.filter_map(|(at, path)| Some((at, self.item(at, &path, DEPTH)?)));
        found.filter(|(at, (of, _))| *at != of).map(|(at, (of, item))| (at.clone(), of, item)).collect()
    }

    /// What the code at `at` mentions: its paths, and the imported names that it uses.
    fn mentions(&self, at: &Path) -> Vec<Path> {
        let module = &self.0[at];
        let mut found = module.paths.clone();
        for (path, name) in &module.imports {
            match (name.as_str(), path.split_last()) {
                ("*", Some((_, globbed))) => found.extend(self.globbed(at, globbed)),
                _ if module.words.contains(name) => found.push(path.clone()),
                _ => {}
            }
        }
        found
    }

    /// The names of another module that the code at `at` uses without naming it.
    fn globbed(&self, at: &Path, module: &[String]) -> Vec<Path> {
        let Some(target) = self.module(at, module).filter(|target| target != at) else { return Vec::new() };
        let words = self.0[at].words.iter().filter(|word| self.defines(&target, word));
        words.map(|word| [vec!["crate".to_owned()], target.clone(), vec![word.clone()]].concat()).collect()
    }

    fn defines(&self, module: &Path, name: &str) -> bool {
        let module = &self.0[module];
        module.items.contains(name) || module.imports.iter().any(|(_, other)| other == name)
    }

    fn module(&self, at: &Path, path: &[String]) -> Option<Path> {
        let (start, rest) = self.start(at, path)?;
        let module = [start, rest].concat();
        self.0.contains_key(&module).then_some(module)
    }

    /// The module from which `path` leads on, and the names that are left.
    fn start(&self, at: &Path, path: &[String]) -> Option<(Path, Path)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return Some((Path::new(), rest.to_vec())),
            "self" => return Some((at.clone(), rest.to_vec())),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let start = at.len().checked_sub(ups)?;
                return Some((at[..start].to_vec(), path[ups..].to_vec()));
            }
            _ => {}
        }
        if self.0.contains_key(&[at.clone(), vec![first.clone()]].concat()) {
            return Some((at.clone(), path.to_vec()));
        }
        let (imported, _) = self.0[at].imports.iter().find(|(path, name)| name == first && path[0] != *first)?;
        let (start, between) = self.start(at, imported)?;
        Some((start, [between, rest.to_vec()].concat()))
    }

    /// The module that defines the item which `path` means at `at`, and the item's name.
    fn item(&self, at: &Path, path: &[String], depth: u32) -> Option<(Path, String)> {
        let (start, rest) = self.start(at, path)?;
        self.item_below(&start, &rest, depth.checked_sub(1)?)
    }

    fn item_below(&self, at: &Path, path: &[String], depth: u32) -> Option<(Path, String)> {
        let (first, rest) = path.split_first()?;
        let below = [at.clone(), vec![first.clone()]].concat();
        if self.0.contains_key(&below) {
            return self.item_below(&below, rest, depth);
        }
        let module = &self.0[at];
        if module.items.contains(first) {
            return Some((at.clone(), first.clone()));
        }
        if let Some((imported, _)) = module.imports.iter().find(|(_, name)| name == first) {
            return self.item(at, &[imported.clone(), rest.to_vec()].concat(), depth);
        }
        let globs = module.imports.iter().filter(|(_, name)| name == "*");
        let globbed = globs.filter_map(|(path, _)| self.module(at, path.split_last()?.1)).filter(|module| module != at);
        globbed.filter_map(|module| self.item_below(&module, path, depth.checked_sub(1)?)).next()
    }
}
