//! A world of artificial engines and the models that are known there by path.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anemone_engine::{ErrorKind, Precision};

use super::fault::{Fault, Site, When};
use super::model::ArtificialModel;
use super::plan::ArtificialPlan;
use super::record::{Counted, Live, Load, Record, Run};
use super::schedule::Schedule;
use crate::loader::{Compilation, EngineInfo, Identity, LoadError, Loaded, Loader, Unit};

/// Artificial engines and models; a clone is the same world.
#[derive(Clone, Debug)]
pub struct Artificial {
    shared: Arc<Shared>,
}

/// An engine of an artificial world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtificialEngine {
    /// Its name.
    pub name: &'static str,
    /// The kind of hardware that it claims to compute on.
    pub unit: Unit,
    /// Precisions that it has.
    pub precisions: &'static [Precision],
}

#[derive(Debug)]
struct Shared {
    engines: Vec<ArtificialEngine>,
    models: Mutex<HashMap<PathBuf, Arc<ArtificialModel>>>,
    faults: Mutex<HashMap<PathBuf, Arc<Mutex<Schedule>>>>,
    record: Arc<Record>,
}

impl ArtificialEngine {
    /// The usual one, `artificial`: a CPU with every precision.
    pub const FIRST: ArtificialEngine = ArtificialEngine {
        name: "artificial",
        unit: Unit::Cpu,
        precisions: &[Precision::Exact, Precision::Fast, Precision::Int8],
    };
    /// Another one, `artificial-2`: a GPU without 8-bit arithmetic.
    pub const SECOND: ArtificialEngine = ArtificialEngine {
        name: "artificial-2",
        unit: Unit::Gpu,
        precisions: &[Precision::Exact, Precision::Fast],
    };
}

impl Default for Artificial {
    fn default() -> Artificial {
        Artificial::new()
    }
}

impl Artificial {
    /// A world with the engine [`ArtificialEngine::FIRST`] and no models.
    pub fn new() -> Artificial {
        Artificial::with_engines(&[ArtificialEngine::FIRST])
    }

    /// A world with these engines, the preferred one first.
    pub fn with_engines(engines: &[ArtificialEngine]) -> Artificial {
        let shared = Shared {
            engines: engines.to_vec(),
            models: Mutex::default(),
            faults: Mutex::default(),
            record: Arc::default(),
        };
        Artificial { shared: Arc::new(shared) }
    }

    /// Puts a model at `path`, in place of the one that may be there. Plans that were loaded
    /// before stay as they are.
    pub fn add(&self, path: impl AsRef<Path>, model: ArtificialModel) {
        guard(&self.shared.models).insert(path.as_ref().to_owned(), Arc::new(model));
    }

    /// Takes away the model at `path`.
    pub fn remove(&self, path: impl AsRef<Path>) {
        guard(&self.shared.models).remove(path.as_ref());
    }

    /// Sets a fault of the model at `path`, on every engine, for plans loaded already too. Where
    /// several are due at once the one that was set first happens.
    pub fn fault(&self, path: impl AsRef<Path>, fault: Fault, when: When) {
        guard(&self.schedule(path.as_ref())).add(None, fault, when);
    }

    /// Sets a fault of the model at `path` on the engine of that name alone.
    pub fn fault_on(&self, engine: &str, path: impl AsRef<Path>, fault: Fault, when: When) {
        guard(&self.schedule(path.as_ref())).add(Some(engine), fault, when);
    }

    /// Ends all faults of the model at `path`. What hangs must be let through at its gate.
    pub fn heal(&self, path: impl AsRef<Path>) {
        guard(&self.schedule(path.as_ref())).clear();
    }

    /// The runs begun so far, in order; the last 65,536 if there were more.
    pub fn runs(&self) -> Vec<Run> {
        self.shared.record.runs()
    }

    /// The models loaded so far, in order.
    pub fn loads(&self) -> Vec<Load> {
        self.shared.record.loads()
    }

    /// Forgets which runs and loads there were.
    pub fn forget(&self) {
        self.shared.record.clear();
    }

    /// The plans, sessions and states that exist now.
    pub fn live(&self) -> Live {
        self.shared.record.live()
    }

    fn schedule(&self, path: &Path) -> Arc<Mutex<Schedule>> {
        guard(&self.shared.faults).entry(path.to_owned()).or_default().clone()
    }

    fn model(&self, path: &Path) -> Result<Arc<ArtificialModel>, LoadError> {
        let model = guard(&self.shared.models).get(path).cloned();
        model.ok_or_else(|| {
            let message = format!("there is no model `{}`", path.display());
            failed(path, ErrorKind::NotFound, message)
        })
    }

    fn engine(&self, path: &Path, options: &Compilation<'_>) -> Result<&'static str, LoadError> {
        let engine = self.shared.engines.iter().find(|engine| engine.name == options.engine);
        let unsupported = |message| failed(path, ErrorKind::Unsupported, message);
        let engine = engine
            .ok_or_else(|| unsupported(format!("there is no engine `{}`", options.engine)))?;
        if !engine.precisions.contains(&options.precision) {
            let message = format!("engine `{}` has no {:?}", engine.name, options.precision);
            return Err(unsupported(message));
        }
        Ok(engine.name)
    }
}

impl Loader for Artificial {
    fn engines(&self) -> Vec<EngineInfo> {
        let info = |engine: &ArtificialEngine| EngineInfo {
            name: engine.name.to_owned(),
            unit: engine.unit,
            machine: format!("{} on no hardware", engine.name),
            precisions: engine.precisions.to_vec(),
        };
        self.shared.engines.iter().map(info).collect()
    }

    fn identify(&self, path: &Path) -> Result<Identity, LoadError> {
        let model = self.model(path)?;
        let hash = hash(path, &model);
        Ok(Identity { hash, bytes: model.memory.constants as u64 })
    }

    fn load(&self, path: &Path, options: &Compilation<'_>) -> Result<Loaded, LoadError> {
        let model = self.model(path)?;
        let engine = self.engine(path, options)?;
        if let Some(function) = options.function.filter(|function| *function != "main") {
            let message = format!("there is no function `{function}`; the program has main");
            return Err(failed(path, ErrorKind::NotFound, message));
        }
        let faults = self.schedule(path);
        let fault = guard(&faults).take(engine, Site::Load, |_| false);
        match fault {
            Some(Fault::LoadPanic) => panic!("artificial panic in loading `{}`", path.display()),
            Some(Fault::LoadError(kind)) => {
                return Err(failed(path, kind, "artificial fault".to_owned()));
            }
            Some(Fault::LoadHang(gate)) => gate.come().wait(),
            _ => {}
        }
        let was_kept = is_kept(&hash(path, &model), options);
        let record = &self.shared.record;
        let (precision, owned) = (options.precision, path.to_owned());
        record.add_load(Load { path: owned.clone(), engine, precision, was_kept });
        let shapes = model.listed_shapes();
        let plan = ArtificialPlan {
            path: Arc::new(owned),
            engine,
            signature: model.signature(),
            model,
            faults,
            record: record.clone(),
            _counted: Counted::new(&record.plans),
        };
        Ok(Loaded { plan: Arc::new(plan), shapes })
    }
}

/// Whether the artefact `plan` is there already; puts it there if not.
fn is_kept(hash: &[u8; 32], options: &Compilation<'_>) -> bool {
    let Some(artefacts) = options.artefacts else { return false };
    let is_kept = artefacts.get("plan").is_some_and(|bytes| bytes == hash);
    if !is_kept {
        artefacts.put("plan", hash);
    }
    is_kept
}

fn hash(path: &Path, model: &ArtificialModel) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&model.version.to_le_bytes());
    hasher.update(path.as_os_str().as_encoded_bytes());
    hasher.finalize().into()
}

fn failed(path: &Path, kind: ErrorKind, message: String) -> LoadError {
    LoadError { path: path.to_owned(), kind, message, hint: None }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
