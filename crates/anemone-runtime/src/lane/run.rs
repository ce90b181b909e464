//! One run: inputs put together, the engine at work, outputs checked, taken apart and delivered.
//!
//! - A batch that fails is run again, one request at a time, so that only who causes it fails.
//! - Where the engine is at fault, a request goes to the next engine that may be fallen back to.

use std::time::{Duration, Instant};

use anemone_engine::{Array, Receipt, RunContext, RunError, Value};

use crate::Error;
use crate::batch::{Item, choose, split, stack};
use crate::core::Core;
use crate::metrics::{self, FallbackCause};
use crate::models::{Compiled, Version, Warm, guarded};
use crate::quarantine::Verdict;
use crate::request::{Answer, Failure, Key, Promise, Run, Work};
use crate::sync::Arc;

/// A request on its way through a run.
pub(crate) struct Member {
    pub(crate) item: Item<Promise>,
    pub(crate) work: Work,
}

/// What a run is made with.
pub(super) struct Batch<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) version: &'a Arc<Version>,
    pub(super) compiled: Arc<Compiled>,
    /// The engine's place among the version's.
    pub(super) engine: usize,
    pub(super) key: &'a Key,
    pub(super) rows: usize,
    pub(super) run: Arc<Run>,
}

/// What a run gave: each member's outputs.
struct Done {
    parts: Vec<Vec<Value>>,
    receipt: Receipt,
    began: Instant,
}

impl Member {
    /// Gives the caller an error, and its state if that is as it was.
    fn fail(self, error: Error) {
        let Member { item, work } = self;
        item.call.answer(Err(Failure { error, state: work.state }));
    }

    /// Tells the caller, and those who judge the engine, that its run failed.
    fn failed(self, core: &Core, version: &Version, engine: &str, error: &RunError) {
        self.judge(core, version, Verdict::of_failure(error));
        self.fail(Error::from_run(&version.name, engine, error.clone()));
    }

    fn judge(&self, core: &Core, version: &Version, verdict: Verdict) {
        if self.work.is_judged {
            version.quarantine.record(&self.work.pass, verdict, core.now());
        }
    }
}

impl Batch<'_> {
    /// Runs the members and answers each. The session comes back if it can be used again.
    pub(super) async fn run(
        mut self,
        warm: Result<Warm, RunError>,
        mut members: Vec<Member>,
    ) -> Option<Warm> {
        let deadlines = members.iter().map(|member| member.item.deadline);
        let deadline = deadlines.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        let (mut warm, outcome) = match warm {
            Ok(warm) => self.attempt(warm, &mut members, self.rows, deadline),
            Err(error) => (None, Err(error)),
        };
        let error = match outcome {
            Ok(done) => {
                self.deliver(members, done, self.rows, None);
                return warm;
            }
            Err(error) => error,
        };
        if is_stop(&error) {
            self.stopped(members, &error);
            return warm;
        }
        if members.len() == 1 {
            self.fall_back(members, error, deadline).await;
            return warm;
        }
        tracing::debug!(model = %self.version.name, %error, "a batch failed and is run again in parts");
        for member in members {
            let mut alone = vec![member];
            let rows = self.rows_of(&alone[0]);
            let session = warm.take().map_or_else(|| self.compiled.session(), Ok);
            let outcome = match session {
                Ok(session) => {
                    let (left, outcome) = self.attempt(session, &mut alone, rows, deadline);
                    warm = left;
                    outcome
                }
                Err(error) => Err(error),
            };
            match outcome {
                Ok(done) => self.deliver(alone, done, rows, None),
                Err(error) if is_stop(&error) => self.stopped(alone, &error),
                Err(error) => self.fall_back(alone, error, deadline).await,
            }
        }
        warm
    }

    /// Rows of a run of one member alone.
    fn rows_of(&self, member: &Member) -> usize {
        let own = member.item.size.rows;
        let sizes =
            if self.key.is_batched { self.version.interface.row_sizes(self.key) } else { None };
        choose(own, own, sizes.as_deref(), |_| 0.0).1
    }

    /// Runs the members once on the batch's engine.
    fn attempt(
        &self,
        mut warm: Warm,
        members: &mut [Member],
        rows: usize,
        deadline: Option<Instant>,
    ) -> (Option<Warm>, Result<Done, RunError>) {
        let requests: Vec<&[Value]> = members.iter().map(|m| m.work.inputs.as_slice()).collect();
        let stacked = match self.key.is_batched {
            true => stack(&self.version.interface, self.key, rows, &requests, &self.core.buffers),
            false => Ok((members[0].work.inputs.clone(), 0)),
        };
        let (inputs, copies) = match stacked {
            Ok(stacked) => stacked,
            Err(Error::Allocation { bytes }) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                return (Some(warm), Err(RunError::Memory { bytes }));
            }
            Err(error) => return (Some(warm), Err(RunError::Internal(error.to_string()))),
        };
        let context = RunContext {
            cancel: Some(&self.run.cancel),
            deadline,
            memory: Some(&self.core.buffers),
            ..RunContext::default()
        };
        let mut state = members[0].work.state.take();
        let span = tracing::debug_span!(
            "run",
            model = %self.version.name,
            engine = %self.compiled.engine.name,
            rows,
            requests = members.len(),
        );
        self.version.note_run();
        let start = Instant::now();
        let outcome = span.in_scope(|| {
            guarded(|| {
                let state = state.as_deref_mut();
                warm.session.run(&inputs, state.map(|state| state as _), &context)
            })
        });
        let took = start.elapsed();
        // After a failed run nobody can trust its state, unless it was refused before it began.
        members[0].work.state = match &outcome {
            Ok(_)
            | Err(
                RunError::InputCount { .. }
                | RunError::InputType { .. }
                | RunError::InputShape { .. },
            ) => state,
            Err(_) => None,
        };
        let (outputs, mut receipt) = match outcome {
            Ok(outcome) => outcome,
            // A session that panicked or failed inside is not used again.
            Err(error @ RunError::Internal(_)) => return (None, Err(error)),
            Err(error) => return (Some(warm), Err(error)),
        };
        receipt.copies += copies;
        let parts = match self.check(members, rows, outputs) {
            Ok(parts) => parts,
            Err(what) => {
                members[0].work.state = None;
                return (None, Err(RunError::Internal(what)));
            }
        };
        // Where the engine says that it took longer, it computes elsewhere, and knows better.
        let cost = took.max(receipt.compute);
        self.version.costs.note(self.engine, self.key, rows, cost);
        self.count(members, rows, took);
        (Some(warm), Ok(Done { parts, receipt, began: start }))
    }

    /// The members' outputs, if the engine gave what the signature says.
    fn check(
        &self,
        members: &[Member],
        rows: usize,
        outputs: Vec<Value>,
    ) -> Result<Vec<Vec<Value>>, String> {
        let ports = &self.version.interface.signature().outputs;
        if ports.len() != outputs.len() {
            return Err(format!("the engine gave {} outputs, not {}", outputs.len(), ports.len()));
        }
        let inputs = self.version.interface.run_shapes(self.key, rows);
        for (index, (port, output)) in ports.iter().zip(&outputs).enumerate() {
            let Value::Tensor(array) = output else { continue };
            let (dtype, shape) = (array.dtype(), array.shape());
            if dtype != port.ty.dtype || !self.version.interface.fits(index, shape, &inputs) {
                return Err(format!(
                    "the engine gave `{}` as {dtype} of shape {shape:?}",
                    port.name
                ));
            }
        }
        if !self.key.is_batched {
            return Ok(vec![outputs]);
        }
        let requests: Vec<(usize, &[Value])> =
            members.iter().map(|m| (m.item.size.rows, m.work.inputs.as_slice())).collect();
        split(&self.version.interface, self.key, rows, &requests, &outputs)
            .ok_or_else(|| format!("the engine gave outputs without the {rows} rows of the run"))
    }

    fn count(&self, members: &[Member], rows: usize, took: Duration) {
        let own: usize = members.iter().map(|member| member.item.size.rows).sum();
        let tokens = members.iter().map(|member| member.item.size.tokens).sum();
        self.version.metrics.batch_done(&metrics::Batch {
            engine: self.core.metrics.engine(&self.compiled.engine.name),
            rows: own,
            padded_rows: if self.key.is_batched { rows } else { own },
            tokens,
            compute: took,
        });
        for member in members {
            member.judge(self.core, self.version, Verdict::Good);
        }
    }

    fn deliver(&self, members: Vec<Member>, done: Done, rows: usize, reason: Option<String>) {
        let mut receipt = done.receipt;
        receipt.fallbacks.extend(self.version.absent.iter().cloned());
        for (member, outputs) in members.into_iter().zip(done.parts) {
            let queued = done.began.saturating_duration_since(member.item.since);
            if member.work.rejects_non_finite
                && let Some(what) =
                    non_finite(&self.version.interface.signature().outputs, &outputs)
            {
                let error = Error::Precision { asked: None, what };
                member.item.call.answer(Err(Failure { error, state: member.work.state }));
                continue;
            }
            let answer = Answer {
                outputs,
                state: member.work.state,
                receipt: receipt.clone(),
                queued,
                batch_rows: rows,
                fallback_reason: reason.clone(),
            };
            member.item.call.answer(Ok(answer));
        }
    }

    /// The run stopped: nobody waits any more, the time of all is up, the manager closes, or the
    /// engine had a reason of its own.
    fn stopped(&self, members: Vec<Member>, error: &RunError) {
        for member in members {
            let error = match member.item.deadline {
                Some(deadline) if deadline <= Instant::now() => Error::TimedOut {
                    limit: deadline.saturating_duration_since(member.item.since),
                    stage: crate::Stage::Running,
                },
                _ if self.core.is_closing() => Error::closing(),
                _ => {
                    let engine = &self.compiled.engine.name;
                    Error::from_run(&self.version.name, engine, error.clone())
                }
            };
            member.fail(error);
        }
    }

    /// One request on the next engines that may be fallen back to, if the engine is at fault.
    async fn fall_back(
        &mut self,
        mut members: Vec<Member>,
        mut error: RunError,
        deadline: Option<Instant>,
    ) {
        let is_engines_fault = matches!(error, RunError::Internal(_) | RunError::Memory { .. });
        if let Verdict::Fault(what) = Verdict::of_failure(&error) {
            let (model, engine) = (&self.version.name, &self.compiled.engine.name);
            tracing::warn!(%model, %engine, what, "the engine failed");
        }
        // A state belongs to the engine that made it.
        let has_state = !self.version.interface.signature().states.is_empty();
        let may = is_engines_fault && self.key.engine.is_none() && !has_state;
        let (first, from) = (self.engine, self.compiled.clone());
        let mut next = self.version.next_engine(first).filter(|_| may);
        let rows = self.rows_of(&members[0]);
        while let Some(engine) = next {
            next = self.version.next_engine(engine);
            let Ok(compiled) = self.core.compiled(self.version, engine).await else { continue };
            let shapes = self.version.interface.run_shapes(self.key, rows);
            let Ok(estimate) = compiled.estimate(&shapes) else { continue };
            // Who holds memory does not wait for more.
            let Some(room) = self.core.reserve_now(estimate.arena as u64) else { continue };
            (self.engine, self.compiled) = (engine, compiled);
            let reason = format!("`{}` failed: {error}", from.engine.name);
            let cause = match error {
                RunError::Memory { .. } => FallbackCause::Memory,
                _ => FallbackCause::Failed,
            };
            let place = |name: &str| self.core.metrics.engine(name);
            let (left, taken) = (place(&from.engine.name), place(&self.compiled.engine.name));
            self.version.metrics.fallback(left, taken, cause);
            tracing::warn!(model = %self.version.name, to = %self.compiled.engine.name, %reason, "fell back");
            let Ok(mut session) = self.compiled.session() else { continue };
            session.charge(Some(room));
            let (warm, outcome) = self.attempt(session, &mut members, rows, deadline);
            drop(warm);
            match outcome {
                Ok(done) => {
                    self.deliver(members, done, rows, Some(reason));
                    (self.engine, self.compiled) = (first, from);
                    return;
                }
                Err(other) if is_stop(&other) => {
                    self.stopped(members, &other);
                    (self.engine, self.compiled) = (first, from);
                    return;
                }
                Err(other) => error = other,
            }
        }
        let name = self.compiled.engine.name.clone();
        (self.engine, self.compiled) = (first, from);
        for member in members {
            member.failed(self.core, self.version, &name, &error);
        }
    }
}

fn is_stop(error: &RunError) -> bool {
    matches!(error, RunError::Cancelled | RunError::TimedOut(_))
}

/// The first output that is not finite.
fn non_finite(ports: &[anemone_engine::Port], outputs: &[Value]) -> Option<String> {
    let is_bad = |array: &Array| {
        array.dtype().is_float() && array.to_tensor().to_f32().iter().any(|x| !x.is_finite())
    };
    let bad = ports.iter().zip(outputs).find(|(_, output)| match output {
        Value::Tensor(array) => is_bad(array),
        Value::Dictionary(dictionary) => dictionary.values.iter().any(|x| !x.is_finite()),
        Value::String(_) | Value::Image(_) | Value::Sequence(_) => false,
    });
    bad.map(|(port, _)| format!("output `{}` is not finite", port.name))
}
