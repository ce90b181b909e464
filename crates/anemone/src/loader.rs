//! The manager's way to models: it sees plans only, and this is where they come from.

use std::path::Path;
use std::sync::Arc;

use anemone_ir::{Feature, FeatureKind, ShapeFlexibility};
use anemone_runtime::{LoadError, Loaded, Loader};

use crate::{Engines, Error, LoadOptions, Model, load};

/// Loads models of any format for a manager, on engines that all of them share.
///
/// A plan takes and gives tensors: images, labels and default values are those of [`Model`].
pub struct ModelLoader {
    engines: Arc<Engines>,
    options: LoadOptions,
}

impl ModelLoader {
    /// A loader of models that run on `engines` as `options` say.
    pub fn new(engines: Arc<Engines>, options: LoadOptions) -> ModelLoader {
        ModelLoader { engines, options }
    }

    fn loaded(&self, path: &Path) -> Result<Loaded, Error> {
        let model = load(&self.engines, path, &self.options)?;
        let hash = anemone_formats::content_hash(path)?;
        Ok(Loaded { plan: model.plan().clone(), shapes: shapes(&model), hash })
    }
}

impl Loader for ModelLoader {
    fn load(&self, path: &Path) -> Result<Loaded, LoadError> {
        self.loaded(path).map_err(|error| LoadError {
            path: path.to_owned(),
            kind: error.kind(),
            message: error.told(),
            hint: error.hint().map(str::to_owned),
        })
    }
}

/// For each input of the plan the shapes that the model's description lists.
fn shapes(model: &Model) -> Vec<Vec<Vec<usize>>> {
    let ports = &model.plan().signature().inputs;
    let feature = |name: &str| model.inputs().iter().find(|feature| feature.name == name);
    ports.iter().map(|port| feature(&port.name).map(listed).unwrap_or_default()).collect()
}

fn listed(feature: &Feature) -> Vec<Vec<usize>> {
    let FeatureKind::MultiArray(array) = &feature.kind else { return Vec::new() };
    let ShapeFlexibility::Enumerated(shapes) = &array.flexibility else { return Vec::new() };
    let sizes = |shape: &Vec<i64>| shape.iter().map(|&size| usize::try_from(size).ok()).collect();
    shapes.iter().filter_map(sizes).collect()
}
