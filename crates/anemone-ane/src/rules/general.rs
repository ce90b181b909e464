//! What holds for every op: the generation, rank, sizes, element types, shapes that are fixed.

use anemone_ir::Dim;
use anemone_tensor::DataType;

use super::site::{No, Obstacle, Site, Verdict};
use crate::data::Native;
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
    dynamic(site).or_else(|| tensors(site)).or_else(|| generation(site))
}

fn dynamic(site: &Site<'_>) -> Verdict {
    let ids = running(site);
    let free = |dim: &Dim| dim.eval(&site.model.bindings).is_none();
    for id in ids {
        let value = site.model.function.value(id);
        let Some(tensor) = value.ty().as_tensor() else { continue };
        if tensor.shape.iter().any(free) {
            let why = "a size is known only when the data is; the engine takes fixed shapes";
            return Some(No::new(Obstacle::Dynamic, why).from(Class::Documented, &["apple"]));
        }
    }
    None
}

/// The values that a node works on: those that are not constant, and its outputs.
fn running<'s>(site: &'s Site<'_>) -> impl Iterator<Item = anemone_ir::ValueId> + 's {
    let inputs = crate::model::Model::inputs(site.node);
    inputs.filter(|id| !site.model.is_constant(*id)).chain(site.node.outputs.iter().copied())
}

fn tensors(site: &Site<'_>) -> Verdict {
    let max_dim = site.target.family().max_dim;
    for id in running(site) {
        if let Some(shape) = site.model.shape(id) {
            if shape.len() > MAX_RANK {
                let why =
                    format!("a tensor has {} dimensions; at most {MAX_RANK} fit", shape.len());
                return Some(No::new(Obstacle::Rank, why).from(Class::Documented, &["apple"]));
            }
            if let (Some(limit), Some(big)) = (max_dim, shape.iter().max())
                && *big > limit
            {
                let why = format!("a dimension of {big} is above the limit of {limit}");
                let keys: &[&str] = if limit == 65536 { &["m4cml"] } else { &["hal"] };
                return Some(No::new(Obstacle::Dimension, why).from(Class::Measured, keys));
            }
        }
        let no = |obstacle, why: &str| Some(No::new(obstacle, why));
        match site.model.dtype(id) {
            None | Some(DataType::F16 | DataType::Bool) => {}
            Some(DataType::I8 | DataType::U8) if site.row().name.ends_with("quantize") => {}
            Some(DataType::F32) if site.row().name == "cast" => {}
            Some(DataType::F32) => {
                let why = "it computes in fp32; the engine computes in fp16";
                return no(Obstacle::Fp32, why).map(|n| n.from(Class::Documented, &["apple"]));
            }
            Some(DataType::I32) => {
                let why = "it touches an int32 tensor, and all of those stay on the CPU";
                return no(Obstacle::Int32, why).map(|n| n.from(Class::Measured, &["m4cml"]));
            }
            Some(other) => {
                let why = format!("it touches a tensor of {other}; the engine computes in fp16");
                return no(Obstacle::ElementType, &why)
                    .map(|n| n.from(Class::Measured, &["m4cml"]));
            }
        }
    }
    None
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
