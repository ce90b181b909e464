//! Matrix products.

use super::def::*;
use super::domains::*;
use crate::Opset::*;
use crate::infer::{Fault, InferCtx, broadcast, show};
use crate::{Const, Dim, Type};
use anemone_tensor::Tensor;

const U_NUMBER: Domain = domain("U", &[F16, F32, I32]);

pub(super) const EINSUM: OpDef = OpDef {
    name: "einsum",
    versions: &[Version {
        since: Ios15,
        inputs: &[other("values", InputKind::Tuple), constant("equation")],
    }],
    infer: Infer::Rule(einsum),
    evaluate: None,
    computed: None,
};

pub(super) const LINEAR: OpDef = OpDef {
    name: "linear",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                constant_of("weight", T_NUMBER),
                constant_of("bias", T_NUMBER).default(Default::Computed),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                constant_of("weight", U_NUMBER),
                constant_of("bias", U_NUMBER).default(Default::Computed),
            ],
        },
    ],
    infer: Infer::Rule(linear),
    evaluate: None,
    computed: Some(no_bias),
};

pub(super) const MATMUL: OpDef = OpDef {
    name: "matmul",
    versions: &[
        Version {
            since: Ios15,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("y", T_NUMBER),
                constant("transpose_x").default(Default::Bool(false)),
                constant("transpose_y").default(Default::Bool(false)),
            ],
        },
        Version {
            since: Ios17,
            inputs: &[
                tensor("x", T_NUMBER),
                tensor("y", U_NUMBER),
                constant("transpose_x").default(Default::Bool(false)),
                constant("transpose_y").default(Default::Bool(false)),
            ],
        },
    ],
    infer: Infer::Rule(matmul),
    evaluate: None,
    computed: None,
};

fn linear(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, weight) = (ctx.tensor("x")?, ctx.shape("weight")?);
    let [outputs, inputs] = weight else {
        return Err(Fault::Shape(format!("`weight` has shape {}, not two axes", show(weight))));
    };
    let Some((last, first)) = x.shape.split_last() else {
        return Err(Fault::Shape("`x` is a scalar".to_owned()));
    };
    if last.differs(inputs) {
        let why = format!("the last axis of `x` has {last} elements, that of `weight` {inputs}");
        return Err(Fault::Shape(why));
    }
    if ctx.has("bias") {
        match ctx.shape("bias")? {
            [n] if !n.differs(outputs) => {}
            other => {
                let why = format!("`bias` has shape {}, not [{outputs}]", show(other));
                return Err(Fault::Shape(why));
            }
        }
    }
    let shape = first.iter().chain([outputs]).cloned().collect();
    Ok(vec![Type::tensor(x.dtype, shape)])
}

fn no_bias(ctx: &InferCtx<'_>, _: &str) -> Option<Const> {
    let weight = ctx.tensor("weight").ok()?.known_shape()?;
    // A weight without elements says nothing of how many outputs memory can hold.
    let &[outputs, 1..=usize::MAX] = weight.as_slice() else { return None };
    let zeros = std::iter::repeat_n(0.0, outputs);
    Tensor::from_f64(ctx.dtype("weight").ok()?, vec![outputs], zeros).ok().map(Const::Tensor)
}

fn matmul(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let (x, y) = (ctx.operand("x")?, ctx.operand("y")?);
    let dtype = match (ctx.dtype("x")?, ctx.dtype("y")?) {
        (a, b) if a == b => a,
        (a, _) if y.constant && !x.constant => a,
        (_, b) if x.constant && !y.constant => b,
        (a, b) => {
            let input = "y".to_owned();
            return Err(Fault::Type { input, found: b.to_string(), expected: a.to_string() });
        }
    };
    let (x, y) = (ctx.shape("x")?, ctx.shape("y")?);
    let (a, b) = (matrix(ctx, "x", x, true)?, matrix(ctx, "y", y, false)?);
    if a.columns.differs(&b.rows) {
        let why = format!("inner sizes differ: {} and {}", a.columns, b.rows);
        return Err(Fault::Shape(why));
    }
    let mut shape = broadcast(a.batch, b.batch)?;
    shape.extend((x.len() > 1).then_some(a.rows));
    shape.extend((y.len() > 1).then_some(b.columns));
    Ok(vec![Type::tensor(dtype, shape)])
}

struct Matrix<'a> {
    batch: &'a [Dim],
    rows: Dim,
    columns: Dim,
}

/// The last two axes as they are multiplied; a vector is one row on the left, one column on the
/// right.
fn matrix<'a>(
    ctx: &InferCtx<'_>,
    input: &str,
    shape: &'a [Dim],
    left: bool,
) -> Result<Matrix<'a>, Fault> {
    let option = if left { "transpose_x" } else { "transpose_y" };
    let transposed = ctx.boolean(option)?;
    match shape {
        [] => Err(Fault::Shape(format!("`{input}` is a scalar"))),
        [_] if transposed => Err(Fault::value(option, format!("`{input}` has only one axis"))),
        [n] if left => Ok(Matrix { batch: &[], rows: Dim::ONE, columns: n.clone() }),
        [n] => Ok(Matrix { batch: &[], rows: n.clone(), columns: Dim::ONE }),
        [batch @ .., rows, columns] => {
            let (rows, columns) = if transposed { (columns, rows) } else { (rows, columns) };
            Ok(Matrix { batch, rows: rows.clone(), columns: columns.clone() })
        }
    }
}

/// Products over the last axis of the first tensor and the third last of the second, with the
/// axes beside them as batch: `nchw,nwhu->nchu` and `chw,whu->chu`, in any letters.
fn einsum(ctx: &InferCtx<'_>) -> Result<Vec<Type>, Fault> {
    let values = ctx.tensors("values")?;
    let [x, y] = values.as_slice() else {
        let why = format!("there are {} tensors, not two", values.len());
        return Err(Fault::value("values", why));
    };
    if x.dtype != y.dtype {
        let input = "values".to_owned();
        let (found, expected) = (y.dtype.to_string(), x.dtype.to_string());
        return Err(Fault::Type { input, found, expected });
    }
    let equation = ctx.text("equation")?;
    let axes = match numbered(&equation).as_str() {
        "0123,0324->0124" => 4,
        "012,213->013" => 3,
        _ => {
            let why =
                format!("`{equation}` is not of the form `nchw,nwhu->nchu` or `chw,whu->chu`");
            return Err(Fault::value("equation", why));
        }
    };
    if let Some(other) = [x, y].iter().find(|t| t.shape.len() != axes) {
        let why = format!("`{equation}` does not fit a tensor of shape {}", show(&other.shape));
        return Err(Fault::Shape(why));
    }
    let (x, y) = (&x.shape, &y.shape);
    if x[axes - 1].differs(&y[axes - 3]) {
        let why = format!("inner sizes differ: {} and {}", x[axes - 1], y[axes - 3]);
        return Err(Fault::Shape(why));
    }
    let mut shape = broadcast(&x[..axes - 3], &y[..axes - 3])?;
    shape.push(x[axes - 3].clone());
    shape.extend(broadcast(&x[axes - 2..axes - 1], &y[axes - 2..axes - 1])?);
    shape.push(y[axes - 1].clone());
    Ok(vec![Type::tensor(values[0].dtype, shape)])
}

/// The equation with each letter replaced by the order of its first use.
fn numbered(equation: &str) -> String {
    let mut letters: Vec<char> = Vec::new();
    let number = |c: char| {
        if !c.is_alphabetic() {
            return c;
        }
        let at = letters.iter().position(|&l| l == c).unwrap_or_else(|| {
            letters.push(c);
            letters.len() - 1
        });
        char::from_digit(at as u32, 36).unwrap_or('?')
    };
    equation.chars().filter(|c| !c.is_whitespace()).map(number).collect()
}
