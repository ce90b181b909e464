//! Declared types.

use anemone_tensor::DataType;

use super::cursor::{Parser, Result};
use crate::program::{Attributes, DimDecl, ElementType, TensorDecl, TypeDecl};
use crate::text::lex::Token;

impl Parser<'_, '_> {
    /// Whether a typed literal starts here, rather than a name.
    pub(super) fn at_type(&self) -> Result<bool> {
        Ok(match self.peek() {
            Token::At("type") => true,
            Token::Word("tensor" | "list" | "tuple" | "dict" | "state") => {
                self.after()? == Token::Mark('<')
            }
            Token::Word(word) => {
                DataType::from_name(word).is_some() && self.after()? == Token::Mark('(')
            }
            _ => false,
        })
    }

    pub(super) fn ty(&mut self) -> Result<TypeDecl> {
        self.nested(Parser::open_type)
    }

    fn open_type(&mut self) -> Result<TypeDecl> {
        let scalar = match self.peek() {
            Token::Word(word) => DataType::from_name(word),
            _ => None,
        };
        if let Some(dtype) = scalar {
            self.bump()?;
            return Ok(TypeDecl::scalar(dtype));
        }
        let kind = self.peek();
        if !matches!(
            kind,
            Token::Word("tensor" | "list" | "tuple" | "dict" | "state") | Token::At("type")
        ) {
            return self.unexpected("a type");
        }
        self.bump()?;
        if kind == Token::At("type") {
            return Ok(TypeDecl::Opaque(self.bytes()?));
        }
        self.mark('<')?;
        let ty = match kind {
            Token::Word("tensor") => TypeDecl::Tensor(self.tensor()?),
            Token::Word("list") => self.list_type()?,
            Token::Word("tuple") => return Ok(TypeDecl::Tuple(self.list('>', Parser::ty)?)),
            Token::Word("dict") => {
                let key = Box::new(self.ty()?);
                self.mark(',')?;
                TypeDecl::Dict { key, value: Box::new(self.ty()?) }
            }
            _ => TypeDecl::State(Box::new(self.ty()?)),
        };
        self.mark('>')?;
        Ok(ty)
    }

    fn list_type(&mut self) -> Result<TypeDecl> {
        let element = match self.takes_at("missing")? {
            true => None,
            false => Some(Box::new(self.ty()?)),
        };
        let length = match self.takes(',')? {
            true => Some(self.dim()?),
            false => None,
        };
        Ok(TypeDecl::List { element, length })
    }

    fn tensor(&mut self) -> Result<TensorDecl> {
        let dtype = self.element_type()?;
        self.mark(',')?;
        self.mark('[')?;
        let dims = self.list(']', Parser::dim)?;
        let rank = match self.takes_at("rank")? {
            true => self.bracketed_integer("a rank")?,
            false => i64::try_from(dims.len()).or_else(|_| self.unexpected("fewer dimensions"))?,
        };
        let attributes = match self.peek() {
            Token::Mark('[') => self.attributes()?,
            _ => Attributes::new(),
        };
        Ok(TensorDecl { dtype, rank, dims, attributes })
    }

    fn element_type(&mut self) -> Result<ElementType> {
        if self.takes_at("dtype")? {
            return Ok(ElementType::Unknown(self.bracketed_integer("an element type's number")?));
        }
        let Token::Word(word) = self.peek() else {
            return self.unexpected("an element type");
        };
        let Some(dtype) = DataType::from_name(word) else {
            return self.unexpected("an element type");
        };
        self.bump()?;
        Ok(ElementType::Known(dtype))
    }

    fn bracketed_integer<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T> {
        self.mark('(')?;
        let number = self.integer(expected)?;
        self.mark(')')?;
        Ok(number)
    }

    fn dim(&mut self) -> Result<DimDecl> {
        let dim = match self.peek() {
            Token::Mark('?') => DimDecl::Unknown { variadic: false },
            Token::Dots => DimDecl::Unknown { variadic: true },
            Token::At("dim") => {
                self.bump()?;
                return Ok(DimDecl::Opaque(self.bytes()?));
            }
            _ => return Ok(DimDecl::Known(self.integer("a dimension")?)),
        };
        self.bump()?;
        Ok(dim)
    }
}
