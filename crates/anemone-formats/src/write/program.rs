//! Programs, functions, blocks and operations.

use std::cell::{Cell, RefCell};

use anemone_ir::Program;
use anemone_ir::program::{Argument, Attributes, Binding, Block, Function, Operation, Param};

use super::placement::Placement;
use super::types::value_type;
use super::value::value;
use crate::errors::EncodeFault;
use crate::wire::Writer;

/// What writing needs beside the model, and the first fault that it met.
pub(super) struct Context<'a> {
    pub(super) placement: &'a Placement<'a>,
    operation: Cell<Option<&'a Operation>>,
    fault: RefCell<Option<EncodeFault>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(placement: &'a Placement<'a>) -> Context<'a> {
        Context { placement, operation: Cell::default(), fault: RefCell::default() }
    }

    /// The name of the operation that is being written.
    pub(super) fn place(&self) -> String {
        self.operation.get().map_or("the program".to_owned(), |o| o.name().to_owned())
    }

    pub(super) fn fail(&self, fault: EncodeFault) {
        self.fault.borrow_mut().get_or_insert(fault);
    }

    pub(super) fn finish(self) -> Result<(), EncodeFault> {
        self.fault.into_inner().map_or(Ok(()), Err)
    }
}

pub(super) fn program<'a>(w: &mut Writer, program: &'a Program, context: &Context<'a>) {
    w.int(1, program.version);
    for (name, held) in &program.functions {
        entry(w, 2, name, |w| function(w, held, context));
    }
    w.string(3, &program.doc);
    attributes(w, 4, &program.attributes, context);
    w.raw(&program.extra);
}

fn function<'a>(w: &mut Writer, function: &'a Function, context: &Context<'a>) {
    for input in &function.inputs {
        w.message(1, |w| param(w, input, context));
    }
    w.string(2, &function.opset);
    for (opset, held) in &function.blocks {
        entry(w, 3, opset, |w| block(w, held, context));
    }
    attributes(w, 4, &function.attributes, context);
    w.raw(&function.extra);
}

fn block<'a>(w: &mut Writer, block: &'a Block, context: &Context<'a>) {
    for input in &block.inputs {
        w.message(1, |w| param(w, input, context));
    }
    for output in &block.outputs {
        w.bytes(2, output.as_bytes());
    }
    for held in &block.operations {
        w.message(3, |w| operation(w, held, context));
    }
    attributes(w, 4, &block.attributes, context);
    w.raw(&block.extra);
}

fn operation<'a>(w: &mut Writer, operation: &'a Operation, context: &Context<'a>) {
    context.operation.set(Some(operation));
    w.string(1, &operation.op);
    for (name, held) in &operation.inputs {
        entry(w, 2, name, |w| argument(w, held, context));
    }
    for output in &operation.outputs {
        w.message(3, |w| param(w, output, context));
    }
    for held in &operation.blocks {
        w.message(4, |w| block(w, held, context));
    }
    attributes(w, 5, &operation.attributes, context);
    w.raw(&operation.extra);
}

fn argument(w: &mut Writer, argument: &Argument, context: &Context<'_>) {
    for binding in &argument.bindings {
        w.message(1, |w| match binding {
            Binding::Name(name) => w.bytes(1, name.as_bytes()),
            Binding::Literal(literal) => w.message(2, |w| value(w, literal, context)),
            Binding::Opaque(bytes) => w.raw(bytes),
        });
    }
    w.raw(&argument.extra);
}

fn param(w: &mut Writer, param: &Param, context: &Context<'_>) {
    w.string(1, &param.name);
    w.full_message(2, |w| value_type(w, &param.ty, context));
    w.raw(&param.extra);
}

pub(super) fn attributes(
    w: &mut Writer,
    number: u32,
    attributes: &Attributes,
    context: &Context<'_>,
) {
    for (name, literal) in attributes {
        entry(w, number, name, |w| value(w, literal, context));
    }
}

/// An entry of a map from names to messages.
fn entry(w: &mut Writer, number: u32, name: &str, fill: impl FnOnce(&mut Writer)) {
    w.message(number, |w| {
        w.bytes(1, name.as_bytes());
        w.message(2, fill);
    });
}
