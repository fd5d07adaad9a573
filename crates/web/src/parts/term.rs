//! Terms with their explanations. A term is a button or any element with `data-term`; one panel shows what belongs to
//! the one at hand (`effects/explain.rs`).

use super::{leaf, nodes};
use cr3_session::glossary::{Piece, Term, Unseen};
use yew::prelude::*;

/// `children` as a term: a button, so that a tap, the Tab key and a screen reader find it.
pub(crate) fn term(term: Term, children: impl Into<Html>) -> Html {
    html! { <button type="button" class="term" data-term={term.key()}>{ children.into() }</button> }
}

/// The same with words about this case, which stand below the explanation.
pub(crate) fn term_here(term: Term, here: impl Into<AttrValue>, children: impl Into<Html>) -> Html {
    let here: AttrValue = here.into();
    html! { <button type="button" class="term" data-term={term.key()} data-here={here}>{ children.into() }</button> }
}

/// A text whose terms are marked, each at its first use.
pub(crate) fn explained(text: &str, unseen: &mut Unseen) -> Html {
    let pieces = unseen.pieces(text).into_iter().enumerate();
    let piece = |(index, piece): (usize, Piece)| match piece {
        Piece::Plain(words) => html! { <span key={index}>{ words }</span> },
        Piece::Term(at, words) => html! { <span key={index}>{ term(at, words) }</span> },
    };
    html! { { leaf("span", "", nodes(pieces.map(piece))) } }
}
