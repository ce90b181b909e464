//! Choice between values, branches and loops.

use crate::array::Data;
use crate::elementwise::zip3;
use crate::flow::Flow;
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

struct Select;

impl Kernel for Select {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let [cond, a, b] = io.inputs else { return Err("select has three inputs".to_owned()) };
        let out = &mut io.outputs[0];
        match a.data {
            Data::F32(_) => zip3([cond, a, b], out, &choose::<f32>),
            Data::I32(_) => zip3([cond, a, b], out, &choose::<i32>),
            Data::Bool(_) => zip3([cond, a, b], out, &choose::<u8>),
        }
    }
}

#[inline(always)]
fn choose<T>(cond: u8, a: T, b: T) -> T {
    if cond != 0 { a } else { b }
}

pub(super) fn select(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    for input in ["cond", "a", "b"] {
        ctx.operand(input)?;
    }
    Ok(Prepared::kernel(Select))
}

pub(super) fn cond(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let pred = ctx.operand("pred")?;
    let (then, otherwise) = (ctx.block(0)?, ctx.block(1)?);
    Ok(Prepared::Flow(Box::new(Flow::Cond { pred, then, otherwise })))
}

pub(super) fn while_loop(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let variables = ctx.operands("loop_vars");
    let (condition, body) = (ctx.block(0)?, ctx.block(1)?);
    Ok(Prepared::Flow(Box::new(Flow::Loop { variables, condition, body })))
}
