//! Choice between values.

use crate::array::Data;
use crate::elementwise::zip3;
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
