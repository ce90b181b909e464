//! Comparisons of made-up outputs, and samplers.

use anemone_engine::{Keys, Memory};
use anemone_tensor::{Buffer, DataType};
use proptest::prelude::*;

use super::*;

fn tensor(shape: &[usize], values: &[f32]) -> Value {
    Value::Tensor(Array::from_f32(shape.to_vec(), values).unwrap())
}

fn ints(values: &[i64]) -> Value {
    Value::Tensor(Tensor::from_ints(values).into())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn labels(names: &[&str], values: &[f64]) -> Value {
    let keys = Keys::Strings(names.iter().map(|name| (*name).to_owned()).collect());
    Value::Dictionary(Dictionary { keys, values: values.to_vec() })
}

fn image(layout: PixelLayout, width: usize, pixels: &[u8]) -> Value {
    Value::Image(Image { layout, width, height: 1, pixels: pixels.to_vec() })
}

fn one(a: Value, b: Value) -> Comparison {
    compare(&[a], &[b], &Tolerance::default())
}

#[test]
fn the_first_difference_is_told_whatever_the_kind() {
    let row = |value| tensor(&[1, 2, 2], &[1.0, 1.0, 1.0, value]);
    for (a, b, expected) in [
        (row(1.0), row(1.0019), None),
        (row(1.0), row(1.01), Some("output 0[0, 1, 1]: 1 and 1.0099999904632568")),
        (
            tensor(&[2], &[1.0; 2]),
            tensor(&[1, 2], &[1.0; 2]),
            Some("the shape of output 0: [2] and [1, 2]"),
        ),
        (ints(&[1]), tensor(&[1], &[1.0]), Some("the element type of output 0: I32 and F32")),
        (ints(&[7, 100_000]), ints(&[7, 100_001]), Some("output 0[1]: 100000 and 100001")),
        (text("a"), text("a"), None),
        (text("a"), text("b"), Some("output 0: \"a\" and \"b\"")),
        (text("a"), ints(&[1]), Some("output 0: text and a tensor")),
        (labels(&["x"], &[0.5]), labels(&["x"], &[0.5001]), None),
        (labels(&["x"], &[0.5]), labels(&["x"], &[0.6]), Some("output 0[0]: 0.5 and 0.6")),
        (
            labels(&["x"], &[0.5]),
            labels(&["y"], &[0.5]),
            Some("the labels of output 0: Strings([\"x\"]) and Strings([\"y\"])"),
        ),
        (
            labels(&["x"], &[0.5]),
            labels(&["x"], &[]),
            Some("the number of values of output 0: 1 and 0"),
        ),
        (
            image(PixelLayout::Gray8, 2, &[1, 2]),
            image(PixelLayout::Gray8, 2, &[1, 3]),
            Some("output 0, sample 1: 2 and 3"),
        ),
        (
            image(PixelLayout::GrayF32, 1, &1f32.to_le_bytes()),
            image(PixelLayout::GrayF32, 1, &1.0001f32.to_le_bytes()),
            None,
        ),
        (
            image(PixelLayout::Gray8, 3, &[1, 2, 3]),
            image(PixelLayout::Rgb8, 1, &[1, 2, 3]),
            Some("the form of output 0: (Gray8, 3, 1, 3) and (Rgb8, 1, 1, 3)"),
        ),
        (
            Value::Sequence(vec![text("a"), ints(&[1])]),
            Value::Sequence(vec![text("a"), ints(&[2])]),
            Some("output 0[1][0]: 1 and 2"),
        ),
        (
            Value::Sequence(vec![text("a")]),
            Value::Sequence(vec![]),
            Some("the length of output 0: 1 and 0"),
        ),
    ] {
        let comparison = one(a, b);
        assert_eq!(comparison.first_difference.as_deref(), expected);
        assert_eq!(comparison.agrees, expected.is_none());
    }
}

#[test]
fn another_number_of_outputs_disagrees() {
    let comparison = compare(&[text("a")], &[], &Tolerance::default());
    assert_eq!(comparison.first_difference.as_deref(), Some("the number of outputs: 1 and 0"));
    assert!(compare(&[], &[], &Tolerance::default()).agrees);
}

#[test]
fn numbers_that_are_none_and_infinities_are_equal_to_themselves_alone() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let special = tensor(&[3], &[nan, inf, -inf]);
    let same = one(special.clone(), special);
    assert_eq!((same.agrees, same.largest_difference, same.cosine), (true, 0.0, None));
    for (a, b) in [(nan, 1.0), (1.0, nan), (inf, -inf), (inf, 1.0), (1.0, inf), (nan, inf)] {
        let tolerance = Tolerance { absolute: 1e9, relative: 1e9, cosine: -1.0 };
        let comparison = compare(&[tensor(&[1], &[a])], &[tensor(&[1], &[b])], &tolerance);
        assert_eq!((comparison.agrees, comparison.largest_difference), (false, f64::INFINITY));
    }
}

#[test]
fn the_cosine_is_the_smallest_of_all_tensors() {
    let a = [tensor(&[2], &[1.0, 0.0]), tensor(&[2], &[1.0, 0.0])];
    let b = [tensor(&[2], &[1.0, 0.0]), tensor(&[2], &[1.0, 1.0])];
    let comparison = compare(&a, &b, &Tolerance { absolute: 1.0, ..Tolerance::default() });
    assert!((comparison.cosine.unwrap() - 0.5f64.sqrt()).abs() < 1e-9);
    assert_eq!(comparison.largest_difference, 1.0);
    let first = comparison.first_difference.unwrap();
    assert!(first.starts_with("output 1: the cosine is 0.707"), "{first}");
}

#[test]
fn the_cosine_of_zeros_and_of_huge_numbers() {
    let cosine = |a: f64, b: f64| {
        let one = |x| Tensor::from_f64(DataType::F64, vec![1], [x]).unwrap();
        cosine(&one(a), &one(b))
    };
    assert_eq!(cosine(0.0, 0.0), Some(1.0));
    assert_eq!(cosine(0.0, 1.0), Some(0.0));
    assert_eq!(cosine(f64::MAX, f64::MAX), Some(1.0));
    assert_eq!(cosine(f64::MIN_POSITIVE, -f64::MAX), Some(-1.0));
}

#[test]
fn strides_and_empty_tensors_do_not_matter() {
    let memory = Memory::Buffer(Buffer::from_bytes(&[1, 2, 3]));
    let flipped = Array::strided(DataType::U8, vec![3], vec![-1], 2, memory).unwrap();
    let dense = Array::dense(DataType::U8, vec![3], Buffer::from_bytes(&[3, 2, 1])).unwrap();
    assert!(one(Value::Tensor(flipped), Value::Tensor(dense)).agrees);
    let empty = one(tensor(&[0, 2], &[]), tensor(&[0, 2], &[]));
    assert_eq!((empty.agrees, empty.cosine), (true, None));
}

#[test]
fn a_sampler_without_a_sound_fraction_takes_all_or_none() {
    let taken = |fraction| {
        let sampler = Sampler::new(fraction);
        (0..1000).filter(|_| sampler.takes()).count()
    };
    assert_eq!([0.0, -1.0, f64::NAN].map(taken), [0; 3]);
    assert_eq!([1.0, 2.0, f64::INFINITY].map(taken), [1000; 3]);
}

#[test]
fn a_quarter_is_every_fourth_and_the_first() {
    let sampler = Sampler::new(0.25);
    let taken: Vec<usize> = (0..13).filter(|_| sampler.takes()).collect();
    assert_eq!(taken, [0, 4, 8, 12]);
}

proptest! {
    #[test]
    fn of_any_requests_in_a_row_the_fraction_is_taken(
        fraction in 0.0..1.0f64, skip in 0..500usize, n in 1..500usize,
    ) {
        let sampler = Sampler::new(fraction);
        for _ in 0..skip {
            sampler.takes();
        }
        let taken = (0..n).filter(|_| sampler.takes()).count() as f64;
        prop_assert!((taken - fraction * n as f64).abs() <= 1.0);
    }

    #[test]
    fn what_is_compared_with_itself_agrees(bits in proptest::collection::vec(any::<u32>(), 0..40)) {
        let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        let value = [tensor(&[values.len()], &values)];
        let exact = Tolerance { absolute: 0.0, relative: 0.0, cosine: 0.999_999 };
        let comparison = compare(&value, &value, &exact);
        prop_assert!(comparison.agrees && comparison.largest_difference == 0.0);
    }

    #[test]
    fn without_a_relative_part_the_order_does_not_matter(
        pairs in proptest::collection::vec((-2.0..2.0f32, -0.01..0.01f32), 1..20), absolute in 0.0..0.01,
    ) {
        let a = [tensor(&[pairs.len()], &pairs.iter().map(|(a, _)| *a).collect::<Vec<_>>())];
        let b = [tensor(&[pairs.len()], &pairs.iter().map(|(a, d)| a + d).collect::<Vec<_>>())];
        let tolerance = Tolerance { absolute, relative: 0.0, cosine: -1.0 };
        let (ab, ba) = (compare(&a, &b, &tolerance), compare(&b, &a, &tolerance));
        prop_assert_eq!(ab.agrees, ab.largest_difference <= absolute);
        prop_assert_eq!((ab.agrees, ab.largest_difference), (ba.agrees, ba.largest_difference));
    }
}
