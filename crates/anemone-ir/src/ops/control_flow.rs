//! Constants, branches, loops and lists.

use anemone_tensor::DataType;

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{
    Fault, InferCtx, MAX_RANK, broadcast, broadcast_elements, show, unify_shapes, volume,
};
use crate::{Const, Dim, ListType, TensorType, Type};

const T_SELECT: Domain = domain("T", &[F16, F32, Bool, I32]);
const LS: InputDef = other("ls", InputKind::List);

/// A constant with symbols, which coremltools has for its own tests.
pub(super) const CONST_SYMBOLIC: OpDef = OpDef {
    infer: Infer::Not("this op never stands in a file"),
    ..op("_const_symbolic", &[version(Ios15, &[other("val", InputKind::Internal).fixed()])], |_| {
        Ok(Vec::new())
    })
};

/// The outputs of one of two blocks.
pub(super) const COND: OpDef = op(
    "cond",
    &[version(
        Ios15,
        &[
            any("pred"),
            other("_true_fn", InputKind::Block),
            other("_false_fn", InputKind::Block),
            other("_existing_blocks", InputKind::Internal).optional(),
        ],
    )],
    cond,
);

/// A constant, which `check` reads without a rule.
pub(super) const CONST: OpDef = OpDef {
    infer: Infer::Not("constants have no inputs to infer a type from"),
    ..op("const", &[version(Ios15, &[other("val", InputKind::Internal).fixed()])], |_| {
        Ok(Vec::new())
    })
};

/// The elements at `indices`, stacked.
pub(super) const LIST_GATHER: OpDef =
    op("list_gather", &[version(Ios15, &[LS, any("indices")])], list_gather);

/// The number of elements.
pub(super) const LIST_LENGTH: OpDef = op("list_length", &[version(Ios15, &[LS])], |ctx| {
    ctx.list("ls")?;
    Ok(vec![Type::tensor(I32, vec![])])
})
.evaluated(|ctx| Some(vec![ctx.list("ls").ok()?.length.clone()]));

/// The element at `index`.
pub(super) const LIST_READ: OpDef =
    op("list_read", &[version(Ios15, &[LS, any("index")])], |ctx| {
        index(ctx, "index")?;
        Ok(vec![Type::Tensor(ctx.list("ls")?.element.clone())])
    });

/// The list with the rows of `value` at `indices`.
pub(super) const LIST_SCATTER: OpDef = op(
    "list_scatter",
    &[version(Ios15, &[LS, any("indices"), tensor("value", T_SELECT)])],
    list_scatter,
);

/// The list with `value` at `index`.
pub(super) const LIST_WRITE: OpDef =
    op("list_write", &[version(Ios15, &[LS, any("index"), tensor("value", T_SELECT)])], |ctx| {
        index(ctx, "index")?;
        written(ctx, &ctx.tensor("value")?.shape)
    });

/// A list of zeros.
pub(super) const MAKE_LIST: OpDef = op(
    "make_list",
    &[version(
        Ios15,
        &[
            any("init_length").default(Default::Int(1)),
            constant("dynamic_length").default(Default::Bool(true)),
            other("elem_shape", InputKind::Tuple),
            constant("dtype").default(Default::Text("fp32")),
        ],
    )],
    make_list,
);

/// `a` where `cond` holds, else `b`.
pub(super) const SELECT: OpDef = op(
    "select",
    &[version(Ios15, &[any("cond"), tensor("a", T_SELECT), tensor("b", T_SELECT)])],
    select,
)
.evaluated(|ctx| {
    broadcast_elements(ctx, ["cond", "a", "b"], |[cond, a, b]| match cond.number() {
        Some(cond) => Some(if cond != 0 { a } else { b }.clone()),
        None => (a == b).then(|| a.clone()),
    })
});

/// The second block, again and again while the first one holds.
pub(super) const WHILE_LOOP: OpDef = op(
    "while_loop",
    &[version(
        Ios15,
        &[
            other("_cond", InputKind::Block),
            other("_body", InputKind::Block),
            other("loop_vars", InputKind::Tuple),
            other("_existing_blocks", InputKind::Internal).optional(),
        ],
    )],
    while_loop,
);

fn select(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.expect_bool("cond")?;
    let shape = broadcast(ctx.shape("a")?, ctx.shape("b")?)?;
    Ok(vec![Type::tensor(ctx.dtype("a")?, broadcast(ctx.shape("cond")?, &shape)?)])
}

fn cond(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    ctx.expect_bool("pred")?;
    index_like(ctx, "pred")?;
    let [then, otherwise] = ctx.blocks.as_slice() else {
        return Err(Fault::Blocks { found: ctx.blocks.len(), expected: 2 });
    };
    joined(ctx, then, otherwise, "branches")
}

fn while_loop(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let [condition, body] = ctx.blocks.as_slice() else {
        return Err(Fault::Blocks { found: ctx.blocks.len(), expected: 2 });
    };
    let holds = match condition.as_slice() {
        [Type::Tensor(t)] => t.dtype == Bool && !volume(&t.shape).differs(&Dim::ONE),
        _ => false,
    };
    if !holds {
        return Err(Fault::Shape("the condition of a loop must give one boolean".to_owned()));
    }
    let first: Vec<Type> = ctx.operands("loop_vars").iter().map(|o| o.ty.clone()).collect();
    joined(ctx, &first, body, "turns of the loop")
}

/// The types of values that come from one side or the other; sizes that differ are new symbols.
fn joined(ctx: &InferCtx<'_>, a: &[Type], b: &[Type], sides: &str) -> Result<Vec<Type>, Fault> {
    if a.len() != b.len() {
        let why = format!("the {sides} give {} and {} values", a.len(), b.len());
        return Err(Fault::Shape(why));
    }
    let dim = |(a, b): (&Dim, &Dim)| if a == b { a.clone() } else { ctx.fresh() };
    let tensor = |a: &TensorType, b: &TensorType| {
        (a.dtype == b.dtype && a.shape.len() == b.shape.len())
            .then(|| TensorType::new(a.dtype, a.shape.iter().zip(&b.shape).map(dim).collect()))
    };
    let either = |(a, b): (&Type, &Type)| {
        let both = match (a, b) {
            (Type::Tensor(a), Type::Tensor(b)) => tensor(a, b).map(Type::Tensor),
            (Type::List(a), Type::List(b)) => tensor(&a.element, &b.element).map(|element| {
                Type::List(ListType { element, length: dim((&a.length, &b.length)) })
            }),
            _ => None,
        };
        both.ok_or_else(|| Fault::Shape(format!("the {sides} give {a} and {b}")))
    };
    a.iter().zip(b).map(either).collect()
}

/// Refuses an `input` that is not one integer.
fn index(ctx: &InferCtx<'_>, input: &str) -> Result<(), Fault> {
    integers(ctx, input)?;
    index_like(ctx, input)
}

fn index_like(ctx: &InferCtx<'_>, input: &str) -> Result<(), Fault> {
    let shape = ctx.shape(input)?;
    match volume(shape).differs(&Dim::ONE) {
        false => Ok(()),
        true => Err(Fault::Shape(format!("`{input}` is {}, not a scalar", show(shape)))),
    }
}

fn integers(ctx: &InferCtx<'_>, input: &str) -> Result<(), Fault> {
    let dtype = ctx.dtype(input)?;
    match dtype.is_int() {
        true => Ok(()),
        false => Err(Fault::Type {
            input: input.to_owned(),
            found: dtype.to_string(),
            expected: I32.to_string(),
        }),
    }
}

/// The number of `indices`, a vector of integers.
fn index_count<'a>(ctx: &'a InferCtx<'_>) -> Result<&'a Dim, Fault> {
    integers(ctx, "indices")?;
    match ctx.shape("indices")? {
        [count] => Ok(count),
        other => Err(Fault::Shape(format!("`indices` is {}, not a vector", show(other)))),
    }
}

fn list_gather(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let element = &ctx.list("ls")?.element;
    let shape = [std::slice::from_ref(index_count(ctx)?), &element.shape].concat();
    Ok(vec![Type::tensor(element.dtype, shape)])
}

fn list_scatter(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (count, value) = (index_count(ctx)?, ctx.shape("value")?);
    match value.split_first() {
        Some((rows, element)) if !rows.differs(count) => written(ctx, element),
        _ => {
            let value = show(value);
            Err(Fault::Shape(format!("`value` is {value} for {count} indices")))
        }
    }
}

/// The type of `ls` after elements of shape `value` were written. A list of unknown element shape
/// gets that of the value; one whose length is not fixed can grow.
fn written(ctx: &InferCtx<'_>, value: &[Dim]) -> Result<Vec<Type>, Fault> {
    let list = ctx.list("ls")?;
    let (dtype, element) = (ctx.dtype("value")?, &list.element);
    let shape = unify_shapes(value, &element.shape).filter(|_| dtype == element.dtype);
    let Some(shape) = shape else {
        let why = format!("elements are {element}, the value {dtype}{}", show(value));
        return Err(Fault::Shape(why));
    };
    let length = list.length.number().map_or_else(|| ctx.fresh(), Dim::Known);
    Ok(vec![Type::List(ListType { element: TensorType::new(dtype, shape), length })])
}

fn make_list(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let sizes = ctx.operands("elem_shape");
    if sizes.len() > MAX_RANK {
        let why = format!("has {} elements, more than {MAX_RANK}", sizes.len());
        return Err(Fault::value("elem_shape", why));
    }
    let mut shape = Vec::with_capacity(sizes.len());
    for size in sizes {
        shape.push(match (&size.value, size.dims.as_deref()) {
            // A name stands for a size that the first write tells.
            (Some(Const::Strings(_)), _) => ctx.fresh(),
            (_, Some([size])) if size.number().is_none_or(|n| n >= 0) => size.clone(),
            (_, Some(other)) => {
                return Err(Fault::value("elem_shape", format!("{} is not a size", show(other))));
            }
            (_, None) => return Err(Fault::NotConstant("elem_shape".to_owned())),
        });
    }
    let name = ctx.text("dtype")?;
    let dtype = DataType::from_name(&name).filter(|t| matches!(t, Bool | F16 | F32 | I32));
    let dtype = dtype.ok_or_else(|| Fault::value("dtype", format!("`{name}` has no lists")))?;
    if ctx.has("init_length") {
        index(ctx, "init_length")?;
    }
    let length = match ctx.dims("init_length").as_deref() {
        Some([length]) if length.number().is_some_and(|n| n < 0) => {
            return Err(Fault::value("init_length", format!("{length} is negative")));
        }
        Some([length]) if !ctx.boolean("dynamic_length")? => length.clone(),
        _ => ctx.fresh(),
    };
    Ok(vec![Type::List(ListType { element: TensorType::new(dtype, shape), length })])
}
