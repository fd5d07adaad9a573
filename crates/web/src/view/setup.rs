//! What is run: the two forms, the features, the handler, the TLB model.

use super::Props;
use crate::parts::{Look, Select, Shape, Stand, button, nodes};
use crate::store::{does, sends};
use cr3_core::geometry::Geometry;
use cr3_core::linux::Handlers;
use cr3_session::glossary::{Term, Word};
use cr3_session::view::handlers;
use cr3_session::{Action, Feature, Form, Overlay, Side, is_valid, words};
use yew::prelude::*;

const SWAP: Look = Look { class: "button icon", label: "Swap the forms", title: "Swap the forms (x)", ..Look::PLAIN };

pub(crate) fn setup(props: &Props) -> Html {
    let Props { state, dispatch } = props;
    let setup = &state.setup;
    let (choices, handler) = handlers::choices(setup.handler);
    let handlers: Vec<AttrValue> = choices.iter().map(|choice| choice.text.clone().into()).collect();
    let geometries: Vec<AttrValue> = Geometry::ALL.iter().map(|geometry| geometry.name().into()).collect();
    let geometry = Geometry::ALL.iter().position(|geometry| *geometry == setup.geometry);
    html! {
        <section class="setup" aria-label="What is run">
            <div class="forms">
                { form(props, Side::Left) }
                { button(&SWAP, Stand::of(is_valid(state, &Action::SwapForms)), does(dispatch, Action::SwapForms), Shape::Swap.icon()) }
                { form(props, Side::Right) }
                <button type="button" class="button" onclick={does(dispatch, Action::Open(Overlay::Editor))}
                    data-here="Write or paste a macro of your own">
                    { Shape::Pencil.icon() }{ "Own macro" }
                </button>
            </div>
            <div class="features" role="group" aria-label="Features">
                { nodes(Feature::ALL.into_iter().map(|feature| switch(props, feature))) }
            </div>
            <Select name="handler" options={handlers} selected={handler} term={running(setup.handler)}
                onpick={sends(dispatch, move |index: usize| choices.get(index).map(|choice| choice.action.clone()))} />
            <Select name="TLB" options={geometries} selected={geometry} term={Term::Geometry(setup.geometry)}
                onpick={sends(dispatch, |index: usize| Geometry::ALL.get(index).copied().map(Action::SetGeometry))} />
        </section>
    }
}

/// What the list of handlers explains: the one that runs, or what handlers are.
fn running(handlers: Handlers) -> Term {
    handlers.single().map_or(Term::Word(Word::Handler), Term::Handler)
}

fn form(props: &Props, side: Side) -> Html {
    let tree = props.state.tree_name(side);
    let origin = |form: Form| match &tree {
        Some(tree) if form == Form::Custom => tree,
        _ => words::form_origin(form),
    };
    let options: Vec<AttrValue> =
        Form::ALL.iter().map(|form| format!("{} · {}", form.name(), origin(*form)).into()).collect();
    let current = props.state.setup.forms[side.index()];
    let (name, label) = match side {
        Side::Left => ("left", "Form of the left run"),
        Side::Right => ("right", "Form of the right run"),
    };
    let onpick =
        sends(&props.dispatch, move |index: usize| Form::ALL.get(index).map(|form| Action::SetForm(side, *form)));
    let selected = Form::ALL.iter().position(|form| *form == current);
    html! { <Select {name} {label} {options} {selected} {onpick} term={Term::Form(current)} /> }
}

fn switch(props: &Props, feature: Feature) -> Html {
    let on = props.state.setup.features.has(feature);
    html! {
        <button type="button" class="chip" key={feature.name()} aria-pressed={on.to_string()} data-term={Term::Feature(feature).key()}
            onclick={does(&props.dispatch, Action::ToggleFeature(feature))}>
            { words::feature_label(feature) }
        </button>
    }
}
