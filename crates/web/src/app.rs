//! The whole page: one state, the effects, and the layout of the panes.

use crate::effects::{
    self, Drawn, Explain, use_address, use_assembler, use_check, use_drafts, use_drawn, use_drop, use_explore,
    use_focus, use_keyboard, use_later, use_papers, use_play, use_relatives, use_settings, use_still,
};
use crate::overlay::overlays;
use crate::parts::{Sight, Still, leaf, nodes};
use crate::store::{Props, Store};
use crate::view::{
    Code, Counters, RunList, Schedule, TimelineStrip, check, divider, header, inspector, question, setup, transport,
    verdicts, widths, zoom,
};
use cr3_session::announce;
use cr3_session::assembly::ready::Ready;
use cr3_session::check::SelfTest;
use cr3_session::panes::Divider;
use cr3_session::view::outcome::waiting;
use cr3_session::view::stops::halted;
use cr3_session::view::{sentence, timeline};
use cr3_session::{Action, Assembler, Moment, Opening, State, Texts, words};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use web_sys::Element;
use yew::prelude::*;

/// The state that a page opens with. It is handed over once, because the page goes on without it.
#[derive(Clone)]
struct Opened(Rc<Cell<Option<State>>>);

impl PartialEq for Opened {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// What the page opens with.
#[derive(Properties, PartialEq)]
pub struct AppProps {
    opened: Opened,
}

/// Draws the page in an element, with the texts that were assembled when it was built; a worker assembles the others.
pub async fn open(place: Element) -> AppHandle<App> {
    open_with(place, effects::texts().await).await
}

/// Draws the page in an element, once what the address asks for has been run: in pieces, so that the browser draws and
/// listens meanwhile.
pub async fn open_with(place: Element, texts: Texts) -> AppHandle<App> {
    let mut opening = Opening::new(&effects::hash(), effects::restore(), &effects::kept(), texts);
    let state = loop {
        effects::pause().await;
        match opening.go_on() {
            ControlFlow::Continue(rest) => opening = rest,
            ControlFlow::Break(state) => break state,
        }
    };
    effects::pause().await;
    let opened = Opened(Rc::new(Cell::new(Some(state))));
    yew::Renderer::<App>::with_root_and_props(place, AppProps { opened }).render()
}

/// What takes lines above the panes: three lines of injections, or what the second CPU found. The style sheet makes the page
/// longer for it. With `:has` it would look for them in the whole document, of which a drag changes much.
fn above(state: &State) -> Option<&'static str> {
    const THIRD_LINE: usize = 9;
    let check = &state.check;
    match state.setup.schedule.injections.len() {
        THIRD_LINE.. => Some("injections"),
        _ if check.sweep.is_some() || check.self_test != SelfTest::None => Some("results"),
        _ => None,
    }
}

/// A part of the page, as a function of the state.
type View = fn(&Props) -> Html;

/// The whole page.
#[component]
pub fn App(props: &AppProps) -> Html {
    let store = use_reducer(|| {
        let texts = || Texts::new(Assembler::Elsewhere, Ready::default());
        let open = || State::open_by(&effects::hash(), effects::restore(), &effects::kept(), texts());
        Store(Rc::new(props.opened.0.take().unwrap_or_else(open)))
    });
    let dispatch = {
        let dispatcher = store.dispatcher();
        use_callback((), move |action: Action, ()| dispatcher.dispatch(action))
    };
    let state = store.0.clone();
    use_settings(state.settings);
    use_address(&state, &dispatch);
    // The browser keeps a text until the address carries it.
    use_drafts(&state, &dispatch);
    use_keyboard(state.clone(), &dispatch);
    use_play(state.run.map(|_| state.pace), &dispatch);
    use_check(&state, &dispatch);
    use_explore(&state, &dispatch);
    use_assembler(&state, &dispatch);
    use_drop(&dispatch);
    use_focus();
    use_papers(&state, &dispatch);

    let moment = use_memo((state.runs.clone(), state.cursor), |(runs, cursor)| Moment::at(runs, *cursor));
    let timeline = use_memo((state.runs.clone(), state.zoom.clone()), |(runs, shown)| {
        timeline::timeline(runs, shown.clone().unwrap_or(0..runs.len()))
    });
    use_relatives(&state.runs, &Sight(moment.clone()));
    // Rendering its rows is half of what a far step costs the browser.
    let of_listing = use_later(&state);
    let still = use_still(&state);
    let announced = {
        let state = state.clone();
        use_memo((state.runs.clone(), state.setup.forms), move |_| [announce::forms(&state), announce::runs(&state)])
    };
    let drawn = use_drawn();
    let spoken = sentence::spoken(&state, &moment);
    let mut halt = halted(&state);
    if !halt.is_empty() {
        halt.push(' ');
    }
    let props = Props { state: state.clone(), dispatch: dispatch.clone() };

    html! {
        <div class="page" aria-busy={(drawn != Drawn::Everything).then_some("true")}
            data-side={words::side_key(state.side)} data-pane={words::pane_key(state.pane_in_sight())}
            data-above={above(&state)}>
            { header(&props) }
            <main>
                <Still view={question as View} state={still.clone()} dispatch={dispatch.clone()} />
                <Still view={setup as View} state={still.clone()} dispatch={dispatch.clone()} />
                <div class="band">
                    <Schedule state={still.clone()} dispatch={dispatch.clone()} />
                    <Still view={check as View} state={still.clone()} dispatch={dispatch.clone()} />
                </div>
                <div class="verdict-place"><Still view={verdicts as View} state={still} dispatch={dispatch.clone()} /></div>
                <TimelineStrip
                    {timeline}
                    runs={state.runs.clone()}
                    cursor={state.cursor}
                    zoom={zoom(&state, &dispatch)}
                    names={state.names()}
                    words={spoken.clone()}
                    dispatch={dispatch.clone()}
                />
                <div class="panes" style={widths(state.settings.panes)}>
                    { match drawn {
                        Drawn::Runs => html! { <div key="code" class="pane code"></div> },
                        _ => html! { <Code key="listing" state={of_listing} dispatch={dispatch.clone()} /> },
                    } }
                    { transport(&props) }
                    <RunList state={state.clone()} moment={Sight(moment.clone())} dispatch={dispatch.clone()} />
                    { match drawn {
                        Drawn::Runs => html! { <div key="state" class="pane inspector"></div> },
                        _ => inspector(&props, &moment),
                    } }
                    { divider(Divider::Code, state.settings.panes, &dispatch) }
                    { divider(Divider::Inspector, state.settings.panes, &dispatch) }
                </div>
                <Explain {drawn} />
            </main>
            <Counters
                runs={state.runs.clone()}
                names={state.names()}
                geometry={state.setup.geometry}
                all={state.all_counters}
                {drawn}
                dispatch={dispatch.clone()}
            />
            <div class="waiting" role="status">{ waiting(&state).unwrap_or_default() }</div>
            { overlays(&state, &dispatch) }
            { leaf("div", "announced", nodes(announced.iter().enumerate().map(|(index, words)| html! {
                    <p key={index} class="hidden" role="status" aria-live="polite">{ words }</p>
                }))) }
            <p class="hidden" role="status" aria-live="polite">{ if state.run.is_some() { String::new() } else { halt + &spoken } }</p>
        </div>
    }
}
