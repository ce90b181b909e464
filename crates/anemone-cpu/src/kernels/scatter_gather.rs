//! Gathering from and scattering into tensors.
//!
//! An index may count from the end, as in NumPy, unless indices are to be validated; one outside of
//! its axis is an error in either case.

use std::sync::Arc;

use anemone_ir::Const;
use anemone_tensor::Tensor;

use crate::array::{Data, DataMut};
use crate::elementwise::pieces;
use crate::kernel::{Io, Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::quantised::Quantised;
use crate::strided::{copy_all, strides};

use super::tensor_transformation::rank;

/// Elements that one thread gathers at a time.
const CHUNK: usize = 16 * 1024;

/// How a run of elements is found from its number.
enum Find {
    /// One index picks a slice of the axis, for each of the slices before it.
    Axis { outer: usize, picks: usize },
    /// Each element has its own index on the axis; `inner` of them lie beside each other.
    Along { picks: usize, inner: usize },
    /// A vector of indices picks a slice of the axes after the batch axes.
    Nd { rows: usize, slab: usize, steps: Short<usize> },
}

/// Runs of elements of a tensor, picked by indices.
struct Picked<'a> {
    find: Find,
    indices: &'a [i32],
    /// The sizes of the axes that the indices pick from, in turn.
    sizes: Short<usize>,
    /// Elements of a run.
    run: usize,
}

impl Picked<'_> {
    /// Refuses indices outside of their axes; negative ones too, where they are to be validated.
    fn check(&self, validate: bool) -> Result<(), String> {
        for (i, &index) in self.indices.iter().enumerate() {
            let size = self.sizes[i % self.sizes.len()];
            let inside = match usize::try_from(index) {
                Ok(index) => index < size,
                Err(_) => !validate && index.unsigned_abs() as usize <= size,
            };
            if !inside {
                return Err(format!("index {index} is outside an axis of size {size}"));
            }
        }
        Ok(())
    }

    /// A checked index, counted from the front.
    fn index(&self, i: usize) -> usize {
        let index = self.indices[i];
        let magnitude = index.unsigned_abs() as usize;
        if index < 0 { self.sizes[i % self.sizes.len()] - magnitude } else { magnitude }
    }

    /// Where run `row` starts in the tensor.
    fn start(&self, row: usize) -> usize {
        match &self.find {
            Find::Axis { outer, picks } => {
                let (slice, pick) = (row / picks, row % picks);
                let index = self.index(slice / outer * picks + pick);
                (slice * self.sizes[0] + index) * self.run
            }
            Find::Along { picks, inner } => {
                let slice = row / (picks * inner);
                (slice * self.sizes[0] + self.index(row)) * inner + row % inner
            }
            Find::Nd { rows, slab, steps } => {
                let place = |(i, step): (usize, &usize)| self.index(row * steps.len() + i) * step;
                row / rows * slab + steps.iter().enumerate().map(place).sum::<usize>()
            }
        }
    }
}

fn product(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn same(found: &[usize], expected: &[&[usize]]) -> Result<(), String> {
    let expected = expected.concat();
    match found == expected {
        true => Ok(()),
        false => Err(format!("a shape is {found:?} where {expected:?} belongs")),
    }
}

/// One of the three families of ops, prepared.
#[derive(Clone, Copy)]
enum Kind {
    Axis { axis: usize, batch: usize },
    Along { axis: usize },
    Nd { batch: usize },
}

impl Kind {
    /// The runs that `indices` of shape `shape` pick from a tensor of shape `data`; `values` is the
    /// shape of what is gathered or scattered.
    fn pick<'a>(
        self,
        data: &[usize],
        shape: &[usize],
        indices: &'a [i32],
        values: &[usize],
    ) -> Result<Picked<'a>, String> {
        let (find, sizes, run) = match self {
            Kind::Axis { axis, batch } => {
                same(values, &[&data[..axis], &shape[batch..], &data[axis + 1..]])?;
                same(&data[..batch], &[&shape[..batch]])?;
                let (outer, picks) = (product(&data[batch..axis]), product(&shape[batch..]));
                let sizes = [data[axis]].into_iter().collect();
                (Find::Axis { outer, picks }, sizes, product(&data[axis + 1..]))
            }
            Kind::Along { axis } => {
                same(values, &[shape])?;
                same(shape, &[&data[..axis], &shape[axis..=axis], &data[axis + 1..]])?;
                let (picks, inner) = (shape[axis], product(&data[axis + 1..]));
                let sizes = [data[axis]].into_iter().collect();
                (Find::Along { picks, inner }, sizes, 1)
            }
            Kind::Nd { batch } => {
                let (&depth, rows) = shape.split_last().ok_or("the indices are a scalar")?;
                let picked = data.get(batch..batch + depth).ok_or("the indices are too long")?;
                same(values, &[rows, &data[batch + depth..]])?;
                same(&data[..batch], &[&rows[..batch]])?;
                let steps = strides(data)[batch..batch + depth].iter().copied().collect();
                let slab = product(&data[batch..]);
                let find = Find::Nd { rows: product(&rows[batch..]), slab, steps };
                (find, picked.iter().copied().collect(), product(&data[batch + depth..]))
            }
        };
        Ok(Picked { find, indices, sizes, run })
    }
}

fn flag(ctx: &PrepareCtx<'_>, input: &str) -> Result<bool, String> {
    match ctx.node.input(input) {
        [] => Ok(false),
        _ => ctx.infer().boolean(input).map_err(|fault| fault.to_string()),
    }
}

fn batch_dims(ctx: &PrepareCtx<'_>) -> Result<usize, String> {
    match ctx.node.input("batch_dims") {
        [] => Ok(0),
        _ => {
            let count = ctx.infer().int("batch_dims").map_err(|fault| fault.to_string())?;
            usize::try_from(count).map_err(|_| format!("`batch_dims` is {count}"))
        }
    }
}

fn axis(ctx: &PrepareCtx<'_>, data: &str) -> Result<usize, String> {
    ctx.infer().axis("axis", rank(ctx, data)?).map_err(|fault| fault.to_string())
}

fn gather_with(ctx: &mut PrepareCtx<'_>, kind: Kind) -> Result<Prepared, String> {
    let validate = flag(ctx, "validate_indices")?;
    if let Some(table) = Table::new(ctx, "x") {
        ctx.operand("indices")?;
        return Ok(gather_from(table, kind, validate));
    }
    ctx.operand("x")?;
    ctx.operand("indices")?;
    Ok(Prepared::function(move |io| {
        let (x, indices, out) = (&io.inputs[0], &io.inputs[1], &mut io.outputs[0]);
        let picked = kind.pick(x.shape, indices.shape, indices.data.i32()?, out.shape)?;
        picked.check(validate)?;
        match (x.data, &mut out.data) {
            (Data::F32(x), DataMut::F32(out)) => gather_runs(x, out, &picked),
            (Data::I32(x), DataMut::I32(out)) => gather_runs(x, out, &picked),
            (Data::Bool(x), DataMut::Bool(out)) => gather_runs(x, out, &picked),
            _ => return Err("the output has another element type".to_owned()),
        }
        Ok(())
    }))
}

/// A constant table of floats, read where it lies.
enum Table {
    Plain(Tensor),
    Quantised(Arc<Quantised>),
}

impl Table {
    fn new(ctx: &PrepareCtx<'_>, input: &str) -> Option<Table> {
        if let Some(quantised) = ctx.quantised(input) {
            return Some(Table::Quantised(quantised));
        }
        match ctx.infer().constant(input)?.as_ref() {
            Const::Tensor(tensor) if tensor.dtype().is_float() => {
                Some(Table::Plain(tensor.clone()))
            }
            Const::Tensor(_) | Const::Strings(_) => None,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Table::Plain(tensor) => tensor.shape(),
            Table::Quantised(quantised) => quantised.shape(),
        }
    }

    fn verify(&self) -> Result<(), String> {
        match self {
            Table::Plain(tensor) => tensor.data().verify().map_err(|e| e.to_string()),
            Table::Quantised(quantised) => quantised.verify(),
        }
    }

    fn read(&self, start: usize, values: &mut [f32]) {
        match self {
            Table::Plain(tensor) => tensor.read_f32(start, values),
            Table::Quantised(quantised) => quantised.read(start, values),
        }
    }
}

fn gather_from(table: Table, kind: Kind, validate: bool) -> Prepared {
    Prepared::function(move |io| {
        let (indices, out) = (&io.inputs[0], &mut io.outputs[0]);
        let picked = kind.pick(table.shape(), indices.shape, indices.data.i32()?, out.shape)?;
        picked.check(validate)?;
        table.verify()?;
        let out = out.data.f32()?;
        each_run(out, &picked, &|start, out| table.read(start, out));
        Ok(())
    })
}

fn gather_runs<T: Copy + Send + Sync>(x: &[T], out: &mut [T], picked: &Picked<'_>) {
    each_run(out, picked, &|start, out| out.copy_from_slice(&x[start..start + out.len()]));
}

/// Calls `read` with each run's start in the tensor and its place in `out`.
fn each_run<T: Send>(out: &mut [T], picked: &Picked<'_>, read: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.is_empty() {
        return;
    }
    let rows = (CHUNK / picked.run).max(1);
    pieces(out, rows * picked.run, CHUNK, &|chunk, out| {
        for (row, out) in out.chunks_exact_mut(picked.run).enumerate() {
            read(picked.start(chunk * rows + row), out);
        }
    });
}

pub(super) fn gather(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let (axis, batch) = (axis(ctx, "x")?, batch_dims(ctx)?);
    gather_with(ctx, Kind::Axis { axis, batch })
}

pub(super) fn gather_along_axis(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let axis = axis(ctx, "x")?;
    gather_with(ctx, Kind::Along { axis })
}

pub(super) fn gather_nd(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let batch = batch_dims(ctx)?;
    gather_with(ctx, Kind::Nd { batch })
}

#[derive(Clone, Copy)]
enum Mode {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Update,
}

impl Mode {
    fn floats(self, old: f32, new: f32) -> f32 {
        match self {
            Mode::Add => old + new,
            Mode::Sub => old - new,
            Mode::Mul => old * new,
            Mode::Div => old / new,
            Mode::Max if old.is_nan() => old,
            Mode::Max => {
                if old > new {
                    old
                } else {
                    new
                }
            }
            Mode::Min if old.is_nan() => old,
            Mode::Min => {
                if old < new {
                    old
                } else {
                    new
                }
            }
            Mode::Update => new,
        }
    }

    fn ints(self, old: i32, new: i32) -> i32 {
        match self {
            Mode::Add => old.wrapping_add(new),
            Mode::Sub => old.wrapping_sub(new),
            Mode::Mul => old.wrapping_mul(new),
            Mode::Div => old.checked_div(new).unwrap_or(0),
            Mode::Max => old.max(new),
            Mode::Min => old.min(new),
            Mode::Update => new,
        }
    }
}

fn mode(ctx: &PrepareCtx<'_>) -> Result<Mode, String> {
    let mode = ctx.infer().text("mode").map_err(|fault| fault.to_string())?;
    match mode.as_str() {
        "add" => Ok(Mode::Add),
        "sub" => Ok(Mode::Sub),
        "mul" => Ok(Mode::Mul),
        "div" => Ok(Mode::Div),
        "max" => Ok(Mode::Max),
        "min" => Ok(Mode::Min),
        "update" => Ok(Mode::Update),
        other => Err(format!("there is no mode `{other}`")),
    }
}

fn scatter_with(ctx: &mut PrepareCtx<'_>, kind: Kind) -> Result<Prepared, String> {
    for input in ["data", "indices", "updates"] {
        ctx.operand(input)?;
    }
    let (mode, validate) = (mode(ctx)?, flag(ctx, "validate_indices")?);
    Ok(Prepared::function(move |io| scatter_runs(io, kind, mode, validate)))
}

fn scatter_runs(io: &mut Io<'_, '_>, kind: Kind, mode: Mode, validate: bool) -> Result<(), String> {
    let [data, indices, updates] = io.inputs else {
        return Err("there are three inputs".to_owned());
    };
    let out = &mut io.outputs[0];
    let picked = kind.pick(data.shape, indices.shape, indices.data.i32()?, updates.shape)?;
    picked.check(validate)?;
    copy_all(data.data, &mut out.data)?;
    match (updates.data, &mut out.data) {
        (Data::F32(x), DataMut::F32(out)) => {
            update_runs(x, out, &picked, |old, new| mode.floats(old, new));
        }
        (Data::I32(x), DataMut::I32(out)) => {
            update_runs(x, out, &picked, |old, new| mode.ints(old, new));
        }
        _ => return Err("the updates have another element type".to_owned()),
    }
    Ok(())
}

/// In order, so that updates of one element come one after another.
fn update_runs<T: Copy>(
    updates: &[T],
    out: &mut [T],
    picked: &Picked<'_>,
    update: impl Fn(T, T) -> T,
) {
    if updates.is_empty() {
        return;
    }
    for (row, updates) in updates.chunks_exact(picked.run).enumerate() {
        let start = picked.start(row);
        let out = &mut out[start..start + picked.run];
        out.iter_mut().zip(updates).for_each(|(old, &new)| *old = update(*old, new));
    }
}

pub(super) fn scatter(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let axis = axis(ctx, "data")?;
    scatter_with(ctx, Kind::Axis { axis, batch: 0 })
}

pub(super) fn scatter_along_axis(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let axis = axis(ctx, "data")?;
    scatter_with(ctx, Kind::Along { axis })
}

pub(super) fn scatter_nd(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    scatter_with(ctx, Kind::Nd { batch: 0 })
}
