//! `anemone convert`: reads a model and writes it back.

use anemone::formats::{self, WriteError, WriteOptions};
use serde_json::json;

use crate::arguments::ConvertArguments;
use crate::exit::Failure;

/// Writes the model that was read to its new place.
pub(crate) fn convert(arguments: &ConvertArguments, json: bool) -> Result<String, Failure> {
    let package = formats::read(&arguments.input).map_err(anemone::Error::from)?;
    let options = WriteOptions { overwrite: arguments.force };
    match formats::write(&package, &arguments.output, &options) {
        Err(WriteError::Exists { path }) => {
            let message = format!("`{}` exists already", path.display());
            return Err(Failure::new(message).hint("`--force` replaces a model that is there"));
        }
        written => written.map_err(anemone::Error::from)?,
    }
    let path = arguments.output.display().to_string();
    Ok(match json {
        true => format!("{}\n", json!({ "written": path })),
        false => format!("wrote {path}\n"),
    })
}
