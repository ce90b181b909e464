//! What is kept on disk from one process to the next: compiled artefacts and measured costs.
//!
//! - [`Cache`]: a folder, shared by any number of processes; [`Scope`]: what is for one [`Key`].
//! - [`Costs`]: what runs of a model were measured to cost.
//!
//! Choices: each artefact is a file of its own that comes to its place whole, by renaming, and is
//! checked to the last byte when it is read, so no reader waits for a writer. What cannot be read,
//! or is not what was asked for, is not there; what cannot be written is not kept; neither is an
//! error. The checksum is against damage, no signature: who may write the folder may put there
//! what he likes.

mod artefact;
mod costs;
mod file;
mod folder;
mod store;

#[cfg(test)]
mod tests;

pub use costs::{Costs, Measured};
pub use folder::CacheError;
pub use store::{Cache, Counts, Key, Scope};
