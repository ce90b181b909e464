//! `Manifest.json`: which files a package holds and which of them is the model.

use serde_json::{Value, json};

use crate::errors::ManifestFault;
use crate::paths;

const ROOT: &str = "rootModelIdentifier";
const ITEMS: &str = "itemInfoEntries";
const AUTHOR: &str = "com.apple.CoreML";

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

    /// The manifest of a package that holds only a model so far.
    pub(crate) fn fresh() -> Manifest {
        let model = format!("{AUTHOR}/model.mlmodel");
        let root = identifier(&model);
        let json = json!({
            "fileFormatVersion": "1.0.0",
            ITEMS: {
                &root: {
                    "author": AUTHOR,
                    "description": "CoreML Model Specification",
                    "name": "model.mlmodel",
                    "path": &model,
                },
            },
            ROOT: &root,
        });
        Manifest { json, model, items: Vec::new() }
    }

    /// The model file's folder below `Data`, with a slash at its end; empty for `Data` itself.
    pub(crate) fn folder(&self) -> &str {
        self.model.rfind('/').map_or("", |slash| &self.model[..=slash])
    }

    /// Lists the weight file at `path`, unless an item has it already.
    pub(crate) fn add_weights(&mut self, path: &str) {
        let within = |item: &String| {
            path.strip_prefix(item.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        if self.items.iter().any(within) {
            return;
        }
        let folder = self.folder().to_owned();
        let below = path.strip_prefix(&folder).unwrap_or(path);
        let name = below.split('/').next().unwrap_or(below);
        let item = format!("{}{name}", &path[..path.len() - below.len()]);
        if let Some(Value::Object(entries)) = self.json.get_mut(ITEMS) {
            let entry = json!({
                "author": AUTHOR,
                "description": "CoreML Model Weights",
                "name": name,
                "path": &item,
            });
            entries.insert(identifier(&item), entry);
        }
        self.items.push(item);
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        format!("{:#}\n", self.json)
    }
}

/// An identifier in the form of a UUID. It only has to be unique within its package, and that it
/// follows from the path makes writing repeatable.
fn identifier(path: &str) -> String {
    let hash = |seed: u64| {
        path.bytes()
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    let digits =
        format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15));
    let part = |range: std::ops::Range<usize>| &digits[range];
    format!("{}-{}-8{}-8{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_manifest_is_read_again() {
        let mut manifest = Manifest::fresh();
        manifest.add_weights("com.apple.CoreML/weights/weight.bin");
        manifest.add_weights("com.apple.CoreML/weights/more.bin");
        assert_eq!(manifest.items, ["com.apple.CoreML/weights"]);
        let again = Manifest::parse(&manifest.text()).unwrap();
        assert_eq!(again, manifest);
        assert_eq!(again.folder(), "com.apple.CoreML/");
    }

    #[test]
    fn paths_that_leave_the_package_are_refused() {
        for path in ["../x", "/etc/passwd", "a/../../b", "", ".", "a\\..\\b", "a\u{0}b"] {
            let mut manifest = Manifest::fresh();
            manifest.add_weights("w.bin");
            let text = manifest.text().replace("\"path\": \"w.bin\"", "\"path\": PATH");
            let text = text.replace("PATH", &Value::from(path).to_string());
            let found = Manifest::parse(&text);
            assert!(matches!(found, Err(ManifestFault::Outside { .. })), "{path}: {found:?}");
        }
    }

    #[test]
    fn missing_parts_are_named() {
        let fault = |text: &str| Manifest::parse(text).unwrap_err().to_string();
        assert!(fault("{").contains("JSON"));
        assert!(fault("{}").contains(ROOT));
        assert!(fault(r#"{"rootModelIdentifier": "a"}"#).contains(ITEMS));
        let text = r#"{"rootModelIdentifier": "a", "itemInfoEntries": {"b": {"path": "x"}}}"#;
        assert!(fault(text).contains("`a`"));
        assert!(fault(&"[".repeat(100_000)).contains("JSON"));
    }
}
