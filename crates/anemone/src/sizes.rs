//! The sizes of free dimensions where nobody gives them: those that the model's description suggests.

use anemone_ir::{Bindings, CheckedFunction, Feature, FeatureKind, Symbol, SymbolOrigin};

/// A free dimension of an input.
pub(crate) struct FreeSize<'a> {
    pub(crate) symbol: Symbol,
    pub(crate) input: &'a str,
    pub(crate) axis: usize,
    /// The size at the input's default shape, if the description has one.
    pub(crate) default: Option<i64>,
}

/// The free dimensions of a function's inputs.
pub(crate) fn free<'a>(
    function: &'a CheckedFunction,
    inputs: &'a [Feature],
) -> impl Iterator<Item = FreeSize<'a>> {
    let numbered = (0u32..).zip(function.symbols());
    numbered.filter_map(move |(number, origin)| {
        let SymbolOrigin::Input { name, axis } = origin else { return None };
        let feature = inputs.iter().find(|feature| feature.name == *name);
        let default = feature.and_then(|feature| default_size(&feature.kind, *axis));
        Some(FreeSize { symbol: Symbol(number), input: name, axis: *axis, default })
    })
}

/// The sizes of free dimensions at the default shapes of the inputs.
pub(crate) fn defaults(function: &CheckedFunction, inputs: &[Feature]) -> Bindings {
    let mut bindings = Bindings::default();
    for size in free(function, inputs) {
        if let Some(default) = size.default {
            bindings.insert(size.symbol, default);
        }
    }
    bindings
}

fn default_size(kind: &FeatureKind, axis: usize) -> Option<i64> {
    match kind {
        FeatureKind::MultiArray(array) => i64::try_from(*array.default_shape()?.get(axis)?).ok(),
        FeatureKind::Image(image) => match axis {
            2 => Some(image.height),
            3 => Some(image.width),
            _ => None,
        },
        _ => None,
    }
}
