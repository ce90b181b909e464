//! Declared types of values.

use anemone_ir::program::{Attributes, DimDecl, ElementType, TensorDecl, TypeDecl};

use super::program::{Context, attribute};
use crate::fault::{Fault, Outcome, Within};
use crate::numbers;
use crate::wire::{OneOf, Slot, View, Wire};

/// A `ValueType`; one with anything unknown in it is kept whole.
pub(super) fn value_type(view: &View, context: &Context<'_>) -> Outcome<TypeDecl> {
    known_type(view, context).or_opaque(|| TypeDecl::Opaque(view.buffer().to_vec()))
}

fn known_type(view: &View, context: &Context<'_>) -> Outcome<TypeDecl> {
    let mut member = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1..=5, Wire::Bytes(inner)) => member.add(field.number, inner),
            _ => return Err(Fault::unknown()),
        }
    }
    match member.take() {
        Some((1, view)) => tensor_type(&view, context).map(TypeDecl::Tensor),
        Some((2, view)) => list_type(&view, context),
        Some((3, view)) => tuple_type(&view, context),
        Some((4, view)) => {
            let [key, value] = parts(&view)?;
            let (key, value) = (inner_type(key, context)?, inner_type(value, context)?);
            Ok(TypeDecl::Dict { key: key.into(), value: value.into() })
        }
        Some((_, view)) => {
            let [wrapped] = parts(&view)?;
            Ok(TypeDecl::State(inner_type(wrapped, context)?.into()))
        }
        None => Err(Fault::unknown()),
    }
}

fn tensor_type(view: &View, context: &Context<'_>) -> Outcome<TensorDecl> {
    let (mut dtype, mut rank, mut dims) = (0, 0, Vec::new());
    let mut attributes = Attributes::new();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => dtype = *v as i32,
            (2, Wire::Varint(v)) => rank = v.cast_signed(),
            (3, Wire::Bytes(v)) => dims.push(dimension(v)?),
            (4, Wire::Bytes(v)) => attribute(&mut attributes, v, context)?,
            _ => return Err(Fault::unknown()),
        }
    }
    let dtype = numbers::mil_type(dtype).map_or(ElementType::Unknown(dtype), ElementType::Known);
    Ok(TensorDecl { dtype, rank, dims, attributes })
}

fn list_type(view: &View, context: &Context<'_>) -> Outcome<TypeDecl> {
    let (mut element, mut length) = (Slot::default(), Slot::default());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => element.add(v),
            (2, Wire::Bytes(v)) => length.add(v),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(TypeDecl::List {
        element: element.take().map(|v| value_type(&v, context)).transpose()?.map(Box::new),
        length: length.take().map(|v| dimension(&v)).transpose()?,
    })
}

fn tuple_type(view: &View, context: &Context<'_>) -> Outcome<TypeDecl> {
    let mut types = Vec::new();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => types.push(value_type(v, context)?),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(TypeDecl::Tuple(types))
}

/// The fields 1 to `N` of a message that has nothing else.
fn parts<const N: usize>(view: &View) -> Outcome<[Option<View>; N]> {
    let mut slots: [Slot; N] = std::array::from_fn(|_| Slot::default());
    for field in view.fields()? {
        let field = field?;
        let slot = (field.number as usize).checked_sub(1).and_then(|i| slots.get_mut(i));
        match (slot, &field.value) {
            (Some(slot), Wire::Bytes(v)) => slot.add(v),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(slots.map(Slot::take))
}

fn inner_type(view: Option<View>, context: &Context<'_>) -> Outcome<TypeDecl> {
    value_type(&view.ok_or_else(Fault::unknown)?, context)
}

/// A `Dimension`; one with anything unknown in it is kept whole.
fn dimension(view: &View) -> Outcome<DimDecl> {
    known_dimension(view).or_opaque(|| DimDecl::Opaque(view.buffer().to_vec()))
}

fn known_dimension(view: &View) -> Outcome<DimDecl> {
    let mut member = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1 | 2, Wire::Bytes(v)) => member.add(field.number, v),
            _ => return Err(Fault::unknown()),
        }
    }
    let (number, view) = member.take().ok_or_else(Fault::unknown)?;
    let mut value = 0;
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => value = *v,
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(match number {
        1 => DimDecl::Known(value),
        _ => DimDecl::Unknown { variadic: value != 0 },
    })
}
