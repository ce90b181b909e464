//! The portable CPU engine.
//!
//! - [`CpuEngine`] compiles a checked function: constants are folded and decoded, a kernel is
//!   prepared for each op that is left, and memory is planned by lifetime.
//! - `kernel`: the two halves of a kernel, `prepare` and `run`. `kernels`: one table, op by op.
//! - `plan`, `layout`, `execute`: what is fixed at compile time, what depends on the input shapes,
//!   and the loop that runs the steps; `flow`: branches and loops over nested blocks.
//! - [`Arithmetic`]: the same engine with other numbers, for engines that test how a device computes.
//!
//! Choices: floats of every type are `f32` in the engine, integers `i32`, booleans bytes; states
//! keep their declared type, so that a state that went through a file is the same; work is split
//! into chunks whose size never depends on the number of threads or the batch, so that a row's
//! result depends on the row alone.

mod arithmetic;
mod array;
mod attention;
mod axes;
mod compile;
mod convert;
mod elementwise;
mod engine;
mod execute;
mod flow;
mod fold;
mod fuse;
mod gemm;
mod kernel;
mod kernels;
mod layout;
mod memory;
mod plan;
mod prepare;
mod quantised;
mod run;
mod session;
mod simd;
mod state;
mod strided;
mod window;

pub use arithmetic::{Arithmetic, Compute, Stored};
pub use array::{Data, DataMut, View, ViewMut};
pub use elementwise::fast;
pub use engine::{CpuEngine, machine};
pub use prepare::{Floats, PrepareCtx};
pub use window::{Row, Windows};
