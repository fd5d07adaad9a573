//! Texts in a worker. Of a kernel tree the page hands over the files that a person chose, and only those are read that the text needs.

use crate::worker::{Said, Serve};
use cr3_core::linux::tree::File as Found;
use cr3_jobs::Workshop;
use js_sys::Array;
use std::collections::{HashMap, VecDeque};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{File, FileReaderSync};

/// The largest file that is read, in bytes. The largest header of Linux that entry code includes has a tenth of it.
const MAX_FILE: f64 = (1 << 20) as f64;

/// The file below a kernel's top folder by which that folder is known.
const ENTRY: &str = "arch/x86/entry/entry_64.S";

/// What is assembled, and files that were not looked at yet.
#[derive(Default)]
pub(crate) struct Served {
    workshop: Workshop,
    given: VecDeque<Array>,
}

impl Serve for Served {
    /// All that is wanted, or two lists: of paths, and of the files that stand there.
    fn take(&mut self, message: JsValue) {
        match message.as_string() {
            Some(text) => self.workshop.take(&text),
            None => self.given.extend(message.dyn_into::<Array>()),
        }
    }

    fn is_idle(&self) -> bool {
        self.given.is_empty() && self.workshop.is_idle()
    }

    fn slice(&mut self) -> Vec<Said> {
        match self.given.pop_front() {
            Some(given) => {
                let files = Files::new(&given);
                self.workshop.open(&mut |path| files.find(path)).into_iter().map(Said::Text).collect()
            }
            None => self.workshop.slice().into_iter().map(Said::Bytes).collect(),
        }
    }
}

/// Files that a person chose, by their paths.
struct Files {
    by_path: HashMap<String, File>,
    /// What is above the tree's files: its folder with a slash, or nothing.
    top: Option<String>,
}

impl Files {
    fn new(given: &Array) -> Self {
        let [paths, files] = [0, 1].map(|index| given.get(index).dyn_into::<Array>().unwrap_or_default());
        let pair = |(path, file): (JsValue, JsValue)| Some((path.as_string()?, file.dyn_into::<File>().ok()?));
        let by_path: HashMap<_, _> = paths.iter().zip(files.iter()).filter_map(pair).collect();
        let tops = by_path.keys().filter_map(|path| path.strip_suffix(ENTRY));
        let top =
            tops.filter(|top| top.is_empty() || top.ends_with('/')).min_by_key(|top| top.len()).map(str::to_owned);
        Self { by_path, top }
    }

    fn find(&self, path: &str) -> Found {
        let file = match &self.top {
            Some(top) => self.by_path.get(&format!("{top}{path}")),
            None => self.loose(path),
        };
        file.map_or(Found::Absent, read)
    }

    /// A file that was given without the folders above it.
    fn loose(&self, path: &str) -> Option<&File> {
        let ends = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
        std::iter::once(path).chain(ends).find_map(|end| self.by_path.get(end))
    }
}

fn read(file: &File) -> Found {
    if file.size() > MAX_FILE {
        return Found::Refused("it has more than 1 MiB".to_owned());
    }
    match FileReaderSync::new().and_then(|reader| reader.read_as_text(file)) {
        Ok(text) => Found::Text(text),
        Err(_) => Found::Refused("the browser does not read it".to_owned()),
    }
}
