//! Texts that were assembled before the page was opened: those of the stories. The build writes them into a file.

use super::wire::assembly;
use super::{Assembly, Boot, pack, text_of};
use crate::choice::{Form, Side};
use crate::library::{Library, config_of, config_text};
use crate::story::STORIES;
use cr3_core::asm::Diagnostic;
use cr3_core::linux::Config;
use std::sync::Arc;

/// Assembled texts, as the file has them. Each is read when it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    configs: Vec<Config>,
    bytes: Vec<u8>,
}

impl Ready {
    /// Reads the file; `None` if it is damaged.
    #[must_use]
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let library = Library::default();
        let keys = pack::read_keys(&bytes)?;
        let configs = keys.iter().map(|key| config_of(key, &library)).collect::<Option<_>>()?;
        Some(Self { configs, bytes })
    }

    pub(super) fn has(&self, text: &Config) -> bool {
        self.configs.contains(text)
    }

    pub(super) fn assembly(&self, text: &Config) -> Option<Assembly> {
        let number = self.configs.iter().position(|config| config == text)?;
        pack::read_one(&self.bytes, number)
    }
}

/// What every page has: each form as the page opens with it, and what the stories run.
#[must_use]
pub fn configs() -> Vec<Config> {
    let forms = Form::NAMED.into_iter().map(|form| Config { form, ..Config::default() });
    let of_story = |story: &crate::story::Story| {
        let setup = story.setup();
        Side::BOTH.map(|side| setup.scenario(side, &Arc::default()).config)
    };
    let mut configs = Vec::new();
    for config in forms.chain(STORIES.iter().flat_map(of_story)).map(|config| text_of(&config)) {
        if !configs.contains(&config) {
            configs.push(config);
        }
    }
    configs
}

/// The file with these texts, assembled by `boot`.
///
/// # Errors
/// What is wrong with one of them.
pub fn file(configs: &[Config], boot: Boot) -> Result<Vec<u8>, Vec<Diagnostic>> {
    let one = |config: &Config| boot(config).map(|system| (config_text(config), assembly(&system)));
    let assemblies = configs.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(pack::write_all(&assemblies))
}
