//! Literals: immediate values and references to weight files.

use anemone_ir::program::{Blob, TypeDecl};
use anemone_ir::{Elements, Literal, LiteralData};

use super::program::Context;
use super::types::value_type;
use crate::errors::EncodeFault;
use crate::wire::Writer;

pub(super) fn value(w: &mut Writer, literal: &Literal, context: &Context<'_>) {
    w.string(1, &literal.doc);
    w.full_message(2, |w| value_type(w, &literal.ty, context));
    let immediate = |w: &mut Writer, member: u32, fill: &dyn Fn(&mut Writer)| {
        w.message(3, |w| w.message(member, fill));
    };
    match &literal.data {
        LiteralData::Elements(elements) => immediate(w, 1, &|w| tensor(w, elements)),
        LiteralData::Tuple(literals) => immediate(w, 2, &|w| values(w, literals, context)),
        LiteralData::List(literals) => immediate(w, 3, &|w| values(w, literals, context)),
        LiteralData::Dict(pairs) => immediate(w, 4, &|w| dictionary(w, pairs, context)),
        LiteralData::Blob(held) => w.message(5, |w| blob(w, held, &literal.ty, context)),
        LiteralData::Opaque(bytes) => w.raw(bytes),
    }
    w.raw(&literal.extra);
}

fn tensor(w: &mut Writer, elements: &Elements) {
    let int = |v: i64| v.cast_unsigned();
    match elements {
        Elements::Floats(list) => {
            w.message(1, |w| w.packed_fixed(1, list.iter().map(|v| v.to_le_bytes())));
        }
        Elements::Ints(list) => {
            w.message(2, |w| w.packed_varints(1, list.iter().map(|v| int((*v).into()))));
        }
        Elements::Bools(list) => {
            w.message(3, |w| w.packed_varints(1, list.iter().map(|v| (*v).into())));
        }
        Elements::Strings(list) => {
            w.message(4, |w| list.iter().for_each(|text| w.bytes(1, text.as_bytes())));
        }
        Elements::LongInts(list) => {
            w.message(5, |w| w.packed_varints(1, list.iter().map(|v| int(*v))));
        }
        Elements::Doubles(list) => {
            w.message(6, |w| w.packed_fixed(1, list.iter().map(|v| v.to_le_bytes())));
        }
        Elements::Bytes(bytes) => w.message(7, |w| w.full_message(1, |w| w.raw(bytes))),
    }
}

fn values(w: &mut Writer, literals: &[Literal], context: &Context<'_>) {
    for literal in literals {
        w.message(1, |w| value(w, literal, context));
    }
}

fn dictionary(w: &mut Writer, pairs: &[(Literal, Literal)], context: &Context<'_>) {
    for (key, held) in pairs {
        w.message(1, |w| {
            w.message(1, |w| value(w, key, context));
            w.message(2, |w| value(w, held, context));
        });
    }
}

fn blob(w: &mut Writer, blob: &Blob, ty: &TypeDecl, context: &Context<'_>) {
    match context.placement.place(blob, ty) {
        Ok((file, offset)) => {
            w.string(1, file);
            w.varint(2, offset);
        }
        Err(fault) => context.fail(EncodeFault::Weights { operation: context.place(), fault }),
    }
}
