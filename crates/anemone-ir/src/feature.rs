//! Kinds of features, and which shapes and sizes a flexible one takes.

use crate::program::{ElementType, Extra};

/// What values a feature takes.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureKind {
    /// A 64-bit integer.
    Int64,
    /// A 64-bit float.
    Double,
    /// Text.
    String,
    /// An image.
    Image(ImageFeature),
    /// A dense array.
    MultiArray(ArrayFeature),
    /// A dictionary of floats.
    Dictionary(KeyKind),
    /// A sequence of integers or strings.
    Sequence {
        /// The elements' kind.
        element: KeyKind,
        /// The lengths that it may have; absent where the file sets no bound.
        length: Option<SizeRange>,
    },
    /// A state that lives from one run to the next.
    State(ArrayFeature),
    /// An encoded kind that this version cannot read; empty where the kind is missing.
    Opaque(Vec<u8>),
}

/// What identifies an entry of a dictionary, or stands in a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// 64-bit integers.
    Int64,
    /// Text.
    String,
}

/// A dense array, of one shape or of several.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayFeature {
    /// The element type; an unknown one by its number among array types.
    pub dtype: ElementType,
    /// The default shape; empty where the file leaves it out.
    pub shape: Vec<i64>,
    /// Which other shapes are taken.
    pub flexibility: ShapeFlexibility,
    /// What an optional input holds when it is left out.
    pub default: Option<DefaultValue>,
    /// Unknown fields.
    pub extra: Extra,
}

/// Which shapes an array takes beside its default one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ShapeFlexibility {
    /// None.
    #[default]
    Fixed,
    /// These.
    Enumerated(Vec<Vec<i64>>),
    /// Any within a range for each dimension.
    Ranges(Vec<SizeRange>),
}

/// A lower and an upper bound, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeRange {
    /// The smallest size.
    pub lower: u64,
    /// The largest size as the file says it: negative where there is none.
    pub upper: i64,
}

/// The element that fills an optional input when it is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum DefaultValue {
    Int(i32),
    Float(f32),
    Double(f64),
}

/// An image, of one size or of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFeature {
    /// The default width.
    pub width: i64,
    /// The default height.
    pub height: i64,
    /// The channels.
    pub color: ColorSpace,
    /// Which other sizes are taken.
    pub flexibility: ImageFlexibility,
    /// Unknown fields.
    pub extra: Extra,
}

/// Which sizes an image takes beside its default one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImageFlexibility {
    /// None.
    #[default]
    Fixed,
    /// These.
    Enumerated(Vec<ImageSize>),
    /// Any within these ranges; an absent one means the default size.
    Ranges {
        /// Widths.
        width: Option<SizeRange>,
        /// Heights.
        height: Option<SizeRange>,
    },
}

/// A width and a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageSize {
    /// The width.
    pub width: u64,
    /// The height.
    pub height: u64,
}

/// Channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorSpace {
    /// One 8-bit channel.
    Grayscale,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One half-float channel.
    GrayscaleF16,
    /// The number of one that this version does not know; 0 where the file leaves it out.
    Unknown(i32),
}

impl ArrayFeature {
    /// An array of one shape; of any, where `shape` is empty.
    pub fn fixed(dtype: ElementType, shape: Vec<i64>) -> ArrayFeature {
        ArrayFeature {
            dtype,
            shape,
            flexibility: ShapeFlexibility::Fixed,
            default: None,
            extra: Extra::new(),
        }
    }

    /// Whether an array of `shape` is taken; any is where the file sets none.
    pub fn allows(&self, shape: &[usize]) -> bool {
        match &self.flexibility {
            ShapeFlexibility::Fixed => self.shape.is_empty() || same(&self.shape, shape),
            ShapeFlexibility::Enumerated(shapes) => shapes.iter().any(|s| same(s, shape)),
            ShapeFlexibility::Ranges(ranges) => {
                ranges.len() == shape.len()
                    && ranges.iter().zip(shape).all(|(range, &size)| range.contains(size))
            }
        }
    }

    /// The shape that the file suggests: its default, or the first or smallest allowed one.
    pub fn default_shape(&self) -> Option<Vec<usize>> {
        let sizes = |shape: &[i64]| shape.iter().map(|&d| usize::try_from(d).ok()).collect();
        match &self.flexibility {
            _ if !self.shape.is_empty() => sizes(&self.shape),
            ShapeFlexibility::Fixed => None,
            ShapeFlexibility::Enumerated(shapes) => sizes(shapes.first()?),
            ShapeFlexibility::Ranges(ranges) => {
                ranges.iter().map(|r| usize::try_from(r.lower).ok()).collect()
            }
        }
    }
}

impl ImageFeature {
    /// Whether an image of this size is taken.
    pub fn allows(&self, width: usize, height: usize) -> bool {
        let is = |default: i64, size: usize| i64::try_from(size) == Ok(default);
        let within = |range: &Option<SizeRange>, default: i64, size: usize| match range {
            Some(range) => range.contains(size),
            None => is(default, size),
        };
        match &self.flexibility {
            ImageFlexibility::Fixed => is(self.width, width) && is(self.height, height),
            ImageFlexibility::Enumerated(sizes) => {
                sizes.iter().any(|s| s.width == width as u64 && s.height == height as u64)
            }
            ImageFlexibility::Ranges { width: w, height: h } => {
                within(w, self.width, width) && within(h, self.height, height)
            }
        }
    }
}

impl SizeRange {
    /// The largest size, if there is one.
    pub fn upper(&self) -> Option<u64> {
        u64::try_from(self.upper).ok()
    }

    /// Whether `size` lies within the bounds.
    pub fn contains(&self, size: usize) -> bool {
        let size = size as u64;
        size >= self.lower && self.upper().is_none_or(|upper| size <= upper)
    }
}

fn same(declared: &[i64], shape: &[usize]) -> bool {
    declared.len() == shape.len()
        && declared.iter().zip(shape).all(|(&d, &size)| i64::try_from(size) == Ok(d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anemone_tensor::DataType;

    fn array(shape: &[i64], flexibility: ShapeFlexibility) -> ArrayFeature {
        let fixed = ArrayFeature::fixed(ElementType::Known(DataType::F32), shape.to_vec());
        ArrayFeature { flexibility, ..fixed }
    }

    #[test]
    fn a_fixed_shape_takes_itself_and_none_takes_all() {
        let fixed = array(&[1, 3], ShapeFlexibility::Fixed);
        assert!(fixed.allows(&[1, 3]) && !fixed.allows(&[1, 4]) && !fixed.allows(&[1]));
        assert_eq!(fixed.default_shape(), Some(vec![1, 3]));
        let any = array(&[], ShapeFlexibility::Fixed);
        assert!(any.allows(&[7, 7]));
        assert_eq!(any.default_shape(), None);
        assert_eq!(array(&[-1], ShapeFlexibility::Fixed).default_shape(), None);
    }

    #[test]
    fn enumerated_shapes_take_only_what_they_list() {
        let feature = array(&[], ShapeFlexibility::Enumerated(vec![vec![2, 2], vec![4, 4]]));
        assert!(feature.allows(&[4, 4]) && !feature.allows(&[2, 4]));
        assert_eq!(feature.default_shape(), Some(vec![2, 2]));
    }

    #[test]
    fn ranges_may_have_no_upper_bound() {
        let ranges = vec![SizeRange { lower: 1, upper: -1 }, SizeRange { lower: 2, upper: 3 }];
        let feature = array(&[], ShapeFlexibility::Ranges(ranges));
        assert!(feature.allows(&[1_000_000, 3]));
        assert!(!feature.allows(&[0, 3]) && !feature.allows(&[1, 4]) && !feature.allows(&[1]));
        assert_eq!(feature.default_shape(), Some(vec![1, 2]));
    }

    #[test]
    fn image_sizes_fall_back_on_the_default() {
        let flexibility = ImageFlexibility::Ranges {
            width: Some(SizeRange { lower: 8, upper: 16 }),
            height: None,
        };
        let image = ImageFeature {
            width: 8,
            height: 4,
            color: ColorSpace::Rgb,
            flexibility,
            extra: Extra::new(),
        };
        assert!(image.allows(16, 4) && !image.allows(16, 5) && !image.allows(17, 4));
    }
}
