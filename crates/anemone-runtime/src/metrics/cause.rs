//! How a request ended, and why things were refused: closed lists, so that each is counted by an
//! index and no text from outside becomes a label.

/// Why a request was refused or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Too many requests waited already.
    QueueFull,
    /// The request needs more than the whole capacity.
    TooLarge,
    /// Its deadline passed.
    TimedOut,
    /// Its caller cancelled it.
    Cancelled,
    /// No engine could take it.
    Unavailable,
    /// The model failed too often and is kept from running for a while.
    Quarantined,
    /// There is no such model or function.
    NotFound,
    /// An input is wrong.
    InvalidInput,
    /// There was not enough memory.
    Memory,
    /// The engine failed.
    Failed,
    /// The manager was closing.
    Closed,
}

/// How a request that was admitted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its outputs were given back.
    Completed,
    /// It gave nothing.
    Failed(Cause),
}

/// Why an engine was passed over for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FallbackCause {
    /// It lacks an op or an option.
    Unsupported,
    /// It is not there.
    Unavailable,
    /// It failed.
    Failed,
    /// There was not enough memory for it.
    Memory,
    /// It was too hot, too busy or too low on power.
    Overloaded,
}

/// Things that are kept so as not to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CacheKind {
    /// Compiled plans in memory.
    Plan,
    /// Artefacts on disk.
    Artefact,
}

impl Cause {
    /// Every cause.
    pub const EACH: [Cause; 11] = [
        Cause::QueueFull,
        Cause::TooLarge,
        Cause::TimedOut,
        Cause::Cancelled,
        Cause::Unavailable,
        Cause::Quarantined,
        Cause::NotFound,
        Cause::InvalidInput,
        Cause::Memory,
        Cause::Failed,
        Cause::Closed,
    ];

    /// The name, such as `queue_full`.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::QueueFull => "queue_full",
            Cause::TooLarge => "too_large",
            Cause::TimedOut => "timed_out",
            Cause::Cancelled => "cancelled",
            Cause::Unavailable => "unavailable",
            Cause::Quarantined => "quarantined",
            Cause::NotFound => "not_found",
            Cause::InvalidInput => "invalid_input",
            Cause::Memory => "memory",
            Cause::Failed => "failed",
            Cause::Closed => "closed",
        }
    }
}

impl FallbackCause {
    /// The name, such as `unsupported`.
    pub const fn name(self) -> &'static str {
        match self {
            FallbackCause::Unsupported => "unsupported",
            FallbackCause::Unavailable => "unavailable",
            FallbackCause::Failed => "failed",
            FallbackCause::Memory => "memory",
            FallbackCause::Overloaded => "overloaded",
        }
    }
}

impl CacheKind {
    /// Every kind.
    pub const EACH: [CacheKind; 2] = [CacheKind::Plan, CacheKind::Artefact];

    /// The name, such as `plan`.
    pub const fn name(self) -> &'static str {
        match self {
            CacheKind::Plan => "plan",
            CacheKind::Artefact => "artefact",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_the_index_that_it_is_counted_by() {
        for (index, cause) in Cause::EACH.into_iter().enumerate() {
            assert_eq!(cause as usize, index);
        }
        for (index, kind) in CacheKind::EACH.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
