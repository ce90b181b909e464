//! What a model says of itself: features of its functions, and metadata.

use std::collections::BTreeMap;

use crate::FeatureKind;
use crate::program::Extra;

/// Inputs, outputs, states and metadata of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Inputs of the only function.
    pub inputs: Vec<Feature>,
    /// Outputs of the only function.
    pub outputs: Vec<Feature>,
    /// States of the only function.
    pub states: Vec<Feature>,
    /// Functions, where the model has several; the lists above are then empty.
    pub functions: Vec<FunctionDescription>,
    /// The function that runs when none is named.
    pub default_function: String,
    /// A classifier's output for the likeliest class.
    pub predicted_feature_name: String,
    /// A classifier's output for the probability of every class.
    pub predicted_probabilities_name: String,
    /// Inputs for training on a device.
    pub training_inputs: Vec<Feature>,
    /// Author, licence and the like.
    pub metadata: Metadata,
    /// Unknown fields.
    pub extra: Extra,
}

/// Features of one function of a model that has several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionDescription {
    /// The function's name.
    pub name: String,
    /// Inputs.
    pub inputs: Vec<Feature>,
    /// Outputs.
    pub outputs: Vec<Feature>,
    /// States.
    pub states: Vec<Feature>,
    /// A classifier's output for the likeliest class.
    pub predicted_feature_name: String,
    /// A classifier's output for the probability of every class.
    pub predicted_probabilities_name: String,
    /// Unknown fields.
    pub extra: Extra,
}

/// A named and typed input, output or state.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// The name.
    pub name: String,
    /// Free text.
    pub doc: String,
    /// What values it takes.
    pub kind: FeatureKind,
    /// Whether a caller may leave it out.
    pub optional: bool,
    /// Unknown fields.
    pub extra: Extra,
}

/// What people say about a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// A short description.
    pub doc: String,
    /// The model's own version.
    pub version: String,
    /// Who made it.
    pub author: String,
    /// Its licence.
    pub license: String,
    /// Anything else, by name.
    pub user_defined: BTreeMap<String, String>,
    /// Unknown fields.
    pub extra: Extra,
}

/// The features of one function, however the description stores them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features<'a> {
    /// Inputs.
    pub inputs: &'a [Feature],
    /// Outputs.
    pub outputs: &'a [Feature],
    /// States.
    pub states: &'a [Feature],
    /// A classifier's output for the likeliest class; empty for other models.
    pub predicted_feature_name: &'a str,
    /// A classifier's output for the probability of every class; empty for other models.
    pub predicted_probabilities_name: &'a str,
}

impl Description {
    /// The function that runs when none is named.
    pub fn default_function_name(&self) -> &str {
        match self.functions.first() {
            _ if !self.default_function.is_empty() => &self.default_function,
            Some(first) => &first.name,
            None => "main",
        }
    }

    /// The features of `function`, or of the default one; `None` where it is not described.
    pub fn features(&self, function: Option<&str>) -> Option<Features<'_>> {
        let name = function.unwrap_or_else(|| self.default_function_name());
        if self.functions.is_empty() {
            return (name == self.default_function_name()).then_some(Features {
                inputs: &self.inputs,
                outputs: &self.outputs,
                states: &self.states,
                predicted_feature_name: &self.predicted_feature_name,
                predicted_probabilities_name: &self.predicted_probabilities_name,
            });
        }
        self.functions.iter().find(|f| f.name == name).map(|f| Features {
            inputs: &f.inputs,
            outputs: &f.outputs,
            states: &f.states,
            predicted_feature_name: &f.predicted_feature_name,
            predicted_probabilities_name: &f.predicted_probabilities_name,
        })
    }
}

impl Feature {
    /// A feature that callers must give, without doc.
    pub fn new(name: impl Into<String>, kind: FeatureKind) -> Feature {
        Feature {
            name: name.into(),
            doc: String::new(),
            kind,
            optional: false,
            extra: Extra::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_come_from_the_only_function_or_the_named_one() {
        let mut description = Description::default();
        description.inputs.push(Feature::new("x", FeatureKind::Int64));
        assert_eq!(description.features(None).unwrap().inputs.len(), 1);
        assert_eq!(description.features(Some("main")).unwrap().inputs.len(), 1);
        assert_eq!(description.features(Some("other")), None);
        description.functions =
            vec![FunctionDescription { name: "f".to_owned(), ..Default::default() }];
        assert_eq!(description.features(None).unwrap().inputs, []);
        assert_eq!(description.features(Some("main")), None);
    }
}
