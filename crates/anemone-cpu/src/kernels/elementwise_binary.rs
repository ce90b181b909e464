//! Element by element kernels of two inputs.

use crate::array::Storage;
use crate::elementwise::{Element, zip};
use crate::fuse::Piece;
use crate::kernel::{Io, Kernel, Prepared};
use crate::prepare::PrepareCtx;

/// A function applied to operands 0 and 1, broadcast.
struct Pairs<A, B, F> {
    f: F,
    types: std::marker::PhantomData<fn(A) -> B>,
}

impl<A: Element, B: Element, F: Fn(A, A) -> B + Send + Sync> Kernel for Pairs<A, B, F> {
    fn run(&self, io: &mut Io<'_, '_>) -> Result<(), String> {
        zip(&io.inputs[0], &io.inputs[1], &mut io.outputs[0], &self.f)
    }
}

fn pairs<A: Element, B: Element>(
    ctx: &mut PrepareCtx<'_>,
    f: impl Fn(A, A) -> B + Send + Sync + 'static,
) -> Result<Prepared, String> {
    ctx.operand("x")?;
    ctx.operand("y")?;
    Ok(Prepared::kernel(Pairs { f, types: std::marker::PhantomData }))
}

/// One function for floats and one for integers.
fn numbers<B: Element, C: Element>(
    ctx: &mut PrepareCtx<'_>,
    float: impl Fn(f32, f32) -> B + Send + Sync + 'static,
    int: impl Fn(i32, i32) -> C + Send + Sync + 'static,
) -> Result<Prepared, String> {
    match Storage::of(ctx.infer().dtype("x").map_err(|fault| fault.to_string())?)? {
        Storage::F32 => pairs(ctx, float),
        Storage::I32 => pairs(ctx, int),
        Storage::Bool => Err("there is no kernel for booleans".to_owned()),
    }
}

pub(super) fn add(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    Ok(numbers(ctx, |x, y| x + y, i32::wrapping_add)?.known_as(|| Piece::Add))
}

pub(super) fn equal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x == y), |x, y| u8::from(x == y))
}

pub(super) fn floor_div(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, floor_div_float, |x, y| floor_div_mod(x, y).0)
}

pub(super) fn greater(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x > y), |x, y| u8::from(x > y))
}

pub(super) fn greater_equal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x >= y), |x, y| u8::from(x >= y))
}

pub(super) fn less(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x < y), |x, y| u8::from(x < y))
}

pub(super) fn less_equal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x <= y), |x, y| u8::from(x <= y))
}

pub(super) fn logical_and(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    pairs(ctx, |x: u8, y: u8| x & y)
}

pub(super) fn logical_or(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    pairs(ctx, |x: u8, y: u8| x | y)
}

pub(super) fn logical_xor(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    pairs(ctx, |x: u8, y: u8| x ^ y)
}

pub(super) fn maximum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| if x >= y || x.is_nan() { x } else { y }, i32::max)
}

pub(super) fn minimum(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| if x <= y || x.is_nan() { x } else { y }, i32::min)
}

pub(super) fn mod_(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, mod_float, |x, y| floor_div_mod(x, y).1)
}

pub(super) fn mul(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| x * y, i32::wrapping_mul)
}

pub(super) fn not_equal(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| u8::from(x != y), |x, y| u8::from(x != y))
}

pub(super) fn pow(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    let exponent = ctx.infer().float("y").ok();
    if exponent == Some(2.0) {
        return numbers(ctx, |x, _| x * x, |x, _| x.wrapping_mul(x));
    }
    numbers(ctx, f32::powf, pow_int)
}

pub(super) fn real_div(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| x / y, |x, y| (f64::from(x) / f64::from(y)) as i32)
}

pub(super) fn sub(ctx: &mut PrepareCtx<'_>) -> Result<Prepared, String> {
    numbers(ctx, |x, y| x - y, i32::wrapping_sub)
}

/// Quotient and rest, both as of division rounded down; 0 for a division by 0, as in numpy.
fn floor_div_mod(x: i32, y: i32) -> (i32, i32) {
    if y == 0 {
        return (0, 0);
    }
    let (quotient, rest) = (x.wrapping_div(y), x.wrapping_rem(y));
    if rest != 0 && (rest < 0) != (y < 0) { (quotient - 1, rest + y) } else { (quotient, rest) }
}

/// The rest of an exact division rounded down, with the sign of `y`, as in numpy.
fn mod_float(x: f32, y: f32) -> f32 {
    let rest = x % y;
    if rest == 0.0 {
        0f32.copysign(y)
    } else if (rest < 0.0) != (y < 0.0) {
        rest + y
    } else {
        rest
    }
}

/// The quotient of an exact division, rounded down, as in numpy: `floor(x / y)` would be one more
/// where `x / y` rounds up to a whole number.
fn floor_div_float(x: f32, y: f32) -> f32 {
    if y == 0.0 {
        return x / y;
    }
    let rest = x % y;
    let mut quotient = (x - rest) / y;
    if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0f32.copysign(x / y);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

fn pow_int(x: i32, y: i32) -> i32 {
    match (u32::try_from(y), x) {
        (Ok(y), _) => x.wrapping_pow(y),
        (Err(_), 1) => 1,
        (Err(_), -1) if y % 2 == 0 => 1,
        (Err(_), -1) => -1,
        (Err(_), _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_down() {
        for (x, y, quotient, rest) in
            [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, -2, -3, 0)]
        {
            assert_eq!(floor_div_mod(x, y), (quotient, rest));
            assert_eq!(floor_div_float(x as f32, y as f32), quotient as f32);
            assert_eq!(mod_float(x as f32, y as f32), rest as f32);
        }
        assert_eq!(floor_div_mod(i32::MIN, -1), (i32::MIN, 0));
        assert_eq!(floor_div_mod(3, 0), (0, 0));
        assert_eq!(floor_div_float(1.0, 0.1), 9.0);
        assert_eq!(floor_div_float(-1.0, 0.0), f32::NEG_INFINITY);
        assert!(mod_float(1.0, 0.0).is_nan());
    }

    #[test]
    fn integer_powers() {
        for (x, y, power) in [(3, 4, 81), (2, -1, 0), (-1, -3, -1), (0, 0, 1), (2, 33, 0)] {
            assert_eq!(pow_int(x, y), power);
        }
    }
}
