//! The model itself: version, description, and the body.

use std::path::Path;

use anemone_ir::program::Extra;
use anemone_ir::{Body, Package};
use anemone_tensor::Buffer;

use super::description::description;
use super::program::{Context, program};
use crate::errors::ReadError;
use crate::fault::{Fault, Outcome, Within};
use crate::numbers;
use crate::weights::Weights;
use crate::wire::{OneOf, Slot, View, Wire};

/// The model in the bytes of the file `path`.
pub(crate) fn model(bytes: Buffer, path: &Path, weights: &Weights) -> Result<Package, ReadError> {
    read(&View::new(bytes), weights).map_err(|fault| fault.in_file(path))
}

fn read(view: &View, weights: &Weights) -> Outcome<Package> {
    let (mut spec_version, mut is_updatable, mut extra) = (0, false, Extra::new());
    let (mut described, mut member) = (Slot::default(), OneOf::default());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => spec_version = *v as i32,
            (2, Wire::Bytes(v)) => described.add(v),
            (10, Wire::Varint(v)) => is_updatable = *v != 0,
            (n, Wire::Bytes(v)) if numbers::body_name(n).is_some() => member.add(n, v),
            _ => field.keep(&mut extra),
        }
    }
    let description = match described.take_full(2, &mut extra) {
        Some(view) => description(&view).within(|| "description".to_owned())?,
        None => Default::default(),
    };
    let (field, view) = member.take().ok_or_else(Fault::unknown)?;
    let body = match numbers::body_name(field) {
        _ if field == numbers::PROGRAM => Body::Program(program(&view, &Context { weights })?),
        Some(name) => Body::Unread { field, name, bytes: view.buffer().clone() },
        None => return Err(Fault::unknown()),
    };
    Ok(Package { spec_version, description, is_updatable, body, extra, folder: None })
}
