//! Kinds of features.

use anemone_ir::program::ElementType;
use anemone_ir::{ArrayFeature, DefaultValue, Feature, FeatureKind, ImageFeature};
use anemone_ir::{ImageFlexibility, KeyKind, ShapeFlexibility, SizeRange};

use super::program::Context;
use crate::errors::EncodeFault;
use crate::numbers;
use crate::wire::Writer;

pub(super) fn feature_type(w: &mut Writer, feature: &Feature, context: &Context<'_>) {
    let held = |w: &mut Writer, kind: &ArrayFeature| array(w, kind, feature, context);
    match &feature.kind {
        FeatureKind::Int64 => w.bytes(1, &[]),
        FeatureKind::Double => w.bytes(2, &[]),
        FeatureKind::String => w.bytes(3, &[]),
        FeatureKind::Image(kind) => w.message(4, |w| image(w, kind)),
        FeatureKind::MultiArray(kind) => w.message(5, |w| held(w, kind)),
        FeatureKind::Dictionary(KeyKind::Int64) => w.message(6, |w| w.bytes(1, &[])),
        FeatureKind::Dictionary(KeyKind::String) => w.message(6, |w| w.bytes(2, &[])),
        FeatureKind::Sequence { element, length } => w.message(7, |w| {
            w.bytes(if *element == KeyKind::Int64 { 1 } else { 3 }, &[]);
            optional_range(w, 101, length);
        }),
        FeatureKind::State(kind) => w.message(8, |w| w.message(1, |w| held(w, kind))),
        FeatureKind::Opaque(bytes) => w.raw(bytes),
    }
    w.varint(1000, feature.optional.into());
}

fn array(w: &mut Writer, array: &ArrayFeature, feature: &Feature, context: &Context<'_>) {
    let number = match array.dtype {
        ElementType::Unknown(number) => number,
        ElementType::Known(dtype) => numbers::array_number(dtype).unwrap_or_else(|| {
            let feature = feature.name.clone();
            context.fail(EncodeFault::ArrayType { feature, dtype });
            0
        }),
    };
    shape(w, &array.shape);
    w.int(2, number.into());
    match &array.flexibility {
        ShapeFlexibility::Fixed => {}
        ShapeFlexibility::Enumerated(shapes) => w.message(21, |w| {
            shapes.iter().for_each(|s| w.message(1, |w| shape(w, s)));
        }),
        ShapeFlexibility::Ranges(ranges) => w.message(31, |w| {
            ranges.iter().for_each(|r| w.message(1, |w| size_range(w, r)));
        }),
    }
    match array.default {
        None => {}
        Some(DefaultValue::Int(v)) => w.member_varint(41, i64::from(v).cast_unsigned()),
        Some(DefaultValue::Float(v)) => w.fixed32(51, v.to_le_bytes()),
        Some(DefaultValue::Double(v)) => w.fixed64(61, v.to_le_bytes()),
    }
    w.raw(&array.extra);
}

fn shape(w: &mut Writer, shape: &[i64]) {
    w.packed_varints(1, shape.iter().map(|d| d.cast_unsigned()));
}

fn image(w: &mut Writer, image: &ImageFeature) {
    w.int(1, image.width);
    w.int(2, image.height);
    w.int(3, numbers::color_number(image.color).into());
    match &image.flexibility {
        ImageFlexibility::Fixed => {}
        ImageFlexibility::Enumerated(sizes) => w.message(21, |w| {
            for size in sizes {
                w.message(1, |w| {
                    w.varint(1, size.width);
                    w.varint(2, size.height);
                });
            }
        }),
        ImageFlexibility::Ranges { width, height } => w.message(31, |w| {
            optional_range(w, 1, width);
            optional_range(w, 2, height);
        }),
    }
    w.raw(&image.extra);
}

fn optional_range(w: &mut Writer, number: u32, range: &Option<SizeRange>) {
    if let Some(range) = range {
        w.message(number, |w| size_range(w, range));
    }
}

fn size_range(w: &mut Writer, range: &SizeRange) {
    w.varint(1, range.lower);
    w.int(2, range.upper);
}
