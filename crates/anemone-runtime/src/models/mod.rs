//! Models: what is loaded, under which name and version, and on which engines it runs.

mod catalog;
mod compiled;
mod costs;
mod load;
mod plans;
mod version;

pub(crate) use catalog::{Catalog, Entry};
pub(crate) use compiled::{Compiled, Warm, guarded, told};
pub(crate) use costs::Cost;
pub(crate) use load::{Patience, Source, compile, load};
pub(crate) use plans::{PlanKey, Plans};
pub(crate) use version::{Settings, Version};
