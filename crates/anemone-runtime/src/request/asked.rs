//! One request through its life: checked, queued, answered; counted however it ends.

use std::time::{Duration, Instant};

use anemone_engine::{State, Value};

use super::{Answer, Call, Demanded, Ended, Failure, Left, Promise, Size, Wait, Work};
use crate::batch::{Item, Ticket};
use crate::core::Core;
use crate::lane::{Refused, Turn};
use crate::metrics::{Cause, Finished, ModelMetrics, Outcome};
use crate::models::Version;
use crate::shadow;
use crate::sync::{Arc, Weak};
use crate::{Error, Inference, InferenceOptions, Model, Stage};

/// A request from its beginning to its end. Dropping it takes it back.
pub(crate) struct Request<'a> {
    model: &'a Model,
    options: &'a InferenceOptions,
    start: Instant,
    limit: Option<Duration>,
    /// Where the conversation's state lies when no run has it.
    home: Option<&'a mut Option<Box<dyn State>>>,
    /// Whether it runs a request of somebody else a second time.
    is_shadow: bool,
    /// The version that it goes to, once that is known.
    version: Option<Known>,
    asked: Option<Asked>,
    is_counted: bool,
}

/// A version, without keeping it: while a request waits, its driver does.
struct Known {
    version: Weak<Version>,
    metrics: Arc<ModelMetrics>,
    number: u64,
}

impl Known {
    fn new(version: &Arc<Version>) -> Known {
        let (metrics, number) = (version.metrics.clone(), version.number);
        Known { version: Arc::downgrade(version), metrics, number }
    }
}

/// A request that waits or runs.
struct Asked {
    call: Arc<Call>,
    /// Where it waits; none where it was admitted before.
    ticket: Option<Ticket>,
    size: Size,
    /// For a second run elsewhere.
    sample: Option<Vec<Value>>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        model: &'a Model,
        options: &'a InferenceOptions,
        home: Option<&'a mut Option<Box<dyn State>>>,
    ) -> Request<'a> {
        let core = &model.handle.core;
        core.open.enter();
        let limit = options.time_limit.or(core.config.default_time_limit);
        let start = Instant::now();
        Request {
            model,
            options,
            start,
            limit,
            home,
            is_shadow: false,
            version: None,
            asked: None,
            is_counted: false,
        }
    }

    /// A request of somebody else that runs a second time.
    pub(crate) fn shadow(model: &'a Model, options: &'a InferenceOptions) -> Request<'a> {
        let mut request = Request::new(model, options, None);
        request.is_shadow = true;
        request
    }

    /// When its time is up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.limit.and_then(|limit| self.start.checked_add(limit))
    }

    /// Queues it and waits for its answer.
    pub(crate) async fn run(
        &mut self,
        version: Option<&Arc<Version>>,
        mut inputs: Vec<Value>,
    ) -> Result<Answer, Failure> {
        let core = &self.model.handle.core;
        loop {
            core.check_open()?;
            let version = match version {
                Some(version) => version.clone(),
                None => self.model.entry.slot(self.model.number)?.get(core).await?,
            };
            self.version = Some(Known::new(&version));
            version.touch(core.now());
            let has_state = self.home.as_ref().is_some_and(|home| home.is_some());
            let demanded = self.demanded(&version, &inputs, self.options.alone || has_state)?;
            let may_be_sampled = !self.is_shadow && !has_state;
            let sample = (may_be_sampled && shadow::is_sampled(&version)).then(|| inputs.clone());
            let call = Call::new(self.work(&version, inputs)?);
            let item = Item {
                caller: self.options.caller,
                size: demanded.size,
                since: self.start,
                deadline: self.deadline(),
                call: Promise::of(&call),
            };
            match version.lane.push(&demanded.key, self.options.priority, item) {
                Ok((ticket, is_driver_needed)) => {
                    if !self.is_shadow && self.asked.is_none() {
                        version.metrics.admitted();
                    }
                    if is_driver_needed {
                        core.send_driver(&version, self.options.priority);
                    }
                    let ticket = Some(ticket);
                    let size = demanded.size;
                    self.asked = Some(Asked { call: call.clone(), ticket, size, sample });
                    drop(version);
                    match Wait(&call).await {
                        Ended::Answered(result) => return result,
                        Ended::SentBack(work) => {
                            self.bring_home(work.state);
                            inputs = work.inputs;
                        }
                    }
                }
                Err((item, refused)) => {
                    let Left::Queued(work) = call.leave() else {
                        return Err(Error::closing().into());
                    };
                    drop(item);
                    self.bring_home(work.state);
                    match refused {
                        Refused::Full(full) => return Err(Error::from(full).into()),
                        // It was evicted or the manager closes: the next round tells.
                        Refused::Closed => inputs = work.inputs,
                    }
                }
            }
        }
    }

    /// Runs on the right that was taken before.
    pub(crate) async fn run_admitted(
        &mut self,
        turn: Turn,
        inputs: Vec<Value>,
    ) -> Result<Answer, Failure> {
        let core = &self.model.handle.core;
        core.check_open()?;
        let version = turn.version.clone();
        self.version = Some(Known::new(&version));
        version.touch(core.now());
        let demanded = self.demanded(&version, &inputs, true)?;
        turn.check(&demanded)?;
        let call = Call::new(self.work(&version, inputs)?);
        let item = Item {
            caller: self.options.caller,
            size: demanded.size,
            since: self.start,
            deadline: self.deadline(),
            call: Promise::of(&call),
        };
        version.metrics.admitted();
        let size = demanded.size;
        self.asked = Some(Asked { call: call.clone(), ticket: None, size, sample: None });
        drop(version);
        core.workers.spawn(turn.run(core.clone(), item));
        match Wait(&call).await {
            Ended::Answered(result) => result,
            // It never waited in a queue.
            Ended::SentBack(_) => Err(Error::closing().into()),
        }
    }

    /// The end: its answer, its error, or nothing where its time was up.
    pub(crate) fn end(
        mut self,
        outcome: Option<Result<Answer, Failure>>,
    ) -> Result<Inference, Error> {
        match outcome {
            Some(Ok(answer)) => Ok(self.answered(answer)),
            Some(Err(failure)) => {
                self.bring_home(failure.state);
                self.count(Outcome::Failed(Cause::of(&failure.error)), None);
                Err(failure.error)
            }
            None => {
                let asked = self.asked.as_ref();
                let stage = match asked {
                    None => Stage::Loading,
                    Some(asked) if asked.call.is_running() => Stage::Running,
                    Some(_) => Stage::Queued,
                };
                self.leave();
                self.count(Outcome::Failed(Cause::TimedOut), None);
                Err(Error::TimedOut { limit: self.limit.unwrap_or_default(), stage })
            }
        }
    }

    fn answered(&mut self, mut answer: Answer) -> Inference {
        self.bring_home(answer.state.take());
        let total = self.start.elapsed();
        let number = self.version.as_ref().map_or(0, |known| known.number);
        if let Some(known) = &self.version {
            known.metrics.copies(answer.receipt.copies);
            let sample = self.asked.as_mut().and_then(|asked| asked.sample.take());
            if let (Some(sample), Some(version)) = (sample, known.version.upgrade()) {
                shadow::send(self.model, &version, sample, &answer);
            }
        }
        self.count(Outcome::Completed, Some(&answer));
        Inference {
            outputs: answer.outputs,
            receipt: answer.receipt,
            fallback_reason: answer.fallback_reason,
            version: number,
            queued: answer.queued,
            total,
            batch_rows: answer.batch_rows,
        }
    }

    fn demanded(
        &self,
        version: &Version,
        inputs: &[Value],
        alone: bool,
    ) -> Result<Demanded, Error> {
        let named = self.options.engine.as_deref();
        let engine = named.map(|name| version.engine_named(name)).transpose()?;
        let shapes = version.interface.shapes_of(inputs)?;
        version.interface.demanded(&shapes, alone, engine)
    }

    fn work(&mut self, version: &Version, inputs: Vec<Value>) -> Result<Work, Error> {
        let core = &self.model.handle.core;
        let needs_state = !version.interface.signature().states.is_empty();
        let has_state = self.home.as_ref().is_some_and(|home| home.is_some());
        if needs_state && !has_state {
            let what = format!("`{}` has states: begin a sequence and run that", version.name);
            return Err(Error::Input { what });
        }
        let pass = version.pass(core)?;
        let rejects_non_finite =
            self.options.reject_non_finite.unwrap_or(core.config.reject_non_finite);
        let state = self.home.as_mut().and_then(|home| home.take());
        Ok(Work { inputs, state, rejects_non_finite, is_judged: !self.is_shadow, pass })
    }

    fn bring_home(&mut self, state: Option<Box<dyn State>>) {
        if let (Some(home), Some(state)) = (self.home.as_mut(), state) {
            **home = Some(state);
        }
    }

    /// Takes back what waits or runs.
    fn leave(&mut self) {
        let (Some(asked), Some(version)) = (&self.asked, &self.version) else { return };
        match asked.call.leave() {
            Left::Queued(work) => {
                if let (Some(ticket), Some(version)) = (&asked.ticket, version.version.upgrade()) {
                    version.lane.remove(ticket);
                }
                self.bring_home(work.state);
            }
            Left::Running => {}
            Left::Over(state) => self.bring_home(state),
        }
    }

    /// Counts the end, once: with its version where that is known.
    fn count(&mut self, outcome: Outcome, answer: Option<&Answer>) {
        self.is_counted = true;
        if self.is_shadow {
            return;
        }
        let outcome = match outcome {
            Outcome::Failed(Cause::Unavailable) if self.core().is_closing() => {
                Outcome::Failed(Cause::Closed)
            }
            outcome => outcome,
        };
        let (asked, version) = match (&self.asked, &self.version, outcome) {
            (Some(asked), Some(version), _) => (asked, version),
            (None, Some(version), Outcome::Failed(cause)) => {
                return version.metrics.rejected(cause);
            }
            (_, None, Outcome::Failed(cause)) => return self.core().metrics.rejected(cause),
            (_, _, Outcome::Completed) => return,
        };
        let now = Instant::now();
        let total = now.saturating_duration_since(self.start);
        let done = Finished {
            outcome,
            queue: answer.map_or(total, |answer| answer.queued),
            compute: answer.map_or(Duration::ZERO, |answer| answer.receipt.compute),
            total,
            rows: asked.size.rows,
            tokens: asked.size.tokens,
        };
        version.metrics.request_done(&done, now);
    }

    fn core(&self) -> &Core {
        &self.model.handle.core
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if !self.is_counted {
            self.leave();
            self.count(Outcome::Failed(Cause::Cancelled), None);
        }
        self.core().open.leave();
    }
}
