//! A model as its callers hold it.

use std::fmt;
use std::time::{Duration, Instant};

use anemone_engine::{MemoryEstimate, Signature, State, Value};

use crate::admission::Admission;
use crate::lane::Turn;
use crate::manager::Handle;
use crate::models::{Entry, Version};
use crate::request::Request;
use crate::sequence::{Held, Sequence};
use crate::sync::{Arc, block_on};
use crate::timer::within;
use crate::{Error, Inference, InferenceOptions, Shapes, Stage};

/// A model of a manager; a clone is the same model. Requests go to its current version, whatever is
/// loaded under its name meanwhile, or to one version where it was asked for by number.
#[derive(Clone)]
pub struct Model {
    pub(crate) handle: Arc<Handle>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) number: Option<u64>,
}

impl Model {
    /// The name that it was loaded under.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// The version that a request would go to.
    pub fn version(&self) -> Result<u64, Error> {
        Ok(self.entry.slot(self.number)?.number)
    }

    /// Inputs and outputs, in the order in which a run takes and gives them.
    pub fn signature(&self) -> Result<Signature, Error> {
        Ok(self.entry.slot(self.number)?.described.signature.clone())
    }

    /// For each input the shapes that it is limited to.
    pub fn shapes(&self) -> Result<Vec<Shapes>, Error> {
        Ok(self.entry.slot(self.number)?.described.shapes.clone())
    }

    /// The BLAKE3 hash of the model's files.
    pub fn hash(&self) -> Result<[u8; 32], Error> {
        Ok(self.entry.slot(self.number)?.described.hash)
    }

    /// Bytes by owner, and those of an arena for inputs of these shapes.
    pub async fn memory(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, Error> {
        let version = self.current().await?;
        let plan = version.primary().ok_or_else(Error::closing)?;
        plan.estimate(shapes)
            .map_err(|error| Error::from_run(self.name(), &plan.engine.name, error))
    }

    /// Runs once. A future that is dropped takes the request back: what waits is not run, what runs
    /// stops at the next op unless others share its run.
    pub async fn infer(
        &self,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        self.infer_with(None, inputs, None, options).await
    }

    /// Runs once, and waits for it on the calling thread.
    pub fn infer_blocking(
        &self,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        block_on(self.infer(inputs, options))
    }

    /// Runs on these inputs so that later runs of their shapes pay for nothing but themselves.
    pub async fn warm_up(&self, inputs: Vec<Value>) -> Result<Duration, Error> {
        let options = InferenceOptions { alone: true, ..InferenceOptions::default() };
        Ok(self.infer(inputs, &options).await?.total)
    }

    /// An operation and the memory for one run on inputs of these shapes.
    pub async fn request_admission(
        &self,
        shapes: &[Vec<usize>],
        options: &InferenceOptions,
    ) -> Result<Admission, Error> {
        let limit = options.time_limit.or(self.handle.core.config.default_time_limit);
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let turn = within(&self.handle.core.timer, deadline, async {
            let version = self.current().await?;
            Turn::new(&self.handle.core, &version, shapes, options).await
        });
        match turn.await {
            Ok(turn) => Ok(Admission { model: self.clone(), turn: turn? }),
            Err(_) => {
                Err(Error::TimedOut { limit: limit.unwrap_or_default(), stage: Stage::Admission })
            }
        }
    }

    /// Begins a conversation with a model that has states, all zeros.
    pub async fn sequence(&self) -> Result<Sequence, Error> {
        let core = &self.handle.core;
        let limit = core.config.default_time_limit;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let begun = within(&core.timer, deadline, self.begin_sequence()).await;
        begun.unwrap_or(Err(Error::TimedOut {
            limit: limit.unwrap_or_default(),
            stage: Stage::Admission,
        }))
    }

    async fn begin_sequence(&self) -> Result<Sequence, Error> {
        let (version, held) = loop {
            let version = self.current().await?;
            // One that was evicted meanwhile is loaded again.
            if let Some(held) = Held::new(&self.handle.core, &version) {
                break (version, held);
            }
        };
        if version.interface.signature().states.is_empty() {
            let what = format!("`{}` has no states: run it without a sequence", version.name);
            return Err(Error::Input { what });
        }
        let plan = version.primary().ok_or_else(Error::closing)?;
        let bytes = plan.state_bytes();
        self.handle.core.check_beside(&plan, bytes)?;
        let permit = self.handle.core.reserve(bytes).await?;
        let state = crate::models::guarded(|| Ok(plan.plan.new_state()));
        let state =
            state.map_err(|error| Error::from_run(self.name(), &plan.engine.name, error))?;
        Ok(Sequence::new(self.clone(), held, state, permit))
    }

    async fn current(&self) -> Result<Arc<Version>, Error> {
        self.handle.core.check_open()?;
        let version = self.entry.slot(self.number)?.get(&self.handle.core).await?;
        version.touch(self.handle.core.now());
        Ok(version)
    }

    /// Runs once on the version given, or the current one; with a state that comes back to its home.
    pub(crate) async fn infer_with(
        &self,
        version: Option<&Arc<Version>>,
        inputs: Vec<Value>,
        state: Option<&mut Option<Box<dyn State>>>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        let mut request = Request::new(self, options, state);
        let deadline = request.deadline();
        let outcome = within(&self.handle.core.timer, deadline, request.run(version, inputs)).await;
        request.end(outcome.ok())
    }

    /// Runs a request a second time: it is neither counted as a request, nor does how it ends tell
    /// anything of the model to others, nor is it run once more.
    pub(crate) async fn infer_as_shadow(
        &self,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        let mut request = Request::shadow(self, options);
        let deadline = request.deadline();
        let outcome = within(&self.handle.core.timer, deadline, request.run(None, inputs)).await;
        request.end(outcome.ok())
    }

    /// Runs what was admitted.
    pub(crate) async fn execute_admitted(
        &self,
        turn: Turn,
        inputs: Vec<Value>,
        options: &InferenceOptions,
    ) -> Result<Inference, Error> {
        let mut request = Request::new(self, options, None);
        let deadline = request.deadline();
        let outcome =
            within(&self.handle.core.timer, deadline, request.run_admitted(turn, inputs)).await;
        request.end(outcome.ok())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("name", &self.name()).field("version", &self.number).finish()
    }
}
