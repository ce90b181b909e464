//! Plans, sessions and states.

use std::any::Any;
use std::sync::Arc;

use anemone_ir::{SymbolOrigin, TensorType};

use crate::{Array, Receipt, RunContext, RunError, Value};

/// A compiled function: immutable, shared by all callers.
pub trait Plan: Send + Sync {
    /// Inputs, outputs and states, in the order in which a run takes and gives them.
    fn signature(&self) -> &Signature;

    /// Working memory for one caller at a time.
    fn session(self: Arc<Self>) -> Box<dyn Session>;

    /// A fresh state, all zeros; empty for a program without states.
    fn new_state(&self) -> Box<dyn State>;

    /// Bytes that the plan holds, and that a session needs for inputs of these shapes.
    fn memory(&self, shapes: &[Vec<usize>]) -> Result<MemoryEstimate, RunError>;
}

/// Working memory of one caller, good for any request.
pub trait Session: Send {
    /// Runs the plan. The state must be given where the signature has states.
    fn run(
        &mut self,
        inputs: &[Value],
        state: Option<&mut dyn State>,
        context: &RunContext<'_>,
    ) -> Result<(Vec<Value>, Receipt), RunError>;
}

/// The state tensors of one conversation.
pub trait State: Send {
    /// A copy of the state `index` of the signature.
    fn read(&self, index: usize) -> Result<Array, RunError>;

    /// Sets the state `index` of the signature.
    fn write(&mut self, index: usize, value: &Array) -> Result<(), RunError>;

    /// The engine's own type, which its sessions expect.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// Inputs, outputs and states of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    /// Inputs, states apart.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// States.
    pub states: Vec<Port>,
    /// What the symbols in the ports' shapes stand for.
    pub symbols: Vec<SymbolOrigin>,
}

/// A named and typed input, output or state.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// The name.
    pub name: String,
    /// Element type and shape.
    pub ty: TensorType,
}

/// Bytes by owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Constants as the engine holds them.
    pub constants: usize,
    /// Weights packed for the engine's kernels.
    pub packed: usize,
    /// A session's arena at the given shapes.
    pub arena: usize,
    /// A run's outputs at the given shapes, those left out whose size only the data tells.
    pub outputs: usize,
    /// One state.
    pub state: usize,
}
