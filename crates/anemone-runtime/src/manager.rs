//! The manager: models by name, for many callers, within bounds.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::core::Core;
use crate::health::Health;
use crate::metrics::{self, PerformanceSummary};
use crate::models::{Source, Version, load};
use crate::monitor::{self, Monitor};
use crate::options::ModelOptions;
use crate::sensors::Sensors;
use crate::status::{self, DeviceStatus, ModelStatus};
use crate::sync::{Arc, block_on, thread};
use crate::timer::within;
use crate::{BufferPool, Error, Loader, Model, Pool, Stage};

/// Keeps models loaded and runs them for callers, within the bounds of its configuration. A clone is
/// the same manager. It closes when the last clone and the last [`Model`] of it are gone.
#[derive(Clone)]
pub struct Manager {
    pub(crate) handle: Arc<Handle>,
}

/// What keeps the manager open.
pub(crate) struct Handle {
    pub(crate) core: Arc<Core>,
}

/// A model that is to be loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preload {
    /// The name that it gets.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// How it is loaded and run.
    pub options: ModelOptions,
}

/// How far a preload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Models that are done, with or without success.
    pub done: usize,
    /// Models of all.
    pub all: usize,
    /// The model that is done now.
    pub name: &'a str,
    /// Whether it was loaded.
    pub is_loaded: bool,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// Whether every request was answered in time.
    pub is_drained: bool,
    /// Requests that were refused since the time was up.
    pub refused: usize,
    /// Threads that were left behind in runs that do not stop.
    pub stuck: usize,
}

impl Manager {
    /// A manager of models that come from `loader`. No thread is started yet.
    pub fn new(config: Config, loader: Arc<dyn Loader>) -> Manager {
        Manager::with_sensors(config, loader, crate::sensors::machine_sensors())
    }

    /// A manager that learns of heat, power and pressure from `sensors`.
    pub fn with_sensors(
        config: Config,
        loader: Arc<dyn Loader>,
        sensors: Box<dyn Sensors>,
    ) -> Manager {
        let monitor = Monitor::new(sensors, &config);
        Manager { handle: Arc::new(Handle { core: Core::new(config, loader, monitor) }) }
    }

    /// Loads the model at `path` under a name and makes its version the current one of that name:
    /// where there is one already, requests go over to the new one, and those that wait or run are
    /// served by the old one.
    pub async fn load(
        &self,
        name: &str,
        path: &Path,
        options: ModelOptions,
    ) -> Result<Model, Error> {
        let core = self.core();
        let limit = core.config.default_time_limit;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let source = Source { path: path.to_owned(), options };
        let loading = self.load_on_a_thread(name, &source);
        within(&core.timer, deadline, loading).await.unwrap_or(Err(Error::TimedOut {
            limit: limit.unwrap_or_default(),
            stage: Stage::Loading,
        }))
    }

    /// As [`load`](Self::load), on the calling thread and without a time limit.
    pub fn load_blocking(
        &self,
        name: &str,
        path: &Path,
        options: ModelOptions,
    ) -> Result<Model, Error> {
        let source = Source { path: path.to_owned(), options };
        let start = Instant::now();
        loop {
            let number = self.free_number(name, &source)?;
            let version = block_on(load(self.core(), name, number, &source))?;
            if let Some(model) = self.add(version, &source, start)? {
                return Ok(model);
            }
        }
    }

    /// Loads a model anew and takes the versions out that were there. No request is lost: what waits
    /// or runs is served by the version that it was given to.
    pub async fn replace(
        &self,
        name: &str,
        path: &Path,
        options: ModelOptions,
    ) -> Result<Model, Error> {
        let before: Vec<u64> =
            self.core().catalog.entry(name)?.slots().iter().map(|slot| slot.number).collect();
        let model = self.load(name, path, options).await?;
        for number in before {
            // Somebody else may have taken it out meanwhile.
            let _ = self.core().catalog.remove(name, Some(number));
        }
        Ok(model)
    }

    /// Loads many models, one after another, and tells how far it is. Each one's outcome comes back.
    pub async fn preload(
        &self,
        models: Vec<Preload>,
        progress: impl Fn(Progress<'_>),
    ) -> Vec<Result<Model, Error>> {
        let all = models.len();
        let mut outcomes = Vec::with_capacity(all);
        for model in models {
            let outcome = self.load(&model.name, &model.path, model.options).await;
            let (done, is_loaded) = (outcomes.len() + 1, outcome.is_ok());
            progress(Progress { done, all, name: &model.name, is_loaded });
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Takes a model out: all its versions, or one. What waits or runs is still served.
    pub fn unload(&self, name: &str, version: Option<u64>) -> Result<(), Error> {
        self.core().catalog.remove(name, version)
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Result<Model, Error> {
        let entry = self.core().catalog.entry(name)?;
        Ok(Model { handle: self.handle.clone(), entry, number: None })
    }

    /// One version of the model of this name.
    pub fn model_version(&self, name: &str, version: u64) -> Result<Model, Error> {
        let entry = self.core().catalog.entry(name)?;
        entry.slot(Some(version))?;
        Ok(Model { handle: self.handle.clone(), entry, number: Some(version) })
    }

    /// Every version of every model, by name and number.
    pub fn models(&self) -> Vec<ModelStatus> {
        status::models(self.core())
    }

    /// The configuration, with what was left open decided.
    pub fn config(&self) -> &Config {
        &self.core().config
    }

    /// Bytes of the memory budget.
    pub fn memory_budget(&self) -> u64 {
        self.core().budget
    }

    /// The pool that admits runs: for work beside models that shall share its bounds.
    pub fn pool(&self) -> &Pool {
        &self.core().pool
    }

    /// Buffers for inputs, aligned and used again.
    pub fn buffers(&self) -> &BufferPool {
        &self.core().buffers
    }

    /// What was measured since the start and in the last minute.
    pub fn performance_summary(&self) -> PerformanceSummary {
        let core = self.core();
        PerformanceSummary::new(&core.metrics.read(Instant::now()), status::usage(core))
    }

    /// The same as text for Prometheus.
    pub fn prometheus(&self) -> String {
        let core = self.core();
        metrics::prometheus(&core.metrics.read(Instant::now()), &status::usage(core))
    }

    /// The hardware, the engines, and what holds them back.
    pub fn device_status(&self) -> DeviceStatus {
        status::devices(self.core())
    }

    /// Whether it lives, takes requests, and what is wrong.
    pub fn health_check(&self) -> Health {
        status::health(self.core())
    }

    /// Reads the sensors and judges the runs now, as happens by itself at each interval.
    pub fn tick(&self) {
        Monitor::tick(self.core());
    }

    /// Closes: nothing new is let in, what was let in is served for as long as `limit`, what is left
    /// then is refused. Afterwards no thread, no model and no memory of it is left, except what is
    /// stuck.
    pub async fn shutdown(&self, limit: Duration) -> Shutdown {
        let core = self.core();
        core.begin_closing();
        let deadline = Instant::now().checked_add(limit);
        let drained = within(&core.timer, deadline, core.open.drained()).await;
        let refused = core.open.count();
        close(core);
        let stuck = self.end_threads().await;
        core.timer.rest();
        Shutdown { is_drained: drained.is_ok(), refused, stuck }
    }

    /// Ends the threads; how many are stuck. They end when their runs do, for which a thread waits that
    /// is nobody's executor.
    async fn end_threads(&self) -> usize {
        let (answer, wait) = tokio::sync::oneshot::channel();
        let core = self.core().clone();
        let grace = Instant::now() + core.config.grace;
        let end = move || {
            // Nobody waits any more where the caller is gone.
            let _ = answer.send(core.workers.close(Some(grace)));
        };
        match thread::Builder::new().name("anemone-shutdown".to_owned()).spawn(end) {
            Ok(ending) => {
                let stuck = wait.await.unwrap_or(0);
                // It has nothing left to do.
                let _ = ending.join();
                stuck
            }
            Err(_) => self.core().workers.close(Some(grace)),
        }
    }

    async fn load_on_a_thread(&self, name: &str, source: &Source) -> Result<Model, Error> {
        let start = Instant::now();
        loop {
            let number = self.free_number(name, source)?;
            let loading = self.core().on_a_thread({
                let (core, name, source) = (self.core().clone(), name.to_owned(), source.clone());
                async move { load(&core, &name, number, &source).await }
            });
            if let Some(model) = self.add(loading.await?, source, start)? {
                return Ok(model);
            }
        }
    }

    fn free_number(&self, name: &str, source: &Source) -> Result<u64, Error> {
        self.core().check_open()?;
        self.core().catalog.free_number(name, source.options.version)
    }

    /// Adds a version; nothing where somebody was faster, and another number will do.
    fn add(
        &self,
        version: Arc<Version>,
        source: &Source,
        start: Instant,
    ) -> Result<Option<Model>, Error> {
        let core = self.core();
        let (number, metrics) = (version.number, version.metrics.clone());
        let entry = match core.catalog.add(version, source.clone()) {
            Err(Error::AlreadyLoaded { .. }) if source.options.version.is_none() => {
                return Ok(None);
            }
            added => added?,
        };
        metrics.loaded(start.elapsed());
        if core.monitor.begin() {
            monitor::start(core);
        }
        if let Err(closing) = core.check_open() {
            // Whoever closes may have taken everything out before this came in.
            let _ = core.catalog.remove(&entry.name, Some(number));
            return Err(closing);
        }
        Ok(Some(Model { handle: self.handle.clone(), entry, number: None }))
    }

    fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }
}

/// Refuses what waits, stops what runs, lets go of all models.
fn close(core: &Core) {
    core.keep_costs();
    core.closes.notify_waiters();
    for version in core.catalog.versions().into_iter().chain(core.catalog.removed()) {
        version.lane.close();
        // Each is told that the manager closes.
        drop(version.lane.drain());
    }
    core.pool.close();
    core.runs.stop_all();
    core.catalog.clear();
    core.buffers.trim(0);
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.begin_closing();
        close(&self.core);
        let stuck = self.core.workers.close(Some(Instant::now() + self.core.config.grace));
        if stuck > 0 {
            tracing::error!(stuck, "threads are left behind in runs that do not stop");
        }
    }
}
