//! Checks one operation: its version, inputs, domains, shape rule, and declared outputs.

use anemone_tensor::DataType;

use super::blocks::check_blocks;
use super::declared::agree;
use super::function::Scope;
use super::rule::{check_inputs, check_required, infer};
use crate::checked::Site;
use crate::infer::{Fault, Operand};
use crate::ops::{Op, Version};
use crate::program::{Argument, Binding, Operation, TypeDecl};
use crate::{Const, ListType, Literal, Node, SymbolOrigin, TensorType, Type, ValueId};

/// The checked node; `None` for a `const`, whose value goes into the table, and for a fault.
pub(super) fn check_operation<'a>(scope: &mut Scope<'a>, source: &'a Operation) -> Option<Node> {
    let mut given = Vec::new();
    match checked(scope, source, &mut given) {
        Ok(node) => node,
        Err(found) => {
            for output in &source.outputs {
                scope.poison(&output.name);
            }
            if let Some(fault) = found {
                scope.report(source.name(), &source.op, given, fault);
            }
            None
        }
    }
}

type Given = Vec<(String, String)>;

/// `Err(None)` where the fault is that of an earlier op, reported there.
fn checked<'a>(
    scope: &mut Scope<'a>,
    source: &'a Operation,
    given: &mut Given,
) -> Result<Option<Node>, Option<Fault>> {
    let op = Op::from_name(&source.op).ok_or(Some(Fault::UnknownOp))?;
    let Some(version) = op.version(scope.opset) else {
        let since = op.def().versions[0].since;
        return Err(Some(Fault::Opset { since, opset: scope.opset }));
    };
    if op == Op::Const {
        constant(scope, source)?;
        return Ok(None);
    }
    let inputs = bind_all(scope, source, version)?;
    for (name, ids) in &inputs {
        for id in ids {
            given.push(((*name).to_owned(), scope.type_of(*id).to_string()));
        }
    }
    check_inputs(&scope.values, version, &inputs)?;
    let loop_vars = inputs.iter().find(|(name, _)| *name == "loop_vars");
    let loop_vars = loop_vars.map_or(&[][..], |(_, ids)| ids);
    let origin = scope.origin(source.name());
    scope.path.push(source.name().to_owned());
    let blocks = check_blocks(scope, source, (op, origin.clone()), loop_vars);
    scope.path.pop();
    let blocks = blocks?;
    let node = Node { op, inputs, outputs: Vec::new(), blocks, origin };
    let site = Site { opset: scope.opset, values: &scope.values, symbols: &scope.symbols };
    let inferred = infer(&site.context(&node, version, source.outputs.len()))?;
    scope.origins.resize(scope.symbols.count() as usize, SymbolOrigin::Data(node.origin.clone()));
    let outputs = define_outputs(scope, source, inferred)?;
    Ok(Some(Node { outputs, ..node }))
}

fn constant<'a>(scope: &mut Scope<'a>, source: &'a Operation) -> Result<(), Option<Fault>> {
    let value = source.attributes.get("val").ok_or(Some(Fault::Missing("val".to_owned())))?;
    let [output] = source.outputs.as_slice() else {
        return Err(Some(Fault::Outputs { declared: source.outputs.len(), inferred: 1 }));
    };
    let mut known = literal(value)?;
    known.ty = agree(&output.name, &output.ty, known.ty)?;
    scope.define(&output.name, known, &source.op);
    Ok(())
}

fn literal(value: &Literal) -> Result<Operand, Fault> {
    let constant = value.to_const().map_err(Fault::Literal)?;
    let mut known = Operand::constant(constant);
    if let (Some(Const::Strings(strings)), TypeDecl::Tensor(decl)) = (&known.value, &value.ty)
        && !decl.dims.is_empty()
    {
        known.ty = Type::tensor(DataType::String, vec![strings.len().into()]);
    }
    if let TypeDecl::List { .. } = &value.ty {
        known.dims = None;
        known.ty = match &known.value {
            Some(Const::Tensor(t)) => scalars(t.dtype(), t.count()),
            Some(Const::Strings(strings)) => scalars(DataType::String, strings.len()),
            None => known.ty,
        };
    }
    Ok(known)
}

fn scalars(dtype: DataType, count: usize) -> Type {
    Type::List(ListType { element: TensorType::new(dtype, vec![]), length: count.into() })
}

type Inputs = Vec<(&'static str, Vec<ValueId>)>;

fn bind_all<'a>(
    scope: &mut Scope<'a>,
    source: &'a Operation,
    version: &'static Version,
) -> Result<Inputs, Option<Fault>> {
    let mut inputs = Vec::new();
    for (name, argument) in &source.inputs {
        let def = version
            .inputs
            .iter()
            .find(|d| d.name == name)
            .ok_or_else(|| Some(Fault::UnknownInput(name.clone())))?;
        inputs.push((def.name, bind(scope, name, argument)?));
    }
    // The iOS 16 forms of compressed weights keep their inputs among the attributes.
    for (name, value) in &source.attributes {
        let def = version.inputs.iter().find(|d| d.name == name && d.constant);
        if let (Some(def), false) = (def, source.inputs.contains_key(name)) {
            let known = literal(value)?;
            inputs.push((def.name, vec![scope.anonymous("", known)]));
        }
    }
    check_required(version, |name| inputs.iter().any(|(bound, _)| *bound == name))?;
    Ok(inputs)
}

fn bind<'a>(
    scope: &mut Scope<'a>,
    input: &str,
    argument: &'a Argument,
) -> Result<Vec<ValueId>, Option<Fault>> {
    let mut ids = Vec::with_capacity(argument.bindings.len());
    for binding in &argument.bindings {
        ids.push(match binding {
            Binding::Name(name) => match scope.names.get(name.as_str()) {
                Some(Some(id)) => *id,
                Some(None) => return Err(None),
                None => {
                    let (input, name) = (input.to_owned(), name.clone());
                    return Err(Some(Fault::Undefined { input, name }));
                }
            },
            Binding::Literal(value) => {
                let known = literal(value)?;
                scope.anonymous("", known)
            }
            Binding::Opaque(_) => {
                return Err(Some(Fault::value(input, "its binding is unreadable")));
            }
        });
    }
    Ok(ids)
}

fn define_outputs<'a>(
    scope: &mut Scope<'a>,
    source: &'a Operation,
    inferred: Vec<Operand>,
) -> Result<Vec<ValueId>, Option<Fault>> {
    if inferred.len() != source.outputs.len() {
        let (declared, inferred) = (source.outputs.len(), inferred.len());
        return Err(Some(Fault::Outputs { declared, inferred }));
    }
    let mut outputs = Vec::with_capacity(inferred.len());
    for (param, mut known) in source.outputs.iter().zip(inferred) {
        known.ty = agree(&param.name, &param.ty, known.ty)?;
        outputs.extend(scope.define(&param.name, known, &source.op));
    }
    if outputs.len() == source.outputs.len() { Ok(outputs) } else { Err(None) }
}
