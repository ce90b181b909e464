//! The accumulator against the published cases, and against a plain model with wide integers.

use proptest::prelude::*;

use super::*;

fn p(exponent: i32) -> f32 {
    2f32.powi(exponent)
}

fn sum(terms: &[f32]) -> f32 {
    dot(terms, &vec![1.0; terms.len()], 0.0)
}

const INF: f32 = f32::INFINITY;

/// 751K study, `data/06_numerics/numerics2_m6.txt` and `numerics2_m4.txt`: weights of 1.
#[test]
fn published_sums() {
    let mut last = vec![0.0; 64];
    last[..3].copy_from_slice(&[16384.0, 16384.0, 1.0]);
    last[62..].copy_from_slice(&[-16384.0, -16384.0]);
    let cases: &[(&[f32], f32)] = &[
        (&[32736.0], 32736.0),
        (&[32752.0], 32752.0),
        (&[32768.0], INF),
        (&[65504.0], INF),
        (&[-32752.0], -32752.0),
        (&[-32768.0], -INF),
        (&[16376.0, 16376.0], 32752.0),
        (&[16384.0, 16368.0], 32752.0),
        (&[16384.0, 16376.0], 32768.0),
        (&[16384.0, 16384.0], INF),
        (&[30000.0, 2752.0], 32752.0),
        (&[30000.0, 2768.0], INF),
        (&[16384.0, 16384.0, -16384.0, -16384.0, 1.0], INF),
        (&[30000.0, 30000.0, -30000.0, -30000.0, 1.0], INF),
        (&last, INF),
        (&[2048.0, 1.0], 2050.0),
        (&[-2048.0, -1.0], -2050.0),
        (&[2050.0, 1.0], 2052.0),
        (&[4096.0, 2.0], 4100.0),
        (&[4096.0, 6.0], 4104.0),
        (&[-4096.0, -2.0], -4100.0),
    ];
    for (terms, result) in cases {
        assert_eq!(sum(terms), *result, "{terms:?}");
    }
    for (terms, result) in [
        ([1.0, p(-11), 0.0], 1.0 + p(-10)),
        ([-1.0, -p(-11), 0.0], -1.0 - p(-10)),
        ([1.0, p(-12), 0.0], 1.0),
        ([1.0, p(-11), p(-13)], 1.0 + p(-10)),
        ([1.0, p(-11), -p(-13)], 1.0),
    ] {
        assert_eq!(sum(&terms), result, "{terms:?}");
    }
    for large in [1024.0, 16384.0] {
        for exponent in (-24..=0).step_by(2) {
            let kept = if exponent < -16 { 0.0 } else { p(exponent) };
            assert_eq!(sum(&[large, p(exponent), -large]), kept, "{large} + 2^{exponent}");
        }
    }
}

/// The same files: subnormal inputs, with weights of 1.
#[test]
fn published_small_inputs() {
    for exponent in -24..=-13 {
        let plain = match exponent {
            -16.. => p(exponent),
            -17 => p(-16),
            _ => 0.0,
        };
        assert_eq!(sum(&[p(exponent)]), plain, "2^{exponent}");
        let more = match exponent {
            -15.. => 1.5 * p(exponent),
            -16 => p(-15),
            -17 => p(-16),
            _ => 0.0,
        };
        assert_eq!(sum(&[1.5 * p(exponent)]), more, "1.5·2^{exponent}");
    }
}

/// `numerics3_m6.txt`: the scale does not follow the weight.
#[test]
fn published_scales() {
    for weight in [1.0, 16.0, 256.0, 4096.0] {
        assert_eq!(dot(&[32752.0 / weight], &[weight], 0.0), 32752.0);
        assert_eq!(dot(&[32768.0 / weight], &[weight], 0.0), INF);
        assert_eq!(
            dot(&[p(-14) / weight], &[weight], 0.0),
            if weight > 1024.0 { 0.0 } else { p(-14) }
        );
    }
    for (weight, units, result) in [
        (p(-12), 4.0, 4.0),
        (p(-12), 1.0, 1.0),
        (p(-12), 0.5, 0.0),
        (0.0625, 0.5, 0.0),
        (1.0, 0.5, 1.0),
        (16.0, 0.5, 1.0),
        (16.0, 0.25, 0.0),
    ] {
        let x = units * p(-16) / weight;
        assert_eq!(dot(&[x], &[weight], 0.0), result * p(-16), "{units} units by {weight}");
    }
    assert_eq!(dot(&[127.0], &[256.0], 0.0), 32512.0);
    assert_eq!(dot(&[128.0], &[256.0], 0.0), INF);
    assert_eq!(dot(&[p(-10)], &[p(-8)], 0.0), 0.0);
    assert_eq!(dot(&[65504.0], &[0.0625], 0.0), 4094.0);
}

/// `numerics4_m6.txt`: patterns with exponent 31, and negative zero.
#[test]
fn published_patterns() {
    let half =
        |bits: u32| f32::from_bits(((bits & 0x8000) << 16) | 0x7f80_0000 | ((bits & 0x3ff) << 13));
    for (bits, value) in [
        (0x7c00, 65536.0),
        (0xfc00, -65536.0),
        (0x7e00, 98304.0),
        (0x7e01, 98368.0),
        (0x7fff, 131_008.0),
        (0xfe00, -98304.0),
    ] {
        for weight in [p(-12), 0.0625] {
            assert_eq!(dot(&[half(bits)], &[weight], 0.0), value * weight, "{bits:x}");
        }
        assert_eq!(dot(&[half(bits)], &[1.0], 0.0), INF.copysign(value), "{bits:x}");
    }
    assert_eq!(dot(&[-0.0], &[1.0], -0.0).to_bits(), 0);
    assert_eq!(dot(&[-p(-20)], &[1.0], 0.0).to_bits(), 0);
}

/// H11, `numerics5_m6.txt`: the bias is what the accumulator starts with.
#[test]
fn published_biases() {
    let cases: &[(f32, &[f32], f32)] = &[
        (-16384.0, &[16384.0, 16384.0], 16384.0),
        (-16384.0, &[16384.0], 0.0),
        (-16384.0, &[], -16384.0),
        (-16384.0, &[32752.0], 16368.0),
        (-16384.0, &[16384.0, 16384.0, 16384.0], INF),
        (32.0, &[32752.0], INF),
        (32.0, &[32736.0], INF),
        (32.0, &[16384.0, 16368.0], INF),
        (32.0, &[], 32.0),
        (1000.5, &[0.25], 1001.0),
        (1000.5, &[1.525_878_9e-5], 1000.5),
        (-1.0, &[1.0], 0.0),
        (-1.0, &[7.629_394_5e-6], -1.0),
    ];
    for (bias, terms, result) in cases {
        assert_eq!(dot(terms, &vec![1.0; terms.len()], *bias), *result, "{bias} {terms:?}");
    }
    for (bias, x, units) in [
        (p(-20), 0.0, 0.0),
        (p(-20), p(-16), 1.0),
        (p(-20), p(-17), 1.0),
        (p(-17), 0.0, 1.0),
        (p(-17), p(-17), 2.0),
        (p(-17), p(-16), 2.0),
        (p(-12), p(-16), 17.0),
    ] {
        assert_eq!(dot(&[x], &[1.0], bias), units * p(-16), "{bias} {x}");
    }
}

/// H12, `numerics5_m6.txt` and `numerics6_m6.txt`: by the exponents, not by the product. Inputs and
/// results of weights that are no powers of two.
#[test]
fn published_small_products() {
    for (weight, x, units) in [
        (0.234_375, 0.000_114_440_92, 0),
        (0.248_779_3, 0.000_121_474_27, 0),
        (0.09375, 0.000_231_981_28, 0),
        (0.060_546_875, 0.000_473_022_46, 0),
        (0.199_951_17, 6.043_911e-5, 0),
        (0.125, 0.000_183_105_47, 2),
        (0.25, 3.051_757_8e-5, 1),
        (0.75, 1.019_239_43e-5, 1),
        (0.75, 5.084_276e-5, 2),
        (0.75, 7.122_755e-5, 4),
        (1.5, 5.066_394_8e-6, 0),
        (1.5, 2.545_118_3e-5, 3),
        (1.5, 3.558_397_3e-5, 3),
        (3.0, 2.562_999_7e-6, 1),
        (3.0, 1.269_578_9e-5, 2),
        (0.375, 2.032_518_4e-5, 0),
        (0.375, 0.000_101_745_13, 3),
        (0.125, -0.000_183_105_47, -2),
        (1.0, -7.629_394_5e-6, -1),
    ] {
        assert_eq!(product(to_half(x), weight as f32), units, "{weight} {x}");
    }
}

#[test]
fn verdicts_tell_no_order_from_some_and_every() {
    let verdict =
        |terms: &[f32], bias| DotRange::new(terms, &vec![1.0; terms.len()], bias).verdict();
    assert_eq!(verdict(&[16384.0, -16384.0, 16000.0], 0.0), Verdict::Never);
    assert_eq!(verdict(&[16384.0, 16384.0], 0.0), Verdict::Always);
    assert_eq!(verdict(&[16384.0, 16384.0, -1.0], 0.0), Verdict::DependsOnOrder);
    assert_eq!(verdict(&[16384.0, 16384.0, -1.0], -2.0), Verdict::Never);
    assert_eq!(verdict(&[], 32768.0), Verdict::Always);
    let range = DotRange::new(&[300.0, -300.0], &[300.0, 300.0], 0.0);
    assert_eq!((range.sum, range.verdict()), (0, Verdict::Always), "each product overflows alone");
}

/// Any fp16 bits, infinities and NaN among them.
fn half() -> impl Strategy<Value = f32> {
    any::<u16>().prop_map(|bits| {
        let sign = u32::from(bits & 0x8000) << 16;
        let (exponent, mantissa) = (u32::from(bits >> 10) & 31, u32::from(bits & 0x3ff));
        match exponent {
            0 => (mantissa as f32 * p(-24)).copysign(f32::from_bits(sign | 1)),
            31 => f32::from_bits(sign | 0x7f80_0000 | (mantissa << 13)),
            _ => f32::from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13)),
        }
    })
}

/// Numbers of sizes at which sums stay in range for a while.
fn moderate() -> impl Strategy<Value = f32> {
    (-300i32..300, -6i32..5).prop_map(|(m, e)| to_half(f64::from(m) * 2f64.powi(e)))
}

/// Mantissa and exponent of the value that the engine takes `value` for, read off its bits.
fn bits(value: f32) -> (i128, i32) {
    let raw = value.to_bits();
    let sign = if raw >> 31 == 1 { -1 } else { 1 };
    let exponent = if value.is_finite() { ((raw >> 23) & 0xff) as i32 - 127 } else { 16 };
    let mantissa = i128::from((raw >> 13) & 0x3ff) + 1024;
    if value == 0.0 {
        (0, -14)
    } else if exponent < -14 {
        // A subnormal number of fp16 is a normal one of f32.
        let whole = (f64::from(value.abs()) * 2f64.powi(24)) as i128;
        (sign * whole, -14)
    } else {
        (sign * mantissa, exponent)
    }
}

/// The stated rules with exact rational arithmetic: units of 2^-64.
fn slow(x: &[f32], w: &[f32], bias: f32) -> f32 {
    let rounded = |exact: i128| {
        let one = 1i128 << 48;
        let size = (exact.abs() + one / 2) / one;
        size * exact.signum()
    };
    let (m, e) = bits(bias);
    let mut sum = rounded(m << (e - 10 + 64));
    let mut stuck = if sum.abs() >= 1 << 31 { sum.signum() } else { 0 };
    for (x, w) in x.iter().zip(w) {
        let ((a, b), (c, d)) = (bits(*x), bits(*w));
        if stuck == 0 && b + d > -17 {
            sum += rounded((a * c) << (b + d - 20 + 64));
            stuck = if sum.abs() >= 1 << 31 { sum.signum() } else { 0 };
        }
    }
    if stuck == 0 { to_half(sum as f64 / 65536.0) } else { INF * stuck as f32 }
}

proptest! {
    #[test]
    fn any_sum_is_that_of_a_model_with_wide_integers(
        terms in prop::collection::vec((half(), half()), 0..12),
        bias in half(),
    ) {
        let (x, w): (Vec<f32>, Vec<f32>) = terms.into_iter().unzip();
        prop_assert_eq!(dot(&x, &w, bias).to_bits(), slow(&x, &w, bias).to_bits());
    }

    #[test]
    fn a_range_holds_the_partial_sums_of_every_order(
        terms in prop::collection::vec((moderate(), moderate()), 1..40),
        bias in moderate(),
        keys in prop::collection::vec(any::<u32>(), 40),
    ) {
        let (x, w): (Vec<f32>, Vec<f32>) = terms.iter().copied().unzip();
        let range = DotRange::new(&x, &w, bias);
        let mut order: Vec<usize> = (0..terms.len()).collect();
        order.sort_by_key(|&i| keys[i]);
        let mut accumulator = Accumulator::new(bias);
        let mut partial = start(bias);
        for i in order {
            partial += product(x[i], w[i]);
            prop_assert!((range.lowest..=range.highest).contains(&partial));
            accumulator.add(x[i], w[i]);
        }
        prop_assert_eq!(partial, range.sum);
        match range.verdict() {
            Verdict::Never => prop_assert!(!accumulator.overflowed()),
            Verdict::Always => prop_assert!(accumulator.overflowed()),
            Verdict::DependsOnOrder => {}
        }
        // The two extremes are those of real orders.
        let mut up = start(bias);
        up += x.iter().zip(&w).map(|(x, w)| product(*x, *w)).filter(|u| *u > 0).sum::<i64>();
        prop_assert_eq!(up, range.highest);
    }
}
