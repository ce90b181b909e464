//! The model itself: version, description, and the body.

use anemone_ir::{Body, Package};

use super::description::description;
use super::placement::Placement;
use super::program::{Context, program};
use crate::errors::EncodeFault;
use crate::numbers;
use crate::wire::Writer;

/// The encoded model, its blobs where `placement` puts them.
pub(crate) fn model(package: &Package, placement: &Placement<'_>) -> Result<Vec<u8>, EncodeFault> {
    let encoded = encode(package, placement)?;
    // What no longer fits the old weight files is found while encoding.
    if placement.settle() { Ok(encoded) } else { encode(package, placement) }
}

fn encode(package: &Package, placement: &Placement<'_>) -> Result<Vec<u8>, EncodeFault> {
    let context = Context::new(placement);
    let mut writer = Writer::default();
    writer.int(1, package.spec_version.into());
    writer.full_message(2, |w| description(w, &package.description, &context));
    writer.varint(10, package.is_updatable.into());
    match &package.body {
        Body::Program(body) => writer.message(numbers::PROGRAM, |w| program(w, body, &context)),
        Body::Unread { field, bytes, .. } => writer.bytes(*field, bytes),
    }
    writer.raw(&package.extra);
    context.finish().map(|()| writer.finish())
}
