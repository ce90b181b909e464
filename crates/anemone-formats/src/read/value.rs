//! Literals: immediate values and references to weight files.

use anemone_ir::program::{Blob, Extra, TypeDecl};
use anemone_ir::{Elements, Literal, LiteralData};
use anemone_tensor::Buffer;

use super::program::{Context, optional_type};
use crate::blob::elements;
use crate::errors::BlobFault;
use crate::fault::{Fault, Outcome, Within};
use crate::wire::{OneOf, Slot, View, Wire, Writer};

const IMMEDIATE: u32 = 3;
const BLOB: u32 = 5;

pub(super) fn value(view: &View, context: &Context<'_>) -> Outcome<Literal> {
    let (mut doc, mut extra) = (String::new(), Extra::new());
    let (mut ty, mut member) = (Slot::default(), OneOf::default());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => doc = v.text()?,
            (2, Wire::Bytes(v)) => ty.add(v),
            (IMMEDIATE | BLOB, Wire::Bytes(v)) => member.add(field.number, v),
            _ => field.keep(&mut extra),
        }
    }
    let ty = optional_type(ty, 2, &mut extra, context).within(|| "type".to_owned())?;
    let data = match member.take() {
        Some((number, view)) => {
            let data = match number {
                IMMEDIATE => immediate(&view, context),
                _ => blob(&view, &ty, &mut extra, context),
            };
            data.or_opaque(|| {
                let mut writer = Writer::default();
                writer.bytes(number, view.buffer());
                LiteralData::Opaque(writer.finish())
            })?
        }
        None => LiteralData::Opaque(Vec::new()),
    };
    Ok(Literal { doc, ty, data, extra })
}

fn immediate(view: &View, context: &Context<'_>) -> Outcome<LiteralData> {
    let mut member = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1..=4, Wire::Bytes(v)) => member.add(field.number, v),
            _ => return Err(Fault::unknown()),
        }
    }
    match member.take() {
        Some((1, view)) => tensor(&view).map(LiteralData::Elements),
        Some((2, view)) => values(&view, context).map(LiteralData::Tuple),
        Some((3, view)) => values(&view, context).map(LiteralData::List),
        Some((_, view)) => dictionary(&view, context).map(LiteralData::Dict),
        None => Err(Fault::unknown()),
    }
}

fn tensor(view: &View) -> Outcome<Elements> {
    let mut member = OneOf::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1..=7, Wire::Bytes(v)) => member.add(field.number, v),
            _ => return Err(Fault::unknown()),
        }
    }
    let (number, view) = member.take().ok_or_else(Fault::unknown)?;
    let mut elements = match number {
        1 => Elements::Floats(Vec::new()),
        2 => Elements::Ints(Vec::new()),
        3 => Elements::Bools(Vec::new()),
        4 => Elements::Strings(Vec::new()),
        5 => Elements::LongInts(Vec::new()),
        6 => Elements::Doubles(Vec::new()),
        _ => Elements::Bytes(Buffer::from_bytes(&[])),
    };
    for field in view.fields()? {
        let field = field?;
        let known = field.number == 1
            && match (&mut elements, &field.value) {
                (Elements::Floats(list), _) => {
                    field.fixed32s(|b| list.push(f32::from_le_bytes(b)))?
                }
                (Elements::Ints(list), _) => field.varints(|v| list.push(v as i32))?,
                (Elements::Bools(list), _) => field.varints(|v| list.push(v != 0))?,
                (Elements::LongInts(list), _) => field.varints(|v| list.push(v.cast_signed()))?,
                (Elements::Doubles(list), _) => {
                    field.fixed64s(|b| list.push(f64::from_le_bytes(b)))?
                }
                (Elements::Strings(list), Wire::Bytes(v)) => {
                    list.push(v.text()?);
                    true
                }
                (Elements::Bytes(bytes), Wire::Bytes(v)) => {
                    *bytes = v.buffer().clone();
                    true
                }
                (Elements::Strings(_) | Elements::Bytes(_), _) => false,
            };
        if !known {
            return Err(Fault::unknown());
        }
    }
    Ok(elements)
}

fn values(view: &View, context: &Context<'_>) -> Outcome<Vec<Literal>> {
    let mut literals = Vec::new();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => literals.push(value(v, context)?),
            _ => return Err(Fault::unknown()),
        }
    }
    Ok(literals)
}

fn dictionary(view: &View, context: &Context<'_>) -> Outcome<Vec<(Literal, Literal)>> {
    let mut pairs = Vec::new();
    for field in view.fields()? {
        let field = field?;
        let (1, Wire::Bytes(pair)) = (field.number, &field.value) else {
            return Err(Fault::unknown());
        };
        let (mut key, mut held) = (Slot::default(), Slot::default());
        for field in pair.fields()? {
            let field = field?;
            match (field.number, &field.value) {
                (1, Wire::Bytes(v)) => key.add(v),
                (2, Wire::Bytes(v)) => held.add(v),
                _ => return Err(Fault::unknown()),
            }
        }
        let part = |slot: Slot| value(&slot.take().ok_or_else(Fault::unknown)?, context);
        pairs.push((part(key)?, part(held)?));
    }
    Ok(pairs)
}

fn blob(
    view: &View,
    ty: &TypeDecl,
    extra: &mut Extra,
    context: &Context<'_>,
) -> Outcome<LiteralData> {
    let (mut file, mut offset, mut unknown) = (String::new(), 0, Extra::new());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => file = v.text()?,
            (2, Wire::Varint(v)) => offset = *v,
            _ => field.keep(&mut unknown),
        }
    }
    if !unknown.is_empty() {
        // A second occurrence of the field merges with the one that is written from `Blob`.
        let mut writer = Writer::default();
        writer.bytes(BLOB, &unknown);
        extra.extend_from_slice(&writer.finish());
    }
    let found = elements(ty)
        .ok_or(BlobFault::Untyped)
        .and_then(|(dtype, count)| context.weights.file(&file)?.blob(offset, dtype, count));
    match found {
        Ok(data) => Ok(LiteralData::Blob(Blob { file, offset, data })),
        Err(fault) => Err(Fault::weights(file, offset, fault)),
    }
}
