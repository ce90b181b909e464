//! What can go wrong in an artificial engine, and when.

use anemone_engine::{ErrorKind, RunError};
use anemone_ir::Origin;

use super::gate::Gate;

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A run panics, once its cost is spent.
    Panic,
    /// A run fails with this, once its cost is spent.
    Error(RunError),
    /// A run waits here before all else, and looks at neither cancellation nor deadline.
    Hang(Gate),
    /// A run gives one output too few.
    OutputCount,
    /// A run gives outputs with one row too many.
    OutputShape,
    /// A run gives `i32` for its first output.
    OutputType,
    /// A run gives this number, such as NaN, in the last place of its first output.
    OutputValue(f32),
    /// Loading panics.
    LoadPanic,
    /// Loading fails with an error of this kind.
    LoadError(ErrorKind),
    /// Loading waits here.
    LoadHang(Gate),
    /// [`Plan::memory`](anemone_engine::Plan::memory) panics.
    MemoryPanic,
    /// [`Plan::memory`](anemone_engine::Plan::memory) fails with this.
    MemoryError(RunError),
    /// [`Plan::session`](anemone_engine::Plan::session) panics.
    SessionPanic,
}

/// When a fault happens; only what it could happen to is counted, from when it was set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Every time.
    Always,
    /// The next so many times.
    Next(usize),
    /// Every so many times: for 3 the third, the sixth, … Never for 0.
    Every(usize),
    /// In runs that have a row that begins with this number.
    RowBegins(f32),
}

/// Where a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    Run,
    Load,
    Memory,
    Session,
}

impl Fault {
    /// A run that fails in an op, since its values are such.
    pub fn op(why: &str) -> Fault {
        let origin = Origin { function: "main".into(), path: "sums".into() };
        Fault::Error(RunError::Op { origin, op: "reduce_sum".to_owned(), why: why.to_owned() })
    }

    pub(super) fn site(&self) -> Site {
        match self {
            Fault::Panic
            | Fault::Error(_)
            | Fault::Hang(_)
            | Fault::OutputCount
            | Fault::OutputShape
            | Fault::OutputType
            | Fault::OutputValue(_) => Site::Run,
            Fault::LoadPanic | Fault::LoadError(_) | Fault::LoadHang(_) => Site::Load,
            Fault::MemoryPanic | Fault::MemoryError(_) => Site::Memory,
            Fault::SessionPanic => Site::Session,
        }
    }
}
