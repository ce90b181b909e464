//! `anemone inspect --write-probes`: the models that a Mac is asked about, with their inputs.

use std::path::Path;

use anemone::engine::Value;
use anemone::formats::{self, WriteOptions};
use serde_json::json;

use crate::exit::Failure;
use crate::files;
use crate::npz::{self, Arrays};

/// Writes each probe as a package, and its inputs beside it.
pub(crate) fn write(folder: &Path, json: bool) -> Result<String, Failure> {
    files::create_folder(folder)?;
    let (mut archives, mut told) = (Vec::new(), Vec::new());
    for probe in anemone::probes() {
        let path = folder.join(probe.name).with_extension("mlpackage");
        // A probe is always the same, so an older one is no loss.
        let options = WriteOptions { overwrite: true };
        formats::write(&probe.package, &path, &options).map_err(anemone::Error::from)?;
        let inputs: Arrays = probe
            .inputs
            .into_iter()
            .filter_map(|(name, value)| match value {
                Value::Tensor(array) => Some((name, array)),
                _ => None,
            })
            .collect();
        let archive = npz::write(&inputs);
        let archive = archive.map_err(|e| Failure::new(format!("cannot write inputs: {e}")))?;
        archives.push((path.with_extension("npz"), archive));
        told.push((path.display().to_string(), probe.question));
    }
    files::write_all(&archives)?;
    Ok(match json {
        true => {
            let list: Vec<_> =
                told.iter().map(|(path, asks)| json!({ "path": path, "asks": asks })).collect();
            format!("{}\n", json!({ "written": list }))
        }
        false => told.iter().map(|(path, asks)| format!("{path}: {asks}\n")).collect(),
    })
}
