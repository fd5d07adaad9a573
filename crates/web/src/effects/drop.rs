//! Files that a person drops on the page, or a folder that they choose. Nothing is sent anywhere: a kernel tree is handed to a worker,
//! which reads what it needs; the link that a file has is opened; any other text goes to the editor.

use super::assembler;
use crate::parts::use_once;
use cr3_session::{Action, Overlay, link};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::utils::document;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DataTransfer, DragEvent, Event, File, FileList, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
};
use yew::prelude::*;

/// The folders of a kernel tree that entry code may need.
const FOLDERS: [&str; 4] = ["arch/x86/entry", "arch/x86/include", "arch/x86/mm", "include"];

/// How the names of files end that entry code may need.
const ENDS: [&str; 5] = [".h", ".S", "/Makefile", "/.config", "/tlb.c"];

/// The file by which a tree is known.
const ENTRY: &str = "entry_64.S";

/// Takes what is dropped anywhere on the page.
#[hook]
pub(crate) fn use_drop(dispatch: &Callback<Action>) {
    let dispatch = dispatch.clone();
    use_once(move || {
        let listen = |kind, take: fn(DataTransfer, &Callback<Action>)| {
            let dispatch = dispatch.clone();
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&document(), kind, options, move |event: &Event| {
                let transfer = event.unchecked_ref::<DragEvent>().data_transfer();
                if let Some(transfer) = transfer.filter(|transfer| transfer.types().includes(&"Files".into(), 0)) {
                    event.prevent_default();
                    take(transfer, &dispatch);
                }
            })
        };
        let listeners = [listen("dragover", |_, _| {}), listen("drop", dropped)];
        move || drop(listeners)
    });
}

/// Takes a folder that was chosen.
pub(crate) fn chosen(files: &FileList, dispatch: &Callback<Action>) {
    let found = Found::default();
    for index in 0..files.length() {
        if let Some(file) = files.get(index) {
            // Browsers say it of folders that were chosen; web-sys has no name for it.
            let path = js_sys::Reflect::get(&file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
            found.add(&path.unwrap_or_default(), &file);
        }
    }
    found.open(dispatch);
}

fn dropped(transfer: DataTransfer, dispatch: &Callback<Action>) {
    let items = transfer.items();
    let entries = (0..items.length()).filter_map(|index| items.get(index)?.webkit_get_as_entry().ok().flatten());
    // Entries and files are there only while the event is.
    let (entries, files): (Vec<_>, _) = (entries.collect(), transfer.files());
    let dispatch = dispatch.clone();
    spawn_local(async move {
        let mut found = Found::default();
        match (entries.is_empty(), files) {
            (true, Some(files)) => {
                let files = (0..files.length()).filter_map(|index| files.get(index));
                files.for_each(|file| found.add_any(&file.name(), &file));
            }
            _ => found.walk(entries).await,
        }
        found.take(&dispatch).await;
    });
}

/// Files by their paths.
#[derive(Default)]
struct Found {
    paths: Array,
    files: Array,
}

impl Found {
    /// Adds a file that the entry code of a tree may need.
    fn add(&self, path: &str, file: &File) {
        if ENDS.iter().any(|end| path.ends_with(end))
            && is_wanted(path.rsplit_once('/').map_or("", |(folder, _)| folder))
        {
            self.add_any(path, file);
        }
    }

    fn add_any(&self, path: &str, file: &File) {
        self.paths.push(&path.into());
        self.files.push(file);
    }

    /// Adds what is in dropped folders. Folders that entry code does not need are not looked into.
    async fn walk(&mut self, mut entries: Vec<FileSystemEntry>) {
        let is_loose = |entry: &FileSystemEntry| !entry.full_path().trim_start_matches('/').contains('/');
        while let Some(entry) = entries.pop() {
            let path = entry.full_path();
            let path = path.trim_start_matches('/');
            if entry.is_directory() && is_wanted(path) {
                let reader = entry.unchecked_ref::<FileSystemDirectoryEntry>().create_reader();
                // A reader gives a hundred at a time, and nothing at the end.
                loop {
                    let mut ask = |yes, no| drop(reader.read_entries_with_callback_and_callback(&yes, &no));
                    let read =
                        JsFuture::from(Promise::new(&mut ask)).await.map(|read| Array::from(&read)).unwrap_or_default();
                    entries.extend(read.iter().map(FileSystemEntry::from));
                    if read.length() == 0 {
                        break;
                    }
                }
            } else if entry.is_file() && (is_loose(&entry) || ENDS.iter().any(|end| path.ends_with(end))) {
                let of_file = entry.unchecked_ref::<FileSystemFileEntry>();
                let mut ask = |yes, no| of_file.file_with_callback_and_callback(&yes, &no);
                if let Ok(file) = JsFuture::from(Promise::new(&mut ask)).await {
                    self.add_any(path, file.unchecked_ref());
                }
            }
        }
    }

    fn open(&self, dispatch: &Callback<Action>) {
        assembler::open(&self.paths, &self.files, dispatch);
    }

    /// Opens the files as a tree; a single one, or several without entry code, as a text.
    async fn take(&self, dispatch: &Callback<Action>) {
        let is_entry = |path: JsValue| path.as_string().is_some_and(|path| path.ends_with(ENTRY));
        if self.paths.length() > 1 && self.paths.iter().any(is_entry) {
            return self.open(dispatch);
        }
        let mut text = String::new();
        for file in self.files.iter() {
            let read = JsFuture::from(file.unchecked_into::<File>().text()).await;
            text += &read.ok().and_then(|read| read.as_string()).unwrap_or_default();
        }
        // A patch may come in a mail that has a link too.
        if let Some(link) = link::find(&text).filter(|_| !is_patch(&text)) {
            return dispatch.emit(Action::OpenLink(link));
        }
        match text.is_empty() {
            true => dispatch.emit(Action::Tell(
                "There is no text in what was dropped. Drop a macro, a patch, or the top folder of a kernel tree."
                    .to_owned(),
            )),
            false => {
                dispatch.emit(Action::TakeText(text));
                dispatch.emit(Action::Open(Overlay::Editor));
            }
        }
    }
}

/// Whether a text is a macro or a patch, and no file that this page made.
fn is_patch(text: &str) -> bool {
    let is_ours = text.starts_with("CR3 playground") || text.trim_start().starts_with('<');
    !is_ours && (text.contains(".macro") || text.contains("\n@@ "))
}

/// Whether a folder may have what entry code needs: it is on the way to one of [`FOLDERS`] of the folder that was given, or in it.
fn is_wanted(path: &str) -> bool {
    let inside = path.split_once('/').map_or("", |(_, inside)| inside);
    let begins = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| short.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    // What was given may be a folder inside the tree.
    [inside, path].iter().any(|path| FOLDERS.iter().any(|folder| begins(folder, path) || begins(path, folder)))
}
