//! Random tensors: the same for one seed, and distributed as asked.

use anemone_tensor::DataType::{F32, I32};
use programs::{run, tensor};

#[allow(dead_code)]
mod programs;

fn draw(call: &str) -> Vec<f64> {
    let inputs = "tensor<int32, [2]> shape, tensor<fp32, [2, 3]> x";
    let values =
        [tensor(I32, &[2], &[100., 200.]), tensor(F32, &[2, 3], &[0.2, 0.3, 0.5, 1.0, 0.0, 0.0])];
    run("ios17", inputs, &format!("y = {call};"), "y", &values).unwrap().remove(0).1
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_seed_tells_the_numbers() {
    let seeded = "random_uniform(shape = shape, seed = int32(3))";
    assert_eq!(draw(seeded), draw(seeded));
    assert_ne!(draw(seeded), draw("random_uniform(shape = shape, seed = int32(4))"));
    assert_ne!(draw("random_uniform(shape = shape)"), draw("random_uniform(shape = shape)"));
}

#[test]
fn means_and_spreads_are_as_asked() {
    let uniform =
        draw("random_uniform(shape = shape, low = fp32(2), high = fp32(4), seed = int32(0))");
    assert!(uniform.iter().all(|v| (2.0..4.0).contains(v)));
    assert!((mean(&uniform) - 3.0).abs() < 0.02);
    let normal =
        draw("random_normal(shape = shape, mean = fp32(1), stddev = fp32(3), seed = int32(0))");
    let squares: Vec<f64> = normal.iter().map(|v| (v - 1.0).powi(2)).collect();
    assert!((mean(&normal) - 1.0).abs() < 0.05 && (mean(&squares) - 9.0).abs() < 0.3);
    let bernoulli = draw("random_bernoulli(shape = shape, prob = fp32(0.25), seed = int32(0))");
    assert!((mean(&bernoulli) - 0.25).abs() < 0.01);
    assert!(bernoulli.iter().all(|v| *v == 0.0 || *v == 1.0));
}

#[test]
fn classes_come_as_often_as_their_probabilities_say() {
    let drawn =
        draw("random_categorical(x = x, mode = \"probs\", size = int32(9000), seed = int32(1))");
    let (first, second) = drawn.split_at(9000);
    for (class, share) in [(0.0, 0.2), (1.0, 0.3), (2.0, 0.5)] {
        let found = first.iter().filter(|v| **v == class).count() as f64 / 9000.0;
        assert!((found - share).abs() < 0.02, "{class}: {found}");
    }
    assert!(second.iter().all(|v| *v == 0.0));
}

#[test]
fn sure_things_are_sure() {
    assert!(draw("random_bernoulli(shape = shape, prob = fp32(1))").iter().all(|v| *v == 1.0));
    assert!(draw("random_bernoulli(shape = shape, prob = fp32(0))").iter().all(|v| *v == 0.0));
    let logits = "tensor<fp32, [2, 3]>([0, -inf, nan, inf, 0, 1])";
    let drawn = draw(&format!("random_categorical(x = {logits}, size = int32(100))"));
    assert!(drawn.iter().all(|v| *v == 0.0));
}
