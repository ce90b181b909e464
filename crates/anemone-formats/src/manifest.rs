//! `Manifest.json`: which files a package holds and which of them is the model.

use serde_json::Value;

use crate::errors::ManifestFault;
use crate::paths;

/// A manifest whose items lie inside the package. Keys that are unknown here are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    json: Value,
    /// The model file's path below `Data`.
    pub(crate) model: String,
    /// The paths of the other items.
    pub(crate) items: Vec<String>,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Result<Manifest, ManifestFault> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| ManifestFault::Syntax { reason: error.to_string() })?;
        let key = |key: &str| ManifestFault::Key { key: key.to_owned() };
        let root = json.get(ROOT).and_then(Value::as_str).ok_or_else(|| key(ROOT))?;
        let entries = json.get(ITEMS).and_then(Value::as_object).ok_or_else(|| key(ITEMS))?;
        let (mut model, mut items) = (None, Vec::new());
        for (identifier, item) in entries {
            let path = item.get("path").and_then(Value::as_str);
            let path = path.ok_or_else(|| key(&format!("{ITEMS}.{identifier}.path")))?;
            let path = path.trim_end_matches('/').to_owned();
            if !paths::is_plain(&path) {
                return Err(ManifestFault::Outside { item: path });
            }
            if identifier == root {
                model = Some(path);
            } else {
                items.push(path);
            }
        }
        let identifier = root.to_owned();
        let model = model.ok_or(ManifestFault::NoRoot { identifier })?;
        Ok(Manifest { json, model, items })
    }
}

const ROOT: &str = "rootModelIdentifier";
const ITEMS: &str = "itemInfoEntries";
