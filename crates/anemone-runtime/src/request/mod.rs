//! Requests: what they carry, what they measure, and where they stand.

mod asked;
mod call;
mod inputs;

pub(crate) use asked::Request;
pub(crate) use call::{Answer, Call, Ended, Failure, Left, Promise, Run, Wait, Work};
pub(crate) use inputs::{Demanded, Interface, Key, Size};
