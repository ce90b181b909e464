//! The two halves of a kernel: `prepare` decides and packs once, `run` computes.
//!
//! A family's file has one `prepare` function for each op:
//!
//! ```text
//! pub(super) fn relu(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
//!     let x = ctx.operand("x")?;            // index into `io.inputs`
//!     let alpha = ctx.infer().float("alpha").map_err(|f| f.to_string())?; // constants and defaults
//!     Ok(Prepared::kernel(Relu { x, alpha }))
//! }
//! ```
//!
//! - `ctx.operand(name)` registers what `run` will read: the result indexes [`Io::inputs`]. Only
//!   registered constants stay in memory; weights that are packed are taken by `ctx.constant(name)`
//!   instead, which decodes them (compressed ones too) and keeps nothing.
//! - [`Prepared::View`] says that output 0 has the elements of an operand in the same order
//!   (reshape, squeeze, …): no code runs and no memory moves.
//! - Outputs hold garbage before `run`; a kernel writes every element. Shapes in [`Io`] are the
//!   real ones of this run; a kernel that relies on a relation between them checks it, as shapes
//!   may have been symbols at compile time.
//! - An op whose output size only the data tells also gives `Kernel::output_shapes`.
//! - A list is a tensor with one more axis in front; [`Prepared::Flow`] runs nested blocks.

use smallvec::SmallVec;

use crate::array::{View, ViewMut};
use crate::flow::Flow;
use crate::fuse::Piece;
use crate::state::StateTensor;

/// What `prepare` gives.
pub(crate) enum Prepared {
    /// Code.
    Kernel(Box<dyn Kernel>),
    /// Output 0 has the elements of this operand, in the same order.
    View(usize),
    /// Nested blocks, run by turns.
    Flow(Box<Flow>),
}

impl Prepared {
    pub(crate) fn kernel(kernel: impl Kernel + 'static) -> Prepared {
        Prepared::Kernel(Box::new(kernel))
    }

    /// The same, and what it is to those who fuse it with other kernels.
    pub(crate) fn known_as(self, piece: fn() -> Piece) -> Prepared {
        match self {
            Prepared::Kernel(kernel) => Prepared::kernel(Known { kernel, piece }),
            other => other,
        }
    }

    /// A kernel that is a function of its inputs.
    pub(crate) fn function(run: impl Run + 'static) -> Prepared {
        Prepared::kernel(Function { run, shapes: unsized_output })
    }

    /// As [`Prepared::function`], with one for the shapes of the outputs.
    pub(crate) fn sized(shapes: impl Shapes + 'static, run: impl Run + 'static) -> Prepared {
        Prepared::kernel(Function { run, shapes })
    }
}

/// A prepared op. Errors are sentences without the op's name, which the session adds.
pub(crate) trait Kernel: Send + Sync {
    /// Computes the outputs.
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String>;

    /// Shapes of the outputs, for an op whose output sizes only the data tells.
    fn output_shapes(&self, _inputs: &[View<'_>]) -> Result<Vec<Vec<usize>>, String> {
        unsized_output(&[])
    }

    /// How many `f32` of scratch memory a run with inputs of these shapes wants.
    fn scratch(&self, _inputs: &[&[usize]]) -> usize {
        0
    }

    /// Bytes that `prepare` packed.
    fn packed_bytes(&self) -> usize {
        0
    }

    /// What it is, to those who fuse it with other kernels.
    fn piece(&self) -> Option<Piece> {
        None
    }
}

/// A kernel that says what it is.
struct Known {
    kernel: Box<dyn Kernel>,
    piece: fn() -> Piece,
}

impl Kernel for Known {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        self.kernel.run(io)
    }

    fn output_shapes(&self, inputs: &[View<'_>]) -> Result<Vec<Vec<usize>>, String> {
        self.kernel.output_shapes(inputs)
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        self.kernel.scratch(inputs)
    }

    fn packed_bytes(&self) -> usize {
        self.kernel.packed_bytes()
    }

    fn piece(&self) -> Option<Piece> {
        Some((self.piece)())
    }
}

/// What computes outputs.
pub(crate) trait Run: Fn(&mut Io<'_, '_>) -> Result<(), String> + Send + Sync {}

impl<F: Fn(&mut Io<'_, '_>) -> Result<(), String> + Send + Sync> Run for F {}

/// What tells the shapes of outputs from the inputs.
pub(crate) trait Shapes:
    Fn(&[View<'_>]) -> Result<Vec<Vec<usize>>, String> + Send + Sync
{
}

impl<F: Fn(&[View<'_>]) -> Result<Vec<Vec<usize>>, String> + Send + Sync> Shapes for F {}

struct Function<F, G> {
    run: F,
    shapes: G,
}

impl<F: Run, G: Shapes> Kernel for Function<F, G> {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        (self.run)(io)
    }

    fn output_shapes(&self, inputs: &[View<'_>]) -> Result<Vec<Vec<usize>>, String> {
        (self.shapes)(inputs)
    }
}

fn unsized_output(_: &[View<'_>]) -> Result<Vec<Vec<usize>>, String> {
    Err("the output's size cannot be told from the input shapes".to_owned())
}

/// Inputs and outputs of one run of a kernel.
pub(crate) struct Io<'a, 'b> {
    /// Registered operands.
    pub(crate) inputs: &'b [View<'a>],
    /// Outputs of the op, in order.
    pub(crate) outputs: &'b mut [ViewMut<'a>],
    /// The registered state.
    pub(crate) state: Option<&'b mut StateTensor>,
    /// Scratch memory of the size that `scratch` asked for.
    pub(crate) scratch: &'b mut [f32],
}

/// A short list that stays on the stack.
pub(crate) type Short<T> = SmallVec<[T; 6]>;
