//! Products with constant weights, and general products with broadcasting.

use std::sync::Arc;

use anemone_tensor::DataType;
use rayon::prelude::*;

use crate::array::{Data, DataMut, Owned, OwnedData};
use crate::fuse::Piece;
use crate::gemm::{
    self, Bias, Epilogue, Left, Matrix, PackedLeft, PackedRight, Part, Right, Weights,
};
use crate::kernel::{Io, Kernel, Prepared, Short};
use crate::prepare::PrepareCtx;

/// Constant weights, and what is added to the product.
pub(crate) struct Linear {
    pub(crate) weight: Weights,
    bias: Option<Arc<Owned>>,
}

/// Operand 0 times constant weights.
struct Product(Arc<Linear>);

pub(super) fn linear(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let x = ctx.operand("x")?;
    let bias = ctx.constant("bias")?;
    if let Some(weight) = ctx.quantised("weight") {
        let linear = Linear { weight: Weights::transposed(&weight)?, bias };
        return Ok(Prepared::kernel(Product(Arc::new(linear))));
    }
    let weight = ctx.constant("weight")?.ok_or("`weight` is not a constant")?;
    let &[outputs, inputs] = weight.shape.as_slice() else {
        return Err("`weight` does not have two axes".to_owned());
    };
    if ctx.output(0)?.dtype == DataType::I32 {
        let (OwnedData::I32(_), true) = (&weight.data, bias.as_ref().is_none_or(is_i32)) else {
            return Err("integers times floats have no kernel".to_owned());
        };
        return Ok(Prepared::kernel(IntegerLinear { x, weight, bias }));
    }
    let floats = weight.floats().ok_or("floats times integers have no kernel")?;
    let weight = Weights::floats(Matrix::dense(floats, outputs, inputs).transposed())?;
    Ok(Prepared::kernel(Product(Arc::new(Linear { weight, bias }))))
}

fn is_i32(owned: &Arc<Owned>) -> bool {
    matches!(owned.data, OwnedData::I32(_))
}

/// All but the last axis as rows.
fn rows(shape: &[usize], columns: usize) -> Result<usize, String> {
    match shape.split_last() {
        Some((&last, first)) if last == columns => Ok(first.iter().product()),
        _ => Err(format!("the last axis of {shape:?} does not have {columns} elements")),
    }
}

impl Linear {
    /// How many rows an input of this shape has.
    pub(crate) fn rows(&self, shape: &[usize]) -> Result<usize, String> {
        rows(shape, self.weight.rows())
    }

    pub(crate) fn bias(&self) -> Result<Option<&[f32]>, String> {
        self.bias.as_ref().map(|b| b.view().data.f32()).transpose()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |b| b.bytes())
    }
}

impl Kernel for Product {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let (x, linear) = (io.inputs[0], &self.0);
        linear.rows(x.shape)?;
        let part = Part { bias: linear.bias()?, out: io.outputs[0].data.f32()? };
        gemm::multiply_each(vec![(&linear.weight, part)], x.data.f32()?, &|_, _| {}, io.scratch)
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        gemm::scratch_each(&[&self.0.weight], self.0.rows(inputs[0]).unwrap_or(0))
    }

    fn packed_bytes(&self) -> usize {
        self.0.bytes()
    }

    fn piece(&self) -> Option<Piece> {
        Some(Piece::Linear(self.0.clone()))
    }
}

struct IntegerLinear {
    x: usize,
    weight: Arc<Owned>,
    bias: Option<Arc<Owned>>,
}

impl Kernel for IntegerLinear {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let x = io.inputs[self.x];
        let (weight, inner) = (self.weight.view().data.i32()?, self.weight.shape[1]);
        let columns = self.weight.shape[0];
        let bias = self.bias.as_ref().map(|b| b.view().data.i32()).transpose()?;
        rows(x.shape, inner)?;
        let x = x.data.i32()?;
        let out = io.outputs[0].data.i32()?;
        for (i, result) in out.iter_mut().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let (a, b) = (&x[row * inner..][..inner], &weight[column * inner..][..inner]);
            let start = bias.map_or(0, |bias| bias[column]);
            *result = a.iter().zip(b).fold(start, |sum, (&a, &b)| multiply_add(sum, a, b));
        }
        Ok(())
    }

    fn packed_bytes(&self) -> usize {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |b| b.bytes())
    }
}

fn multiply_add(sum: i32, a: i32, b: i32) -> i32 {
    sum.wrapping_add(a.wrapping_mul(b))
}

/// One side of a `matmul`: computed while the program runs, or a constant matrix.
enum Side<P> {
    Operand(usize),
    Packed { packed: P, shape: [usize; 2] },
}

impl<P> Side<P> {
    fn shape<'a>(&'a self, inputs: &[&'a [usize]]) -> &'a [usize] {
        match self {
            Side::Operand(index) => inputs[*index],
            Side::Packed { shape, .. } => shape,
        }
    }
}

struct Matmul {
    x: Side<PackedLeft>,
    y: Side<PackedRight>,
    transpose_x: bool,
    transpose_y: bool,
}

pub(super) fn matmul(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let transpose_x = ctx.infer().boolean("transpose_x").map_err(|f| f.to_string())?;
    let transpose_y = ctx.infer().boolean("transpose_y").map_err(|f| f.to_string())?;
    let y = match constant_matrix(ctx, "y", transpose_y)? {
        Some((owned, shape)) => {
            Side::Packed { packed: PackedRight::new(oriented(&owned, transpose_y)?)?, shape }
        }
        None => Side::Operand(ctx.operand("y")?),
    };
    let x = match constant_matrix(ctx, "x", transpose_x)? {
        Some((owned, shape)) if matches!(y, Side::Operand(_)) => {
            Side::Packed { packed: PackedLeft::new(oriented(&owned, transpose_x)?)?, shape }
        }
        _ => Side::Operand(ctx.operand("x")?),
    };
    Ok(Prepared::kernel(Matmul { x, y, transpose_x, transpose_y }))
}

/// A constant and its shape as multiplied.
type ConstantMatrix = (Arc<Owned>, [usize; 2]);

/// The value of `input` and its shape as multiplied, if it is a constant matrix of floats.
fn constant_matrix(
    ctx: &PrepareCtx<'_>,
    input: &str,
    transposed: bool,
) -> Result<Option<ConstantMatrix>, String> {
    let ty = ctx.infer().tensor(input).map_err(|f| f.to_string())?;
    if ty.shape.len() != 2 || !ty.dtype.is_float() {
        return Ok(None);
    }
    Ok(ctx.constant(input)?.map(|owned| {
        let [rows, columns] = [owned.shape[0], owned.shape[1]];
        (owned, if transposed { [columns, rows] } else { [rows, columns] })
    }))
}

fn oriented(owned: &Owned, transposed: bool) -> Result<Matrix<'_>, String> {
    let floats = owned.floats().ok_or("floats are needed")?;
    let matrix = Matrix::dense(floats, owned.shape[0], owned.shape[1]);
    Ok(if transposed { matrix.transposed() } else { matrix })
}

/// A product of stacks of matrices, with the axes of both stacks aligned.
struct Stacks {
    /// Axes of the result's stack, and by how many matrices each side moves along them.
    axes: Short<(usize, usize, usize)>,
    count: usize,
    left: Operand,
    right: Operand,
}

/// The last two axes as they are multiplied.
#[derive(Clone, Copy)]
struct Operand {
    shape: [usize; 2],
    strides: [usize; 2],
}

impl Operand {
    fn matrix(self, data: &[f32], index: usize) -> Matrix<'_> {
        let size = self.shape[0] * self.shape[1];
        Matrix { data: &data[index * size..][..size], shape: self.shape, strides: self.strides }
    }
}

fn split(shape: &[usize], transposed: bool, left: bool) -> (&[usize], Operand) {
    match shape {
        [batch @ .., rows, columns] if transposed => {
            (batch, Operand { shape: [*columns, *rows], strides: [1, *columns] })
        }
        [batch @ .., rows, columns] => {
            (batch, Operand { shape: [*rows, *columns], strides: [*columns, 1] })
        }
        [n] if left => (&[], Operand { shape: [1, *n], strides: [*n, 1] }),
        [n] => (&[], Operand { shape: [*n, 1], strides: [1, 1] }),
        [] => (&[], Operand { shape: [1, 1], strides: [1, 1] }),
    }
}

impl Stacks {
    fn new(
        x: &[usize],
        y: &[usize],
        transpose_x: bool,
        transpose_y: bool,
    ) -> Result<Stacks, String> {
        let (x_batch, mut left) = split(x, transpose_x, true);
        let (y_batch, right) = split(y, transpose_y, false);
        if left.shape[1] != right.shape[0] {
            return Err(format!("inner sizes of {x:?} and {y:?} differ"));
        }
        if y_batch.iter().all(|&n| n == 1) && left.strides[1] == 1 {
            // All matrices on the left lie below each other and meet the same one on the right.
            left.shape[0] *= x_batch.iter().product::<usize>();
            return Ok(Stacks { axes: Short::new(), count: 1, left, right });
        }
        let rank = x_batch.len().max(y_batch.len());
        let size = |batch: &[usize], axis: usize| {
            (axis + batch.len()).checked_sub(rank).map_or(1, |i| batch[i])
        };
        let (mut x_step, mut y_step, mut count) = (1usize, 1usize, 1usize);
        let mut axes = Short::new();
        for axis in (0..rank).rev() {
            let (a, b) = (size(x_batch, axis), size(y_batch, axis));
            if a != b && a != 1 && b != 1 {
                return Err(format!("shapes {x:?} and {y:?} do not broadcast"));
            }
            let result = if a == 1 { b } else { a };
            axes.push((result, if a == 1 { 0 } else { x_step }, if b == 1 { 0 } else { y_step }));
            x_step = x_step.saturating_mul(a);
            y_step = y_step.saturating_mul(b);
            count = count.saturating_mul(result);
        }
        Ok(Stacks { axes, count, left, right })
    }

    /// Which matrices meet in product `index`.
    fn pair(&self, mut index: usize) -> (usize, usize) {
        let (mut x, mut y) = (0, 0);
        for &(size, x_step, y_step) in &self.axes {
            let at = index % size;
            index /= size;
            (x, y) = (x + at * x_step, y + at * y_step);
        }
        (x, y)
    }

    fn rows(&self) -> usize {
        self.left.shape[0]
    }

    fn columns(&self) -> usize {
        self.right.shape[1]
    }

    fn scratch(&self) -> usize {
        self.count.saturating_mul(gemm::scratch(self.rows(), self.columns()))
    }
}

impl Matmul {
    fn stacks(&self, inputs: &[&[usize]]) -> Result<Stacks, String> {
        let (x, y) = (self.x.shape(inputs), self.y.shape(inputs));
        // A packed side is already oriented.
        let transpose_x = self.transpose_x && matches!(self.x, Side::Operand(_));
        let transpose_y = self.transpose_y && matches!(self.y, Side::Operand(_));
        Stacks::new(x, y, transpose_x, transpose_y)
    }
}

impl Kernel for Matmul {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let shapes: Short<&[usize]> = io.inputs.iter().map(|v| v.shape).collect();
        let stacks = self.stacks(&shapes)?;
        let size = stacks.rows() * stacks.columns();
        if size == 0 {
            return Ok(());
        }
        let out = match &mut io.outputs[0].data {
            DataMut::F32(out) => out,
            DataMut::I32(out) => {
                let (Side::Operand(x), Side::Operand(y)) = (&self.x, &self.y) else {
                    return Err("floats where integers are needed".to_owned());
                };
                let (x, y) = (io.inputs[*x].data.i32()?, io.inputs[*y].data.i32()?);
                integers(&stacks, x, y, out);
                return Ok(());
            }
            DataMut::Bool(_) => return Err("booleans cannot be multiplied".to_owned()),
        };
        let floats = |index: usize| -> Result<&[f32], String> { io.inputs[index].data.f32() };
        let x = if let Side::Operand(index) = self.x { floats(index)? } else { &[] };
        let y = if let Side::Operand(index) = self.y { floats(index)? } else { &[] };
        let product = |index: usize, out: &mut [f32], scratch: &mut [f32]| {
            let (a, b) = stacks.pair(index);
            let left = match &self.x {
                Side::Operand(_) => Left::Plain(stacks.left.matrix(x, a)),
                Side::Packed { packed, .. } => Left::Packed(packed),
            };
            let right = match &self.y {
                Side::Operand(_) => Right::Plain(stacks.right.matrix(y, b)),
                Side::Packed { packed, .. } => Right::Packed(packed),
            };
            gemm::multiply(out, left, right, Epilogue::bias(Bias::None), scratch)
        };
        each_product(out, size, io.scratch, gemm::scratch(stacks.rows(), stacks.columns()), product)
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        self.stacks(inputs).map_or(0, |stacks| stacks.scratch())
    }

    fn packed_bytes(&self) -> usize {
        let x = if let Side::Packed { packed, .. } = &self.x { packed.bytes() } else { 0 };
        let y = if let Side::Packed { packed, .. } = &self.y { packed.bytes() } else { 0 };
        x + y
    }
}

/// Computes products of `size` elements each in parallel, each with its own scratch memory.
fn each_product(
    out: &mut [f32],
    size: usize,
    scratch: &mut [f32],
    scratch_each: usize,
    product: impl Fn(usize, &mut [f32], &mut [f32]) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let products = out.par_chunks_mut(size).enumerate();
    if scratch_each == 0 {
        return products.try_for_each(|(i, out)| product(i, out, &mut []));
    }
    let scratch = scratch.par_chunks_mut(scratch_each);
    products.zip(scratch).try_for_each(|((i, out), scratch)| product(i, out, scratch))
}

fn integers(stacks: &Stacks, x: &[i32], y: &[i32], out: &mut [i32]) {
    let (rows, columns, inner) = (stacks.rows(), stacks.columns(), stacks.left.shape[1]);
    let [(down, along), (right_down, right_along)] =
        [stacks.left, stacks.right].map(|side| (side.strides[0], side.strides[1]));
    for (index, out) in out.chunks_mut(rows * columns).enumerate() {
        let (a, b) = stacks.pair(index);
        let (x, y) = (&x[a * rows * inner..], &y[b * inner * columns..]);
        for (i, result) in out.iter_mut().enumerate() {
            let (row, column) = (i / columns * down, i % columns * right_along);
            let term = |sum, k| multiply_add(sum, x[row + k * along], y[k * right_down + column]);
            *result = (0..inner).fold(0, term);
        }
    }
}

/// `nchw,nwhu->nchu`: products over `w` for each `n` and `h`; three axes count as `n = 1`.
struct Einsum;

pub(super) fn einsum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    if ctx.operands("values").len() != 2 {
        return Err("`values` are not two tensors".to_owned());
    }
    Ok(Prepared::kernel(Einsum))
}

/// Sizes of an `einsum`, and how each side steps along `n` and `h`.
struct Products {
    batch: usize,
    height: usize,
    rows: usize,
    inner: usize,
    columns: usize,
    x_shape: [usize; 4],
    y_shape: [usize; 4],
}

impl Products {
    fn new(x: &[usize], y: &[usize]) -> Result<Products, String> {
        let four = |shape: &[usize]| match *shape {
            [c, h, w] => Ok([1, c, h, w]),
            [n, c, h, w] => Ok([n, c, h, w]),
            _ => Err(format!("shape {shape:?} has neither three nor four axes")),
        };
        let (x, y) = (four(x)?, four(y)?);
        let wide = |a: usize, b: usize| match (a, b) {
            (1, n) | (n, 1) => Ok(n),
            (a, b) if a == b => Ok(a),
            _ => Err(format!("shapes {x:?} and {y:?} do not broadcast")),
        };
        if x[3] != y[1] {
            return Err(format!("inner sizes of {x:?} and {y:?} differ"));
        }
        let (batch, height) = (wide(x[0], y[0])?, wide(x[2], y[2])?);
        let (rows, inner, columns) = (x[1], x[3], y[3]);
        Ok(Products { batch, height, rows, inner, columns, x_shape: x, y_shape: y })
    }

    /// Matrix `h` of image `n` of one side: its rows lie `shape[2]` lines apart.
    fn side<'a>(data: &'a [f32], shape: [usize; 4], n: usize, h: usize) -> Matrix<'a> {
        let [images, rows, height, columns] = shape;
        let (n, h) = (if images == 1 { 0 } else { n }, if height == 1 { 0 } else { h });
        let start = (n * rows * height + h) * columns;
        let end = start + (rows.saturating_sub(1) * height + 1) * columns;
        let data = if rows == 0 { &[] } else { &data[start..end] };
        Matrix { data, shape: [rows, columns], strides: [height * columns, 1] }
    }

    fn result(&self) -> usize {
        [self.height, self.rows, self.columns].iter().fold(self.batch, |n, &d| n.saturating_mul(d))
    }

    fn scratch(&self) -> usize {
        let products = self.batch.saturating_mul(self.height);
        let rows = gemm::scratch(self.rows, self.columns).saturating_mul(products);
        self.result().saturating_add(rows)
    }
}

impl Kernel for Einsum {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let products = Products::new(io.inputs[0].shape, io.inputs[1].shape)?;
        let (x, y) = (io.inputs[0].data, io.inputs[1].data);
        let (Data::F32(x), Data::F32(y)) = (x, y) else {
            return Err("floats are needed".to_owned());
        };
        let out = io.outputs[0].data.f32()?;
        let (rows, columns, height) = (products.rows, products.columns, products.height);
        let size = rows * columns;
        if size == 0 || products.inner == 0 {
            out.fill(0.0);
            return Ok(());
        }
        let (apart, scratch) = io.scratch.split_at_mut(products.result());
        each_product(apart, size, scratch, gemm::scratch(rows, columns), |i, out, scratch| {
            let (n, h) = (i / height, i % height);
            let left = Left::Plain(Products::side(x, products.x_shape, n, h));
            let right = Right::Plain(Products::side(y, products.y_shape, n, h));
            gemm::multiply(out, left, right, Epilogue::bias(Bias::None), scratch)
        })?;
        // From [n, h, c, u] to [n, c, h, u].
        out.par_chunks_mut(columns).enumerate().for_each(|(line, out)| {
            let (n, c, h) = (line / height / rows, line / height % rows, line % height);
            let from = ((n * height + h) * rows + c) * columns;
            out.copy_from_slice(&apart[from..][..columns]);
        });
        Ok(())
    }

    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        Products::new(inputs[0], inputs[1]).map_or(0, |p| p.scratch())
    }
}
