//! Programs, functions, blocks and operations.

use std::collections::BTreeMap;

use anemone_ir::Program;
use anemone_ir::program::{Argument, Attributes, Binding, Block, Extra, Function};
use anemone_ir::program::{Operation, Param, TypeDecl};

use super::types::value_type;
use super::value::value;
use crate::fault::{Outcome, Within};
use crate::weights::Weights;
use crate::wire::{Slot, View, Wire};

/// What reading a program needs beside its bytes.
pub(super) struct Context<'a> {
    pub(super) weights: &'a Weights,
}

pub(super) fn program(view: &View, context: &Context<'_>) -> Outcome<Program> {
    let mut program = Program::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Varint(v)) => program.version = v.cast_signed(),
            (2, Wire::Bytes(v)) => {
                let (name, view) = entry(v)?;
                let read = function(&view, context).within(|| format!("function `{name}`"))?;
                program.functions.insert(name, read);
            }
            (3, Wire::Bytes(v)) => program.doc = v.text()?,
            (4, Wire::Bytes(v)) => attribute(&mut program.attributes, v, context)?,
            _ => field.keep(&mut program.extra),
        }
    }
    Ok(program)
}

fn function(view: &View, context: &Context<'_>) -> Outcome<Function> {
    let mut function = Function::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => function.inputs.push(param(v, context)?),
            (2, Wire::Bytes(v)) => function.opset = v.text()?,
            (3, Wire::Bytes(v)) => {
                let (opset, view) = entry(v)?;
                let read = block(&view, context).within(|| format!("opset `{opset}`"))?;
                function.blocks.insert(opset, read);
            }
            (4, Wire::Bytes(v)) => attribute(&mut function.attributes, v, context)?,
            _ => field.keep(&mut function.extra),
        }
    }
    Ok(function)
}

fn block(view: &View, context: &Context<'_>) -> Outcome<Block> {
    let mut block = Block::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => block.inputs.push(param(v, context)?),
            (2, Wire::Bytes(v)) => block.outputs.push(v.text()?),
            (3, Wire::Bytes(v)) => {
                let index = block.operations.len();
                block.operations.push(operation(v, index, context)?);
            }
            (4, Wire::Bytes(v)) => attribute(&mut block.attributes, v, context)?,
            _ => field.keep(&mut block.extra),
        }
    }
    Ok(block)
}

fn operation(view: &View, index: usize, context: &Context<'_>) -> Outcome<Operation> {
    let mut operation = Operation::default();
    operation_fields(view, &mut operation, context).within(|| {
        let name = operation.outputs.first().map_or("?", |o| o.name.as_str());
        format!("operation {index} `{name}` (`{}`)", operation.op)
    })?;
    Ok(operation)
}

fn operation_fields(view: &View, operation: &mut Operation, context: &Context<'_>) -> Outcome<()> {
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => operation.op = v.text()?,
            (2, Wire::Bytes(v)) => {
                let (name, view) = entry(v)?;
                let read = argument(&view, context).within(|| format!("input `{name}`"))?;
                operation.inputs.insert(name, read);
            }
            (3, Wire::Bytes(v)) => operation.outputs.push(param(v, context)?),
            (4, Wire::Bytes(v)) => {
                let index = operation.blocks.len();
                let read = block(v, context).within(|| format!("block {index}"))?;
                operation.blocks.push(read);
            }
            (5, Wire::Bytes(v)) => attribute(&mut operation.attributes, v, context)?,
            _ => field.keep(&mut operation.extra),
        }
    }
    Ok(())
}

fn argument(view: &View, context: &Context<'_>) -> Outcome<Argument> {
    let mut argument = Argument::default();
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => argument.bindings.push(binding(v, context)?),
            _ => field.keep(&mut argument.extra),
        }
    }
    Ok(argument)
}

fn binding(view: &View, context: &Context<'_>) -> Outcome<Binding> {
    enum Held {
        Nothing,
        Name(View),
        Literal(Slot),
    }
    let mut held = Held::Nothing;
    let opaque = || Ok(Binding::Opaque(view.buffer().to_vec()));
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => held = Held::Name(v.clone()),
            (2, Wire::Bytes(v)) => match &mut held {
                Held::Literal(slot) => slot.add(v),
                _ => {
                    let mut slot = Slot::default();
                    slot.add(v);
                    held = Held::Literal(slot);
                }
            },
            _ => return opaque(),
        }
    }
    match held {
        Held::Nothing => opaque(),
        Held::Name(v) => v.text().map(Binding::Name),
        Held::Literal(slot) => match slot.take() {
            Some(v) => value(&v, context).map(Binding::Literal),
            None => opaque(),
        },
    }
}

fn param(view: &View, context: &Context<'_>) -> Outcome<Param> {
    let (mut name, mut ty, mut extra) = (String::new(), Slot::default(), Extra::new());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => name = v.text()?,
            (2, Wire::Bytes(v)) => ty.add(v),
            _ => field.keep(&mut extra),
        }
    }
    let ty = optional_type(ty, 2, &mut extra, context).within(|| format!("type of `{name}`"))?;
    Ok(Param { name, ty, extra })
}

/// The type in field `number`; an absent one is an empty opaque one.
pub(super) fn optional_type(
    slot: Slot,
    number: u32,
    extra: &mut Extra,
    context: &Context<'_>,
) -> Outcome<TypeDecl> {
    match slot.take_full(number, extra) {
        Some(view) => value_type(&view, context),
        None => Ok(TypeDecl::Opaque(Vec::new())),
    }
}

/// Adds a map's entry to attributes.
pub(super) fn attribute(
    attributes: &mut Attributes,
    view: &View,
    context: &Context<'_>,
) -> Outcome<()> {
    let (name, view) = entry(view)?;
    let read = value(&view, context).within(|| format!("attribute `{name}`"))?;
    BTreeMap::insert(attributes, name, read);
    Ok(())
}

/// The key and the value of a map's entry. Protobuf itself drops what else an entry has.
pub(super) fn entry(view: &View) -> Outcome<(String, View)> {
    let (mut key, mut value) = (String::new(), Slot::default());
    for field in view.fields()? {
        let field = field?;
        match (field.number, &field.value) {
            (1, Wire::Bytes(v)) => key = v.text()?,
            (2, Wire::Bytes(v)) => value.add(v),
            _ => {}
        }
    }
    Ok((key, value.take().unwrap_or_else(|| view.replaced(&[]))))
}
