//! Applies an op's declaration to bound inputs: kinds, domains, required inputs, the shape rule.

use anemone_tensor::{DataType, Tensor};

use crate::infer::{Fault, InferCtx, MAX_SHAPE_ELEMENTS, Operand, volume};
use crate::ops::{Default, Infer, InputDef, InputKind, Version};
use crate::{Const, Dim, TensorType, Type, ValueId, ValueInfo};

/// The longest formula of a size: a hostile program could double its length in each op.
const MAX_WEIGHT: usize = 256;

/// What the op's rule says of its outputs.
pub(crate) fn infer(ctx: &InferCtx<'_>) -> Result<Vec<Operand>, Fault> {
    let def = ctx.op.def();
    let rule = match def.infer {
        Infer::Rule(rule) => rule,
        Infer::Not(reason) => return Err(Fault::Unsupported(reason.to_owned())),
    };
    let types = rule(ctx)?;
    if types.iter().any(too_complex) {
        return Err(Fault::Shape("a size of the output is too long a formula".to_owned()));
    }
    let fixed = def.name.starts_with("constexpr_");
    let mut dims = def.evaluate.and_then(|evaluate| evaluate(ctx));
    Ok(types.into_iter().map(|ty| output(ty, &mut dims, fixed)).collect())
}

/// Kind, arity, constness and domains, as the version declares them.
pub(crate) fn check_inputs(
    values: &[ValueInfo],
    version: &Version,
    inputs: &[(&'static str, Vec<ValueId>)],
) -> Result<(), Fault> {
    let mut domains: Vec<(&str, &str, DataType)> = Vec::new();
    for (name, ids) in inputs {
        let def = version.inputs.iter().find(|d| d.name == *name);
        let def = def.ok_or_else(|| Fault::UnknownInput((*name).to_owned()))?;
        if def.kind != InputKind::Tuple && ids.len() != 1 {
            return Err(Fault::Arity { input: (*name).to_owned(), found: ids.len() });
        }
        for id in ids {
            let value = &values[id.index()].known;
            if def.constant && !value.constant {
                return Err(Fault::NotConstant((*name).to_owned()));
            }
            check_kind(def, &value.ty)?;
            if let (Some(domain), Some(ty)) = (def.domain, value.ty.as_tensor()) {
                let earlier = domains.iter().find(|(d, ..)| *d == domain.name);
                let expected = match earlier {
                    _ if !domain.types.contains(&ty.dtype) => names(domain.types),
                    _ if is_filled_in(def, ty) => continue,
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

/// coremltools writes a float that was left out as fp32, whatever type the other inputs have.
fn is_filled_in(def: &InputDef, ty: &TensorType) -> bool {
    let has_default = matches!(def.default, Default::Float(_) | Default::Computed);
    has_default && ty.shape.is_empty() && ty.dtype == DataType::F32
}

fn check_kind(def: &InputDef, ty: &Type) -> Result<(), Fault> {
    let (fits, expected) = match def.kind {
        InputKind::Tensor => (matches!(ty, Type::Tensor(_)), "a tensor"),
        InputKind::Tuple => (matches!(ty, Type::Tensor(_) | Type::List(_)), "a tensor or list"),
        InputKind::State => (matches!(ty, Type::State(_)), "a state"),
        InputKind::List => (matches!(ty, Type::List(_)), "a list"),
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

/// Inputs that the version requires and nobody bound.
pub(crate) fn check_required(
    version: &Version,
    is_bound: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    let missing = version.inputs.iter().find(|def| {
        let on_disk = !matches!(def.kind, InputKind::Block | InputKind::Internal);
        on_disk && !def.optional && !is_bound(def.name)
    });
    missing.map_or(Ok(()), |def| Err(Fault::Missing(def.name.to_owned())))
}

fn too_complex(ty: &Type) -> bool {
    let long = |d: &Dim| d.weight() > MAX_WEIGHT;
    match ty {
        Type::Tensor(t) | Type::State(t) => t.shape.iter().any(long),
        Type::List(list) => list.element.shape.iter().any(long) || long(&list.length),
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

/// An output, which takes its elements from the front of `dims`.
fn output(ty: Type, dims: &mut Option<Vec<Dim>>, fixed: bool) -> Operand {
    let mut known = Operand { constant: fixed, value: None, dims: None, ty };
    let Some(tensor) = known.ty.as_tensor() else { return known };
    if let (Some(left), Some(count)) = (dims, volume(&tensor.shape).known())
        && count <= left.len()
    {
        let own: Vec<Dim> = left.drain(..count).collect();
        known.dims = Some(own).filter(|own| holds(tensor.dtype, own));
    }
    known.value = known.dims.as_deref().and_then(|dims| number(tensor, dims));
    known.constant |= known.value.is_some();
    known
}

fn number(ty: &TensorType, dims: &[Dim]) -> Option<Const> {
    let shape = ty.known_shape()?;
    let numbers = dims.iter().map(Dim::number).collect::<Option<Vec<i64>>>()?;
    let values = numbers.into_iter().map(|n| n as f64);
    Tensor::from_f64(ty.dtype, shape, values).ok().map(Const::Tensor)
}

impl Operand {
    /// A known constant; one string is a scalar.
    pub(crate) fn constant(value: Const) -> Operand {
        let ty = match &value {
            Const::Tensor(t) => {
                Type::tensor(t.dtype(), t.shape().iter().map(|&n| n.into()).collect())
            }
            Const::Strings(strings) => {
                let shape = if strings.len() == 1 { vec![] } else { vec![strings.len().into()] };
                Type::tensor(DataType::String, shape)
            }
        };
        let dims = value.tensor().and_then(shape_elements);
        Operand { ty, value: Some(value), dims, constant: true }
    }
}

fn shape_elements(tensor: &Tensor) -> Option<Vec<Dim>> {
    let small = tensor.dtype().is_int() && tensor.count() <= MAX_SHAPE_ELEMENTS;
    (small && tensor.shape().len() <= 1)
        .then(|| tensor.to_i64().into_iter().map(Dim::Known).collect())
}
