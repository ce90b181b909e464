//! Bounds of sums of products: what any partial sum of an accumulator can be, in any order.
//!
//! With constant weights the bounds come from the sums of each channel's positive and negative
//! weights; else every product is bounded alike. Products are rounded to 2^-16 and small ones are
//! dropped, which the bounds allow for.

use anemone_ir::ValueId;
use anemone_tensor::{DataType, Tensor};

use super::range::{Range, times};
use super::site::Site;

/// What the sums of one op can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partial {
    /// The lowest partial sum of any result in any order.
    pub(crate) lowest: f64,
    /// The highest.
    pub(crate) highest: f64,
    /// What results are where no partial sum overflows.
    pub(crate) result: Range,
    /// The channel whose partial sums are largest, where channels were told apart.
    pub(crate) channel: Option<usize>,
}

/// Half of the accumulator's unit, by which a product can be rounded.
const ROUNDING: f64 = 1.0 / 131_072.0;

/// The products that are dropped are smaller than this.
const DROPPED: f64 = 1.0 / 32_768.0;

/// The sums of weights that meet one result.
#[derive(Clone, Copy)]
struct Channel {
    positive: f64,
    negative: f64,
    squares: f64,
}

/// The factors of one op.
struct Factors {
    /// What is multiplied with the weights.
    x: Range,
    channels: Vec<Channel>,
    /// How many products a result has.
    count: f64,
    /// The part of a weight by which it is rounded before use.
    inexact: f64,
    /// Whether a result can lack some of the products.
    partial: bool,
    /// The largest length of the vector that meets the weights, where it is known.
    length: Option<f64>,
}

pub(crate) fn linear(site: &Site<'_>) -> Result<Partial, &'static str> {
    let bias = site.optional_channels("bias");
    match site.constant("weight") {
        Some(weight) => {
            let factors = Factors::new(site.of("x"), &weight, &[0], 1.0, false);
            let length = site.ids("x").first().and_then(|id| site.known.length(*id));
            Ok(factors.of_length(length).bound(bias.as_deref()))
        }
        None => {
            let count = site.size("x", -1);
            Ok(uniform(site.of("x"), site.of("weight"), count, bias.as_deref()))
        }
    }
}

pub(crate) fn conv(site: &Site<'_>) -> Result<Partial, &'static str> {
    let padded = site.infer.text("pad_type").map_or(true, |kind| kind != "valid");
    let x = site.of("x");
    let x = if padded { x.join(Range::point(0.0)) } else { x };
    let bias = site.optional_channels("bias");
    match site.constant("weight") {
        Some(weight) => Ok(Factors::new(x, &weight, &[0], 1.0, false).bound(bias.as_deref())),
        None => {
            let count = site.sizes("weight", 1);
            Ok(uniform(x, site.of("weight"), count, bias.as_deref()))
        }
    }
}

pub(crate) fn conv_transpose(site: &Site<'_>) -> Result<Partial, &'static str> {
    let x = site.of("x").join(Range::point(0.0));
    let bias = site.optional_channels("bias");
    // Outputs of one group repeat; each meets at most the products of all groups.
    let bias = bias.map(|channels| vec![channels.into_iter().fold(Range::point(0.0), Range::join)]);
    match site.constant("weight") {
        Some(weight) if weight.shape().len() > 1 => {
            Ok(Factors::new(x, &weight, &[1], 1.0, true).bound(bias.as_deref()))
        }
        _ => Ok(uniform(x, site.of("weight"), site.sizes("weight", 0), bias.as_deref())),
    }
}

pub(crate) fn matmul(site: &Site<'_>) -> Result<Partial, &'static str> {
    let flag = |input: &str| site.infer.boolean(input).unwrap_or(false);
    let (x, y) = (site.of("x"), site.of("y"));
    let count = site.size("x", if flag("transpose_x") { -2 } else { -1 });
    let [left] = site.ids("x") else { return Err("one value is multiplied with another") };
    if site.known.adds_up(*left) && !flag("transpose_x") {
        return Ok(weighted(y, count));
    }
    if let Some(weight) = site.constant("y") {
        let last = flag("transpose_y") || weight.shape().len() == 1;
        return Ok(Factors::new(x, &weight, &all_but(&weight, last), 1.0, false).bound(None));
    }
    if let Some(weight) = site.constant("x") {
        let last = !flag("transpose_x") || weight.shape().len() == 1;
        return Ok(Factors::new(y, &weight, &all_but(&weight, last), 1.0, false).bound(None));
    }
    Ok(uniform(x, y, count, None))
}

/// All axes but the last, or but the one before it.
fn all_but(weight: &Tensor, last: bool) -> Vec<usize> {
    let rank = weight.shape().len();
    let summed = if last { rank.saturating_sub(1) } else { rank.saturating_sub(2) };
    (0..rank).filter(|axis| *axis != summed).collect()
}

pub(crate) fn einsum(site: &Site<'_>) -> Result<Partial, &'static str> {
    const UNREAD: &str = "the equation is not understood";
    let equation = site.infer.text("equation").map_err(|_| UNREAD)?.replace(' ', "");
    let (inputs, output) = equation.split_once("->").ok_or(UNREAD)?;
    let (left, right) = inputs.split_once(',').ok_or(UNREAD)?;
    let [x, y] = site.ids("values") else { return Err(UNREAD) };
    if equation.contains('.') {
        return Err("equations with an ellipsis have no rule");
    }
    // How many products the labels bring that are summed and stand in `all`, but not in `others`.
    let more = |all: &str, others: &str, id: ValueId| -> f64 {
        let summed = |label: char| !output.contains(label) && !others.contains(label);
        let labels = all.chars().enumerate().filter(|(_, label)| summed(*label));
        labels.map(|(axis, _)| site.size_of(id, axis as i64)).product()
    };
    for (labels, id, all, other) in [(right, *y, left, *x), (left, *x, right, *y)] {
        let Some(weight) = site.constant_of(id) else { continue };
        if labels.chars().count() != weight.shape().len() {
            return Err(UNREAD);
        }
        let kept = labels.chars().enumerate().filter(|(_, label)| output.contains(*label));
        let kept: Vec<usize> = kept.map(|(axis, _)| axis).collect();
        let more = more(all, labels, other);
        return Ok(Factors::new(site.range(other), &weight, &kept, more, false).bound(None));
    }
    let count = more(left, "", *x) * more(right, left, *y);
    Ok(uniform(site.range(*x), site.range(*y), count, None))
}

/// Products of queries and keys; what the weights that come of them make of the values is in
/// their range, as they add up to 1.
pub(crate) fn attention(site: &Site<'_>) -> Result<Partial, &'static str> {
    let count = site.size("query", -1);
    // The query is scaled first, as coremltools takes the op apart.
    let query = site.of("query").scaled(1.0 / count.sqrt()).wider(2f64.powi(-10)).stored();
    let scores = uniform(query, site.of("key"), count, None);
    let whole = scores.result.is_finite() && scores.lowest > -32768.0 && scores.highest < 32768.0;
    let masked_out = site.optional("attn_mask").is_some_and(|mask| mask.lowest <= 0.0);
    let values = weighted(site.of("value"), site.size("key", -2));
    Ok(Partial {
        lowest: scores.lowest.min(values.lowest),
        highest: scores.highest.max(values.highest),
        result: if whole { values.result.or_nan(masked_out) } else { Range::ANY },
        channel: None,
    })
}

/// Sums of values times weights from a softmax, which are not negative and add up to about 1.
fn weighted(value: Range, count: f64) -> Partial {
    let weight = 1.0 + 2f64.powi(-7) + count * 2f64.powi(-24);
    let bound = read(value).join(Range::point(0.0)).scaled(weight);
    let slack = count * ROUNDING;
    Partial {
        lowest: bound.lowest - slack,
        highest: bound.highest + slack,
        result: if value.is_finite() {
            bound.add(Range::size(count * DROPPED))
        } else {
            Range::ANY
        },
        channel: None,
    }
}

/// `count` products, of which all are bounded alike.
pub(crate) fn uniform(x: Range, w: Range, count: f64, bias: Option<&[Range]>) -> Partial {
    let product = read(x).mul(read(w)).wider(2f64.powi(-10));
    let bias = bias.and_then(|all| all.iter().copied().reduce(Range::join));
    let bias = bias.unwrap_or(Range::point(0.0));
    let start = read(bias);
    let slack = count * ROUNDING;
    let finite = x.is_finite() && w.is_finite() && bias.is_finite() && count.is_finite();
    let dropped = count * DROPPED;
    let sum = Range::new(
        bias.lowest + times(product.lowest, count) - dropped,
        bias.highest + times(product.highest, count) + dropped,
    );
    Partial {
        lowest: start.lowest + times(product.lowest.min(0.0), count) - slack,
        highest: start.highest + times(product.highest.max(0.0), count) + slack,
        result: if finite { sum.wider(2f64.powi(-16)) } else { Range::ANY },
        channel: None,
    }
}

/// What the accumulator reads: infinities and NaN are numbers from 65536 on.
fn read(range: Range) -> Range {
    let end = if range.nan { 131_072.0 } else { 65_536.0 };
    if range.nan {
        return Range::size(end);
    }
    let clamped = |value: f64| if value.is_infinite() { value.signum() * end } else { value };
    Range::new(clamped(range.lowest), clamped(range.highest))
}

impl Factors {
    fn new(x: Range, weight: &Tensor, kept: &[usize], more: f64, partial: bool) -> Factors {
        let channels = channels(weight, kept);
        let each = weight.count() as f64 / channels.len().max(1) as f64;
        let exact = matches!(weight.dtype(), DataType::F16 | DataType::I8 | DataType::U8);
        let scaled = |sum: f64| times(sum, more);
        let scale = |c: &Channel| Channel {
            positive: scaled(c.positive),
            negative: scaled(c.negative),
            squares: scaled(c.squares),
        };
        Factors {
            x,
            channels: channels.iter().map(scale).collect(),
            count: times(each, more),
            inexact: if exact { 0.0 } else { 2f64.powi(-10) },
            partial,
            length: None,
        }
    }

    /// The same, for vectors of at most this length.
    fn of_length(self, length: Option<f64>) -> Factors {
        Factors { length, ..self }
    }

    /// Bounds over all channels.
    fn bound(&self, bias: Option<&[Range]>) -> Partial {
        let x = read(self.x);
        let (up, down) = (x.highest.max(0.0), x.lowest.min(0.0));
        let mut bound = Partial {
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            result: Range::point(0.0),
            channel: None,
        };
        let mut results: Option<Range> = None;
        let mut largest = f64::NEG_INFINITY;
        for (index, channel) in self.channels.iter().enumerate() {
            let Channel { positive, negative, squares } = *channel;
            let own = bias.and_then(|all| all.get(index).or(all.last()).copied());
            let own = own.unwrap_or(Range::point(0.0));
            let start = read(own);
            let size = times(positive - negative, x.largest());
            let error = self.inexact * size + times(self.count, ROUNDING) + size * 1e-12;
            // No part of the products exceeds the product of the lengths (Cauchy, Schwarz).
            let most = self.length.map_or(f64::INFINITY, |length| length * squares.sqrt());
            let rise = (times(positive, up) + times(negative, down)).min(most);
            let fall = (times(positive, down) + times(negative, up)).max(-most);
            let (high, low) = (start.highest + rise + error, start.lowest + fall - error);
            let slack = error + times(self.count, DROPPED) + size * 2f64.powi(-18);
            let result = if self.partial {
                Range::new(low - slack, high + slack)
            } else {
                Range::new(
                    own.lowest - slack
                        + (times(positive, x.lowest) + times(negative, x.highest)).max(-most),
                    own.highest
                        + slack
                        + (times(positive, x.highest) + times(negative, x.lowest)).min(most),
                )
            };
            let result = result.or_nan(!own.is_finite());
            results = Some(results.map_or(result, |all| all.join(result)));
            bound.lowest = bound.lowest.min(low);
            bound.highest = bound.highest.max(high);
            if high.max(-low) > largest {
                largest = high.max(-low);
                bound.channel = Some(index);
            }
        }
        let known = self.x.is_finite() && self.count.is_finite();
        bound.result = results.filter(|result| known && !result.nan).unwrap_or(Range::ANY);
        if self.channels.is_empty() {
            bound.lowest = 0.0;
            bound.highest = 0.0;
        }
        bound
    }
}

/// The sums of positive and of negative weights along all axes but those that are kept.
fn channels(weight: &Tensor, kept: &[usize]) -> Vec<Channel> {
    let axes = merged(weight.shape(), kept);
    let count = axes.iter().filter(|(_, kept)| *kept).map(|(size, _)| size).product();
    let mut sums = vec![Channel { positive: 0.0, negative: 0.0, squares: 0.0 }; count];
    let values = weight.to_f32();
    add(&values, &axes, &mut sums);
    sums
}

/// Neighbouring axes with the same fate as one: size, and whether it is kept.
fn merged(shape: &[usize], kept: &[usize]) -> Vec<(usize, bool)> {
    let mut axes: Vec<(usize, bool)> = Vec::new();
    for (axis, size) in shape.iter().enumerate() {
        let keep = kept.contains(&axis);
        match axes.last_mut() {
            Some((all, same)) if *same == keep => *all *= size,
            _ => axes.push((*size, keep)),
        }
    }
    axes
}

fn add(values: &[f32], axes: &[(usize, bool)], sums: &mut [Channel]) {
    let one = |sum: &mut Channel, value: f32| {
        let value = crate::rounding::decode(value);
        sum.positive += value.max(0.0);
        sum.negative += value.min(0.0);
        sum.squares += value * value;
    };
    let Some(((size, kept), rest)) = axes.split_first() else {
        values.iter().zip(sums).for_each(|(value, sum)| one(sum, *value));
        return;
    };
    if rest.is_empty() && !*kept {
        if let [sum] = sums {
            values.iter().for_each(|value| one(sum, *value));
        }
        return;
    }
    if values.is_empty() || *size == 0 {
        return;
    }
    let (part, inner) = (values.len() / size, sums.len() / size);
    for (index, values) in values.chunks(part).enumerate() {
        match kept {
            true => add(values, rest, &mut sums[index * inner..(index + 1) * inner]),
            false => add(values, rest, sums),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_summed_by_sign_for_each_kept_index() {
        let values = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, 8.0];
        let weight = Tensor::from_f64(DataType::F16, vec![2, 2, 2], values).unwrap();
        let found = |kept: &[usize]| -> Vec<(f64, f64)> {
            channels(&weight, kept).iter().map(|c| (c.positive, c.negative)).collect()
        };
        assert_eq!(found(&[0]), [(4.0, -6.0), (20.0, -6.0)]);
        assert_eq!(found(&[1]), [(6.0, -8.0), (18.0, -4.0)]);
        assert_eq!(found(&[2]), [(16.0, 0.0), (8.0, -12.0)]);
        assert_eq!(found(&[0, 2]), [(4.0, 0.0), (0.0, -6.0), (12.0, 0.0), (8.0, -6.0)]);
        assert_eq!(found(&[]), [(24.0, -12.0)]);
    }

    #[test]
    fn partial_sums_are_bounded_in_any_order() {
        let weight = Tensor::from_f64(DataType::F16, vec![1, 2], [100.0, -100.0]).unwrap();
        let factors = Factors::new(Range::new(1.0, 2.0), &weight, &[0], 1.0, false);
        let bound = factors.bound(Some(&[Range::point(10.0)]));
        assert!((bound.highest - 210.0).abs() < 0.01 && (bound.lowest + 190.0).abs() < 0.01);
        assert!(bound.result.holds(-90.0) && bound.result.holds(110.0));
        assert!(bound.result.largest() < 111.0);
    }
}
