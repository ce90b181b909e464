//! Another arithmetic than this engine's own: kernels that stand in for its own, and what is left of
//! floats once they are stored.
//!
//! [`CpuEngine::with_arithmetic`](crate::CpuEngine::with_arithmetic) takes one. Ops then run one by
//! one, each result is stored before the next op reads it, and what only constants decide is
//! computed in advance as it always is, rounded to its declared type.

use crate::array::{View, ViewMut};
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// How an engine computes that differs from this one in its numbers alone.
pub trait Arithmetic: Send + Sync {
    /// The name of the engine that computes so.
    fn engine(&self) -> &'static str;

    /// Another kernel for the op under preparation; none where this engine's own serves. It reads
    /// the operands that were registered with `op`, in their order.
    fn kernel(&self, op: &mut PrepareCtx<'_>) -> Result<Option<Box<dyn Compute>>, String>;

    /// Turns floats into what is left of them once they are stored.
    fn store(&self, what: Stored, values: &mut [f32]);
}

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// An input of the function.
    Input,
    /// A constant, as the compiler keeps it.
    Constant,
    /// The result of an op.
    Result,
}

/// Computes outputs from operands.
pub trait Compute: Send + Sync {
    /// Writes every element of every output. Errors are sentences without the op's name.
    fn run(&self, inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]) -> Result<(), String>;
}

impl<F> Compute for F
where
    F: Fn(&[View<'_>], &mut [ViewMut<'_>]) -> Result<(), String> + Send + Sync,
{
    fn run(&self, inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]) -> Result<(), String> {
        self(inputs, outputs)
    }
}

/// A kernel from outside of this crate.
struct Other(Box<dyn Compute>);

impl Kernel for Other {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        self.0.run(io.inputs, io.outputs)
    }
}

/// The kernel that `arithmetic` has for the op, if it has one.
pub(crate) fn other_kernel(
    arithmetic: Option<&dyn Arithmetic>,
    ctx: &mut PrepareCtx<'_>,
) -> Result<Option<Prepared>, String> {
    let Some(arithmetic) = arithmetic else { return Ok(None) };
    Ok(arithmetic.kernel(ctx)?.map(|compute| Prepared::kernel(Other(compute))))
}
