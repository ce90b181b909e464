//! Descriptions: features of functions, and metadata.

use anemone_ir::{Description, Feature, FunctionDescription, Metadata};

use super::feature::feature_type;
use super::program::Context;
use crate::wire::Writer;

pub(super) fn description(w: &mut Writer, description: &Description, context: &Context<'_>) {
    features(w, 1, &description.inputs, context);
    features(w, 10, &description.outputs, context);
    w.string(11, &description.predicted_feature_name);
    w.string(12, &description.predicted_probabilities_name);
    features(w, 13, &description.states, context);
    for held in &description.functions {
        w.message(20, |w| function(w, held, context));
    }
    w.string(21, &description.default_function);
    features(w, 50, &description.training_inputs, context);
    w.full_message(100, |w| metadata(w, &description.metadata));
    w.raw(&description.extra);
}

fn function(w: &mut Writer, function: &FunctionDescription, context: &Context<'_>) {
    w.string(1, &function.name);
    features(w, 2, &function.inputs, context);
    features(w, 3, &function.outputs, context);
    w.string(4, &function.predicted_feature_name);
    w.string(5, &function.predicted_probabilities_name);
    features(w, 6, &function.states, context);
    w.raw(&function.extra);
}

fn features(w: &mut Writer, number: u32, features: &[Feature], context: &Context<'_>) {
    for feature in features {
        w.message(number, |w| {
            w.string(1, &feature.name);
            w.string(2, &feature.doc);
            w.full_message(3, |w| feature_type(w, feature, context));
            w.raw(&feature.extra);
        });
    }
}

fn metadata(w: &mut Writer, metadata: &Metadata) {
    w.string(1, &metadata.doc);
    w.string(2, &metadata.version);
    w.string(3, &metadata.author);
    w.string(4, &metadata.license);
    for (name, text) in &metadata.user_defined {
        w.message(100, |w| {
            w.bytes(1, name.as_bytes());
            w.bytes(2, text.as_bytes());
        });
    }
    w.raw(&metadata.extra);
}
