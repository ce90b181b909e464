//! One version of a model that takes requests: what it takes, where it can run, what waits for it.

use std::time::Duration;

use anemone_engine::Precision;

use super::costs::Costs;
use super::{Compiled, Source};
use crate::config::{Batching, Queue as Bounds};
use crate::core::Core;
use crate::lane::Lane;
use crate::metrics::ModelMetrics;
use crate::quarantine::{Pass, Quarantine};
use crate::request::{Interface, Key, Promise};
use crate::shadow::{Sampler, Shadow};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, lock};
use crate::{EngineInfo, Error, Unit};

/// How a version is run: the model's options over the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) function: Option<String>,
    pub(crate) precision: Precision,
    pub(crate) batching: Option<Batching>,
    pub(crate) bounds: Bounds,
    pub(crate) instances: usize,
    pub(crate) fallback: Vec<Unit>,
    pub(crate) is_pinned: bool,
    pub(crate) shadow: Option<Shadow>,
}

impl Settings {
    /// Most rows of a run.
    pub(crate) fn max_rows(&self) -> usize {
        self.batching.as_ref().map_or(1, |batching| batching.max_rows)
    }

    /// Most tokens of a run.
    pub(crate) fn max_tokens(&self) -> usize {
        self.batching.as_ref().and_then(|batching| batching.max_tokens).unwrap_or(usize::MAX)
    }
}

pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) number: u64,
    /// Where it comes from, for engines that it is compiled for later.
    pub(crate) source: Source,
    pub(crate) settings: Settings,
    pub(crate) interface: Interface,
    /// Engines in order of preference; the first of them is compiled for.
    candidates: Vec<Candidate>,
    /// Why hardware that was asked for is not used.
    pub(crate) absent: Vec<String>,
    pub(crate) lane: Lane,
    pub(crate) costs: Costs,
    pub(crate) metrics: Arc<ModelMetrics>,
    pub(crate) quarantine: Quarantine,
    /// Milliseconds since the manager began.
    last_used: AtomicU64,
    has_run: AtomicBool,
    /// Requests that ask again once its memory is free.
    sent_back: Mutex<Vec<Promise>>,
    /// Which requests are run a second time elsewhere.
    pub(crate) sampler: Option<Sampler>,
}

/// An engine that may run the version.
pub(crate) struct Candidate {
    pub(crate) engine: Arc<EngineInfo>,
    state: Mutex<Prepared>,
}

#[derive(Clone)]
enum Prepared {
    NotYet,
    Ready(Arc<Compiled>),
    Failed,
}

impl Drop for Version {
    fn drop(&mut self) {
        let requests = std::mem::take(&mut *lock(&self.sent_back));
        // The plans go first: who asks again must not find what is about to be freed.
        self.candidates.clear();
        requests.into_iter().for_each(Promise::send_back);
    }
}

impl Candidate {
    pub(crate) fn new(engine: Arc<EngineInfo>) -> Candidate {
        Candidate { engine, state: Mutex::new(Prepared::NotYet) }
    }

    pub(crate) fn ready(engine: Arc<EngineInfo>, compiled: Arc<Compiled>) -> Candidate {
        Candidate { engine, state: Mutex::new(Prepared::Ready(compiled)) }
    }

    pub(crate) fn failed(engine: Arc<EngineInfo>) -> Candidate {
        Candidate { engine, state: Mutex::new(Prepared::Failed) }
    }

    pub(crate) fn compiled(&self) -> Option<Arc<Compiled>> {
        match &*lock(&self.state) {
            Prepared::Ready(compiled) => Some(compiled.clone()),
            Prepared::NotYet | Prepared::Failed => None,
        }
    }

    pub(crate) fn settle(&self, compiled: Result<Arc<Compiled>, ()>) {
        *lock(&self.state) = compiled.map_or(Prepared::Failed, Prepared::Ready);
    }

    fn is_failed(&self) -> bool {
        matches!(*lock(&self.state), Prepared::Failed)
    }
}

impl Version {
    #[allow(clippy::too_many_arguments, reason = "each is one part of what a version is")]
    pub(crate) fn new(
        name: &str,
        number: u64,
        source: Source,
        settings: Settings,
        interface: Interface,
        candidates: Vec<Candidate>,
        absent: Vec<String>,
        metrics: Arc<ModelMetrics>,
        quarantine: Quarantine,
    ) -> Version {
        let sampler = settings.shadow.as_ref().map(|shadow| Sampler::new(shadow.fraction));
        let lane = Lane::new(settings.bounds, settings.instances, settings.max_rows());
        Version {
            name: name.to_owned(),
            number,
            source,
            settings,
            interface,
            candidates,
            absent,
            lane,
            costs: Costs::default(),
            metrics,
            quarantine,
            last_used: AtomicU64::new(0),
            has_run: AtomicBool::new(false),
            sent_back: Mutex::default(),
            sampler,
        }
    }

    /// The candidate of this number.
    pub(crate) fn candidate(&self, engine: usize) -> &Candidate {
        &self.candidates[engine]
    }

    /// The place of the engine of this name.
    pub(crate) fn engine_named(&self, name: &str) -> Result<usize, Error> {
        let place = self.candidates.iter().position(|own| own.engine.name == name);
        place.ok_or_else(|| Error::Unavailable {
            what: format!("engine {name}"),
            reason: format!("`{}` may run on {}", self.name, self.engines().join(", ")),
            retry_after: None,
        })
    }

    /// Names of the engines that may run it.
    pub(crate) fn engines(&self) -> Vec<String> {
        self.candidates.iter().map(|own| own.engine.name.clone()).collect()
    }

    /// The first engine that it is compiled for.
    pub(crate) fn ready_engine(&self) -> Option<(usize, Arc<Compiled>)> {
        let mut all = self.candidates.iter().enumerate();
        all.find_map(|(place, own)| Some((place, own.compiled()?)))
    }

    /// The plan that says what the version is.
    pub(crate) fn primary(&self) -> Option<Arc<Compiled>> {
        self.candidates.iter().find_map(Candidate::compiled)
    }

    /// Every plan that it holds.
    pub(crate) fn plans(&self) -> Vec<Arc<Compiled>> {
        self.candidates.iter().filter_map(Candidate::compiled).collect()
    }

    /// The engine that a run goes to.
    pub(crate) fn choose_engine(&self, key: &Key, rows: usize) -> usize {
        if let Some(forced) = key.engine {
            return forced;
        }
        let usable = |engine: &usize| !self.candidates[*engine].is_failed();
        let usable: Vec<usize> = (0..self.candidates.len()).filter(usable).collect();
        self.costs.choose(&usable, key, rows).unwrap_or(0)
    }

    /// The next engine after this one that may be fallen back to.
    pub(crate) fn next_engine(&self, engine: usize) -> Option<usize> {
        let may = |at: &usize| {
            let own = &self.candidates[*at];
            !own.is_failed() && self.settings.fallback.contains(&own.engine.unit)
        };
        (engine + 1..self.candidates.len()).find(may)
    }

    /// Notes a run.
    pub(crate) fn note_run(&self) {
        self.has_run.store(true, Ordering::Relaxed);
    }

    /// Whether it has run since it was loaded.
    pub(crate) fn has_run(&self) -> bool {
        self.has_run.load(Ordering::Relaxed)
    }

    /// Lets these requests ask again once its memory is free.
    pub(crate) fn send_back(&self, requests: Vec<Promise>) {
        lock(&self.sent_back).extend(requests);
    }

    /// Counts and tells that it is evicted.
    pub(crate) fn tell_evicted(&self) {
        self.metrics.evicted();
        tracing::info!(model = %self.name, version = self.number, "evicted");
    }

    /// Notes that somebody uses it.
    pub(crate) fn touch(&self, now: Duration) {
        self.last_used.store(now.as_millis() as u64, Ordering::Relaxed);
    }

    /// When it was last used, in milliseconds.
    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Lets a request in, unless the model is in quarantine.
    pub(crate) fn pass(&self, core: &Core) -> Result<Pass, Error> {
        self.quarantine.check(core.now()).map_err(|refusal| Error::Unavailable {
            what: self.name.clone(),
            reason: format!("in quarantine: {}", refusal.reason),
            retry_after: refusal.until.map(|until| until.saturating_sub(core.now())),
        })
    }
}
