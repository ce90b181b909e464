//! Reads the settings' file, and the environment beside it.
#![allow(clippy::disallowed_methods, reason = "settings come from a file that the user names")]

use std::path::Path;

use super::{Config, ConfigErrors, sources};

impl Config {
    /// The defaults, over them the TOML `file`, over it environment variables: `ANEMONE_GRACE`,
    /// `ANEMONE_QUEUE__REQUESTS`. A variable `ANEMONE_…` that is like no setting belongs to
    /// somebody else, and says nothing. All faults are told at once.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigErrors> {
        let text = file.map(|path| (path, std::fs::read_to_string(path)));
        sources::merge(text, std::env::vars_os())
    }
}
