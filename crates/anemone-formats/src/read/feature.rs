//! Kinds of features. One with anything unknown in it is kept whole.

use anemone_ir::program::{ElementType, Extra};
use anemone_ir::{ArrayFeature, DefaultValue, FeatureKind, ImageFeature, ImageFlexibility};
use anemone_ir::{ColorSpace, ImageSize, KeyKind, ShapeFlexibility, SizeRange};

use crate::fault::{Fault, Outcome, Within};
use crate::numbers;
use crate::wire::{OneOf, Slot, View, Wire};

/// The kind in a `FeatureType`, and whether the feature is optional.
pub(super) fn feature_type(view: &View) -> Outcome<(FeatureKind, bool)> {
    let (mut member, mut optional) = (OneOf::default(), false);
    let (mut all, mut known) = (Vec::new(), true);
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1000, Wire::Varint(v)) => {
                optional = *v != 0;
                continue;
            }
            (1..=8, Wire::Bytes(v)) => member.add(field.number, v),
            _ => known = false,
        }
        field.keep(&mut all);
    }
    let kind = match member.take() {
        Some((number, view)) if known => kind(number, &view),
        _ => Err(Fault::unknown()),
    };
    Ok((kind.or_opaque(|| FeatureKind::Opaque(all))?, optional))
}

fn kind(number: u32, view: &View) -> Outcome<FeatureKind> {
    match number {
        1 => empty(view).map(|()| FeatureKind::Int64),
        2 => empty(view).map(|()| FeatureKind::Double),
        3 => empty(view).map(|()| FeatureKind::String),
        4 => image(view).map(FeatureKind::Image),
        5 => array(view).map(FeatureKind::MultiArray),
        6 => dictionary(view),
        7 => sequence(view),
        _ => state(view),
    }
}

fn array(view: &View) -> Outcome<ArrayFeature> {
    let mut array = ArrayFeature::fixed(ElementType::Unknown(0), Vec::new());
    let mut flexibility = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, _) if field.varints(|v| array.shape.push(v.cast_signed()))? => {}
            (2, Wire::Varint(v)) => {
                let number = *v as i32;
                array.dtype = numbers::array_type(number)
                    .map_or(ElementType::Unknown(number), ElementType::Known);
            }
            (21 | 31, Wire::Bytes(v)) => flexibility.add(field.number, v),
            (41, Wire::Varint(v)) => array.default = Some(DefaultValue::Int(*v as i32)),
            (51, Wire::Fixed32(v)) => {
                array.default = Some(DefaultValue::Float(f32::from_le_bytes(*v)));
            }
            (61, Wire::Fixed64(v)) => {
                array.default = Some(DefaultValue::Double(f64::from_le_bytes(*v)));
            }
            _ => field.keep(&mut array.extra),
        }
    }
    array.flexibility = match flexibility.take() {
        None => ShapeFlexibility::Fixed,
        Some((21, view)) => ShapeFlexibility::Enumerated(list(&view, shape)?),
        Some((_, view)) => ShapeFlexibility::Ranges(list(&view, size_range)?),
    };
    Ok(array)
}

fn shape(view: &View) -> Outcome<Vec<i64>> {
    let mut shape = Vec::new();
    for field in view.fields()? {
        let field = field?;
        if field.number != 1 || !field.varints(|v| shape.push(v.cast_signed()))? {
            return Err(Fault::unknown());
        }
    }
    Ok(shape)
}

fn size_range(view: &View) -> Outcome<SizeRange> {
    let [lower, upper] = integers(view)?;
    Ok(SizeRange { lower, upper: upper.cast_signed() })
}

fn image(view: &View) -> Outcome<ImageFeature> {
    let mut image = ImageFeature {
        width: 0,
        height: 0,
        color: ColorSpace::Unknown(0),
        flexibility: ImageFlexibility::Fixed,
        extra: Extra::new(),
    };
    let mut flexibility = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => image.width = v.cast_signed(),
            (2, Wire::Varint(v)) => image.height = v.cast_signed(),
            (3, Wire::Varint(v)) => image.color = numbers::color(*v as i32),
            (21 | 31, Wire::Bytes(v)) => flexibility.add(field.number, v),
            _ => field.keep(&mut image.extra),
        }
    }
    image.flexibility = match flexibility.take() {
        None => ImageFlexibility::Fixed,
        Some((21, view)) => ImageFlexibility::Enumerated(list(&view, |v| {
            integers(v).map(|[width, height]| ImageSize { width, height })
        })?),
        Some((_, view)) => {
            let [width, height] = messages(&view, [1, 2])?;
            let range = |view: Option<View>| view.map(|v| size_range(&v)).transpose();
            ImageFlexibility::Ranges { width: range(width)?, height: range(height)? }
        }
    };
    Ok(image)
}

fn dictionary(view: &View) -> Outcome<FeatureKind> {
    let keys = messages(view, [1, 2])?;
    key_kind(keys).map(FeatureKind::Dictionary)
}

fn sequence(view: &View) -> Outcome<FeatureKind> {
    let [ints, strings, length] = messages(view, [1, 3, 101])?;
    let length = length.map(|v| size_range(&v)).transpose()?;
    Ok(FeatureKind::Sequence { element: key_kind([ints, strings])?, length })
}

/// Exactly one of two empty messages, the first for integers.
fn key_kind(members: [Option<View>; 2]) -> Outcome<KeyKind> {
    match members {
        [Some(view), None] => empty(&view).map(|()| KeyKind::Int64),
        [None, Some(view)] => empty(&view).map(|()| KeyKind::String),
        _ => Err(Fault::unknown()),
    }
}

fn state(view: &View) -> Outcome<FeatureKind> {
    let [inner] = messages(view, [1])?;
    array(&inner.ok_or_else(Fault::unknown)?).map(FeatureKind::State)
}

fn empty(view: &View) -> Outcome<()> {
    if view.buffer().is_empty() { Ok(()) } else { Err(Fault::unknown()) }
}

/// The elements of a message that is nothing but the repeated field 1.
fn list<T>(view: &View, read: impl Fn(&View) -> Outcome<T>) -> Outcome<Vec<T>> {
    let mut list = Vec::new();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => list.push(read(v)?),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(list)
}

/// The fields 1 and 2 of a message that has nothing else.
fn integers(view: &View) -> Outcome<[u64; 2]> {
    let mut values = [0; 2];
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => values[0] = *v,
            (2, Wire::Varint(v)) => values[1] = *v,
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(values)
}

/// The messages in these fields of one that has nothing else.
fn messages<const N: usize>(view: &View, numbers: [u32; N]) -> Outcome<[Option<View>; N]> {
    let mut slots = numbers.map(|_| Slot::default());
    for field in view.fields()? {
        let field = field?;
        let at = numbers.iter().position(|n| *n == field.number);
        match (at.and_then(|at| slots.get_mut(at)), &field.value) {
            (Some(slot), Wire::Bytes(v)) => slot.add(v),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(slots.map(Slot::take))
}
