//! What is kept on disk between processes: artefacts of engines, and measured costs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cache::{Cache, Costs, Key, Measured};
use crate::metrics::{CacheKind, ManagerMetrics};
use crate::models::{Cost, Settings, Version};
use crate::sync::Arc;
use crate::{Artefacts, EngineInfo, Identity};

/// The folder of the cache, if there is one.
pub(crate) struct Kept(Option<Cache>);

/// Artefacts of one model for one engine, with a count of what was found.
struct Counting {
    scope: crate::cache::Scope,
    metrics: Arc<ManagerMetrics>,
}

impl Kept {
    /// Opens the folder. One that cannot be used is no fault: nothing is kept then.
    pub(crate) fn open(folder: Option<&Path>) -> Kept {
        let open = |folder: &Path| {
            Cache::open(folder)
                .inspect_err(|error| tracing::warn!(%error, "nothing is kept on disk"))
                .ok()
        };
        Kept(folder.and_then(open))
    }

    /// What is kept of a model for an engine.
    pub(crate) fn artefacts(
        &self,
        identity: &Identity,
        engine: &EngineInfo,
        settings: &Settings,
        metrics: &Arc<ManagerMetrics>,
    ) -> Option<Box<dyn Artefacts>> {
        let key = Key {
            content: identity.hash,
            engine: engine.name.clone(),
            machine: engine.machine.clone(),
            options: format!("{:?} {:?}", settings.function, settings.precision),
        };
        let scope = self.0.as_ref()?.scope(&key);
        Some(Box::new(Counting { scope, metrics: metrics.clone() }))
    }

    /// Tells a version what an earlier process measured on an engine.
    pub(crate) fn recall(&self, version: &Version, engine: usize, content: [u8; 32]) {
        let Some(costs) = self.costs(content, &version.candidate(engine).engine) else { return };
        for (shape, measured) in costs.load() {
            let cost = Cost { runs: measured.runs, seconds: measured.mean_seconds };
            version.costs.remember(engine, shape, cost);
        }
    }

    /// Keeps what a version measured.
    pub(crate) fn store(&self, version: &Version) {
        for (engine, measured) in version.costs.fresh() {
            let Some(compiled) = version.candidate(engine).compiled() else { continue };
            let costs = self.costs(compiled.identity.hash, &compiled.engine);
            let Some(costs) = costs else { continue };
            let own = |(shape, cost): (String, Cost)| {
                (shape, Measured { runs: cost.runs, mean_seconds: cost.seconds })
            };
            let measured: BTreeMap<String, Measured> = measured.into_iter().map(own).collect();
            if !costs.add(&measured) {
                tracing::debug!(model = %version.name, "measured costs are not kept this time");
            }
        }
    }

    fn costs(&self, content: [u8; 32], engine: &EngineInfo) -> Option<Costs> {
        Some(Costs::new(self.0.as_ref()?, content, &engine.name, &engine.machine))
    }
}

impl Artefacts for Counting {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        let found = self.scope.get(name);
        self.metrics.looked_up(CacheKind::Artefact, found.is_some());
        found
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.scope.put(name, bytes);
    }
}
