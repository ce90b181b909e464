//! Literals: typed values, and the values inside them.

use anemone_tensor::{Buffer, DataType};

use super::cursor::{Parser, Result};
use crate::program::{Blob, DimDecl, ElementType, TypeDecl};
use crate::text::elements::{Gather, List};
use crate::text::error::Fault;
use crate::text::inner::{dict_entry, list_element, tuple_item};
use crate::text::lex::Token;
use crate::{Elements, Literal, LiteralData};

impl Parser<'_, '_> {
    /// A literal with its type; a bare text or truth value is a scalar.
    pub(super) fn literal(&mut self) -> Result<Literal> {
        match self.peek() {
            Token::Text(_) => Ok(Literal::string(self.text()?)),
            Token::Word(word @ ("true" | "false")) => {
                self.bump()?;
                let elements = Elements::Bools(vec![word == "true"]);
                Ok(Literal::new(TypeDecl::scalar(DataType::Bool), LiteralData::Elements(elements)))
            }
            _ if self.at_type()? => self.typed(),
            _ => self.unexpected("a literal with its type, such as `int32(1)`"),
        }
    }

    fn typed(&mut self) -> Result<Literal> {
        self.nested(|p| {
            let ty = p.ty()?;
            p.mark('(')?;
            let data = p.data(&ty)?;
            p.mark(')')?;
            let mut literal = Literal::new(ty, data);
            literal.doc = p.doc()?;
            literal.extra = p.extra()?;
            Ok(literal)
        })
    }

    /// A literal inside another, whose type may say this one's.
    fn inner(&mut self, expected: Option<&TypeDecl>) -> Result<Literal> {
        match expected {
            Some(ty) if !self.at_type()? => self.nested(|p| {
                let data = p.data(ty)?;
                Ok(Literal::new(ty.clone(), data))
            }),
            _ => self.literal(),
        }
    }

    fn data(&mut self, ty: &TypeDecl) -> Result<LiteralData> {
        match self.peek() {
            Token::Word("BLOBFILE") => self.blob(ty),
            Token::At("value") => {
                self.bump()?;
                Ok(LiteralData::Opaque(self.bytes()?))
            }
            Token::Mark('(') => {
                self.bump()?;
                let mut index = 0..;
                let items = self.list(')', |p| {
                    let expected = index.next().and_then(|i| tuple_item(ty, i));
                    p.inner(expected)
                })?;
                Ok(LiteralData::Tuple(items))
            }
            Token::Mark('{') => {
                self.bump()?;
                let (key, value) = dict_entry(ty);
                let entries = self.list('}', |p| {
                    p.mark('{')?;
                    let key = p.inner(key)?;
                    p.mark(',')?;
                    let value = p.inner(value)?;
                    p.mark('}')?;
                    Ok((key, value))
                })?;
                Ok(LiteralData::Dict(entries))
            }
            Token::At("list") => {
                self.bump()?;
                self.items(ty)
            }
            Token::Mark('[') if matches!(ty, TypeDecl::List { .. }) => self.items(ty),
            _ => self.elements(ty).map(LiteralData::Elements),
        }
    }

    fn items(&mut self, ty: &TypeDecl) -> Result<LiteralData> {
        self.mark('[')?;
        let items = self.list(']', |p| p.inner(list_element(ty)))?;
        Ok(LiteralData::List(items))
    }

    fn blob(&mut self, ty: &TypeDecl) -> Result<LiteralData> {
        self.word("BLOBFILE")?;
        self.mark('(')?;
        self.word("path")?;
        self.mark('=')?;
        let file = self.typed_scalar(Parser::text)?;
        self.mark(',')?;
        self.word("offset")?;
        self.mark('=')?;
        let offset = self.typed_scalar(|p| p.integer("an offset"))?;
        self.mark(')')?;
        let found = (self.weights)(&file, offset, ty);
        let data = found.map_err(|reason| Fault::Weights { file: file.clone(), offset, reason })?;
        Ok(LiteralData::Blob(Blob { file, offset, data }))
    }

    /// A scalar, with or without a type before it.
    fn typed_scalar<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if !self.at_type()? {
            return read(self);
        }
        self.ty()?;
        self.mark('(')?;
        let scalar = read(self)?;
        self.mark(')')?;
        Ok(scalar)
    }

    fn elements(&mut self, ty: &TypeDecl) -> Result<Elements> {
        let (dtype, dims) = match ty {
            TypeDecl::Tensor(tensor) => (tensor.dtype, tensor.dims.as_slice()),
            _ => (ElementType::Unknown(0), [].as_slice()),
        };
        let dtype = match dtype {
            ElementType::Known(dtype) => Some(dtype),
            ElementType::Unknown(_) => None,
        };
        if self.takes_at("raw")? {
            return Ok(Elements::Bytes(Buffer::from_bytes(&self.bytes()?)));
        }
        let marked = match self.peek() {
            Token::At(word) => List::from_word(word),
            _ => None,
        };
        let list = marked.or(dtype.map(List::usual));
        let element = marked.map_or(dtype, |list| list.element(dtype));
        let (Some(list), Some(element)) = (list, element) else {
            return self.unexpected("a value of this type");
        };
        if marked.is_some() {
            self.bump()?;
        }
        let mut gather = Gather::new(list, element);
        match self.takes('[')? {
            true => self.outer_list(&mut gather, dims)?,
            false => self.element(&mut gather)?,
        }
        Ok(gather.finish())
    }

    /// The elements after an opening bracket: all in one list, or nested as the shape says.
    fn outer_list(&mut self, gather: &mut Gather, dims: &[DimDecl]) -> Result<()> {
        match self.peek() {
            Token::Mark('[') => self.nested_list(gather, dims),
            _ => self.list(']', |p| p.element(gather)).map(|_| ()),
        }
    }

    fn nested_list(&mut self, gather: &mut Gather, dims: &[DimDecl]) -> Result<()> {
        let Some((size, inner)) = dims.split_first() else {
            return Err(Fault::Shape);
        };
        let found = self.list(']', |p| match inner.is_empty() {
            true => p.element(gather),
            false => {
                p.mark('[')?;
                p.nested(|p| p.nested_list(gather, inner))
            }
        })?;
        let found = u64::try_from(found.len()).ok();
        match size {
            DimDecl::Known(size) if found != Some(*size) => Err(Fault::Shape),
            _ => Ok(()),
        }
    }

    fn element(&mut self, gather: &mut Gather) -> Result<()> {
        let pushed = match self.peek() {
            Token::Number(word) | Token::Word(word) => gather.push_word(word).ok_or(word),
            Token::Text(_) if gather.dtype == DataType::String => {
                gather.push_text(self.text()?);
                return Ok(());
            }
            _ => return self.unexpected("a value"),
        };
        pushed.map_err(|word| Fault::Value {
            value: word.chars().take(40).collect(),
            ty: gather.dtype.name(),
        })?;
        self.bump().map(|_| ())
    }
}
