//! Models that stay loaded between requests, the least recently used one going first.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anemone::{Device, EngineChoice, Engines, LoadOptions, Model, ModelSession};

use crate::exit::Failure;
use crate::files;

const CAPACITY: usize = 8;

/// What makes a loaded model good for a request; a file that was changed makes it another one.
#[derive(PartialEq, Eq)]
struct Key {
    path: PathBuf,
    files: Vec<(PathBuf, u64, Option<SystemTime>)>,
    function: Option<String>,
    engine: EngineChoice,
    device: Device,
}

/// A model and its working memory.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    pub(crate) session: ModelSession,
}

/// Loaded models, the most recently used one last.
pub(crate) struct Cache {
    engines: Engines,
    loaded: Vec<(Key, Loaded)>,
}

impl Cache {
    pub(crate) fn new(engines: Engines) -> Cache {
        Cache { engines, loaded: Vec::new() }
    }

    /// The model at `path`, loaded if it is not yet; it leaves the cache until it is put back.
    pub(crate) fn take(
        &mut self,
        path: &Path,
        function: Option<&str>,
        engine: EngineChoice,
        device: Device,
    ) -> Result<Taken, Failure> {
        let (path, function) = (path.to_owned(), function.map(str::to_owned));
        let key = Key { files: files::fingerprint(&path), path, function, engine, device };
        if let Some(at) = self.loaded.iter().position(|(known, _)| *known == key) {
            let (key, loaded) = self.loaded.remove(at);
            return Ok(Taken { key, loaded });
        }
        let (engine, function) = (key.engine.clone(), key.function.clone());
        let options = LoadOptions { engine, device, function, ..LoadOptions::default() };
        let model = anemone::load(&self.engines, &key.path, &options)?;
        let session = model.session();
        Ok(Taken { key, loaded: Loaded { model, session } })
    }

    /// Keeps a model for the next request.
    pub(crate) fn put_back(&mut self, taken: Taken) {
        if self.loaded.len() >= CAPACITY {
            self.loaded.remove(0);
        }
        self.loaded.push((taken.key, taken.loaded));
    }
}

/// A model on loan from the cache.
pub(crate) struct Taken {
    key: Key,
    pub(crate) loaded: Loaded,
}
