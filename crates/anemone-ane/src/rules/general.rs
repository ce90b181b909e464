//! What holds for every op: the generation, rank, sizes, element types, shapes that are fixed.

use anemone_ir::{Bindings, Dim, Op};
use anemone_tensor::DataType;

use super::movement;
use super::site::{No, Obstacle, Site, Verdict};
use crate::data::{Native, System};
use crate::evidence::Class;

/// The most dimensions of a tensor.
pub const MAX_RANK: usize = 5;

pub(super) fn check(site: &Site<'_>) -> Verdict {
    let family = site.target.family();
    if !family.coreml {
        let why = "Core ML does not reach this chip's Neural Engine";
        return Some(No::new(Obstacle::NoEngine, why).from(Class::Reported, &["hol"]));
    }
    if !family.ml_program {
        let why = format!(
            "the compiler for {} takes no ML programs, only the older network format",
            family.name
        );
        return Some(No::new(Obstacle::NoProgram, why).from(Class::Reported, &["hal"]));
    }
    system(site)
        .or_else(|| dynamic(site))
        .or_else(|| tensors(site))
        .or_else(|| blocks(site))
        .or_else(|| generation(site))
}

/// Ops that the target's system does not know.
fn system(site: &Site<'_>) -> Verdict {
    let since = site.node.op.def().versions.first()?.since;
    let why = format!("the op came with {since}, and the target runs {}", site.target.os);
    let no = || No::new(Obstacle::System, why).from(Class::Documented, &["ctdoc"]);
    (!site.target.os.knows(since)).then(no)
}

/// Scales by block: Core ML keeps the op that reads such weights on the CPU; older compilers decode them first.
fn blocks(site: &Site<'_>) -> Verdict {
    let model = site.model;
    let inputs = crate::model::Model::inputs(site.node);
    let by_block = inputs
        .filter_map(|id| model.producer(id))
        .any(|i| crate::cost::is_by_block(model, model.items[i].node));
    if !by_block {
        return None;
    }
    let evidence = "cadamcat (M5 Pro, macOS 27); apple/coreai-models#279";
    if site.target.since(15) {
        let why = "its weights have scales by block; the engine takes them by channel or by tensor";
        return Some(No::new(Obstacle::Weights, why).from(Class::Reported, &[evidence]));
    }
    let why = "its weights have scales by block, which this generation decodes before it runs";
    Some(No::new(Obstacle::Weights, why).from(Class::Reported, &["af_cat"]).open())
}

fn dynamic(site: &Site<'_>) -> Verdict {
    let ids = running(site);
    let free = |dim: &Dim| dim.eval(&site.model.bindings).is_none();
    for id in ids {
        let value = site.model.function.value(id);
        let Some(tensor) = value.ty().as_tensor() else { continue };
        if tensor.shape.iter().any(free) {
            let why = format!(
                "a size of `{}` is known only when the data is; the engine takes fixed shapes",
                value.name
            );
            return Some(No::new(Obstacle::Dynamic, why).from(Class::Documented, &["apple"]));
        }
    }
    None
}

/// The values that a node works on: those that are not constant, and its outputs; of several, those in use.
fn running<'s>(site: &'s Site<'_>) -> impl Iterator<Item = anemone_ir::ValueId> + 's {
    let inputs = crate::model::Model::inputs(site.node);
    let outputs = site.node.outputs.iter().copied();
    let is_one = site.node.outputs.len() == 1;
    let in_use = outputs.filter(move |id| is_one || site.model.is_used(*id));
    inputs.filter(|id| !site.model.is_constant(*id)).chain(in_use)
}

/// Layer normalisation at listed shapes left the engine on the systems of 2023.
pub(super) fn listed_shapes(site: &Site<'_>) -> Verdict {
    let is_2023 = match site.target.os.system {
        System::Macos => site.target.os.major == 14,
        System::Ios => site.target.os.major == 17,
    };
    let value = site.model.function.value(site.value("x")?);
    let fixed = |dim: &Dim| dim.eval(&Bindings::default()).is_some();
    let is_free = !value.ty().as_tensor()?.shape.iter().all(fixed);
    let why = format!("with listed shapes it ran elsewhere on {}", site.target.os);
    let evidence = "github.com/apple/coremltools/issues/1909";
    let no = || No::new(Obstacle::Dynamic, why).from(Class::Reported, &[evidence]);
    (is_2023 && is_free).then(no)
}

/// The channel axis goes further than others on old generations; sources agree on that for convolutions alone.
const MAX_CHANNELS: u64 = 65536;

fn dimension(site: &Site<'_>, shape: &[u64], name: &str) -> Verdict {
    let limit = site.target.family().max_dim?;
    let (axis, big) = shape.iter().enumerate().find(|(_, size)| **size > limit)?;
    if axis == 1 && shape.len() >= 4 && *big <= MAX_CHANNELS {
        let others = shape.iter().enumerate().any(|(i, size)| i != 1 && *size > limit);
        if !others && matches!(site.node.op, Op::Conv | Op::ConvTranspose) {
            return None;
        }
        if !others && !matches!(site.node.op, Op::Matmul | Op::Transpose) {
            let why = format!(
                "`{name}` has {big} channels: {limit} by one table of this compiler, {MAX_CHANNELS} by another"
            );
            return Some(No::new(Obstacle::Dimension, why).from(Class::Reported, &["hal"]).open());
        }
    }
    let why = format!("axis {axis} of `{name}` is {big} long, above the limit of {limit}");
    let keys: &[&str] = if limit == 65536 { &["m4cml"] } else { &["hal"] };
    Some(No::new(Obstacle::Dimension, why).from(Class::Measured, keys))
}

fn tensors(site: &Site<'_>) -> Verdict {
    let mut open = None;
    for id in running(site) {
        let name = &site.model.function.value(id).name;
        if let Some(shape) = site.model.shape(id) {
            if shape.len() > MAX_RANK {
                let why =
                    format!("`{name}` has {} dimensions; at most {MAX_RANK} fit", shape.len());
                return Some(No::new(Obstacle::Rank, why).from(Class::Documented, &["apple"]));
            }
            match dimension(site, shape, name) {
                Some(no) if no.is_open => open = Some(no),
                None => {}
                no => return no,
            }
        }
        match site.model.dtype(id).and_then(|dtype| element(site, dtype, name)) {
            Some(no) if no.is_open => open = Some(no),
            None => {}
            no => return no,
        }
    }
    open
}

fn element(site: &Site<'_>, dtype: DataType, name: &str) -> Verdict {
    let is_cast = site.node.op == Op::Cast;
    let quantizes = matches!(site.node.op, Op::Quantize | Op::Dequantize);
    match dtype {
        DataType::F16 | DataType::Bool => None,
        DataType::F32 if is_cast => None,
        DataType::I8 | DataType::U8 if quantizes => None,
        DataType::I16 | DataType::U16 if movement::takes_short_indices(site, name) => None,
        DataType::I32 if movement::takes_a_start(site, name) => None,
        DataType::F32 => {
            let why = format!("`{name}` is fp32; the engine computes in fp16");
            Some(No::new(Obstacle::Fp32, why).from(Class::Documented, &["apple"]))
        }
        DataType::I32 => {
            let why = format!("`{name}` is an int32 tensor, and ops on those stay on the CPU");
            Some(No::new(Obstacle::Int32, why).from(Class::Measured, &["m4cml"]))
        }
        DataType::I8 | DataType::U8 if is_cast => {
            let why = format!("`{name}` is {dtype}; casts to and from it stay on the CPU");
            Some(No::new(Obstacle::ElementType, why).from(Class::Measured, &["m4cml"]))
        }
        DataType::I8 | DataType::U8 | DataType::I16 | DataType::U16 => {
            let why = format!(
                "`{name}` is {dtype}, which Apple's rules list; nobody has published a run of this op on it"
            );
            Some(No::new(Obstacle::ElementType, why).from(Class::Documented, &["apple"]).open())
        }
        DataType::BF16
        | DataType::F64
        | DataType::F8E4M3FN
        | DataType::F8E5M2
        | DataType::I4
        | DataType::I64
        | DataType::U1
        | DataType::U2
        | DataType::U3
        | DataType::U4
        | DataType::U6
        | DataType::U32
        | DataType::U64
        | DataType::String => {
            let why = format!("`{name}` is {dtype}; the engine computes in fp16");
            Some(No::new(Obstacle::ElementType, why).from(Class::Documented, &["apple"]))
        }
    }
}

/// What older compilers lack: their table says no where that of h16 does not.
fn generation(site: &Site<'_>) -> Verdict {
    let row = site.row();
    let family = &site.target.family().name;
    let (own, newest) = (row.native(family), row.native("h16"));
    match own {
        Native::No if newest != Native::No => {
            let why = format!("the compiler for {family} has no code for it; later ones do");
            Some(No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]))
        }
        Native::Indirect if newest == Native::Yes => {
            let why = format!("the compiler for {family} makes it of other ops, more slowly");
            Some(No::new(Obstacle::Generation, why).from(Class::Reported, &["af_cat"]).open())
        }
        Native::Yes | Native::Indirect | Native::No | Native::Unknown => None,
    }
}
