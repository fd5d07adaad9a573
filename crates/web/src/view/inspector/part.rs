//! What the parts of the inspector share: what each shows, who vouches for it, the head of its table.

use cr3_session::view::check::{Part, voucher};
use cr3_session::{Moment, State};
use yew::prelude::*;

/// Both machines at the cursor, under the names of their forms.
pub(super) struct Props<'a> {
    pub(super) state: &'a State,
    pub(super) moment: &'a Moment,
    pub(super) names: [&'static str; 2],
}

/// Who vouches for a part of the state: letters, and the reason as a tooltip and for screen readers.
pub(super) fn vouched(state: &State, moment: &Moment, part: Part) -> Html {
    let voucher = voucher(state, moment, part);
    let (class, letters) = if voucher.both { ("both", "M U") } else { ("model", "M") };
    html! {
        <span class={classes!("voucher", class)} title={voucher.why.clone()} role="img"
            aria-label={format!("vouched for by {}: {}", voucher.word(), voucher.why)}>{ letters }</span>
    }
}

/// The head of a table with a column for each run.
pub(super) fn heads(names: [&'static str; 2], first: &'static str, vouched: Html) -> Html {
    html! {
        <thead>
            <tr>
                <th scope="col">{ first }{ " " }{ vouched }</th>
                <th scope="col" class="side-a">{ names[0] }</th>
                <th scope="col" class="side-b">{ names[1] }</th>
            </tr>
        </thead>
    }
}
