//! A turn: what can run together, the engine for it, and the right and the memory to run it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use anemone_engine::MemoryEstimate;

use super::run::{Batch, Member};
use super::waiting::Lane;
use crate::batch::{Item, choose};
use crate::core::Core;
use crate::models::{Compiled, Version, Warm};
use crate::quarantine::{Pass, Verdict};
use crate::request::{Demanded, Failure, Key, Promise, Run, Size};
use crate::runs::{Running, Runs};
use crate::sync::Arc;
use crate::{Demand, Error, InferenceOptions, Permit, Priority, Stage};

/// A run that could be made of what waits.
pub(super) struct Intent {
    pub(super) key: Key,
    pub(super) compiled: Arc<Compiled>,
    /// The engine's place among the version's.
    pub(super) engine: usize,
    /// Rows of requests, and rows of the run.
    pub(super) wanted: usize,
    pub(super) rows: usize,
    estimate: MemoryEstimate,
    /// Bytes of the inputs that are put together.
    stacked: u64,
}

/// The right to make a run, and the working memory for it.
pub(crate) struct Turn {
    pub(crate) version: Arc<Version>,
    pub(super) intent: Intent,
    permit: Permit,
    warm: Option<Warm>,
}

impl Intent {
    /// What to run of `rows` waiting rows of this key, of which the first request has `size`.
    pub(super) async fn new(
        core: &Arc<Core>,
        version: &Arc<Version>,
        key: &Key,
        size: Size,
        rows: usize,
    ) -> Result<Intent, Error> {
        let own = size.rows.max(1);
        let sizes = if key.is_batched { version.interface.row_sizes(key) } else { None };
        let (wanted, rows) = if key.is_batched {
            let length = (size.tokens / own).max(1);
            let most = version.settings.max_rows().min(version.settings.max_tokens() / length);
            let cost = |rows| version.costs.expected(key, rows);
            let (wanted, rows) = choose(rows, most.max(own), sizes.as_deref(), cost);
            // The first request is never cut.
            match wanted < own {
                true => choose(own, own, sizes.as_deref(), |_| 0.0),
                false => (wanted, rows),
            }
        } else {
            (own, own)
        };
        let engine = version.choose_engine(key, rows);
        let (engine, compiled) = match core.compiled(version, engine).await {
            Ok(compiled) => (engine, compiled),
            Err(error) if key.engine.is_some() => return Err(error),
            Err(error) => version.ready_engine().ok_or(error)?,
        };
        let shapes = version.interface.run_shapes(key, rows);
        let estimate = compiled.estimate(&shapes).map_err(|error| {
            let verdict = Verdict::of_failure(&error);
            version.quarantine.record(&Pass::default(), verdict, core.now());
            Error::from_run(&version.name, &compiled.engine.name, error)
        })?;
        let stacked = (size.bytes / own).saturating_mul(rows) as u64;
        Ok(Intent { key: key.clone(), compiled, engine, wanted, rows, estimate, stacked })
    }

    /// Waits for its operation and its memory; no longer than there is something to run in `lane`, if
    /// it is for that.
    pub(super) async fn admitted(
        self,
        core: &Arc<Core>,
        version: &Arc<Version>,
        level: Priority,
        lane: Option<&Lane>,
    ) -> Result<Option<Turn>, Error> {
        let warm = self.compiled.take();
        let has = warm.as_ref().map_or(0, Warm::bytes);
        let arena = (self.estimate.arena as u64).saturating_sub(has);
        let bytes = arena.saturating_add(self.stacked).saturating_add(self.estimate.outputs as u64);
        core.check_beside(&self.compiled, bytes.saturating_add(has))?;
        let mut turn = Kept { core, compiled: self.compiled.clone(), warm };
        let ended = async {
            match lane {
                Some(lane) => lane.ended().await,
                None => std::future::pending().await,
            }
            None
        };
        let admission = core.admit(Demand { operations: 1, bytes }, level);
        let admission = async { Some(admission.await) };
        let Some(permit) = either(admission, ended).await else { return Ok(None) };
        let permit = permit.map_err(Error::from_admission)?;
        let warm = turn.warm.take();
        Ok(Some(Turn { version: version.clone(), intent: self, permit, warm }))
    }
}

/// What the first of two futures gives that is ready.
async fn either<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Pending => second.as_mut().poll(context),
        ready => ready,
    })
    .await
}

/// A session that goes back if what it was taken for does not come about.
struct Kept<'a> {
    core: &'a Core,
    compiled: Arc<Compiled>,
    warm: Option<Warm>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        keep(self.core, &self.compiled, self.warm.take());
    }
}

impl Turn {
    /// The right to one run of inputs of these shapes.
    pub(crate) async fn new(
        core: &Arc<Core>,
        version: &Arc<Version>,
        shapes: &[Vec<usize>],
        options: &InferenceOptions,
    ) -> Result<Turn, Error> {
        let named = options.engine.as_deref();
        let engine = named.map(|name| version.engine_named(name)).transpose()?;
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let Demanded { key, size } = version.interface.demanded(&shapes, true, engine)?;
        let intent = Intent::new(core, version, &key, size, size.rows).await?;
        let turn = intent.admitted(core, version, options.priority, None).await?;
        turn.ok_or_else(Error::closing)
    }

    /// Bytes that are held for the run.
    pub(crate) fn bytes(&self) -> u64 {
        self.permit.demand().bytes + self.warm.as_ref().map_or(0, Warm::bytes)
    }

    /// An error unless these inputs are what was admitted.
    pub(crate) fn check(&self, demanded: &Demanded) -> Result<(), Error> {
        if demanded.key.has_shapes_of(&self.intent.key) {
            return Ok(());
        }
        Err(Error::Input { what: "the inputs have other shapes than were admitted".to_owned() })
    }

    /// Runs one request alone.
    pub(crate) async fn run(self, core: Arc<Core>, item: Item<Promise>) {
        drop(self.begin(&core, vec![item]).await);
        core.after_run();
    }

    /// Gives the session back that is not used.
    pub(super) fn give_up(mut self, core: &Core) {
        keep(core, &self.intent.compiled, self.warm.take());
    }

    /// Takes the work of those who still wait, runs it, and answers each. What it held is in use until
    /// what comes back is dropped.
    pub(super) async fn begin(
        self,
        core: &Arc<Core>,
        taken: Vec<Item<Promise>>,
    ) -> Option<Running> {
        let Turn { version, intent, mut permit, warm } = self;
        let now = Instant::now();
        let run = Run::new(taken.len());
        let mut members = Vec::with_capacity(taken.len());
        for item in taken {
            let is_late = item.deadline.is_some_and(|deadline| deadline <= now);
            if is_late {
                item.call.answer(Err(Failure::from(late(&item))));
            }
            match item.call.begin(&run) {
                Some(work) => members.push(Member { item, work }),
                None => run.leave(),
            }
        }
        if members.is_empty() {
            keep(core, &intent.compiled, warm);
            return None;
        }
        let mut warm = warm.map_or_else(|| intent.compiled.session(), Ok);
        if let Ok(warm) = &mut warm {
            let missing = (intent.estimate.arena as u64).saturating_sub(warm.bytes());
            warm.charge(permit.split_bytes(missing));
        }
        let calls = members.iter().map(|member| member.item.call.call().clone()).collect();
        let running = Runs::enter(core, &version, &run, permit, calls);
        let batch = Batch {
            core,
            version: &version,
            compiled: intent.compiled.clone(),
            engine: intent.engine,
            key: &intent.key,
            rows: intent.rows,
            run,
        };
        let warm = batch.run(warm, members).await;
        keep(core, &intent.compiled, warm);
        Some(running)
    }
}

/// Its time was up before its run began.
fn late(item: &Item<Promise>) -> Error {
    let limit = item.deadline.map(|deadline| deadline.saturating_duration_since(item.since));
    Error::TimedOut { limit: limit.unwrap_or_default(), stage: Stage::Queued }
}

fn keep(core: &Core, compiled: &Compiled, warm: Option<Warm>) {
    if let Some(warm) = warm {
        compiled.give_back(warm, core.is_short());
    }
}
