//! Real models and artificial ones for one manager: a path that begins with `artificial` is one of
//! the latter.

use std::path::Path;
use std::sync::Arc;

use anemone::runtime::artificial::Artificial;
use anemone::runtime::{
    Compilation, EngineInfo, Identity, LoadError, Loaded, Loader, ModelOptions, Unit,
};

/// Loads both.
pub(crate) struct Both {
    pub(crate) real: Arc<dyn Loader>,
    pub(crate) artificial: Artificial,
}

impl Both {
    fn of(&self, path: &Path) -> &dyn Loader {
        if path.starts_with("artificial") { &self.artificial } else { &*self.real }
    }
}

impl Loader for Both {
    fn engines(&self) -> Vec<EngineInfo> {
        let mut engines = self.real.engines();
        engines.extend(self.artificial.engines());
        engines
    }

    fn absent(&self) -> Vec<(Unit, String)> {
        self.real.absent()
    }

    fn identify(&self, path: &Path) -> Result<Identity, LoadError> {
        self.of(path).identify(path)
    }

    fn load(&self, path: &Path, options: &Compilation<'_>) -> Result<Loaded, LoadError> {
        self.of(path).load(path, options)
    }
}

/// The same options on one engine.
pub(crate) fn on(engine: &str, options: ModelOptions) -> ModelOptions {
    ModelOptions { engines: vec![engine.to_owned()], ..options }
}
