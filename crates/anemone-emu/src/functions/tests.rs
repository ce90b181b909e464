//! The functions against what was published of them: the largest errors over the grids on which they
//! were measured, and single values. Source: 751K's microarchitecture study, `notes/numerics.md` F3,
//! `data/06_numerics/f3_lut_m6.txt`, `lut_ulp_m6.txt`, grids by `tools/06_numerics/lut_err.py`.

use super::*;
use crate::rounding::to_half_even;

/// The different fp16 numbers among evenly spaced ones, or evenly spaced logarithms.
fn grid(low: f64, high: f64) -> Vec<f32> {
    const COUNT: u32 = 2048 * 256;
    let at = |i: u32| {
        let part = f64::from(i) / f64::from(COUNT - 1);
        if low > 0.0 { low * (high / low).powf(part) } else { low + (high - low) * part }
    };
    let mut numbers: Vec<f32> = (0..COUNT).map(|i| to_half_even(at(i) as f32)).collect();
    numbers.sort_by(f32::total_cmp);
    numbers.dedup();
    numbers
}

struct Worst {
    absolute: f64,
    /// In distances of fp16 numbers, with the argument at which it occurs.
    steps: f64,
    at: f32,
}

fn worst(f: Function, exact: impl Fn(f64) -> f64, low: f64, high: f64) -> Worst {
    let mut worst = Worst { absolute: 0.0, steps: 0.0, at: 0.0 };
    for x in grid(low, high) {
        let exact = exact(x.into());
        let error = (f64::from(f(x)) - exact).abs();
        let exponent = if exact == 0.0 { -14.0 } else { exact.abs().log2().floor().max(-14.0) };
        let steps = error / (exponent - 10.0).exp2();
        worst.absolute = worst.absolute.max(error);
        if steps > worst.steps {
            (worst.steps, worst.at) = (steps, x);
        }
    }
    worst
}

fn is_near(found: f64, published: f64, part: f64) -> bool {
    (found - published).abs() <= published.abs() * part
}

/// Published to four digits (absolute) and one decimal (steps), with the place of the latter.
#[test]
fn the_largest_errors_are_the_published_ones() {
    type Exact = fn(f64) -> f64;
    type Case = (&'static str, Function, Exact, [f64; 2], f64, f64, f32);
    let cases: [Case; 9] = [
        ("sigmoid", sigmoid, exact_sigmoid, [-12.0, 12.0], 3.355e-3, 810.8, -9.938),
        ("tanh", tanh, f64::tanh, [-6.0, 6.0], 1.613e-3, 11.0, -0.000_240_3),
        ("erf", erf, exact_erf, [-4.0, 4.0], 8.642e-4, 3.0, -0.001_701),
        ("exp", exp, f64::exp, [-12.0, 10.0], 1.008e2, 9.1, 9.703),
        ("log", log, f64::ln, [0.000_976_562_5, 1000.0], 6.638e-3, 91.0, 1.004),
        ("sqrt", sqrt, f64::sqrt, [0.000_976_562_5, 1000.0], 1.810e-2, 1.2, 0.002_054),
        ("rsqrt", rsqrt, |x| 1.0 / x.sqrt(), [0.015_625, 1000.0], 8.139e-3, 2.1, 0.0332),
        (
            "inverse",
            |x| inverse(to_half(f64::from(x) + f64::from(to_half(1e-4)))),
            |x| 1.0 / x,
            [0.015_625, 1000.0],
            4.375e-1,
            13.5,
            0.01587,
        ),
        ("gelu", gelu, exact_gelu, [-8.0, 8.0], 6.159e-3, 12632.0, -1.526e-5),
    ];
    for (name, f, exact, [low, high], absolute, steps, at) in cases {
        let worst = worst(f, exact, low, high);
        assert!(is_near(worst.absolute, absolute, 5e-4), "{name}: {}", worst.absolute);
        let part = if name == "gelu" { 2e-3 } else { 0.05 / steps };
        assert!(is_near(worst.steps, steps, part), "{name}: {}", worst.steps);
        assert!((worst.at - at).abs() <= at.abs() * 2e-3, "{name}: {}", worst.at);
    }
}

/// Where the inferred parts fit less exactly: the values of the fitted table of `silu`, and the last
/// bits of the reduction of `sin`.
#[test]
fn the_largest_errors_of_silu_and_sin_are_close_to_the_published_ones() {
    let found = worst(silu, |x| x * exact_sigmoid(x), -12.0, 12.0);
    assert!(is_near(found.absolute, 1.491e-2, 5e-4), "{}", found.absolute);
    assert!(is_near(found.steps, 28560.0, 2e-3), "{}", found.steps);
    let found = worst(sin, f64::sin, -8.0, 8.0);
    assert!(is_near(found.absolute, 6.329e-4, 5e-4), "{}", found.absolute);
    assert!((44.0..=47.0).contains(&found.steps), "{}", found.steps);
}

#[test]
fn published_values_come_out() {
    for (name, f, x, value, digits) in [
        ("sigmoid", sigmoid as Function, -9.9375, 0.0, 0.0),
        ("tanh", tanh, -0.000_240_3, -0.000_239, 5e-7),
        ("gelu", gelu, -1.526e-5, -0.000_761, 1e-6),
        ("gelu", gelu, 0.25, 0.1436, 5e-5),
        ("silu", silu, -2.289e-5, -0.001_71, 6e-6),
        ("silu", silu, 0.5, 0.296, 5e-4),
        ("erf", erf, -0.001_701, -0.001_92, 5e-6),
        ("sin", sin, -3.140_625, -0.000_946, 5e-7),
        ("exp", exp, 9.703, 16296.0, 0.0),
        ("log", log, 1.004, 0.003_73, 5e-6),
        ("sqrt", sqrt, 0.002_054, 0.0453, 5e-5),
        ("rsqrt", rsqrt, 0.0332, 5.5, 5e-3),
    ] {
        let found = f(to_half(x));
        assert!((f64::from(found) - value).abs() <= digits, "{name}({x}) = {found}");
    }
    // The tables' own points.
    assert_eq!(SIGMOID.points()[0], to_half(0.000_335_350_13));
    assert_eq!(EXP2.points()[1], to_half(1.0215));
    assert_eq!(TANH.points()[1], to_half(0.125f64.tanh()));
    assert_eq!((LOG2.points()[0], LOG2.points()[32]), (-1.0, 0.0));
    assert_eq!((RSQRT.points()[0], INVERSE.points()[0]), (to_half(std::f64::consts::SQRT_2), 2.0));
}

#[test]
fn tanh_is_broken_at_four_and_tables_end_flat() {
    assert!(tanh(3.998) < 1.0 && tanh(4.0) == 1.0 && tanh(-4.0) == -1.0);
    assert_eq!((sigmoid(12.0), sigmoid(-12.0), erf(3.0), erf(-3.0)), (1.0, 0.0, 1.0, -1.0));
    assert_eq!((gelu(5.0), gelu(-5.0), silu(20.0), silu(-20.0)), (5.0, 0.0, 20.0, 0.0));
    assert_eq!((sigmoid(f32::NAN), sigmoid(f32::NEG_INFINITY)), (1.0, 0.0));
    assert_eq!((exp(f32::NEG_INFINITY), exp(20.0)), (0.0, f32::INFINITY));
    assert_eq!((log(0.0), log(f32::INFINITY)), (f32::NEG_INFINITY, 0.0));
    assert_eq!((inverse(0.0), inverse(f32::NEG_INFINITY)), (f32::INFINITY, 0.0));
    assert_eq!(
        (sqrt(0.0), rsqrt(0.0), sqrt(4.0), rsqrt(4.0), inverse(4.0)),
        (0.0, f32::INFINITY, 2.0, 0.5, 0.25)
    );
    assert_eq!((sin(0.0), cos(0.0)), (0.0, 1.0));
}

/// coremltools#2687 (M4): 10.4 is the last input that is right, 10.5 the first that is 0.
#[test]
fn softplus_drops_to_zero_above_10_4() {
    for x in [8.0, 9.0, 10.0, 10.375] {
        let found = softplus(x);
        assert!((found - x).abs() < 0.02, "softplus({x}) = {found}");
    }
    for x in [10.5, 11.0, 12.0, 15.0, 50.0] {
        assert_eq!(softplus(x), 0.0);
    }
    assert!((softplus(0.0) - std::f32::consts::LN_2).abs() < 1e-3);
}

#[test]
fn the_error_function_is_exact() {
    for (x, value) in [
        (0.5, 0.520_499_877_813_046_5),
        (2.0, 0.995_322_265_018_952_7),
        (-1.0, -0.842_700_792_949_714_9),
    ] {
        assert!((exact_erf(x) - value).abs() < 1e-15);
    }
}
