//! Descriptions: features of functions, and metadata.

use anemone_ir::{Description, Feature, FeatureKind, FunctionDescription, Metadata};

use super::feature::feature_type;
use super::program::entry;
use crate::fault::{Outcome, Within};
use crate::wire::{Slot, View, Wire};

pub(super) fn description(view: &View) -> Outcome<Description> {
    let mut description = Description::default();
    let mut described = Slot::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => description.inputs.push(feature(v)?),
            (10, Wire::Bytes(v)) => description.outputs.push(feature(v)?),
            (11, Wire::Bytes(v)) => description.predicted_feature_name = v.text()?,
            (12, Wire::Bytes(v)) => description.predicted_probabilities_name = v.text()?,
            (13, Wire::Bytes(v)) => description.states.push(feature(v)?),
            (20, Wire::Bytes(v)) => description.functions.push(function(v)?),
            (21, Wire::Bytes(v)) => description.default_function = v.text()?,
            (50, Wire::Bytes(v)) => description.training_inputs.push(feature(v)?),
            (100, Wire::Bytes(v)) => described.add(v),
            _ => field.keep(&mut description.extra),
        }
    }
    if let Some(view) = described.take_full(100, &mut description.extra) {
        description.metadata = metadata(&view).within(|| "metadata".to_owned())?;
    }
    Ok(description)
}

fn function(view: &View) -> Outcome<FunctionDescription> {
    let mut function = FunctionDescription::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => function.name = v.text()?,
            (2, Wire::Bytes(v)) => function.inputs.push(feature(v)?),
            (3, Wire::Bytes(v)) => function.outputs.push(feature(v)?),
            (4, Wire::Bytes(v)) => function.predicted_feature_name = v.text()?,
            (5, Wire::Bytes(v)) => function.predicted_probabilities_name = v.text()?,
            (6, Wire::Bytes(v)) => function.states.push(feature(v)?),
            _ => field.keep(&mut function.extra),
        }
    }
    Ok(function)
}

fn feature(view: &View) -> Outcome<Feature> {
    let mut feature = Feature::new("", FeatureKind::Opaque(Vec::new()));
    let mut ty = Slot::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => feature.name = v.text()?,
            (2, Wire::Bytes(v)) => feature.doc = v.text()?,
            (3, Wire::Bytes(v)) => ty.add(v),
            _ => field.keep(&mut feature.extra),
        }
    }
    if let Some(view) = ty.take_full(3, &mut feature.extra) {
        let read = feature_type(&view).within(|| format!("feature `{}`", feature.name))?;
        (feature.kind, feature.optional) = read;
    }
    Ok(feature)
}

fn metadata(view: &View) -> Outcome<Metadata> {
    let mut metadata = Metadata::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => metadata.doc = v.text()?,
            (2, Wire::Bytes(v)) => metadata.version = v.text()?,
            (3, Wire::Bytes(v)) => metadata.author = v.text()?,
            (4, Wire::Bytes(v)) => metadata.license = v.text()?,
            (100, Wire::Bytes(v)) => {
                let (name, view) = entry(v)?;
                metadata.user_defined.insert(name, view.text()?);
            }
            _ => field.keep(&mut metadata.extra),
        }
    }
    Ok(metadata)
}
