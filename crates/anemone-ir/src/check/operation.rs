//! Checks one operation: its version, inputs, domains, shape rule, and declared outputs.

use std::borrow::Cow;

use anemone_tensor::{DataType, Tensor};

use super::declared::agree;
use super::function::{Scope, check_block};
use crate::infer::{Fault, InferCtx, MAX_SHAPE_ELEMENTS, Operand};
use crate::ops::{Infer, InputDef, InputKind, Op, Version};
use crate::program::{Argument, Binding, Operation};
use crate::{Const, Dim, Literal, Node, SymbolOrigin, TensorType, Type, ValueId};

/// The longest formula of a size: a hostile program could double its length in each op.
const MAX_WEIGHT: usize = 256;

/// The checked node; `None` for a `const`, whose value goes into the table, and for a fault.
pub(super) fn check_operation<'a>(scope: &mut Scope<'a>, source: &'a Operation) -> Option<Node> {
    let mut given = Vec::new();
    match checked(scope, source, &mut given) {
        Ok(node) => node,
        Err(found) => {
            for output in &source.outputs {
                scope.names.entry(&output.name).or_insert(None);
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
    check_inputs(scope, version, &inputs)?;
    scope.path.push(source.name().to_owned());
    let blocks = source.blocks.iter().map(|b| check_block(scope, b)).collect();
    scope.path.pop();
    let node =
        Node { op, inputs, outputs: Vec::new(), blocks, origin: scope.origin(source.name()) };
    let inferred = infer(scope, &node, version, source.outputs.len())?;
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
    Ok(known(constant, &value.ty))
}

fn known(value: Const, decl: &crate::program::TypeDecl) -> Operand {
    let ty = match &value {
        Const::Tensor(t) => {
            Type::tensor(t.dtype(), t.shape().iter().map(|&n| Dim::from(n)).collect())
        }
        Const::Strings(strings) => {
            let scalar = matches!(decl, crate::program::TypeDecl::Tensor(t) if t.dims.is_empty());
            let shape = if scalar { vec![] } else { vec![Dim::from(strings.len())] };
            Type::tensor(DataType::String, shape)
        }
    };
    let dims = shape_elements(&value);
    Operand { ty, value: Some(value), dims, constant: true }
}

fn shape_elements(value: &Const) -> Option<Vec<Dim>> {
    let tensor = value.tensor()?;
    let small = tensor.dtype().is_int() && tensor.count() <= MAX_SHAPE_ELEMENTS;
    (small && tensor.shape().len() <= 1)
        .then(|| tensor.to_i64().into_iter().map(Dim::Known).collect())
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
    for def in version.inputs {
        let on_disk = !matches!(def.kind, InputKind::Block | InputKind::Internal);
        if source.inputs.contains_key(def.name) {
            continue;
        }
        // The iOS 16 forms of compressed weights keep their inputs as attributes.
        if source.op.starts_with("constexpr_")
            && let Some(value) = source.attributes.get(def.name)
        {
            let known = literal(value)?;
            inputs.push((def.name, vec![scope.anonymous("", known)]));
        } else if on_disk && !def.optional {
            return Err(Some(Fault::Missing(def.name.to_owned())));
        }
    }
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

/// Kind, arity, constness and domains, as the version declares them.
fn check_inputs(scope: &Scope<'_>, version: &Version, inputs: &Inputs) -> Result<(), Fault> {
    let mut domains: Vec<(&str, &str, DataType)> = Vec::new();
    for (name, ids) in inputs {
        let def = version.inputs.iter().find(|d| d.name == *name);
        let def = def.expect("binding found the definition");
        if def.kind != InputKind::Tuple && ids.len() != 1 {
            return Err(Fault::Arity { input: (*name).to_owned(), found: ids.len() });
        }
        for id in ids {
            let value = &scope.values[id.index()].known;
            if def.constant && !value.constant {
                return Err(Fault::NotConstant((*name).to_owned()));
            }
            check_kind(def, &value.ty)?;
            if let (Some(domain), Some(ty)) = (def.domain, value.ty.as_tensor()) {
                let earlier = domains.iter().find(|(d, ..)| *d == domain.name);
                let expected = match earlier {
                    _ if !domain.types.contains(&ty.dtype) => names(domain.types),
                    Some((_, other, dtype)) if *dtype != ty.dtype => {
                        format!("{dtype}, like `{other}`")
                    }
                    _ => {
                        domains.push((domain.name, name, ty.dtype));
                        continue;
                    }
                };
                let (input, found) = ((*name).to_owned(), ty.dtype.to_string());
                return Err(Fault::Type { input, found, expected });
            }
        }
    }
    Ok(())
}

fn check_kind(def: &InputDef, ty: &Type) -> Result<(), Fault> {
    let (fits, expected) = match def.kind {
        InputKind::Tensor | InputKind::Tuple => (matches!(ty, Type::Tensor(_)), "a tensor"),
        InputKind::State => (matches!(ty, Type::State(_)), "a state"),
        InputKind::List => (!matches!(ty, Type::State(_)), "a list"),
        InputKind::ListTensorOrDict | InputKind::Block | InputKind::Internal => (true, ""),
    };
    if fits {
        return Ok(());
    }
    let (input, found) = (def.name.to_owned(), ty.to_string());
    Err(Fault::Type { input, found, expected: expected.to_owned() })
}

fn names(types: &[DataType]) -> String {
    let names: Vec<&str> = types.iter().map(|t| t.name()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

fn infer(
    scope: &Scope<'_>,
    node: &Node,
    version: &'static Version,
    declared_outputs: usize,
) -> Result<Vec<Operand>, Fault> {
    let rule = match node.op.def().infer {
        Infer::Rule(rule) => rule,
        Infer::Not(reason) => return Err(Fault::Unsupported(reason.to_owned())),
    };
    let operand = |id: &ValueId| Cow::Borrowed(&scope.values[id.index()].known);
    let block_types =
        |b: &crate::CheckedBlock| b.outputs.iter().map(|id| scope.type_of(*id).clone()).collect();
    let ctx = InferCtx {
        op: node.op,
        version,
        opset: scope.opset,
        inputs: node
            .inputs
            .iter()
            .map(|(name, ids)| (*name, ids.iter().map(operand).collect()))
            .collect(),
        blocks: node.blocks.iter().map(block_types).collect(),
        declared_outputs,
        symbols: &scope.symbols,
    };
    let types = rule(&ctx)?;
    if types.iter().any(too_complex) {
        return Err(Fault::Shape("a size of the output is too long a formula".to_owned()));
    }
    let fixed = node.op.name().starts_with("constexpr_");
    let dims = node.op.def().evaluate.and_then(|evaluate| evaluate(&ctx));
    Ok(types
        .into_iter()
        .enumerate()
        .map(|(i, ty)| output(ty, dims.as_ref().filter(|_| i == 0), fixed))
        .collect())
}

fn too_complex(ty: &Type) -> bool {
    match ty {
        Type::Tensor(t) | Type::State(t) => t.shape.iter().any(|d| d.weight() > MAX_WEIGHT),
        Type::List(inner) => too_complex(inner),
        Type::Dict(..) => false,
    }
}

/// Whether `dtype` holds these elements exactly, and they are few and short enough to follow.
fn holds(dtype: DataType, dims: &[Dim]) -> bool {
    let (low, high) = match dtype.int_range() {
        Some(range) => range,
        None if dtype.is_float() => (-(1 << 24), 1 << 24),
        None => return false,
    };
    dims.len() <= MAX_SHAPE_ELEMENTS
        && dims.iter().all(|d| match d.number() {
            Some(n) => (low..=high).contains(&n),
            None => d.weight() <= MAX_WEIGHT,
        })
}

fn output(ty: Type, dims: Option<&Vec<Dim>>, fixed: bool) -> Operand {
    let dims = dims.filter(|d| ty.as_tensor().is_some_and(|t| holds(t.dtype, d)));
    let value = match (dims, ty.as_tensor()) {
        (Some(dims), Some(t)) => number(t, dims),
        _ => None,
    };
    Operand { constant: fixed || value.is_some(), value, dims: dims.cloned(), ty }
}

fn number(ty: &TensorType, dims: &[Dim]) -> Option<Const> {
    let shape = ty.known_shape()?;
    let numbers = dims.iter().map(Dim::number).collect::<Option<Vec<i64>>>()?;
    let values = numbers.into_iter().map(|n| n as f64);
    Tensor::from_f64(ty.dtype, shape, values).ok().map(Const::Tensor)
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
