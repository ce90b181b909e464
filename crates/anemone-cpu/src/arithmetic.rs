//! Another arithmetic than this engine's own: kernels that stand in for its own, and what is left of
//! floats once they are stored.
//!
//! [`CpuEngine::with_arithmetic`](crate::CpuEngine::with_arithmetic) takes one. Ops then run one by
//! one, each result is stored before the next op reads it, and what only constants decide is
//! computed in advance as it always is, rounded to its declared type.

use crate::array::{View, ViewMut};
use crate::kernel::{Io, Kernel, Prepared};
use crate::kernels;
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
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String>;
}

impl<F> Compute for F
where
    F: Fn(&[View<'_>], &mut [ViewMut<'_>]) -> Result<(), String> + Send + Sync,
{
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
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

/// This engine's own kernel, to those who do something before or after it.
struct Own(Box<dyn Kernel>);

impl Compute for Own {
    fn run<'a>(&self, inputs: &[View<'a>], outputs: &mut [ViewMut<'a>]) -> Result<(), String> {
        let sizes: Vec<&[usize]> = inputs.iter().map(|view| view.shape).collect();
        let mut scratch = vec![0.0; self.0.scratch(&sizes)];
        self.0.run(&mut Io { inputs, outputs, state: None, scratch: &mut scratch })
    }
}

impl PrepareCtx<'_> {
    /// This engine's own kernel for the op; none where the op runs no code on operands alone. It
    /// registers what it reads, and must be given that in order.
    pub fn own_kernel(&mut self) -> Result<Option<Box<dyn Compute>>, String> {
        match (kernels::prepare(self.node().op)?(self)?, self.state) {
            (Prepared::Kernel(kernel), None) => Ok(Some(Box::new(Own(kernel)))),
            (Prepared::Kernel(_) | Prepared::View(_) | Prepared::Flow(_), _) => Ok(None),
        }
    }
}

/// The kernel that `arithmetic` has for the op, if it has one.
pub(crate) fn other_kernel(
    arithmetic: Option<&dyn Arithmetic>,
    ctx: &mut PrepareCtx<'_>,
) -> Result<Option<Prepared>, String> {
    let Some(arithmetic) = arithmetic else { return Ok(None) };
    let Some(compute) = arithmetic.kernel(ctx)? else {
        ctx.operands.clear();
        ctx.state = None;
        return Ok(None);
    };
    Ok(Some(Prepared::kernel(Other(compute))))
}
