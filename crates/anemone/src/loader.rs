//! The manager's way to models: it sees plans only, and this is where they come from.

use std::path::Path;
use std::sync::Arc;

use anemone_engine::{Precision, Rounding};
use anemone_ir::{Feature, FeatureKind, ShapeFlexibility};
use anemone_runtime::{Compilation, EngineInfo, Identity, LoadError, Loaded, Loader, Shapes, Unit};

use crate::{Device, EngineChoice, Engines, Error, LoadOptions, Model, load};

/// Loads models of any format for a manager, on engines that all of them share.
///
/// A plan takes and gives tensors: images, labels and default values are those of [`Model`].
pub struct ModelLoader {
    engines: Arc<Engines>,
    rounding: Rounding,
}

impl ModelLoader {
    /// A loader of models that run on `engines`, whose results are rounded to `rounding`.
    pub fn new(engines: Arc<Engines>, rounding: Rounding) -> ModelLoader {
        ModelLoader { engines, rounding }
    }
}

impl Loader for ModelLoader {
    fn engines(&self) -> Vec<EngineInfo> {
        let present = self.engines.present();
        let told = present.iter().map(|engine| EngineInfo {
            name: engine.name().to_owned(),
            unit: Unit::Cpu,
            machine: self.engines.machine(),
            precisions: vec![Precision::Exact],
        });
        told.collect()
    }

    fn absent(&self) -> Vec<(Unit, String)> {
        let absent = self.engines.absent();
        absent.into_iter().map(|(unit, why)| (unit, why.to_owned())).collect()
    }

    fn identify(&self, path: &Path) -> Result<Identity, LoadError> {
        let content = anemone_formats::content(path);
        let content = content.map_err(|error| told(path, &Error::from(error)))?;
        Ok(Identity { hash: content.hash, bytes: content.bytes })
    }

    fn load(&self, path: &Path, options: &Compilation<'_>) -> Result<Loaded, LoadError> {
        // The manager names the engine, and the CPU's is the only one so far.
        let options = LoadOptions {
            engine: EngineChoice::Cpu,
            device: Device::CpuOnly,
            function: options.function.map(str::to_owned),
            precision: options.precision,
            rounding: self.rounding,
        };
        let model = load(&self.engines, path, &options).map_err(|error| told(path, &error))?;
        Ok(Loaded { plan: model.plan().clone(), shapes: shapes(&model) })
    }
}

fn told(path: &Path, error: &Error) -> LoadError {
    LoadError {
        path: path.to_owned(),
        kind: error.kind(),
        message: error.told(),
        hint: error.hint().map(str::to_owned),
    }
}

/// For each input of the plan the shapes that the model's description permits.
fn shapes(model: &Model) -> Vec<Shapes> {
    let ports = &model.plan().signature().inputs;
    let feature = |name: &str| model.inputs().iter().find(|feature| feature.name == name);
    ports.iter().map(|port| feature(&port.name).map(permitted).unwrap_or_default()).collect()
}

fn permitted(feature: &Feature) -> Shapes {
    let FeatureKind::MultiArray(array) = &feature.kind else { return Shapes::Any };
    match &array.flexibility {
        ShapeFlexibility::Fixed => Shapes::Any,
        ShapeFlexibility::Enumerated(shapes) => {
            let sizes = |shape: &Vec<i64>| {
                shape.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>()
            };
            Shapes::Listed(shapes.iter().filter_map(sizes).collect())
        }
        ShapeFlexibility::Ranges(ranges) => {
            let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
            let range = |lower, upper: i64| {
                let upper = u64::try_from(upper).map_or(usize::MAX, size);
                size(lower)..=upper
            };
            Shapes::Ranges(ranges.iter().map(|own| range(own.lower, own.upper)).collect())
        }
    }
}
