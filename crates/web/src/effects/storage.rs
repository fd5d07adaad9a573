//! The browser's storage for this page. It may be absent, forbidden (then asking for it throws) or full: every failure
//! is only a return value.

use cr3_session::drafts::Memory;
use gloo::utils::window;
use web_sys::Storage;

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What is stored under a name.
pub(super) fn get(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Stores a value under a name.
pub(super) fn set(name: &str, value: &str) -> Memory {
    answer(storage().map(|storage| storage.set_item(name, value)))
}

/// Removes what is stored under a name.
pub(super) fn remove(name: &str) -> Memory {
    answer(storage().map(|storage| storage.remove_item(name)))
}

fn answer<E>(done: Option<Result<(), E>>) -> Memory {
    match done {
        Some(Ok(())) => Memory::Keeps,
        Some(Err(_)) | None => Memory::Refuses,
    }
}
