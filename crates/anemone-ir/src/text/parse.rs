//! Text as a program: functions, blocks and operations.

mod cursor;
mod literal;
mod types;

use anemone_tensor::Buffer;

use self::cursor::{Parser, Result};
use super::error::{Fault, ParseError};
use super::lex::Token;
use super::names::opset_from_word;
use crate::Program;
use crate::program::TypeDecl;
use crate::program::{Argument, Attributes, Binding, Block, Extra, Function, Operation, Param};

/// Reads a program from text; `weights` gives the bytes for a file, an offset in it and a type.
pub fn parse(
    text: &str,
    weights: &mut dyn FnMut(&str, u64, &TypeDecl) -> std::result::Result<Buffer, String>,
) -> std::result::Result<Program, ParseError> {
    let mut parser = Parser::new(text, weights);
    let program = parser.program();
    program.map_err(|fault| parser.locate(fault))
}

/// What may follow the head of a part: attributes, a text, unknown fields.
#[derive(Default)]
struct Trailer {
    attributes: Attributes,
    doc: String,
    extra: Extra,
}

impl<'t> Parser<'t, '_> {
    fn program(&mut self) -> Result<Program> {
        self.start()?;
        self.word("program")?;
        self.mark('(')?;
        let version = self.version()?;
        self.mark(')')?;
        let Trailer { attributes, doc, extra } = self.trailer()?;
        let mut program = Program { version, attributes, doc, extra, ..Program::default() };
        self.mark('{')?;
        while !self.takes('}')? {
            self.word("func")?;
            let name = self.name("a function's name")?;
            if program.functions.contains_key(&name) {
                return Err(Fault::Repeated(name));
            }
            let function = self.function()?;
            program.functions.insert(name, function);
        }
        self.token(Token::End, "the end of the text")?;
        Ok(program)
    }

    /// The number before the point: what follows it is the compiler's, not the program's.
    fn version(&mut self) -> Result<i64> {
        let Token::Number(word) = self.peek() else {
            return self.unexpected("a version");
        };
        let major = word.split_once('.').map_or(word, |(major, _)| major);
        let Ok(version) = major.parse() else {
            return self.unexpected("a version");
        };
        self.bump()?;
        Ok(version)
    }

    fn function(&mut self) -> Result<Function> {
        let opset = self.opset()?;
        let inputs = self.params()?;
        let Trailer { attributes, doc: _, extra } = self.undocumented()?;
        let mut function = Function { inputs, opset, attributes, extra, ..Function::default() };
        if self.peek() == Token::Mark('{') {
            let mut body = Block::default();
            self.body(&mut body)?;
            function.blocks.insert(function.opset.clone(), body);
        }
        while self.takes_at("body")? {
            let opset = self.opset()?;
            if function.blocks.contains_key(&opset) {
                return Err(Fault::Repeated(opset));
            }
            let block = self.block()?;
            function.blocks.insert(opset, block);
        }
        self.mark(';')?;
        Ok(function)
    }

    fn opset(&mut self) -> Result<String> {
        self.mark('<')?;
        let opset = match self.peek() {
            Token::Word(word) => {
                self.bump()?;
                opset_from_word(word).to_owned()
            }
            _ => self.name("an opset")?,
        };
        self.mark('>')?;
        Ok(opset)
    }

    fn block(&mut self) -> Result<Block> {
        self.nested(|p| {
            let inputs = p.params()?;
            let Trailer { attributes, doc: _, extra } = p.undocumented()?;
            let mut block = Block { inputs, attributes, extra, ..Block::default() };
            p.body(&mut block)?;
            Ok(block)
        })
    }

    fn body(&mut self, block: &mut Block) -> Result<()> {
        self.mark('{')?;
        while !self.takes('}')? {
            let operation = self.operation()?;
            block.operations.push(operation);
            self.mark(';')?;
        }
        self.token(Token::Arrow, "`->`")?;
        self.mark('(')?;
        block.outputs = self.list(')', |p| p.name("an output's name"))?;
        Ok(())
    }

    fn operation(&mut self) -> Result<Operation> {
        let outputs = self.outputs()?;
        let op = self.name("an operation")?;
        self.mark('(')?;
        let mut operation = Operation { op, outputs, ..Operation::default() };
        let inputs = self.list(')', |p| {
            let name = p.name("an input's name")?;
            p.mark('=')?;
            Ok((name, p.argument()?))
        })?;
        for (name, argument) in inputs {
            if operation.inputs.insert(name.clone(), argument).is_some() {
                return Err(Fault::Repeated(name));
            }
        }
        let Trailer { attributes, doc: _, extra } = self.undocumented()?;
        operation.attributes = attributes;
        operation.extra = extra;
        while self.peek() == Token::Mark('(') {
            let block = self.block()?;
            operation.blocks.push(block);
        }
        Ok(operation)
    }

    fn outputs(&mut self) -> Result<Vec<Param>> {
        let named = matches!(self.peek(), Token::Word(_) | Token::Name(_));
        if named && self.after()? == Token::Mark('(') {
            return Ok(Vec::new());
        }
        let outputs = match self.takes('(')? {
            true => self.list(')', Parser::param)?,
            false => {
                let mut outputs = vec![self.param()?];
                while self.takes(',')? {
                    outputs.push(self.param()?);
                }
                outputs
            }
        };
        self.mark('=')?;
        Ok(outputs)
    }

    fn argument(&mut self) -> Result<Argument> {
        if !self.takes('(')? {
            return Ok(Argument { bindings: vec![self.binding()?], extra: Extra::new() });
        }
        let bindings = self.list(')', Parser::binding)?;
        Ok(Argument { bindings, extra: self.extra()? })
    }

    fn binding(&mut self) -> Result<Binding> {
        match self.peek() {
            Token::At("binding") => {
                self.bump()?;
                Ok(Binding::Opaque(self.bytes()?))
            }
            Token::Word("true" | "false") => Ok(Binding::Literal(self.literal()?)),
            Token::Word(_) if !self.at_type()? => Ok(Binding::Name(self.name("a value")?)),
            Token::Name(_) => Ok(Binding::Name(self.name("a value")?)),
            _ => Ok(Binding::Literal(self.literal()?)),
        }
    }

    fn params(&mut self) -> Result<Vec<Param>> {
        self.mark('(')?;
        self.list(')', Parser::param)
    }

    fn param(&mut self) -> Result<Param> {
        let ty = self.ty()?;
        let name = self.name("a value's name")?;
        Ok(Param { name, ty, extra: self.extra()? })
    }

    /// Attributes and unknown fields where no text may stand.
    fn undocumented(&mut self) -> Result<Trailer> {
        let trailer = self.trailer()?;
        match trailer.doc.is_empty() {
            true => Ok(trailer),
            false => self.unexpected("no `@doc`"),
        }
    }

    fn trailer(&mut self) -> Result<Trailer> {
        let mut trailer = Trailer::default();
        loop {
            match self.peek() {
                Token::Mark('[') if trailer.attributes.is_empty() => {
                    trailer.attributes = self.attributes()?;
                }
                Token::At("doc") if trailer.doc.is_empty() => trailer.doc = self.doc()?,
                Token::At("extra") if trailer.extra.is_empty() => trailer.extra = self.extra()?,
                _ => return Ok(trailer),
            }
        }
    }

    fn attributes(&mut self) -> Result<Attributes> {
        self.mark('[')?;
        let mut attributes = Attributes::new();
        let entries = self.list(']', |p| {
            let name = p.name("an attribute's name")?;
            p.mark('=')?;
            Ok((name, p.literal()?))
        })?;
        for (name, value) in entries {
            if attributes.insert(name.clone(), value).is_some() {
                return Err(Fault::Repeated(name));
            }
        }
        Ok(attributes)
    }
}
