//! The playground in a browser.

use yew::prelude::*;

/// The whole page.
#[component]
pub fn App() -> Html {
    html! {
        <main>
            <h1>{ "CR3 playground" }</h1>
        </main>
    }
}
