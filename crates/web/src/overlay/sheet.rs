//! A panel above the page: the browser's own dialog, which keeps the focus inside and returns it.

use crate::parts::{CLOSE, Shape, Stand, button, classes, focus_in_place, use_opening};
use crate::store::does;
use cr3_session::Action;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) title: AttrValue,
    pub(crate) dispatch: Callback<Action>,
    pub(crate) children: Html,
    #[prop_or_default]
    pub(crate) class: &'static str,
    /// The element that has the focus at first; without it the browser chooses.
    #[prop_or_default]
    pub(crate) first: Option<NodeRef>,
}

#[component]
pub(crate) fn Sheet(props: &Props) -> Html {
    let node = use_node_ref();
    {
        let (node, first) = (node.clone(), props.first.clone());
        use_opening(move || {
            let dialog = node.cast::<HtmlDialogElement>();
            if let Some(dialog) = &dialog {
                // It fails only on a dialog that is already open.
                let _ = dialog.show_modal();
            }
            focus_in_place(first.and_then(|first| first.cast()));
            move || {
                if let Some(dialog) = dialog {
                    dialog.close();
                }
            }
        });
    }
    let oncancel = props.dispatch.reform(|event: Event| {
        event.prevent_default();
        Action::Close
    });
    let onclick = {
        let (node, dispatch) = (node.clone(), props.dispatch.clone());
        // A click hits the dialog itself only beside its content: on the backdrop.
        move |event: MouseEvent| {
            if event.target().is_some_and(|target| node.get().is_some_and(|dialog| *dialog == target)) {
                dispatch.emit(Action::Close);
            }
        }
    };
    html! {
        <dialog ref={node} class={classes(&["sheet", props.class])} aria-labelledby="sheet-title" {oncancel} {onclick}>
            <div class="body">
                <div class="title">
                    <h2 id="sheet-title">{ &props.title }</h2>
                    { button(&CLOSE, Stand::Ready, does(&props.dispatch, Action::Close), Shape::Close.icon()) }
                </div>
                <div class="content" tabindex="0" role="region" aria-labelledby="sheet-title">{ props.children.clone() }</div>
            </div>
        </dialog>
    }
}
