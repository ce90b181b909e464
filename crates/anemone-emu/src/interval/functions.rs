//! Ranges of functions, sums and norms. Where the Neural Engine reads a table, the ends of a range
//! are taken from both the table and the function, with room for the steps between.

use anemone_tensor::DataType;

use super::range::Range;
use super::site::Site;
use crate::functions as table;
use crate::rounding::to_half;

/// A truth value.
pub(crate) const TRUTH: Range = Range { lowest: 0.0, highest: 1.0, nan: false };

/// Room for a table's error and the rounding of its result.
const TABLE: f64 = 1.0 / 256.0;

/// Room for what is lost where many numbers are added up.
const SUM: f64 = 1.0 / 128.0;

/// From here on a stored number may be infinite.
const LARGE: f64 = 65000.0;

/// Squares of larger numbers overflow.
const SQUARE: f64 = 255.9;

/// Room for the rounding of squares that are hardly numbers of fp16.
const SMALL_SQUARES: f64 = 1.3;

/// A function that never falls, and the table that stands for it.
fn rising(x: Range, exact: fn(f64) -> f64, table: fn(f32) -> f32) -> Range {
    let x = x.read();
    let at = |value: f64| f64::from(table(to_half(value)));
    x.rising(exact).join(Range::new(at(x.lowest), at(x.highest)).or_nan(x.nan)).wider(TABLE)
}

/// A part of the range between two numbers.
fn between(range: Range, lowest: f64, highest: f64) -> Range {
    Range {
        lowest: range.lowest.clamp(lowest, highest),
        highest: range.highest.clamp(lowest, highest),
        nan: range.nan,
    }
}

pub(crate) fn sigmoid(x: Range) -> Range {
    between(rising(x, |x| 1.0 / (1.0 + (-x).exp()), table::sigmoid), 0.0, 1.0)
}

pub(crate) fn tanh(x: Range) -> Range {
    between(rising(x, f64::tanh, table::tanh), -1.0, 1.0)
}

pub(crate) fn erf(x: Range) -> Range {
    between(rising(x, table::exact_erf, table::erf), -1.0, 1.0)
}

pub(crate) fn exp(x: Range) -> Range {
    between(rising(x, f64::exp, table::exp), 0.0, f64::INFINITY)
}

pub(crate) fn exp2(x: Range) -> Range {
    between(rising(x, f64::exp2, table::exp2), 0.0, f64::INFINITY)
}

pub(crate) fn sqrt(x: Range) -> Range {
    let nan = x.lowest < 0.0;
    between(rising(x.halves().0, f64::sqrt, table::sqrt), 0.0, f64::INFINITY).or_nan(nan)
}

pub(crate) fn rsqrt(x: Range) -> Range {
    let x = x.read();
    if x.lowest <= 0.0 {
        return Range::new(0.0, f64::INFINITY).or_nan(x.nan || x.lowest < 0.0);
    }
    let high = (1.0 / x.lowest.sqrt()) * (1.0 + TABLE);
    let low = if x.highest > LARGE { 0.0 } else { (1.0 - TABLE) / x.highest.sqrt() };
    Range::new(low, high).or_nan(x.nan)
}

pub(crate) fn inverse(x: Range) -> Range {
    x.inverse().wider(TABLE)
}

/// Of numbers up to 0 it is -inf, or NaN; the table gives 0 for infinity.
pub(crate) fn log(x: Range) -> Range {
    let x = x.read();
    let (positive, _) = x.halves();
    let found = rising(positive, f64::ln, table::log);
    let zero = Range::point(0.0);
    let found = if x.highest > LARGE { found.join(zero) } else { found };
    found.or_nan(x.nan || x.lowest < 0.0)
}

/// `log(1 + exp(x))`: above `x`, below `max(x, 0) + log 2`, and 0 where the sum overflows.
pub(crate) fn softplus(x: Range) -> Range {
    let x = x.read();
    let high = x.highest.max(0.0) + 0.7;
    let low = if x.highest > 10.0 { 0.0 } else { x.lowest.max(0.0) * (1.0 - TABLE) };
    Range::new(low, high).wider(TABLE).max(Range::point(0.0)).or_nan(x.nan)
}

pub(crate) fn softplus_parametric(s: &Site<'_>) -> Range {
    s.of("alpha").mul(softplus(s.of("x").mul(s.of("beta"))))
}

/// `gelu` and `silu`: between `min(0, x)` and `max(0, x)`, and never below a small number.
pub(crate) fn hump(x: Range, depth: f64) -> Range {
    let x = x.read();
    let low = if x.lowest >= 8.0 { x.lowest * (1.0 - TABLE) } else { x.lowest.clamp(-depth, 0.0) };
    Range::new(low - 0.01, x.highest.max(0.0) * (1.0 + TABLE) + 0.01).or_nan(x.nan)
}

/// The positive part, and the negative part times `slope`.
pub(crate) fn sides(s: &Site<'_>, slope: Range) -> Range {
    let (up, down) = s.of("x").halves();
    up.join(down.mul(slope))
}

pub(crate) fn clamped_relu(s: &Site<'_>) -> Range {
    sides(s, s.of("alpha")).min(s.of("beta"))
}

pub(crate) fn elu(s: &Site<'_>) -> Range {
    let (up, down) = s.of("x").halves();
    up.join(between(exp(down), 0.0, 1.0).sub(Range::point(1.0)).mul(s.of("alpha")).wider(TABLE))
}

pub(crate) fn scaled_tanh(s: &Site<'_>) -> Range {
    s.of("alpha").mul(tanh(s.of("x").mul(s.of("beta"))))
}

pub(crate) fn sigmoid_hard(s: &Site<'_>) -> Range {
    between(s.of("x").mul(s.of("alpha")).add(s.of("beta")).wider(TABLE), 0.0, 1.0)
}

pub(crate) fn softmax(s: &Site<'_>) -> Range {
    Range::new(0.0, 1.0 + TABLE).or_nan(!s.of("x").is_finite())
}

pub(crate) fn round(x: Range) -> Range {
    x.rising(f64::round).join(x.rising(f64::round_ties_even))
}

/// `x * x` is never negative.
pub(crate) fn product(s: &Site<'_>) -> Range {
    match (s.ids("x"), s.ids("y")) {
        ([x], [y]) if x == y => s.of("x").squared(),
        _ => s.of("x").mul(s.of("y")),
    }
}

/// `x - x` is 0.
pub(crate) fn difference(s: &Site<'_>) -> Range {
    match (s.ids("x"), s.ids("y")) {
        ([x], [y]) if x == y && s.of("x").is_finite() => Range::point(0.0),
        _ => s.of("x").sub(s.of("y")),
    }
}

/// The Neural Engine multiplies by an inverse.
pub(crate) fn quotient(s: &Site<'_>) -> Range {
    let (x, y) = (s.of("x").read(), s.of("y").read());
    if y.holds(0.0) {
        return Range::NUMBER.or_nan(x.nan || y.nan || x.holds(0.0) || !x.is_finite());
    }
    let infinite = x.largest().is_infinite() && y.largest().is_infinite();
    // An inverse below the least number of fp16 is 0.
    x.mul(y.inverse().stored().wider(TABLE)).join(Range::point(0.0)).or_nan(infinite)
}

/// The rest of a division has the divisor's sign and is smaller.
pub(crate) fn modulo(s: &Site<'_>) -> Range {
    let (x, y) = (s.of("x"), s.of("y").read());
    let nan = y.holds(0.0) || !x.is_finite() || y.nan;
    Range::new(y.lowest.min(0.0), y.highest.max(0.0)).wider(TABLE).or_nan(nan)
}

pub(crate) fn power(s: &Site<'_>) -> Range {
    let (x, y) = (s.of("x").read(), s.of("y").read());
    let whole = y.lowest == y.highest && y.lowest.fract() == 0.0 && y.lowest >= 0.0;
    if whole && y.lowest == 2.0 {
        return x.squared().wider(TABLE);
    }
    if whole && y.lowest < 1024.0 {
        let base = if y.lowest % 2.0 == 0.0 { x.abs() } else { x };
        return base.rising(|x| x.powf(y.lowest)).wider(TABLE).or_nan(x.nan);
    }
    if x.lowest <= 0.0 {
        return Range::NUMBER.or_nan(true);
    }
    let corner = |x: f64, y: f64| Range::point(x.powf(y)).or_nan(x.powf(y).is_nan());
    let found = corner(x.lowest, y.lowest)
        .join(corner(x.lowest, y.highest))
        .join(corner(x.highest, y.lowest))
        .join(corner(x.highest, y.highest));
    let found = if found.nan { Range::ANY } else { found };
    let one = if y.holds(0.0) || x.holds(1.0) { found.join(Range::point(1.0)) } else { found };
    between(one.wider(0.05), 0.0, f64::INFINITY).or_nan(x.nan || y.nan)
}

/// A function that is defined between -1 and 1.
pub(crate) fn within_one(s: &Site<'_>, lowest: f64, highest: f64) -> Range {
    let x = s.of("x");
    let outside = x.nan || x.lowest < -1.0 || x.highest > 1.0;
    Range::new(lowest, highest).wider(TABLE).or_nan(outside)
}

pub(crate) fn cast(s: &Site<'_>) -> Range {
    let x = s.of("x");
    let ty = s.node.outputs.first().and_then(|id| s.function.value(*id).ty().as_tensor());
    match ty.map(|ty| ty.dtype) {
        Some(DataType::Bool) => TRUTH,
        Some(dtype) if dtype.is_int() && !x.is_finite() => Range::NUMBER,
        Some(dtype) if dtype.is_int() => x.rising(f64::floor).join(x.rising(f64::ceil)),
        _ => x,
    }
}

/// What interpolation makes of pixels, and what lies beyond them.
pub(crate) fn resampled(s: &Site<'_>) -> Range {
    let outside = Range::point(0.0);
    let given = s.optional("padding_value").or(s.optional("pad_value")).unwrap_or(outside);
    s.of("x").join(outside).join(given).wider(1e-2)
}

/// Compressed weights: `(data - offset) * scale`.
pub(crate) fn dequantized(s: &Site<'_>, data: &str, offset: &str) -> Range {
    let offset = s.optional(offset).unwrap_or(Range::point(0.0));
    s.of(data).sub(offset).mul(s.of("scale"))
}

/// The sum of `count` numbers, rounded once.
pub(crate) fn sum(x: Range, count: f64) -> Range {
    if !x.is_finite() || !count.is_finite() {
        return x.summed(count);
    }
    Range::new(x.lowest * count, x.highest * count).wider(SUM)
}

pub(crate) fn mean(x: Range) -> Range {
    let both = x.lowest == f64::NEG_INFINITY && x.highest == f64::INFINITY;
    x.wider(SUM).or_nan(both)
}

/// The root of a sum of squares.
pub(crate) fn length(x: Range, count: f64) -> Range {
    let squares = sum(x.squared().stored(), count);
    sqrt(between(squares, 0.0, f64::INFINITY)).or_nan(squares.nan)
}

pub(crate) fn log_sum_exp(s: &Site<'_>) -> Range {
    let x = s.of("x").read();
    let count = s.reduced();
    let found = Range::new(x.lowest, x.highest + count.ln()).wider(SUM);
    // Where the sum overflows its logarithm is 0.
    let overflows = x.highest + count.ln() > 10.0;
    let found = if overflows { found.join(Range::point(0.0)) } else { found };
    // Where exponentials vanish it is -inf.
    let lowest = if x.lowest < -9.0 { f64::NEG_INFINITY } else { found.lowest };
    let found = Range { lowest, ..found };
    found.add(Range::size(SUM)).or_nan(!x.is_finite())
}

pub(crate) fn reduced_product(s: &Site<'_>) -> Range {
    let (x, count) = (s.of("x").read(), s.reduced());
    let size = x.largest();
    let most = if size <= 1.0 { 1.0 } else { size.powf(count) };
    let least = if x.lowest >= 0.0 { 0.0 } else { -most };
    Range::new(least, most).wider(SUM).or_nan(!x.is_finite() || x.nan)
}

/// What is normalised over `count` numbers has no element above the root of `count`, but where
/// squares overflow, which makes their mean too small.
pub(crate) fn normalized(s: &Site<'_>, count: f64) -> Range {
    let x = s.of("x");
    let gamma = s.optional("gamma").unwrap_or(Range::point(1.0));
    let beta = s.optional("beta").unwrap_or(Range::point(0.0));
    if !x.is_finite() {
        return Range::ANY;
    }
    let size = count.sqrt() * rescaled(s, x.highest - x.lowest);
    Range::size(size).mul(gamma).wider(SUM).add(beta)
}

/// The largest length of what `layer_norm` gives along the last axis: the root of the count times
/// `gamma`, and the length of `beta`. It holds where squares neither overflow nor lose more than
/// epsilon brings back: their rounding takes at most 2^-24 + 2^-25 from their mean.
pub(crate) fn normalized_length(s: &Site<'_>) -> Option<f64> {
    let ty = s.ids("x").first().and_then(|id| s.function.value(*id).ty().as_tensor())?;
    let axes = s.infer.axes("axes", ty.shape.len()).ok()??;
    let (x, count) = (s.of("x"), s.size("x", -1));
    let fits = x.is_finite() && x.highest - x.lowest < SQUARE && count.is_finite();
    let epsilon = s.number("epsilon").is_some_and(|epsilon| epsilon >= 1.1e-7);
    if axes != [ty.shape.len().checked_sub(1)?] || !fits || !epsilon {
        return None;
    }
    let gamma = s.optional("gamma").map_or(1.0, |gamma| gamma.largest());
    let beta = match s.optional("beta") {
        None => 0.0,
        Some(range) => match s.constant("beta") {
            Some(beta) => {
                let squares = (0..beta.count()).map(|i| beta.get_f64(i) * beta.get_f64(i));
                squares.sum::<f64>().sqrt()
            }
            None => range.largest() * count.sqrt(),
        },
    };
    // Room for rounding: a part of each element, and the spacing of the smallest.
    Some(
        (count.sqrt() * gamma * (1.0 + TABLE) + beta) * (1.0 + TABLE)
            + count.sqrt() * 2f64.powi(-23),
    )
}

/// The largest size of numbers up to `size` over the root of a sum of squares that holds theirs.
fn rescaled(s: &Site<'_>, size: f64) -> f64 {
    // Without an epsilon, one over the root of squares that vanish is infinite.
    let small = s.number("epsilon").is_none_or(|epsilon| epsilon < 1e-7);
    let least = if small { 12.0 } else { SMALL_SQUARES };
    least * (size / SQUARE).max(1.0)
}

pub(crate) fn l2_norm(s: &Site<'_>) -> Range {
    let x = s.of("x");
    if x.is_finite() { Range::size(rescaled(s, x.largest())) } else { Range::ANY }
}

pub(crate) fn local_response_norm(s: &Site<'_>) -> Range {
    let parameter = |input: &str| s.number(input).unwrap_or(f64::NAN);
    let shrinks = parameter("k") >= 1.0 && parameter("alpha") >= 0.0 && parameter("beta") >= 0.0;
    let x = s.of("x");
    if shrinks && x.is_finite() { Range::size(x.largest()).wider(SUM) } else { Range::ANY }
}

/// Each channel is multiplied and shifted.
pub(crate) fn batch_norm(s: &Site<'_>) -> Range {
    let x = s.of("x");
    let (Some(mean), Some(variance)) = (s.constant("mean"), s.constant("variance")) else {
        return Range::ANY;
    };
    let (gamma, beta) = (s.constant("gamma"), s.constant("beta"));
    let epsilon = s.number("epsilon").unwrap_or(0.0);
    let mut all: Option<Range> = None;
    for channel in 0..mean.count().min(variance.count()) {
        let at = |tensor: &Option<std::borrow::Cow<'_, anemone_tensor::Tensor>>, other: f64| {
            tensor.as_ref().map_or(other, |tensor| tensor.get_f64(channel))
        };
        let factor = at(&gamma, 1.0) / (variance.get_f64(channel) + epsilon).sqrt();
        let shift = factor * mean.get_f64(channel);
        // Parameters are rounded to fp16, which small variances do not survive.
        if !factor.is_finite() || variance.get_f64(channel) + epsilon < 1e-3 {
            return Range::ANY;
        }
        // Room for the rounding of factor, shift and sum.
        let room = TABLE * (factor.abs() * x.largest() + shift.abs() + at(&beta, 0.0).abs());
        let scaled = x.scaled(factor).add(Range::point(at(&beta, 0.0) - shift));
        let range = scaled.add(Range::size(room));
        all = Some(all.map_or(range, |all| all.join(range)));
    }
    all.unwrap_or(Range::ANY)
}

/// Updates stand beside what was there, unless they are combined with it.
pub(crate) fn scattered(s: &Site<'_>) -> Range {
    match s.infer.text("mode").as_deref() {
        Ok("update" | "max" | "min") => s.of("data").join(s.of("updates")),
        _ => Range::ANY,
    }
}
