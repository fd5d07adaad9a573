//! Search of any depth and number: what handlers do is summed up, until nothing new is found.

mod apply;
mod context;
mod family;
mod follow;
mod gather;
mod guard;
mod hash;
mod history;
mod learned;
mod lift;
mod predict;
mod round;
mod rules;
mod saturate;
mod shadow;
mod value;

pub(in crate::explore) use learned::Cached;
pub use predict::{Played, Wrong};
pub(in crate::explore) use round::Aim;
pub(in crate::explore) use saturate::{Reached, Saturation};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::sweep::Progress;
    use crate::explore::world::World;
    use crate::linux::Config;
    use crate::scenario::{Scenario, Vector};
    use std::sync::Arc;

    #[test]
    fn talk() {
        let text = std::env::var("CR3_CONFIG").unwrap_or("form=E handler=quiet".to_owned());
        let mut config: Config = text.parse::<Scenario>().unwrap().config;
        if let Ok(file) = std::env::var("CR3_MACRO") {
            config.form = crate::linux::Form::Custom;
            config.custom = std::fs::read_to_string(file).unwrap().into();
        }
        let vectors: Vec<Vector> = std::env::var("CR3_VECTORS")
            .unwrap_or("nmi".to_owned())
            .split(',')
            .map(|name| *Vector::ALL.iter().find(|vector| vector.name() == name).unwrap())
            .collect();
        let world = Arc::new(World::new(&config).unwrap());
        let aim = Aim { vectors: vectors.into(), assumed: Default::default(), max_runs: 1_000_000 };
        let begun = std::time::Instant::now();
        let mut saturation = Saturation::new(Arc::clone(&world), aim);
        while saturation.work(1_000_000) == Progress::More && begun.elapsed().as_secs() < std::env::var("CR3_SECS").map_or(60, |secs| secs.parse().unwrap()) {}
        eprintln!("{:?} {:?} {:?}", saturation.reached(), saturation.failures(), begun.elapsed());
        let Some(round) = saturation.fixpoint() else { return };
        let begun = std::time::Instant::now();
        let mut seed = 88172645463325252u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let (mut strikes, mut returns, mut deepest, mut broke, mut wrong) = (0, 0, 0, 0, 0);
        let n: u32 = std::env::var("CR3_N").map_or(1000, |n| n.parse().unwrap());
        for _ in 0..n {
            let rate = [20, 60, 150, 400][random() as usize % 4];
            let limit = 1 + random() as usize % 12;
            let first = random() as u32 % world.base_steps;
            let mut struck = 0;
            let vectors: Vec<Vector> = std::env::var("CR3_VECTORS").unwrap_or("nmi".to_owned()).split(',')
                .map(|name| *Vector::ALL.iter().find(|vector| vector.name() == name).unwrap()).collect();
            let played = round.play(|step, _| {
                let want = if struck == 0 { step >= first } else { struck < limit && random() % rate == 0 };
                struck += usize::from(want);
                want.then(|| vectors[random() as usize % vectors.len()])
            });
            strikes += played.strikes;
            returns += played.returns;
            deepest = deepest.max(played.deepest);
            broke += u32::from(played.breaks);
            if played.wrong.is_some() { wrong += 1; if wrong < 8 { eprintln!("{played:?}"); } }
        }
        eprintln!("{strikes} strikes {returns} returns deepest {deepest} broke {broke} wrong {wrong} {:?}", begun.elapsed());
    }
}
