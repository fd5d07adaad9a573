//! What is to be done in a round: what costs least comes first, and what costs the same in the order in which it was found.

use super::family::Cost;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(super) struct Agenda<T> {
    at: BTreeMap<Cost, VecDeque<T>>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { at: BTreeMap::new() }
    }
}

impl<T> Agenda<T> {
    pub(super) fn add(&mut self, cost: Cost, item: T) {
        self.at.entry(cost).or_default().push_back(item);
    }

    /// The cost of what comes first.
    pub(super) fn first(&self) -> Option<Cost> {
        self.at.first_key_value().map(|(cost, _)| *cost)
    }

    /// Takes what comes first.
    pub(super) fn take(&mut self) -> Option<T> {
        let mut entry = self.at.first_entry()?;
        let item = entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_least_comes_first_and_what_came_first_of_those() {
        let mut agenda = Agenda::default();
        let costs = [(1, 5), (0, 9), (1, 5), (0, 2), (2, 0), (0, 9)];
        for ((strikes, steps), item) in costs.into_iter().zip(0..) {
            agenda.add(Cost { strikes, steps }, item);
        }
        assert_eq!(agenda.first(), Some(Cost { strikes: 0, steps: 2 }));
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(order, [3, 1, 5, 0, 2, 4]);
        assert_eq!(agenda.first(), None);
    }
}
