//! Literals as text.

use std::fmt::Result;

use anemone_tensor::DataType;

use super::Printer;
use crate::program::{Blob, DimDecl, ElementType, TensorDecl, TypeDecl};
use crate::text::elements::{List, Shown};
use crate::text::inner::{dict_entry, list_element, tuple_item};
use crate::text::names::{write_bytes, write_quoted};
use crate::{Elements, Literal, LiteralData};

/// The highest rank whose elements are written in nested brackets.
const NESTED_RANK: usize = 8;

impl Printer<'_> {
    pub(super) fn literal(&mut self, literal: &Literal) -> Result {
        self.ty(&literal.ty)?;
        self.out.write_char('(')?;
        self.data(&literal.ty, &literal.data)?;
        self.out.write_char(')')?;
        self.doc(&literal.doc)?;
        self.extra(&literal.extra)
    }

    /// A literal inside another: without its type where the outer type says it.
    fn inner(&mut self, literal: &Literal, expected: Option<&TypeDecl>) -> Result {
        let plain = literal.doc.is_empty() && literal.extra.is_empty();
        match plain && expected == Some(&literal.ty) {
            true => self.data(&literal.ty, &literal.data),
            false => self.literal(literal),
        }
    }

    fn data(&mut self, ty: &TypeDecl, data: &LiteralData) -> Result {
        match data {
            LiteralData::Elements(elements) => self.elements(ty, elements),
            LiteralData::Blob(blob) => self.blob(blob),
            LiteralData::Opaque(bytes) => write_bytes(self.out, "value", bytes),
            LiteralData::Tuple(items) => {
                self.out.write_char('(')?;
                self.separated(items.iter().enumerate(), |p, (i, item)| {
                    p.inner(item, tuple_item(ty, i))
                })?;
                self.out.write_char(')')
            }
            LiteralData::List(items) => {
                if !matches!(ty, TypeDecl::List { .. }) {
                    self.out.write_str("@list ")?;
                }
                self.out.write_char('[')?;
                self.separated(items, |p, item| p.inner(item, list_element(ty)))?;
                self.out.write_char(']')
            }
            LiteralData::Dict(entries) => {
                let (key, value) = dict_entry(ty);
                self.out.write_char('{')?;
                self.separated(entries, |p, (k, v)| {
                    p.out.write_char('{')?;
                    p.inner(k, key)?;
                    p.out.write_str(", ")?;
                    p.inner(v, value)?;
                    p.out.write_char('}')
                })?;
                self.out.write_char('}')
            }
        }
    }

    fn blob(&mut self, blob: &Blob) -> Result {
        self.out.write_str("BLOBFILE(path = string(")?;
        write_quoted(self.out, &blob.file, '"')?;
        write!(self.out, "), offset = uint64({}))", blob.offset)
    }

    fn elements(&mut self, ty: &TypeDecl, elements: &Elements) -> Result {
        let tensor = match ty {
            TypeDecl::Tensor(tensor) => Some(tensor),
            _ => None,
        };
        let dtype = tensor.and_then(known_dtype);
        let shape = tensor.and_then(known_shape);
        let count =
            shape.as_ref().and_then(|s| s.iter().try_fold(1usize, |n, d| n.checked_mul(*d)));
        let shown = match Shown::new(elements, dtype, count) {
            Ok(shown) => shown,
            Err(bytes) if bytes.len() > self.most => {
                return write!(self.out, "@raw ... {} bytes", bytes.len());
            }
            Err(bytes) => return write_bytes(self.out, "raw", bytes),
        };
        if shown.marked {
            write!(self.out, "@{} ", List::of(elements).word())?;
        }
        if shown.len > self.most {
            return write!(self.out, "... {} elements", shown.len);
        }
        let scalar = tensor.is_some_and(|t| t.dims.is_empty());
        match shape {
            _ if scalar && shown.len == 1 => shown.write(self.out, 0),
            Some(shape) if count == Some(shown.len) && nests(&shape) => {
                self.nested(&shown, &shape, 0..shown.len)
            }
            _ => self.nested(&shown, &[shown.len], 0..shown.len),
        }
    }

    fn nested(&mut self, shown: &Shown, shape: &[usize], range: std::ops::Range<usize>) -> Result {
        self.out.write_char('[')?;
        match shape {
            [size, inner @ ..] if !inner.is_empty() => {
                let stride = range.len() / size;
                self.separated(range.step_by(stride), |p, start| {
                    p.nested(shown, inner, start..start + stride)
                })?;
            }
            _ => self.separated(range, |p, i| shown.write(p.out, i))?,
        }
        self.out.write_char(']')
    }
}

fn nests(shape: &[usize]) -> bool {
    (1..=NESTED_RANK).contains(&shape.len()) && shape.iter().all(|d| *d > 0)
}

fn known_dtype(tensor: &TensorDecl) -> Option<DataType> {
    match tensor.dtype {
        ElementType::Known(dtype) => Some(dtype),
        ElementType::Unknown(_) => None,
    }
}

fn known_shape(tensor: &TensorDecl) -> Option<Vec<usize>> {
    let size = |d: &DimDecl| match d {
        DimDecl::Known(size) => usize::try_from(*size).ok(),
        _ => None,
    };
    tensor.dims.iter().map(size).collect()
}
