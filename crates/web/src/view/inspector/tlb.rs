//! The TLB of both runs, grouped by PCID.

use super::part::{Props, stop, vouched};
use crate::parts::{classes, explained, hex, leaf, nodes, side_class, term, when};
use cr3_session::Side;
use cr3_session::glossary::{Term, Unseen, Word};
use cr3_session::view::check::Part;
use cr3_session::view::relatives::{Thing, keys, of_entry};
use cr3_session::view::tlb::{Fate, Group, Line, tlb};
use yew::prelude::*;

pub(super) fn view(props: &Props<'_>) -> Html {
    let groups = tlb(props.moment);
    let nothing = if props.state.runs.is_empty() { "There is no run." } else { "The TLB is empty." };
    html! {
        <div key="tlb" class="tlb">
            <p class="whose">{ term(Term::Word(Word::Tlb), "translations") }{ " by " }{ term(Term::Word(Word::Pcid), "PCID") }{ ", with " }{ term(Term::Word(Word::Rights), "rights") }{ " and " }{ term(Term::Word(Word::Fate), "fate") }{ " " }{ vouched(props.state, props.moment, Part::Tlb) }</p>
            { leaf("div", "", nodes(groups.iter().enumerate().map(|(index, it)| group(index, it, props.state.short_names())))) }
            { nodes(groups.is_empty().then(|| html! { <p key="none" class="whose quiet">{ nothing }</p> })) }
        </div>
    }
}

fn group(index: usize, group: &Group, names: [&'static str; 2]) -> Html {
    html! {
        <table key={group.pcid} class="fields entries">
            <thead>
                <tr>
                    <th scope="col">
                        { "PCID " }{ leaf("code", "", format!("{:#05x}", group.pcid)) }{ " " }
                        { leaf("span", "quiet", explained(&group.meaning, &mut Unseen::default())) }
                    </th>
                    { nodes(Side::BOTH.into_iter().map(|side| {
                        let count = group.counts[side.index()].map_or_else(|| "–".into(), |count| count.to_string());
                        let current = group.current[side.index()];
                        html! {
                            <th key={side.index()} scope="col" class={classes(&[side_class(side), when(current, "now")])}
                                title={if current { "CR3 holds this PCID" } else { "" }}>
                                { names[side.index()] }{ " " }{ leaf("span", "mono", count) }
                            </th>
                        }
                    })) }
                </tr>
            </thead>
            { leaf("tbody", "", nodes(group.lines.iter().enumerate().map(|(at, it)| line(it, stop(index + at))))) }
        </table>
    }
}

fn line(line: &Line, stop: &'static str) -> Html {
    let entry = &line.entry;
    let title = format!(
        "{:#x} → {:#x}, {}, {}{}",
        entry.linear,
        entry.physical,
        line.size(),
        line.rights(),
        if entry.dirty { ", dirty" } else { "" }
    );
    html! {
        <tr key={format!("{:x}-{:x}-{}", entry.linear, entry.physical, line.rights())} tabindex={stop} class={line.differs().then_some("differs")} {title}
            data-thing={Thing::Pcid(entry.pcid).key()} data-kin={keys(&of_entry(entry))}>
            <th scope="row">
                { hex(entry.linear, 0) }
                { leaf("span", "mono quiet", line.size()) }
                { leaf("span", "mono quiet", line.rights()) }
            </th>
            { nodes(line.fates.iter().zip(Side::BOTH).map(|(fate, side)| html! {
                <td key={side.index()} class={classes(&[side_class(side), fate.map_or("", class)])}>
                    { fate.map_or("–", Fate::word) }
                </td>
            })) }
        </tr>
    }
}

fn class(fate: Fate) -> &'static str {
    fate.word()
}
