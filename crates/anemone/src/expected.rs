//! What a feature takes, in words for people: in errors, in `inspect`, in usage.

use anemone_ir::program::ElementType;
use anemone_ir::{
    ArrayFeature, ColorSpace, FeatureKind, ImageFeature, ImageFlexibility, KeyKind,
    ShapeFlexibility, SizeRange,
};
use anemone_tensor::DataType;

/// Shapes that are listed before the rest is only counted.
const LISTED: usize = 16;

/// What a feature of this kind takes, such as `float32 [1, 3, 64, 64]`.
pub fn describe(kind: &FeatureKind) -> String {
    match kind {
        FeatureKind::Int64 => "an int64".to_owned(),
        FeatureKind::Double => "a double".to_owned(),
        FeatureKind::String => "a string".to_owned(),
        FeatureKind::Image(image) => format!("{} image {}", color(image.color), sizes(image)),
        FeatureKind::MultiArray(array) | FeatureKind::State(array) => {
            format!("{} {}", element(array.dtype), shapes(array))
        }
        FeatureKind::Dictionary(key) => format!("a dictionary from {} to doubles", keys(*key)),
        FeatureKind::Sequence { element, .. } => format!("a sequence of {}", keys(*element)),
        FeatureKind::Opaque(_) => "of a kind that is not known here".to_owned(),
    }
}

/// The element type as numpy calls it.
pub(crate) fn numpy_name(dtype: DataType) -> &'static str {
    match dtype {
        DataType::F16 => "float16",
        DataType::F32 => "float32",
        DataType::F64 => "float64",
        DataType::BF16 => "bfloat16",
        other => other.name(),
    }
}

fn element(dtype: ElementType) -> String {
    match dtype {
        ElementType::Known(dtype) => numpy_name(dtype).to_owned(),
        ElementType::Unknown(number) => format!("unknown element type {number}"),
    }
}

fn keys(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Int64 => "integers",
        KeyKind::String => "strings",
    }
}

fn color(space: ColorSpace) -> String {
    match space {
        ColorSpace::Grayscale => "grayscale".to_owned(),
        ColorSpace::Rgb => "RGB".to_owned(),
        ColorSpace::Bgr => "BGR".to_owned(),
        ColorSpace::GrayscaleF16 => "float16 grayscale".to_owned(),
        ColorSpace::Unknown(number) => format!("unknown color space {number}"),
    }
}

/// The shapes that an array may have.
pub(crate) fn shapes(array: &ArrayFeature) -> String {
    match &array.flexibility {
        ShapeFlexibility::Fixed if array.shape.is_empty() => "of any shape".to_owned(),
        ShapeFlexibility::Fixed => format!("{:?}", array.shape),
        ShapeFlexibility::Enumerated(shapes) => {
            listed(shapes.iter().map(|shape| format!("{shape:?}")))
        }
        ShapeFlexibility::Ranges(ranges) => {
            let sizes: Vec<String> = ranges.iter().map(range).collect();
            format!("[{}]", sizes.join(", "))
        }
    }
}

/// Why `shape` is not among the shapes of a flexible array, in Core ML's own words, which programs
/// look for; empty for an array of one shape.
pub(crate) fn refusal(array: &ArrayFeature, shape: &[usize]) -> String {
    match &array.flexibility {
        ShapeFlexibility::Fixed => String::new(),
        ShapeFlexibility::Enumerated(_) => {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            let sizes = sizes.join(" x ");
            format!(": MultiArray Shape ({sizes}) was not in enumerated set of allowed shapes")
        }
        ShapeFlexibility::Ranges(ranges) => {
            let mut sizes = shape.iter().zip(ranges).enumerate();
            match sizes.find(|(_, (size, range))| !range.contains(**size)) {
                Some((axis, (size, bounds))) => format!(
                    ": Size ({size}) of dimension ({axis}) is not in allowed range ({})",
                    range(bounds)
                ),
                None => String::new(),
            }
        }
    }
}

/// The sizes that an image may have, width first.
pub(crate) fn sizes(image: &ImageFeature) -> String {
    match &image.flexibility {
        ImageFlexibility::Fixed => format!("{} x {}", image.width, image.height),
        ImageFlexibility::Enumerated(sizes) => {
            listed(sizes.iter().map(|size| format!("{} x {}", size.width, size.height)))
        }
        ImageFlexibility::Ranges { width, height } => {
            let side = |bounds: &Option<SizeRange>, default: i64| match bounds {
                Some(bounds) => range(bounds),
                None => default.to_string(),
            };
            format!("{} x {}", side(width, image.width), side(height, image.height))
        }
    }
}

fn range(range: &SizeRange) -> String {
    match range.upper() {
        Some(upper) if upper == range.lower => upper.to_string(),
        Some(upper) => format!("{}..{upper}", range.lower),
        None => format!("{}..", range.lower),
    }
}

fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(LISTED);
    let mut text = items.take(LISTED).collect::<Vec<_>>().join(" or ");
    if more > 0 {
        text += &format!(" or {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flexible_shapes_are_told_as_they_are() {
        let fixed = ArrayFeature::fixed(ElementType::Known(DataType::F32), vec![1, 3]);
        let with = |flexibility| {
            describe(&FeatureKind::MultiArray(ArrayFeature { flexibility, ..fixed.clone() }))
        };
        assert_eq!(with(ShapeFlexibility::Fixed), "float32 [1, 3]");
        let two = ShapeFlexibility::Enumerated(vec![vec![1, 3], vec![2, 3]]);
        assert_eq!(with(two), "float32 [1, 3] or [2, 3]");
        let ranges = [(1, -1), (3, 3), (2, 8)].map(|(lower, upper)| SizeRange { lower, upper });
        assert_eq!(with(ShapeFlexibility::Ranges(ranges.to_vec())), "float32 [1.., 3, 2..8]");
    }
    #[test]
    fn a_refused_shape_is_told_in_core_mls_words() {
        let fixed = ArrayFeature::fixed(ElementType::Known(DataType::F32), Vec::new());
        let ranges = vec![SizeRange { lower: 1, upper: 1 }, SizeRange { lower: 3, upper: 5 }];
        let flexible = ArrayFeature { flexibility: ShapeFlexibility::Ranges(ranges), ..fixed };
        let told = refusal(&flexible, &[1, 99]);
        assert_eq!(told, ": Size (99) of dimension (1) is not in allowed range (3..5)");
    }
}
