//! The specification's numbers for element types, array types, colours and kinds of models.

use anemone_ir::ColorSpace;
use anemone_tensor::DataType;

const MIL_TYPES: [(i32, DataType); 22] = [
    (1, DataType::Bool),
    (2, DataType::String),
    (10, DataType::F16),
    (11, DataType::F32),
    (12, DataType::F64),
    (13, DataType::BF16),
    (21, DataType::I8),
    (22, DataType::I16),
    (23, DataType::I32),
    (24, DataType::I64),
    (25, DataType::I4),
    (31, DataType::U8),
    (32, DataType::U16),
    (33, DataType::U32),
    (34, DataType::U64),
    (35, DataType::U4),
    (36, DataType::U2),
    (37, DataType::U1),
    (38, DataType::U6),
    (39, DataType::U3),
    (40, DataType::F8E4M3FN),
    (41, DataType::F8E5M2),
];

const ARRAY_TYPES: [(i32, DataType); 5] = [
    (65552, DataType::F16),
    (65568, DataType::F32),
    (65600, DataType::F64),
    (131080, DataType::I8),
    (131104, DataType::I32),
];

const COLORS: [(i32, ColorSpace); 4] = [
    (10, ColorSpace::Grayscale),
    (20, ColorSpace::Rgb),
    (30, ColorSpace::Bgr),
    (40, ColorSpace::GrayscaleF16),
];

/// The fields of a model's `Type`, in which exactly one kind of model lies.
const BODIES: [(u32, &str); 37] = [
    (200, "pipelineClassifier"),
    (201, "pipelineRegressor"),
    (202, "pipeline"),
    (300, "glmRegressor"),
    (301, "supportVectorRegressor"),
    (302, "treeEnsembleRegressor"),
    (303, "neuralNetworkRegressor"),
    (304, "bayesianProbitRegressor"),
    (400, "glmClassifier"),
    (401, "supportVectorClassifier"),
    (402, "treeEnsembleClassifier"),
    (403, "neuralNetworkClassifier"),
    (404, "kNearestNeighborsClassifier"),
    (500, "neuralNetwork"),
    (501, "itemSimilarityRecommender"),
    (PROGRAM, "mlProgram"),
    (555, "customModel"),
    (556, "linkedModel"),
    (560, "classConfidenceThresholding"),
    (600, "oneHotEncoder"),
    (601, "imputer"),
    (602, "featureVectorizer"),
    (603, "dictVectorizer"),
    (604, "scaler"),
    (606, "categoricalMapping"),
    (607, "normalizer"),
    (609, "arrayFeatureExtractor"),
    (610, "nonMaximumSuppression"),
    (900, "identity"),
    (2000, "textClassifier"),
    (2001, "wordTagger"),
    (2002, "visionFeaturePrint"),
    (2003, "soundAnalysisPreprocessing"),
    (2004, "gazetteer"),
    (2005, "wordEmbedding"),
    (2006, "audioFeaturePrint"),
    (3000, "serializedModel"),
];

/// The field of `Type` that holds an ML program.
pub(crate) const PROGRAM: u32 = 502;

/// The name of a field of a model's `Type`.
pub(crate) fn body_name(field: u32) -> Option<&'static str> {
    BODIES.iter().find(|(n, _)| *n == field).map(|(_, name)| *name)
}

/// The element type with this number in MIL.
pub(crate) fn mil_type(number: i32) -> Option<DataType> {
    MIL_TYPES.iter().find(|(n, _)| *n == number).map(|(_, dtype)| *dtype)
}

/// The number of an element type in MIL.
pub(crate) fn mil_number(dtype: DataType) -> i32 {
    let entry = MIL_TYPES.iter().find(|(_, d)| *d == dtype);
    entry.expect("a test asks that the table has every type").0
}

/// The element type with this number among array features.
pub(crate) fn array_type(number: i32) -> Option<DataType> {
    ARRAY_TYPES.iter().find(|(n, _)| *n == number).map(|(_, dtype)| *dtype)
}

/// The number of an element type among array features; `None` where they cannot have it.
pub(crate) fn array_number(dtype: DataType) -> Option<i32> {
    ARRAY_TYPES.iter().find(|(_, d)| *d == dtype).map(|(n, _)| *n)
}

/// The colour space with this number.
pub(crate) fn color(number: i32) -> ColorSpace {
    let entry = COLORS.iter().find(|(n, _)| *n == number);
    entry.map_or(ColorSpace::Unknown(number), |(_, color)| *color)
}

/// The number of a colour space.
pub(crate) fn color_number(color: ColorSpace) -> i32 {
    match color {
        ColorSpace::Unknown(number) => number,
        known => COLORS.iter().find(|(_, c)| *c == known).map_or(0, |(n, _)| *n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_has_a_number_in_mil() {
        for &dtype in DataType::ALL {
            assert_eq!(mil_type(mil_number(dtype)), Some(dtype));
        }
    }
}
