//! The page's components, their licences, and where the sources are.

use super::Sheet;
use crate::parts::{leaf, nodes};
use cr3_session::Action;
use yew::prelude::*;

/// Licence texts that the build puts beside Unicorn's module.
const TEXTS: &[(&str, &str)] = &[
    ("COPYING", "GNU General Public License, version 2"),
    ("COPYING.LGPL2", "GNU Library General Public License, version 2"),
    ("COPYING_GLIB", "GNU Library General Public License, for its copy of parts of glib"),
    ("AUTHORS.TXT", "authors of Unicorn"),
    ("NOTICES.TXT", "the C library and the compiler's run-time library inside the module"),
    ("SOURCE.TXT", "where the source is, and how it is built"),
];

pub(super) fn view(dispatch: &Callback<Action>) -> Html {
    html! {
        <Sheet key="about" class="about" title="About" dispatch={dispatch.clone()}>
            { leaf("p", "", "The CR3 playground is free software under the GNU General Public License, version 2 only. It runs in this tab; nothing that you type leaves it.") }
            { leaf("h3", "", "Unicorn Engine 2.1.5") }
            <p>
                { "\"Check with Unicorn\" fetches Unicorn Engine, compiled to WebAssembly, from the server of this page. Unicorn is under the GPL, version 2; \
                   it is built on QEMU 5.0, whose parts are under the GPL and the LGPL. Its x86 translator runs on a backend and an interpreter of this project." }
            </p>
            <p>
                { "The source of Unicorn is that of the crate " }{ leaf("code", "", "unicorn-engine-sys") }{ " 2.1.5 on crates.io; backend, host and interface, with the \
                   commands that build the module, are in " }{ leaf("code", "", "crates/unicorn") }{ " of this project's repository." }
            </p>
            { leaf("ul", "", nodes(TEXTS.iter().map(|(file, words)| html! {
                    <li key={*file}><a href={format!("unicorn/{file}")} target="_blank" rel="noreferrer">{ *file }</a>{ ": " }{ *words }</li>
                }))) }
            { leaf("h3", "", "Also inside") }
            <p>
                { "iced-x86 (MIT) decodes instructions; Yew (MIT or Apache-2.0) draws the page; JetBrains Mono (SIL Open Font License) is the typeface of the code; CodeMirror (MIT) is the editor, with the " }
                <a href="editor/LICENSES.txt" target="_blank" rel="noreferrer">{ "licences of its parts" }</a>{ "." }
            </p>
        </Sheet>
    }
}
