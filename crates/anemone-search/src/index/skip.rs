//! Why a file of the tree is not in its index.

use serde::{Deserialize, Serialize};

/// Why a file of the tree is not in its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Skip {
    /// Its name, or a folder's on the way to it, starts with a dot.
    Hidden,
    /// A folder of installed packages or of a tool's cache.
    Installed,
    /// A second working tree of a repository, in this one.
    Worktree,
    /// It lists exact versions of dependencies.
    Lock,
    /// It was shrunk for machines.
    Minified,
    /// A program wrote it.
    Generated,
    /// It is no text.
    Binary,
    /// It is text, but data: SVG, CSV, JSON lines.
    Data,
    /// It is larger than the limit.
    Large,
    /// It is a link, which is not followed.
    Link,
    /// It is neither file nor folder: a pipe, a socket, a device.
    Special,
    /// Its name is no Unicode.
    Name,
    /// It may not be read.
    Unreadable,
}

impl Skip {
    /// All reasons, in order.
    pub const ALL: [Skip; 13] = [
        Skip::Hidden,
        Skip::Installed,
        Skip::Worktree,
        Skip::Lock,
        Skip::Minified,
        Skip::Generated,
        Skip::Binary,
        Skip::Data,
        Skip::Large,
        Skip::Link,
        Skip::Special,
        Skip::Name,
        Skip::Unreadable,
    ];

    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Skip::Hidden => "hidden",
            Skip::Installed => "installed",
            Skip::Worktree => "worktree",
            Skip::Lock => "lock",
            Skip::Minified => "minified",
            Skip::Generated => "generated",
            Skip::Binary => "binary",
            Skip::Data => "data",
            Skip::Large => "large",
            Skip::Link => "link",
            Skip::Special => "special",
            Skip::Name => "name",
            Skip::Unreadable => "unreadable",
        }
    }

    pub(super) fn code(self) -> u32 {
        self as u32
    }

    pub(super) fn coded(code: u32) -> Option<Skip> {
        Skip::ALL.into_iter().find(|skip| skip.code() == code)
    }
}
