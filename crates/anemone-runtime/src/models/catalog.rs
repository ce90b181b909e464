//! Names and versions of models, and what of them is loaded now.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use anemone_engine::Signature;

use super::{Source, Version, load};
use crate::core::Core;
use crate::sync::{Arc, Mutex, Weak, lock};
use crate::{Error, Shapes};

/// Every model by name.
#[derive(Default)]
pub(crate) struct Catalog {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    /// Versions that were taken out and still serve somebody.
    removed: Mutex<Vec<Weak<Version>>>,
}

/// The versions of one name.
pub(crate) struct Entry {
    pub(crate) name: String,
    versions: Mutex<Versions>,
}

#[derive(Default)]
struct Versions {
    slots: BTreeMap<u64, Arc<Slot>>,
    current: Option<u64>,
}

/// One version, loaded or evicted.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) source: Source,
    /// What it takes and gives, which stays when it is evicted.
    pub(crate) described: Described,
    version: Mutex<Option<Arc<Version>>>,
    /// Held by who loads it, so that it is loaded once.
    loading: tokio::sync::Mutex<()>,
}

/// What a version is.
#[derive(Clone)]
pub(crate) struct Described {
    pub(crate) signature: Signature,
    pub(crate) shapes: Vec<Shapes>,
    pub(crate) hash: [u8; 32],
}

impl Slot {
    fn new(version: Arc<Version>, source: Source) -> Slot {
        let plan = version.primary();
        let described = Described {
            signature: version.interface.signature().clone(),
            shapes: plan.as_ref().map(|plan| plan.shapes.clone()).unwrap_or_default(),
            hash: plan.map_or([0; 32], |plan| plan.identity.hash),
        };
        Slot {
            described,
            name: version.name.clone(),
            number: version.number,
            source,
            version: Mutex::new(Some(version)),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// The version, if it is not evicted.
    pub(crate) fn loaded(&self) -> Option<Arc<Version>> {
        lock(&self.version).clone()
    }

    /// The version, loaded again if it was evicted.
    pub(crate) async fn get(&self, core: &Arc<Core>) -> Result<Arc<Version>, Error> {
        if let Some(version) = self.loaded() {
            return Ok(version);
        }
        let _loading = self.loading.lock().await;
        if let Some(version) = self.loaded() {
            return Ok(version);
        }
        let start = Instant::now();
        let version = core.on_a_thread({
            let (core, name, number, source) =
                (core.clone(), self.name.clone(), self.number, self.source.clone());
            async move { load(&core, &name, number, &source).await }
        });
        let version = version.await?;
        version.metrics.reloaded(start.elapsed());
        *lock(&self.version) = Some(version.clone());
        Ok(version)
    }

    /// Lets go of the version if nobody uses it; how many bytes it held.
    fn evict(&self) -> Option<u64> {
        let mut held = lock(&self.version);
        let version = held.as_ref()?;
        if !version.lane.close_if_idle() {
            return None;
        }
        let version = held.take()?;
        drop(held);
        version.tell_evicted();
        // A plan that another model shares frees nothing.
        let own = |plan: &Arc<super::Compiled>| Arc::strong_count(plan) <= 2;
        let plans = version.plans();
        Some(
            plans
                .iter()
                .filter(|plan| own(plan))
                .map(|plan| plan.weight_bytes() + plan.idle_bytes())
                .sum(),
        )
    }
}

impl Slot {
    /// Lets go of the version if requests only wait for it, and sends those round again.
    fn evict_waiting(&self) {
        let mut held = lock(&self.version);
        let waiting = held.as_ref().and_then(|version| version.lane.close_if_waiting());
        let Some(waiting) = waiting else { return };
        let version = held.take();
        drop(held);
        if let Some(version) = version {
            version.tell_evicted();
            version.send_back(waiting.into_iter().map(|item| item.call).collect());
        }
    }
}

impl Entry {
    /// The current version's place, or that of the version of this number.
    pub(crate) fn slot(&self, number: Option<u64>) -> Result<Arc<Slot>, Error> {
        let versions = lock(&self.versions);
        let number = number.or(versions.current);
        let slot = number.and_then(|number| versions.slots.get(&number));
        slot.cloned().ok_or_else(|| match number {
            Some(number) => not_found(format!("{} version {number}", self.name)),
            None => not_found(self.name.clone()),
        })
    }

    /// Every version's place, in order.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        lock(&self.versions).slots.values().cloned().collect()
    }

    /// The number of the current version.
    pub(crate) fn current(&self) -> Option<u64> {
        lock(&self.versions).current
    }
}

impl Catalog {
    /// The number that a new version of `name` gets; an error if the one asked for is taken.
    pub(crate) fn free_number(&self, name: &str, asked: Option<u64>) -> Result<u64, Error> {
        let entry = lock(&self.entries).get(name).cloned();
        let Some(entry) = entry else { return Ok(asked.unwrap_or(1)) };
        let versions = lock(&entry.versions);
        let latest = versions.slots.keys().next_back().copied();
        match asked.or(latest.map(|latest| latest.saturating_add(1))) {
            Some(number) if versions.slots.contains_key(&number) => {
                Err(Error::AlreadyLoaded { model: name.to_owned(), version: number })
            }
            number => Ok(number.unwrap_or(1)),
        }
    }

    /// Adds a version, which becomes the current one of its name.
    pub(crate) fn add(&self, version: Arc<Version>, source: Source) -> Result<Arc<Entry>, Error> {
        let mut entries = lock(&self.entries);
        let entry = entries.entry(version.name.clone()).or_insert_with(|| {
            Arc::new(Entry { name: version.name.clone(), versions: Mutex::default() })
        });
        let mut versions = lock(&entry.versions);
        let number = version.number;
        if versions.slots.contains_key(&number) {
            return Err(Error::AlreadyLoaded { model: version.name.clone(), version: number });
        }
        versions.slots.insert(number, Arc::new(Slot::new(version, source)));
        versions.current = Some(number);
        drop(versions);
        Ok(entry.clone())
    }

    /// Takes versions out: all of a name, or one. New requests do not find them; those that wait or
    /// run are served.
    pub(crate) fn remove(&self, name: &str, number: Option<u64>) -> Result<(), Error> {
        let mut entries = lock(&self.entries);
        let entry = entries.get(name).cloned().ok_or_else(|| not_found(name.to_owned()))?;
        let mut versions = lock(&entry.versions);
        let removed: Vec<Arc<Slot>> = match number {
            None => std::mem::take(&mut versions.slots).into_values().collect(),
            Some(number) => {
                let slot = versions.slots.remove(&number);
                vec![slot.ok_or_else(|| not_found(format!("{name} version {number}")))?]
            }
        };
        versions.current = versions.slots.keys().next_back().copied();
        if versions.slots.is_empty() {
            entries.remove(name);
        }
        drop(versions);
        drop(entries);
        let mut others = lock(&self.removed);
        others.retain(|version| version.strong_count() > 0);
        others.extend(removed.iter().filter_map(|slot| Some(Arc::downgrade(&slot.loaded()?))));
        drop(others);
        drop(removed);
        Ok(())
    }

    /// Takes everything out.
    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut *lock(&self.entries));
        for entry in entries.values() {
            let versions = std::mem::take(&mut *lock(&entry.versions));
            drop(versions);
        }
    }

    /// The model of this name.
    pub(crate) fn entry(&self, name: &str) -> Result<Arc<Entry>, Error> {
        lock(&self.entries).get(name).cloned().ok_or_else(|| not_found(name.to_owned()))
    }

    /// Every model, by name.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<Arc<Entry>> = lock(&self.entries).values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Every version that is loaded.
    pub(crate) fn versions(&self) -> Vec<Arc<Version>> {
        let slots = self.entries().into_iter().flat_map(|entry| entry.slots());
        slots.filter_map(|slot| slot.loaded()).collect()
    }

    /// Every version that was taken out and still serves somebody.
    pub(crate) fn removed(&self) -> Vec<Arc<Version>> {
        lock(&self.removed).iter().filter_map(Weak::upgrade).collect()
    }

    /// Evicts versions that nobody uses, the longest unused first, until `enough` says so.
    pub(crate) fn evict(&self, enough: impl Fn(u64) -> bool) -> u64 {
        let mut slots: Vec<(u64, Arc<Slot>)> = Vec::new();
        for slot in self.entries().into_iter().flat_map(|entry| entry.slots()) {
            match slot.loaded() {
                Some(version) if !version.settings.is_pinned && version.lane.is_idle() => {
                    slots.push((version.last_used(), slot));
                }
                _ => {}
            }
        }
        slots.sort_by_key(|(used, _)| *used);
        let mut freed = 0;
        for (_, slot) in slots {
            if enough(freed) {
                break;
            }
            freed += slot.evict().unwrap_or(0);
        }
        freed
    }

    /// Evicts a version for which requests wait that nobody runs, and sends those round again: where
    /// several such versions leave no room for a run of any, they would wait for each other. The
    /// longest unused goes first of those that have run since they were loaded; one that has not goes
    /// only where another stays, so that each load is good for a run.
    pub(crate) fn evict_waiting(&self) {
        let waits =
            |version: &Arc<Version>| !version.settings.is_pinned && version.lane.only_waits();
        let mut slots: Vec<_> =
            self.entries().into_iter().flat_map(|entry| entry.slots()).collect();
        slots.retain(|slot| slot.loaded().is_some_and(|version| waits(&version)));
        let order = |slot: &Arc<Slot>| {
            slot.loaded().map(|version| (!version.has_run(), version.last_used()))
        };
        slots.sort_by_cached_key(order);
        let others = slots.len();
        let Some(first) = slots.into_iter().next() else { return };
        if others > 1 || first.loaded().is_some_and(|version| version.has_run()) {
            first.evict_waiting();
        }
    }
}

fn not_found(model: String) -> Error {
    Error::ModelNotFound { model, source: None }
}
