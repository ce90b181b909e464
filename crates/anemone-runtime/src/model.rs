//! A loaded model that many callers run.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anemone_engine::{Cancel, Receipt, RunContext, RunError, Session, Signature, Value};
use tokio::sync::oneshot;

use crate::worker::Worker;
use crate::{LoadError, Loaded, Loader};

/// Loads models, and owns the thread that runs them for async callers.
pub struct Runtime {
    loader: Arc<dyn Loader>,
    worker: Arc<Worker>,
}

impl Runtime {
    /// A runtime whose models come from `loader`.
    pub fn new(loader: Arc<dyn Loader>) -> Runtime {
        Runtime { loader, worker: Arc::new(Worker::default()) }
    }

    /// The model at `path`, ready to run.
    pub fn load(&self, path: &Path) -> Result<Model, LoadError> {
        let loaded = self.loader.load(path)?;
        let idle = Mutex::new(Vec::new());
        Ok(Model { shared: Arc::new(Shared { loaded, idle }), worker: self.worker.clone() })
    }
}

/// A loaded model; a clone is the same model.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
    worker: Arc<Worker>,
}

struct Shared {
    loaded: Loaded,
    /// Sessions that nobody uses now.
    idle: Mutex<Vec<Box<dyn Session>>>,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    /// Outputs, in the order of the signature.
    pub outputs: Vec<Value>,
    /// Where it ran, and why not elsewhere.
    pub receipt: Receipt,
}

impl Model {
    /// Inputs and outputs, in the order in which a run takes and gives them.
    pub fn signature(&self) -> &Signature {
        self.shared.loaded.plan.signature()
    }

    /// For each input the shapes that it is limited to; none where the signature says all.
    pub fn shapes(&self) -> &[Vec<Vec<usize>>] {
        &self.shared.loaded.shapes
    }

    /// The BLAKE3 hash of the model's files.
    pub fn hash(&self) -> [u8; 32] {
        self.shared.loaded.hash
    }

    /// Runs once on the calling thread. Models with states are not run here yet.
    pub fn infer_blocking(
        &self,
        inputs: &[Value],
        context: &RunContext<'_>,
    ) -> Result<Inference, RunError> {
        self.shared.run(inputs, context)
    }

    /// Runs once on the runtime's thread. A future that is dropped ends the run at its next op.
    pub async fn infer(&self, inputs: Vec<Value>) -> Result<Inference, RunError> {
        let (answer, wait) = oneshot::channel();
        let cancel = Cancel::default();
        let _guard = CancelOnDrop(cancel.clone());
        let shared = self.shared.clone();
        self.worker.submit(Box::new(move || {
            if !cancel.is_cancelled() {
                let context = RunContext { cancel: Some(&cancel), ..RunContext::default() };
                // Nobody waits any more where the future was dropped.
                drop(answer.send(shared.run(&inputs, &context)));
            }
        }))?;
        wait.await.unwrap_or_else(|_| Err(RunError::Internal("the run panicked".to_owned())))
    }
}

impl Shared {
    fn run(&self, inputs: &[Value], context: &RunContext<'_>) -> Result<Inference, RunError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = idle.unwrap_or_else(|| self.loaded.plan.clone().session());
        let (outputs, receipt) = session.run(inputs, None, context)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        Ok(Inference { outputs, receipt })
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("signature", self.signature()).finish_non_exhaustive()
    }
}
