//! From a version's queue to its runs.

mod drive;
mod run;
mod turn;
mod waiting;

pub(crate) use drive::Driver;
pub(crate) use turn::Turn;
pub(crate) use waiting::{Lane, Refused};
