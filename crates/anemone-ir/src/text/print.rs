//! Programs as text: functions, blocks, operations and types.

mod literal;

use std::fmt::{self, Display, Formatter, Result, Write};

use super::names::{write_bytes, write_name, write_opset, write_quoted};
use crate::Program;
use crate::program::{
    Argument, Attributes, Binding, Block, DimDecl, ElementType, Function, Operation, Param,
    TensorDecl, TypeDecl,
};

/// The text of a program, which [`parse`](super::parse) reads back as the same program.
pub fn print(program: &Program) -> String {
    let mut text = String::new();
    let written = Printer { out: &mut text, most: usize::MAX }.program(program);
    debug_assert!(written.is_ok(), "a string takes any text");
    text
}

/// A program's text for people: literals of more than `most` elements are left out.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'a> {
    /// The program.
    pub program: &'a Program,
    /// The longest literal that is written out.
    pub most: usize,
}

impl Display for Brief<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printer { out: f, most: self.most }.program(self.program)
    }
}

struct Printer<'a> {
    out: &'a mut dyn Write,
    most: usize,
}

impl Printer<'_> {
    fn program(&mut self, program: &Program) -> Result {
        write!(self.out, "program({}.0)", program.version)?;
        if !program.attributes.is_empty() {
            self.out.write_char('\n')?;
            self.attributes(&program.attributes)?;
        }
        self.doc(&program.doc)?;
        self.extra(&program.extra)?;
        self.out.write_str("\n{\n")?;
        for (name, function) in &program.functions {
            self.function(name, function)?;
        }
        self.out.write_str("}\n")
    }

    fn function(&mut self, name: &str, function: &Function) -> Result {
        self.out.write_str("    func ")?;
        write_name(self.out, name)?;
        self.opset(&function.opset)?;
        self.params(&function.inputs)?;
        self.spaced_attributes(&function.attributes)?;
        self.extra(&function.extra)?;
        let own = function
            .body()
            .filter(|b| b.inputs.is_empty() && b.attributes.is_empty() && b.extra.is_empty());
        if let Some(body) = own {
            self.out.write_char(' ')?;
            self.body(body, 8)?;
        }
        for (opset, block) in &function.blocks {
            if own.is_some() && *opset == function.opset {
                continue;
            }
            self.line(8)?;
            self.out.write_str("@body")?;
            self.opset(opset)?;
            self.out.write_char(' ')?;
            self.block(block, 8)?;
        }
        self.out.write_str(";\n")
    }

    fn opset(&mut self, opset: &str) -> Result {
        self.out.write_char('<')?;
        write_opset(self.out, opset)?;
        self.out.write_char('>')
    }

    fn block(&mut self, block: &Block, indent: usize) -> Result {
        self.params(&block.inputs)?;
        self.spaced_attributes(&block.attributes)?;
        self.extra(&block.extra)?;
        self.out.write_char(' ')?;
        self.body(block, indent)
    }

    fn body(&mut self, block: &Block, indent: usize) -> Result {
        self.out.write_str("{\n")?;
        for operation in &block.operations {
            write!(self.out, "{:indent$}", "", indent = indent + 4)?;
            self.operation(operation, indent + 4)?;
            self.out.write_str(";\n")?;
        }
        write!(self.out, "{:indent$}}} -> (", "")?;
        self.separated(&block.outputs, |p, name| write_name(p.out, name))?;
        self.out.write_char(')')
    }

    fn operation(&mut self, operation: &Operation, indent: usize) -> Result {
        self.separated(&operation.outputs, Printer::param)?;
        if !operation.outputs.is_empty() {
            self.out.write_str(" = ")?;
        }
        write_name(self.out, &operation.op)?;
        self.out.write_char('(')?;
        self.separated(&operation.inputs, |p, (name, argument)| {
            write_name(p.out, name)?;
            p.out.write_str(" = ")?;
            p.argument(argument)
        })?;
        self.out.write_char(')')?;
        self.attributes(&operation.attributes)?;
        self.extra(&operation.extra)?;
        for block in &operation.blocks {
            self.line(indent + 4)?;
            self.block(block, indent + 4)?;
        }
        Ok(())
    }

    fn argument(&mut self, argument: &Argument) -> Result {
        match argument.bindings.as_slice() {
            [only] if argument.extra.is_empty() => self.binding(only),
            bindings => {
                self.out.write_char('(')?;
                self.separated(bindings, Printer::binding)?;
                self.out.write_char(')')?;
                self.extra(&argument.extra)
            }
        }
    }

    fn binding(&mut self, binding: &Binding) -> Result {
        match binding {
            Binding::Name(name) => write_name(self.out, name),
            Binding::Literal(literal) => self.literal(literal),
            Binding::Opaque(bytes) => write_bytes(self.out, "binding", bytes),
        }
    }

    fn params(&mut self, params: &[Param]) -> Result {
        self.out.write_char('(')?;
        self.separated(params, Printer::param)?;
        self.out.write_char(')')
    }

    fn param(&mut self, param: &Param) -> Result {
        self.ty(&param.ty)?;
        self.out.write_char(' ')?;
        write_name(self.out, &param.name)?;
        self.extra(&param.extra)
    }

    fn spaced_attributes(&mut self, attributes: &Attributes) -> Result {
        if !attributes.is_empty() {
            self.out.write_char(' ')?;
        }
        self.attributes(attributes)
    }

    fn attributes(&mut self, attributes: &Attributes) -> Result {
        if attributes.is_empty() {
            return Ok(());
        }
        self.out.write_char('[')?;
        self.separated(attributes, |p, (name, value)| {
            write_name(p.out, name)?;
            p.out.write_str(" = ")?;
            p.literal(value)
        })?;
        self.out.write_char(']')
    }

    fn ty(&mut self, ty: &TypeDecl) -> Result {
        match ty {
            TypeDecl::Tensor(tensor) => self.tensor(tensor),
            TypeDecl::List { element, length } => {
                self.out.write_str("list<")?;
                match element {
                    Some(element) => self.ty(element)?,
                    None => self.out.write_str("@missing")?,
                }
                if let Some(length) = length {
                    self.out.write_str(", ")?;
                    self.dim(length)?;
                }
                self.out.write_char('>')
            }
            TypeDecl::Tuple(types) => {
                self.out.write_str("tuple<")?;
                self.separated(types, Printer::ty)?;
                self.out.write_char('>')
            }
            TypeDecl::Dict { key, value } => {
                self.out.write_str("dict<")?;
                self.separated([key, value], |p, ty| p.ty(ty))?;
                self.out.write_char('>')
            }
            TypeDecl::State(wrapped) => {
                self.out.write_str("state<")?;
                self.ty(wrapped)?;
                self.out.write_char('>')
            }
            TypeDecl::Opaque(bytes) => write_bytes(self.out, "type", bytes),
        }
    }

    fn tensor(&mut self, tensor: &TensorDecl) -> Result {
        let usual_rank = i64::try_from(tensor.dims.len()) == Ok(tensor.rank);
        let plain = usual_rank && tensor.attributes.is_empty();
        match tensor.dtype {
            ElementType::Known(dtype) if plain && tensor.dims.is_empty() => {
                return self.out.write_str(dtype.name());
            }
            ElementType::Known(dtype) => write!(self.out, "tensor<{dtype}, [")?,
            ElementType::Unknown(number) => write!(self.out, "tensor<@dtype({number}), [")?,
        }
        self.separated(&tensor.dims, Printer::dim)?;
        self.out.write_char(']')?;
        if !usual_rank {
            write!(self.out, " @rank({})", tensor.rank)?;
        }
        self.spaced_attributes(&tensor.attributes)?;
        self.out.write_char('>')
    }

    fn dim(&mut self, dim: &DimDecl) -> Result {
        match dim {
            DimDecl::Known(size) => write!(self.out, "{size}"),
            DimDecl::Unknown { variadic: false } => self.out.write_char('?'),
            DimDecl::Unknown { variadic: true } => self.out.write_str("..."),
            DimDecl::Opaque(bytes) => write_bytes(self.out, "dim", bytes),
        }
    }

    fn doc(&mut self, doc: &str) -> Result {
        if doc.is_empty() {
            return Ok(());
        }
        self.out.write_str(" @doc(")?;
        write_quoted(self.out, doc, '"')?;
        self.out.write_char(')')
    }

    fn extra(&mut self, extra: &[u8]) -> Result {
        if extra.is_empty() {
            return Ok(());
        }
        self.out.write_char(' ')?;
        write_bytes(self.out, "extra", extra)
    }

    fn line(&mut self, indent: usize) -> Result {
        write!(self.out, "\n{:indent$}", "")
    }

    fn separated<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result,
    ) -> Result {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.out.write_str(", ")?;
            }
            write(self, item)?;
        }
        Ok(())
    }
}
