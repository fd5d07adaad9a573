//! What `cargo xtask bench` calls; nothing else does. JavaScript holds the clock.

use cr3_core::benchmark::{Length, STEPS, Search, count, searches};
use cr3_core::linux::{System, boot};
use cr3_core::scenario::Scenario;
use cr3_session::Side;
use cr3_session::setup::OwnTexts;
use cr3_session::story::STORIES;
use cr3_unicorn::follow::Job;
use cr3_unicorn::wasm::Engine;
use js_sys::WebAssembly::Module;
use wasm_bindgen::prelude::*;

/// The opening story of a side, booted.
fn opening(side: Side) -> Result<(Scenario, System), JsError> {
    let scenario = STORIES[0].setup().scenario(side, &OwnTexts::default());
    let system = boot(&scenario.config).map_err(|_| JsError::new("the opening story does not assemble"))?;
    Ok((scenario, system))
}

/// The opening story, both forms, without a second CPU and with one.
#[wasm_bindgen]
pub struct Opening {
    runs: [(Scenario, System); 2],
    engine: Option<Engine>,
    job: Option<Job<Engine>>,
}

#[wasm_bindgen]
impl Opening {
    /// Boots both forms.
    ///
    /// # Errors
    /// A form does not assemble.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Self, JsError> {
        Ok(Self { runs: [opening(Side::Left)?, opening(Side::Right)?], engine: None, job: None })
    }

    /// Opens an engine of `module`.
    ///
    /// # Errors
    /// Those of [`Engine::open`].
    pub fn open(&mut self, module: &Module) -> Result<(), JsError> {
        self.job = None;
        self.engine = Some(Engine::open(module).map_err(|failure| JsError::new(&failure.to_string()))?);
        Ok(())
    }

    /// Runs both forms without a second CPU and with all counters on. Returns the number of instructions.
    #[must_use]
    pub fn alone(&self) -> f64 {
        self.runs.iter().map(|(scenario, system)| count(system, scenario) as f64).sum()
    }

    /// Loads the second CPU with the image of one of the forms.
    pub fn load(&mut self, index: usize) {
        let (scenario, system) = &self.runs[index & 1];
        let free = self.engine.take().or_else(|| self.job.take().map(Job::into_follower));
        self.job = free.map(|engine| Job::new(engine, system, &scenario.schedule, STEPS));
    }

    /// Follows the loaded run to its end. Returns the number of steps.
    ///
    /// # Errors
    /// A disagreement.
    pub fn follow(&mut self) -> Result<f64, JsError> {
        let progress = self.job.as_mut().map(|job| job.advance(u32::MAX));
        match progress {
            Some(progress) if progress.report.is_none() => Ok(progress.marks.len() as f64),
            _ => Err(JsError::new("the two processors disagree")),
        }
    }
}

/// The searches of `cr3play bench --explore 2` that a page can make: without those that take gigabytes.
#[wasm_bindgen]
pub struct Searches(Vec<Search>);

#[wasm_bindgen]
impl Searches {
    /// All of them.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self(searches().into_iter().filter(|search| search.length < Length::Huge).collect())
    }

    /// What they are, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|search| search.what.to_owned()).collect()
    }

    /// Searches, from the text to the verdict.
    ///
    /// # Errors
    /// There is no search of this index, or its form does not assemble.
    pub fn run(&self, index: usize) -> Result<(), JsError> {
        let search = self.0.get(index).ok_or_else(|| JsError::new("there is no such search"))?;
        search.run().map_err(|_| JsError::new("a form does not assemble"))
    }
}
