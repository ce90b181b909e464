//! From the wire to the types of the IR.

mod description;
mod feature;
mod model;
mod program;
mod types;
mod value;

pub(crate) use model::model;
