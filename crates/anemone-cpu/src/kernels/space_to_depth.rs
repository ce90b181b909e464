//! Moving elements between the spatial axes and those of channels or of the batch.

use crate::array::DataMut;
use crate::kernel::{Io, Prepared, Short};
use crate::prepare::PrepareCtx;
use crate::strided::{Axis, Region, copy, signed, strides};

use super::tensor_transformation::{dense, rearranged};

/// Which of the two parts of the deep axis varies faster.
#[derive(Clone, Copy)]
enum Order {
    /// The channel, as in `depth_to_space`.
    Channel,
    /// The place in the block, as in `pixel_shuffle`.
    Block,
}

fn factor(ctx: &PrepareCtx<'_>, input: &str) -> Result<usize, String> {
    let factor = ctx.infer().int(input).map_err(|fault| fault.to_string())?;
    usize::try_from(factor).map_err(|_| format!("`{input}` is {factor}"))
}

fn four(shape: &[usize]) -> Option<[usize; 4]> {
    shape.try_into().ok()
}

fn to_space(ctx: &mut PrepareCtx<'_>, input: &str, order: Order) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let block = factor(ctx, input)?;
    Ok(rearranged(move |x, out| {
        let ([n, c, h, w], [_, channels, ..]) = (four(x)?, four(out)?);
        let fits = out == [n, channels, h.checked_mul(block)?, w.checked_mul(block)?]
            && channels.checked_mul(block * block)? == c;
        let steps: Short<isize> = strides(x).iter().map(|&s| signed(s)).collect();
        let (side, all) = (signed(block), signed(channels));
        let [channel, down, right] = match order {
            Order::Channel => [1, side * all, all],
            Order::Block => [side * side, side, 1],
        };
        let of_channel = |n: isize| n.checked_mul(steps[1]);
        let distances = [
            steps[0],
            of_channel(channel)?,
            steps[2],
            of_channel(down)?,
            steps[3],
            of_channel(right)?,
        ];
        dense(0, &[n, channels, h, block, w, block], &distances).filter(|_| fits)
    }))
}

fn to_depth(ctx: &mut PrepareCtx<'_>, input: &str, order: Order) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let block = factor(ctx, input)?;
    Ok(rearranged(move |x, out| {
        let ([n, c, ..], [_, _, h, w]) = (four(x)?, four(out)?);
        let fits = x == [n, c, h.checked_mul(block)?, w.checked_mul(block)?]
            && out[..2] == [n, c.checked_mul(block * block)?];
        let steps: Short<isize> = strides(x).iter().map(|&s| signed(s)).collect();
        let far = |axis: usize| signed(block).checked_mul(steps[axis]);
        let (down, right) = (far(2)?, far(3)?);
        let region = match order {
            Order::Channel => dense(
                0,
                &[n, block, block, c, h, w],
                &[steps[0], steps[2], steps[3], steps[1], down, right],
            ),
            Order::Block => dense(
                0,
                &[n, c, block, block, h, w],
                &[steps[0], steps[1], steps[2], steps[3], down, right],
            ),
        };
        region.filter(|_| fits)
    }))
}

pub(super) fn depth_to_space(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    to_space(ctx, "block_size", Order::Channel)
}

pub(super) fn space_to_depth(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    to_depth(ctx, "block_size", Order::Channel)
}

pub(super) fn pixel_shuffle(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    to_space(ctx, "upscale_factor", Order::Block)
}

pub(super) fn pixel_unshuffle(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    to_depth(ctx, "downscale_factor", Order::Block)
}

/// Blocks of the spatial axes, and what lies around the large image.
#[derive(Clone, Copy)]
struct Blocks {
    side: [usize; 2],
    /// Padding or cropping before the first row and column.
    before: [usize; 2],
}

fn blocks(ctx: &PrepareCtx<'_>, borders: &str) -> Result<Blocks, String> {
    let side = ctx.infer().ints("block_shape").map_err(|fault| fault.to_string())?;
    let borders = ctx.constant(borders)?.ok_or("the borders are not constant")?;
    let size = |n: i64| usize::try_from(n).ok();
    let read = || {
        let borders = borders.view().data.i32().ok()?;
        Some(Blocks {
            side: [size(*side.first()?)?, size(*side.get(1)?)?],
            before: [size((*borders.first()?).into())?, size((*borders.get(2)?).into())?],
        })
    };
    read().ok_or_else(|| "blocks and borders must be two numbers for each axis".to_owned())
}

/// Where the small image of one place in the block lies on the large image, along one axis.
struct Overlap {
    /// The first row of the small image that lies on the large one, and how many do.
    first: usize,
    count: usize,
    /// The row of the large image where the first one lies.
    at: usize,
}

impl Blocks {
    fn overlap(&self, axis: usize, place: usize, small: usize, large: usize) -> Overlap {
        let (side, before) = (self.side[axis], self.before[axis]);
        let first = before.saturating_sub(place).div_ceil(side);
        let at = (first * side + place).saturating_sub(before);
        let count = large.saturating_sub(at).div_ceil(side).min(small.saturating_sub(first));
        Overlap { first, count, at }
    }

    /// Copies between the large image and the small ones of the batch, one place at a time.
    fn copy(&self, io: &mut Io<'_, '_>, to_batch: bool) -> Result<(), String> {
        let (x, out) = (&io.inputs[0], &mut io.outputs[0]);
        let (small, large) = if to_batch { (out.shape, x.shape) } else { (x.shape, out.shape) };
        let unfit = || format!("shape {:?} cannot become {:?}", x.shape, out.shape);
        let [batch, c, h, w] = four(small).ok_or_else(unfit)?;
        let [n, same, high, wide] = four(large).ok_or_else(unfit)?;
        let places = self.side[0].checked_mul(self.side[1]).and_then(|s| s.checked_mul(n));
        if c != same || places != Some(batch) {
            return Err(unfit());
        }
        if to_batch {
            zero(&mut out.data);
        }
        if small.contains(&0) {
            return Ok(());
        }
        let (inner, outer) = (strides(small), strides(large));
        for place in 0..self.side[0] * self.side[1] {
            let (i, j) = (place / self.side[1], place % self.side[1]);
            let (rows, columns) = (self.overlap(0, i, h, high), self.overlap(1, j, w, wide));
            let small = place * n * inner[0] + rows.first * inner[2] + columns.first;
            let large = rows.at * outer[2] + columns.at;
            let axis = |size: usize, small: usize, large: usize| match to_batch {
                true => Axis { size, from: signed(large), to: small },
                false => Axis { size, from: signed(small), to: large },
            };
            let axes = [
                axis(n, inner[0], outer[0]),
                axis(c, inner[1], outer[1]),
                axis(rows.count, inner[2], self.side[0] * outer[2]),
                axis(columns.count, 1, self.side[1]),
            ];
            let (from, to) = if to_batch { (large, small) } else { (small, large) };
            let axes = axes.into_iter().collect();
            copy(x.data, &mut out.data, Region { from: signed(from), to, axes })?;
        }
        Ok(())
    }
}

fn zero(data: &mut DataMut<'_>) {
    match data {
        DataMut::F32(v) => v.fill(0.0),
        DataMut::I32(v) => v.fill(0),
        DataMut::Bool(v) => v.fill(0),
    }
}

pub(super) fn space_to_batch(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let blocks = blocks(ctx, "paddings")?;
    Ok(Prepared::function(move |io| blocks.copy(io, true)))
}

pub(super) fn batch_to_space(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    ctx.operand("x")?;
    let blocks = blocks(ctx, "crops")?;
    Ok(Prepared::function(move |io| blocks.copy(io, false)))
}
