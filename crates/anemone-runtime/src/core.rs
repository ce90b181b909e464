//! What all parts of the manager share, and how memory is found for them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use crate::artefacts::Kept;
use crate::buffers::{BufferLimits, BufferPool};
use crate::config::Config;
use crate::lane::Driver;
use crate::metrics::ManagerMetrics;
use crate::models::{Catalog, Compiled, Patience, Plans, Settings, Version};
use crate::monitor::Monitor;
use crate::open::Open;
use crate::runs::Runs;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex};
use crate::timer::Timer;
use crate::workers::Workers;
use crate::{
    AdmitError, Artefacts, Capacity, Demand, EngineInfo, Error, Identity, Loader, Permit, Pool,
    Priority, Unit,
};

/// Threads beside those that run: for models that are being loaded.
const LOADERS: usize = 2;
/// The part of the memory budget that inputs may take that wait.
const QUEUED_SHARE: u64 = 4;
/// Buffers that nobody uses may have this part of the budget, beside it.
const BUFFERS_SHARE: u64 = 64;

pub(crate) struct Core {
    pub(crate) config: Config,
    /// Bytes of the whole budget.
    pub(crate) budget: u64,
    pub(crate) loader: Arc<dyn Loader>,
    /// Engines that are present, the preferred one first.
    pub(crate) engines: Vec<Arc<EngineInfo>>,
    /// Hardware that cannot be used, and why.
    pub(crate) absent: Vec<(Unit, String)>,
    capacity: Capacity,
    pub(crate) pool: Pool,
    pub(crate) workers: Workers,
    pub(crate) timer: Timer,
    pub(crate) buffers: BufferPool,
    pub(crate) catalog: Catalog,
    pub(crate) plans: Plans,
    pub(crate) runs: Runs,
    /// Requests that are open.
    pub(crate) open: Open,
    pub(crate) metrics: Arc<ManagerMetrics>,
    pub(crate) monitor: Monitor,
    kept: Kept,
    /// Loads that may hold a thread at a time.
    pub(crate) loads: Semaphore,
    /// Names of models that are being loaded.
    pub(crate) loading: Mutex<Vec<String>>,
    /// Wakes what would sleep on while the manager closes.
    pub(crate) closes: Arc<Notify>,
    began: Instant,
    is_closing: AtomicBool,
}

impl Core {
    pub(crate) fn new(mut config: Config, loader: Arc<dyn Loader>, monitor: Monitor) -> Arc<Core> {
        let budget = config.memory_budget.unwrap_or_else(|| monitor.default_budget());
        let queued = (config.queue.bytes).min(budget / QUEUED_SHARE);
        config.queue.bytes = queued;
        let operations = config.concurrent_operations().get();
        let capacity = Capacity { operations, bytes: budget.saturating_sub(queued) };
        let engines: Vec<_> = loader.engines().into_iter().map(Arc::new).collect();
        let kept = Kept::open(config.cache_folder.as_deref());
        Arc::new(Core {
            budget,
            capacity,
            pool: Pool::new(capacity, config.max_waiting),
            workers: Workers::new(operations + LOADERS),
            timer: Timer::default(),
            buffers: BufferPool::new(BufferLimits {
                idle_bytes: usize::try_from(budget / BUFFERS_SHARE).unwrap_or(usize::MAX),
                ..BufferLimits::default()
            }),
            catalog: Catalog::default(),
            plans: Plans::default(),
            runs: Runs::default(),
            open: Open::default(),
            metrics: Arc::new(ManagerMetrics::new(Instant::now())),
            absent: loader.absent(),
            engines,
            loader,
            monitor,
            kept,
            loads: Semaphore::new(LOADERS),
            loading: Mutex::default(),
            closes: Arc::new(Notify::new()),
            config,
            began: Instant::now(),
            is_closing: AtomicBool::new(false),
        })
    }

    /// Time since the manager began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// An error once the manager closes.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.is_closing() { Err(Error::closing()) } else { Ok(()) }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    /// Lets nothing new in. Whether it was open.
    pub(crate) fn begin_closing(&self) -> bool {
        !self.is_closing.swap(true, Ordering::SeqCst)
    }

    /// Sends a driver to a version's queue.
    pub(crate) fn send_driver(self: &Arc<Core>, version: &Arc<Version>, level: Priority) {
        self.workers.spawn(Driver::new(self.clone(), version.clone(), level).drive());
    }

    /// Runs a future on the manager's threads and waits for what it gives.
    pub(crate) async fn on_a_thread<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, wait) = tokio::sync::oneshot::channel();
        self.workers.spawn(async move {
            // Nobody waits any more where the caller is gone.
            drop(answer.send(future.await));
        });
        // The future was dropped: the threads are gone.
        wait.await.unwrap_or_else(|_| Err(Error::closing()))
    }

    /// Admission in line with all others. Where memory is short, what nobody uses is given up first.
    pub(crate) async fn admit(
        &self,
        demand: Demand,
        level: Priority,
    ) -> Result<Permit, AdmitError> {
        if let Some(permit) = self.pool.try_admit(demand) {
            return Ok(permit);
        }
        let free = self.pool.statistics().free();
        if free.bytes < demand.bytes {
            self.reclaim(demand.bytes - free.bytes);
        }
        let mut admit = pin!(self.pool.admit(demand, level));
        let mut is_first = true;
        poll_fn(|context| {
            let answer = admit.as_mut().poll(context);
            if std::mem::take(&mut is_first) && answer.is_pending() {
                // What became unused before it stood in line; from here on who ends a run looks.
                self.after_run();
            }
            answer
        })
        .await
    }

    /// An error where so many bytes never fit beside the plan's own, which are held meanwhile.
    pub(crate) fn check_beside(&self, plan: &Compiled, bytes: u64) -> Result<(), Error> {
        let demand = Demand { operations: 0, bytes: bytes.saturating_add(plan.weight_bytes()) };
        if demand.bytes <= self.capacity.bytes {
            return Ok(());
        }
        let capacity = self.capacity;
        Err(Error::from_admission(AdmitError::TooLarge { demand, capacity }))
    }

    /// Bytes for something that is not a run.
    pub(crate) async fn reserve(&self, bytes: u64) -> Result<Permit, Error> {
        let permit = self.admit(Demand { operations: 0, bytes }, Priority::Normal).await;
        permit.map_err(Error::from_admission)
    }

    /// Bytes for something that is not a run, if they are free now or somebody can do without them.
    pub(crate) fn reserve_now(&self, bytes: u64) -> Option<Permit> {
        let demand = Demand { operations: 0, bytes };
        self.pool.try_admit(demand).or_else(|| {
            self.reclaim(bytes.saturating_sub(self.pool.statistics().free().bytes));
            self.pool.try_admit(demand)
        })
    }

    /// Gives up what nobody uses, until so many bytes are free: sessions first, then models, the
    /// longest unused first.
    pub(crate) fn reclaim(&self, bytes: u64) {
        self.buffers.trim(0);
        let mut freed = 0;
        for plan in self.plans.all() {
            if freed >= bytes {
                return;
            }
            freed += plan.trim();
        }
        if freed < bytes {
            freed += self.catalog.evict(|evicted| freed + evicted >= bytes);
        }
        if freed < bytes && self.pool.statistics().in_use.operations == 0 {
            self.catalog.evict_waiting();
        }
    }

    /// Whether somebody waits for memory or an operation.
    pub(crate) fn is_short(&self) -> bool {
        self.pool.is_contended()
    }

    /// After a run: who waits for memory may get what a model holds that nobody uses any more.
    pub(crate) fn after_run(&self) {
        if let Some(missing) = self.pool.missing_bytes() {
            self.reclaim(missing);
        }
    }

    /// The version's plan on an engine, compiled now if that was not done yet, in memory that is free
    /// now: requests do not wait for an engine that they can do without.
    pub(crate) async fn compiled(
        self: &Arc<Core>,
        version: &Arc<Version>,
        engine: usize,
    ) -> Result<Arc<Compiled>, Error> {
        let candidate = version.candidate(engine);
        if let Some(compiled) = candidate.compiled() {
            return Ok(compiled);
        }
        let compiled = crate::models::compile(
            self,
            &version.name,
            &version.source,
            &version.settings,
            &candidate.engine,
            Patience::None,
        );
        let compiled = compiled.await.inspect_err(|error| {
            candidate.settle(Err(()));
            tracing::warn!(model = %version.name, engine = %candidate.engine.name, %error, "cannot be compiled");
        })?;
        candidate.settle(Ok(compiled.clone()));
        Ok(compiled)
    }

    /// What is kept on disk of a model for an engine.
    pub(crate) fn artefacts(
        &self,
        identity: &Identity,
        engine: &EngineInfo,
        settings: &Settings,
    ) -> Option<Box<dyn Artefacts>> {
        self.kept.artefacts(identity, engine, settings, &self.metrics)
    }

    /// Takes in costs that an earlier process measured of a model of this content on an engine.
    pub(crate) fn recall_costs(&self, version: &Version, engine: usize, content: [u8; 32]) {
        self.kept.recall(version, engine, content);
    }

    /// Keeps the costs that were measured.
    pub(crate) fn keep_costs(&self) {
        for version in self.catalog.versions() {
            self.kept.store(&version);
        }
    }
}
