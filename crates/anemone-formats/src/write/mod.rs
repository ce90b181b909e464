//! From the types of the IR to the wire, fields in the order of their numbers, maps sorted.

mod description;
mod feature;
mod model;
mod placement;
mod program;
mod types;
mod value;

pub(crate) use model::model;
pub(crate) use placement::Placement;
