//! Reading and writing of states.

use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

struct Read;

impl Kernel for Read {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let state = io.state.as_ref().ok_or("there is no state")?;
        state.load(&mut io.outputs[0].data)
    }
}

struct Write {
    data: usize,
}

impl Kernel for Write {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        let state = io.state.as_mut().ok_or("there is no state")?;
        state.store(io.inputs[self.data].data)
    }
}

pub(super) fn read_state(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.state("input")?;
    Ok(Prepared::kernel(Read))
}

pub(super) fn write_state(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.state("input")?;
    Ok(Prepared::kernel(Write { data: ctx.operand("data")? }))
}
