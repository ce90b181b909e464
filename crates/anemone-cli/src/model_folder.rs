//! Where the model of texts is: named by the user, beside the program, or in the repository.

use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anemone::engine::Rounding;
use anemone::runtime::{Config, Manager};
use anemone::{Engines, ModelLoader};
use anemone_embed::Embedder;

use crate::exit::Failure;

/// The model that is used unless the user names another.
const DEFAULT: &str = "all-MiniLM-L6-v2";

/// Loads the model in the folder that the user names, or the default one.
pub(crate) fn open(
    named: Option<&Path>,
    threads: Option<NonZeroUsize>,
) -> Result<Embedder, Failure> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => find(&places())?,
    };
    let engines = Arc::new(Engines::new(threads)?);
    // A person waits, and may stop it any time: nothing has a time limit.
    let config = Config { default_time_limit: None, ..Config::default() };
    let manager = Manager::new(config, Arc::new(ModelLoader::new(engines, Rounding::default())));
    Ok(Embedder::open(&manager, &folder)?)
}

/// Where the default model may be, the likeliest first: beside the program and above it (a program
/// that cargo built lies in its repository), above the working folder, and where it was built.
fn places() -> Vec<PathBuf> {
    let program = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let working = env::current_dir().ok();
    let beside = program.as_deref().and_then(Path::parent);
    let mut places: Vec<PathBuf> = Vec::new();
    places.extend(beside.map(|folder| folder.join("../share/anemone/models").join(DEFAULT)));
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let starts = [beside, working.as_deref(), Some(built)];
    for folder in starts.into_iter().flatten().flat_map(Path::ancestors) {
        places.push(folder.join("models").join(DEFAULT));
    }
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
}

fn find(places: &[PathBuf]) -> Result<PathBuf, Failure> {
    let found = places.iter().find(|place| place.join("model.mlpackage").exists());
    found.cloned().ok_or_else(|| {
        let looked: Vec<String> =
            places.iter().map(|place| format!("`{}`", place.display())).collect();
        Failure::new(format!("the model {DEFAULT} is in none of {}", looked.join(", ")))
            .hint("name a folder with `model.mlpackage` and `tokenizer.json` by --model")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_where_it_looked() {
        let failure = find(&["no/such".into(), "nor/this".into()]).unwrap_err();
        assert!(failure.message().ends_with("is in none of `no/such`, `nor/this`"));
        assert!(find(&places()).is_ok(), "the repository has the model");
    }
}
