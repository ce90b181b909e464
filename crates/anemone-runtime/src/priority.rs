//! How urgent a request is.

use serde::{Deserialize, Serialize};

/// Levels of urgency. A higher level goes first, but none starves: see [`Pool`](crate::Pool).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Work that can wait, such as indexing.
    Background,
    /// The usual.
    #[default]
    Normal,
    /// Somebody waits for it.
    Interactive,
    /// Before all else, such as health checks.
    Critical,
}

impl Priority {
    /// Every level, the least urgent first.
    pub const EACH: [Priority; 4] =
        [Priority::Background, Priority::Normal, Priority::Interactive, Priority::Critical];
}
