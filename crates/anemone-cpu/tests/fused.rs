//! Fused steps: the same numbers as their ops one by one, which an observer can still see.

use std::sync::Mutex;

use anemone_engine::{Array, Observer, RunContext};
use anemone_ir::Origin;
use anemone_tensor::DataType::F32;
use programs::{execute, tensor};

#[allow(dead_code)]
mod programs;

const WIDTH: usize = 64;
const HIDDEN: usize = 96;
const LENGTH: usize = 7;

/// Whole numbers from -127 to 127 that look random.
fn bytes(count: usize, seed: u64) -> Vec<i64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 40).unwrap() % 255 - 127
    };
    (0..count).map(|_| next()).collect()
}

fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn parameters(count: usize, seed: u64) -> String {
    let values: Vec<f64> = bytes(count, seed).iter().map(|&n| n as f64 / 100.0).collect();
    format!("tensor<fp32, [{count}]>([{}])", list(&values))
}

/// A product with weights of 8 bits, or with the same as floats.
fn linear(name: &str, x: &str, [inner, columns]: [usize; 2], seed: u64, narrow: bool) -> String {
    let (numbers, bias) = (bytes(columns * inner, seed), parameters(columns, seed + 1));
    let (before, weight) = if narrow {
        let op = format!(
            "{name}_w = constexpr_blockwise_shift_scale(\
             data = tensor<int8, [{columns}, {inner}]>([{}]), \
             scale = tensor<fp32, [1, 1]>([0.0078125])); ",
            list(&numbers)
        );
        (op, format!("{name}_w"))
    } else {
        let floats: Vec<f64> = numbers.iter().map(|&n| n as f64 / 128.0).collect();
        (String::new(), format!("tensor<fp32, [{columns}, {inner}]>([{}])", list(&floats)))
    };
    format!("{before}{name} = linear(x = {x}, weight = {weight}, bias = {bias}); ")
}

/// One layer of an encoder.
fn encoder(narrow: bool) -> String {
    let heads = "perm = tensor<int32, [4]>([0, 2, 1, 3])";
    let mut ops = String::new();
    for (i, name) in ["q", "k", "v"].into_iter().enumerate() {
        ops += &linear(name, "x", [WIDTH, WIDTH], i as u64, narrow);
        ops += &format!(
            "{name}4 = reshape(x = {name}, shape = tensor<int32, [4]>([-1, {LENGTH}, 2, 32])); \
             {name}h = transpose(x = {name}4, {heads}); "
        );
    }
    ops += &format!(
        "a = scaled_dot_product_attention(query = qh, key = kh, value = vh, attn_mask = m); \
         at = transpose(x = a, {heads}); \
         ax = reshape(x = at, shape = tensor<int32, [3]>([-1, {LENGTH}, {WIDTH}])); "
    );
    ops += &linear("o", "ax", [WIDTH, WIDTH], 5, narrow);
    let norm = |name: &str, x: &str, seed: u64| {
        format!(
            "{name} = layer_norm(x = {x}, axes = tensor<int32, [1]>([-1]), gamma = {}, beta = {}, \
             epsilon = fp32(0.0001)); ",
            parameters(WIDTH, seed),
            parameters(WIDTH, seed + 1)
        )
    };
    ops += "r = add(x = x, y = o); ";
    ops += &norm("n", "r", 6);
    ops += &linear("wide", "n", [WIDTH, HIDDEN], 7, narrow);
    ops += "g = gelu(x = wide, mode = \"EXACT\"); ";
    ops += &linear("back", "g", [HIDDEN, WIDTH], 8, narrow);
    ops += "s = add(x = back, y = n); ";
    ops += &norm("y", "s", 9);
    ops += &linear("z", "y", [WIDTH, 20], 10, narrow);
    ops + "p = relu(x = z); "
}

fn program(narrow: bool) -> String {
    let typed: String =
        encoder(narrow).split_inclusive("; ").map(|line| format!("@type(\"\") {line}")).collect();
    let inputs =
        format!("tensor<fp32, [?, {LENGTH}, {WIDTH}]> x, tensor<fp32, [1, 1, 1, {LENGTH}]> m");
    format!("program(1.0) {{ func main<ios18>({inputs}) {{ {typed} }} -> (y, p); }}")
}

/// Wants some values by name, and keeps their names and elements.
struct Seen {
    wanted: &'static [&'static str],
    found: Mutex<Vec<(String, Vec<f64>)>>,
}

impl Seen {
    fn new(wanted: &'static [&'static str]) -> Seen {
        Seen { wanted, found: Mutex::default() }
    }
}

impl Observer for Seen {
    fn wants(&self, origin: &Origin, _: usize) -> bool {
        self.wanted.contains(&&*origin.path)
    }

    fn observe(&self, origin: &Origin, _: usize, value: &Array) {
        let tensor = value.to_tensor();
        let values = (0..tensor.count()).map(|i| tensor.get_f64(i)).collect();
        self.found.lock().unwrap().push((origin.path.to_string(), values));
    }
}

fn results(narrow: bool, threads: usize, x: &[f64], seen: Option<&Seen>) -> Vec<Vec<f64>> {
    let batch = x.len() / (LENGTH * WIDTH);
    let mask = [0.0, 0.0, -0.5, 0.0, 1.0, 0.0, f64::NEG_INFINITY];
    let inputs = [tensor(F32, &[batch, LENGTH, WIDTH], x), tensor(F32, &[1, 1, 1, LENGTH], &mask)];
    let observer = seen.map(|seen| seen as &dyn Observer);
    let context = RunContext { observer, ..RunContext::default() };
    let found = execute(threads, &program(narrow), &inputs, &context).unwrap();
    found.into_iter().map(|(_, values)| values).collect()
}

fn input(batch: usize) -> Vec<f64> {
    bytes(batch * LENGTH * WIDTH, 3).iter().map(|&n| f64::from((n as f32 * 0.37).sin())).collect()
}

#[test]
fn fused_steps_give_the_numbers_of_their_ops() {
    for narrow in [true, false] {
        let x = input(9);
        let seen = Seen::new(&["q", "kh", "a", "ax", "o", "r", "wide", "back", "s", "z", "p"]);
        let apart = results(narrow, 2, &x, Some(&seen));
        assert!(apart == results(narrow, 2, &x, None), "narrow: {narrow}");
        assert!(apart.iter().flatten().all(|value| value.is_finite()));
        let found = seen.found.into_inner().unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["q", "kh", "a", "ax", "o", "r", "wide", "back", "s", "z", "p"]);
        assert_eq!(found[10].1, apart[1]);
    }
}

#[test]
fn what_fused_steps_give_is_seen_without_running_their_ops_apart() {
    let seen = Seen::new(&["q", "k", "v", "at", "n", "y"]);
    let fused = results(true, 1, &input(2), Some(&seen));
    let found = seen.found.into_inner().unwrap();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["q", "k", "v", "at", "n", "y"]);
    assert_eq!(found[5].1, fused[0]);
}

#[test]
fn floats_and_weights_of_eight_bits_agree() {
    let x = input(2);
    let both = [true, false].map(|narrow| results(narrow, 1, &x, None));
    for (narrow, plain) in both[0].iter().flatten().zip(both[1].iter().flatten()) {
        assert!((narrow - plain).abs() < 5e-5, "{narrow} {plain}");
    }
}

#[test]
fn a_row_is_the_same_in_every_batch_and_on_any_number_of_threads() {
    for narrow in [true, false] {
        // More rows than are held between two products.
        let (batch, each) = (150, LENGTH * WIDTH);
        let x = input(batch);
        let whole = results(narrow, 2, &x, None);
        for (threads, from, to) in [(1, 0, 11), (2, 0, 1), (1, 149, 150), (2, 143, 150)] {
            let part = results(narrow, threads, &x[from * each..to * each], None);
            for (part, whole) in part.iter().zip(&whole) {
                let size = whole.len() / batch;
                assert!(part[..] == whole[from * size..to * size], "{threads} {from}..{to}");
            }
        }
    }
}
