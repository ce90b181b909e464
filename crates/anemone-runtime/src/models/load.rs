//! From a path to a version that takes requests: identify, reserve memory, compile, measure, estimate.

use std::path::PathBuf;
use std::time::Instant;

use anemone_engine::{ErrorKind, RunError, Signature};

use super::version::Candidate;
use super::{Compiled, PlanKey, Settings, Version, told};
use crate::config::{Batching, Config};
use crate::core::Core;
use crate::metrics::{CacheKind, FallbackCause};
use crate::options::ModelOptions;
use crate::quarantine::{Quarantine, QuarantinePolicy};
use crate::request::Interface;
use crate::sync::{Arc, lock};
use crate::{Compilation, EngineInfo, Error, LoadError, Loaded, Permit, Resource, Shapes};

/// Where a version comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) options: ModelOptions,
}

/// That a model is being loaded, told until this is dropped.
struct Loading<'a> {
    core: &'a Core,
    name: &'a str,
}

impl<'a> Loading<'a> {
    fn new(core: &'a Core, name: &'a str) -> Loading<'a> {
        lock(&core.loading).push(name.to_owned());
        Loading { core, name }
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        let mut loading = lock(&self.core.loading);
        if let Some(place) = loading.iter().position(|own| own == self.name) {
            loading.swap_remove(place);
        }
    }
}

/// Whether a plan may wait for memory that others have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Some,
    None,
}

/// Loads a version for the first engine that can have it.
pub(crate) async fn load(
    core: &Arc<Core>,
    name: &str,
    number: u64,
    source: &Source,
) -> Result<Arc<Version>, Error> {
    let start = Instant::now();
    let _told = Loading::new(core, name);
    let settings = settings(&core.config, &source.options);
    let engines = permitted(core, name, &source.options, &settings)?;
    let mut absent = absent(core, &source.options);
    let mut candidates = Vec::with_capacity(engines.len());
    let mut first: Option<Arc<Compiled>> = None;
    let mut failed: Option<Error> = None;
    let mut passed_over: Vec<(String, FallbackCause)> = Vec::new();
    for engine in engines {
        if first.is_some() {
            candidates.push(Candidate::new(engine));
            continue;
        }
        // After the preferred engine only those that may be fallen back to are tried.
        if failed.is_some() && !settings.fallback.contains(&engine.unit) {
            candidates.push(Candidate::failed(engine));
            continue;
        }
        match compile(core, name, source, &settings, &engine, Patience::Some).await {
            Ok(compiled) => {
                first = Some(compiled.clone());
                candidates.push(Candidate::ready(engine, compiled));
            }
            Err(error) => {
                // Another engine reads the same file and has the same memory.
                let is_engines =
                    matches!(error, Error::CompilationFailed { .. } | Error::Internal { .. });
                if !is_engines {
                    return Err(error);
                }
                absent.push(format!("{}: {error}", engine.name));
                tracing::warn!(model = name, engine = %engine.name, %error, "cannot be compiled");
                passed_over.push((engine.name.clone(), cause_of(&error)));
                failed.get_or_insert(error);
                candidates.push(Candidate::failed(engine));
            }
        }
    }
    let engines = candidates.len();
    let Some(first) = first else {
        return Err(failed.unwrap_or_else(|| Error::Internal { what: "no engine".to_owned() }));
    };
    let rules = settings.batching.as_ref().map(|batching| batching.pad.as_slice());
    let interface = Interface::new(first.plan.signature(), &first.shapes, rules)?;
    let metrics = core.metrics.model(name, &number.to_string(), Instant::now());
    let used = core.metrics.engine(&first.engine.name);
    for (engine, cause) in &passed_over {
        metrics.fallback(core.metrics.engine(engine), used, *cause);
    }
    let version = Version::new(
        name,
        number,
        source.clone(),
        settings,
        interface,
        candidates,
        absent,
        metrics,
        Quarantine::new(QuarantinePolicy::default()),
    );
    version.touch(core.now());
    for place in 0..engines {
        core.recall_costs(&version, place, first.identity.hash);
    }
    tracing::info!(
        model = name,
        version = number,
        engine = %first.engine.name,
        bytes = first.weight_bytes(),
        seconds = start.elapsed().as_secs_f64(),
        "loaded"
    );
    Ok(Arc::new(version))
}

/// The plan of a model on one engine: a shared one, or one that is compiled now.
pub(crate) async fn compile(
    core: &Arc<Core>,
    name: &str,
    source: &Source,
    settings: &Settings,
    engine: &Arc<EngineInfo>,
    patience: Patience,
) -> Result<Arc<Compiled>, Error> {
    let failed = |error| Error::from_load(name, &engine.name, error);
    let identity = careful(source, || core.loader.identify(&source.path)).map_err(failed)?;
    let key = PlanKey {
        content: identity.hash,
        engine: engine.name.clone(),
        function: settings.function.clone(),
        precision: settings.precision,
    };
    let cell = core.plans.cell(key.clone());
    let mut held = cell.lock().await;
    if let Some(compiled) = held.upgrade() {
        core.metrics.looked_up(CacheKind::Plan, true);
        return Ok(compiled);
    }
    core.metrics.looked_up(CacheKind::Plan, false);
    let artefacts = core.artefacts(&identity, engine, settings);
    let options = Compilation {
        engine: &engine.name,
        function: settings.function.as_deref(),
        precision: settings.precision,
        artefacts: artefacts.as_deref(),
    };
    // What is read is in memory before it is known how much the plan holds.
    let mut needed = core.plans.size(&key).unwrap_or(identity.bytes);
    loop {
        let mut permit = match patience {
            Patience::Some => core.reserve(needed).await?,
            Patience::None => core.reserve_now(needed).ok_or_else(|| no_room(core, needed))?,
        };
        // Others wait without a thread, so that requests keep theirs.
        let _one = match patience {
            Patience::Some => core.loads.acquire().await.ok(),
            Patience::None => None,
        };
        let Loaded { plan, shapes } =
            careful(source, || core.loader.load(&source.path, &options)).map_err(failed)?;
        let smallest = smallest(plan.signature(), &shapes);
        let weights = match super::guarded(|| plan.memory(&smallest)) {
            Ok(estimate) => (estimate.constants + estimate.packed) as u64,
            Err(RunError::Internal(what)) => return Err(Error::Internal { what }),
            // A plan that refuses the guess at its shapes holds its file at least.
            Err(_) => identity.bytes,
        };
        core.plans.note_size(key.clone(), weights);
        if !has_room(core, &mut permit, weights) {
            // In line with the others for as much as it takes, and once more.
            needed = weights;
            if patience == Patience::None {
                return Err(no_room(core, needed));
            }
            continue;
        }
        let kept = core.config.idle_sessions;
        let compiled = Compiled::new(engine.clone(), identity, plan, shapes, permit, kept);
        let compiled = Arc::new(compiled);
        *held = Arc::downgrade(&compiled);
        return Ok(compiled);
    }
}

fn no_room(core: &Core, needed: u64) -> Error {
    let limit = core.pool.statistics().free().bytes;
    Error::ResourceLimit { resource: Resource::Memory, needed, limit }
}

/// Makes a reservation as large as what is held, if there is room.
fn has_room(core: &Core, permit: &mut Permit, bytes: u64) -> bool {
    let has = permit.demand().bytes;
    if has >= bytes {
        permit.shrink_bytes(bytes);
        return true;
    }
    if permit.try_grow_bytes(bytes) {
        return true;
    }
    core.reclaim(bytes - has);
    permit.try_grow_bytes(bytes)
}

/// How a model is run.
fn settings(config: &Config, options: &ModelOptions) -> Settings {
    let default = config.batching.enabled.then(|| Batching::from(&config.batching));
    Settings {
        function: options.function.clone(),
        precision: options.precision.unwrap_or(config.precision),
        batching: options.batching.clone().or(default),
        bounds: config.queue,
        instances: options.instances.unwrap_or(usize::MAX),
        fallback: options.fallback.clone().unwrap_or_else(|| config.fallback.clone()),
        is_pinned: options.pinned,
        shadow: options.shadow.clone(),
    }
}

/// The engines that may run a model, in order of preference.
fn permitted(
    core: &Core,
    name: &str,
    options: &ModelOptions,
    settings: &Settings,
) -> Result<Vec<Arc<EngineInfo>>, Error> {
    let mut engines = Vec::new();
    if options.engines.is_empty() {
        let device = core.config.device;
        engines.extend(core.engines.iter().filter(|own| own.unit.is_permitted(device)).cloned());
    }
    for wanted in &options.engines {
        let found = core.engines.iter().find(|own| own.name == *wanted);
        engines.push(found.cloned().ok_or_else(|| Error::Unavailable {
            what: format!("engine {wanted}"),
            reason: "this machine or this build does not have it".to_owned(),
            retry_after: None,
        })?);
    }
    if engines.is_empty() {
        return Err(Error::Unavailable {
            what: name.to_owned(),
            reason: format!("no engine is permitted by `{}`", core.config.device),
            retry_after: None,
        });
    }
    engines.retain(|own| own.precisions.contains(&settings.precision));
    if engines.is_empty() {
        return Err(Error::Precision {
            asked: Some(settings.precision),
            what: format!("no engine that is permitted has {:?}", settings.precision),
        });
    }
    Ok(engines)
}

fn cause_of(error: &Error) -> FallbackCause {
    match error.kind() {
        ErrorKind::Unsupported => FallbackCause::Unsupported,
        ErrorKind::Exhausted => FallbackCause::Memory,
        _ => FallbackCause::Failed,
    }
}

/// Why hardware that the device preference asks for is not used.
fn absent(core: &Core, options: &ModelOptions) -> Vec<String> {
    if !options.engines.is_empty() {
        return Vec::new();
    }
    let asked = core.absent.iter().filter(|(unit, _)| unit.is_permitted(core.config.device));
    asked.map(|(_, reason)| reason.clone()).collect()
}

/// What a loader does, with a panic told as an error.
fn careful<T>(
    source: &Source,
    step: impl FnOnce() -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
    outcome.unwrap_or_else(|panic| {
        Err(LoadError {
            path: source.path.clone(),
            kind: ErrorKind::Internal,
            message: format!("the loader panicked: {}", told(&*panic)),
            hint: None,
        })
    })
}

/// Shapes that a plan surely takes, as small as can be.
fn smallest(signature: &Signature, shapes: &[Shapes]) -> Vec<Vec<usize>> {
    let ports = signature.inputs.iter().enumerate();
    ports
        .map(|(index, port)| match shapes.get(index) {
            Some(Shapes::Listed(list)) if !list.is_empty() => list[0].clone(),
            Some(Shapes::Ranges(ranges)) => ranges.iter().map(|range| *range.start()).collect(),
            _ => port.ty.shape.iter().map(|size| size.known().unwrap_or(1)).collect(),
        })
        .collect()
}
