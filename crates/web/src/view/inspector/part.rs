//! What the parts of the inspector share: what each shows, who vouches for it, the head of its table.

use crate::parts::{classes, term};
use cr3_session::glossary::{Term, Word};
use cr3_session::view::check::{Part, voucher};
use cr3_session::{Moment, State};
use yew::prelude::*;

/// Both machines at the cursor, under the names of their forms.
pub(super) struct Props<'a> {
    pub(super) state: &'a State,
    pub(super) moment: &'a Moment,
    pub(super) names: [&'static str; 2],
}

/// Who vouches for a part of the state: letters, and the reason as their explanation.
pub(super) fn vouched(state: &State, moment: &Moment, part: Part) -> Html {
    let voucher = voucher(state, moment, part);
    let (class, letters) = if voucher.both { ("both", "M U") } else { ("model", "M") };
    html! {
        <button type="button" class={classes(&["voucher", class])} data-term={Term::Word(Word::Voucher).key()} data-here={voucher.why.clone()}
            aria-label={format!("{letters}: vouched for by {}", voucher.word())}>{ letters }</button>
    }
}

/// The `tabindex` of the row with this index: the first one is a stop of Tab, and arrows lead to the others.
pub(super) fn stop(index: usize) -> &'static str {
    if index == 0 { "0" } else { "-1" }
}

/// The head of a table with a column for each run.
pub(super) fn heads(names: [&'static str; 2], (about, first): (Term, &'static str), vouched: Html) -> Html {
    html! {
        <thead>
            <tr>
                <th scope="col">{ term(about, first) }{ " " }{ vouched }</th>
                <th scope="col" class="side-a">{ names[0] }</th>
                <th scope="col" class="side-b">{ names[1] }</th>
            </tr>
        </thead>
    }
}
