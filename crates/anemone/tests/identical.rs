//! The same bits, whoever asks and whoever asks beside them: threads, sessions, neighbours in a batch.

use std::num::NonZeroUsize;

use anemone::engine::{Array, RunContext, Value};
use anemone::ir::program::{ElementType, TypeDecl};
use anemone::ir::{
    ArrayFeature, Description, Feature, FeatureKind, Package, ShapeFlexibility, SizeRange, text,
};
use anemone::tensor::{Buffer, DataType};
use anemone::{Engines, LoadOptions, Model, NamedValues, load_package};

/// Convolution, pooling, products of both kinds, normalization over rows, and a softmax.
const PROGRAM: &str = r#"program(1.0)
{
    func main<ios17>(tensor<fp32, [?, 3, 20, 20]> x) {
            tensor<fp32, [16, 3, 3, 3]> w0 = const()[name = string("w0"), val = tensor<fp32, [16, 3, 3, 3]>(BLOBFILE(path = string("w"), offset = uint64(64)))];
            tensor<fp32, [?, 16, 18, 18]> c = conv(x = x, weight = w0)[name = string("c")];
            tensor<fp32, [?, 16, 18, 18]> r = relu(x = c)[name = string("r")];
            tensor<int32, [2]> k = const()[name = string("k"), val = tensor<int32, [2]>([2, 2])];
            string valid = const()[name = string("valid"), val = string("valid")];
            tensor<fp32, [?, 16, 9, 9]> p = max_pool(x = r, kernel_sizes = k, strides = k, pad_type = valid)[name = string("p")];
            tensor<int32, [3]> s = const()[name = string("s"), val = tensor<int32, [3]>([-1, 16, 81])];
            tensor<fp32, [?, 16, 81]> f = reshape(x = p, shape = s)[name = string("f")];
            tensor<int32, [1]> last = const()[name = string("last"), val = tensor<int32, [1]>([-1])];
            tensor<fp32, [?, 16, 81]> n = layer_norm(x = f, axes = last)[name = string("n")];
            tensor<fp32, [37, 81]> w1 = const()[name = string("w1"), val = tensor<fp32, [37, 81]>(BLOBFILE(path = string("w"), offset = uint64(128)))];
            tensor<fp32, [?, 16, 37]> l = linear(x = n, weight = w1)[name = string("l")];
            bool yes = const()[name = string("yes"), val = bool(true)];
            tensor<fp32, [?, 16, 16]> m = matmul(x = l, y = l, transpose_y = yes)[name = string("m")];
            tensor<fp32, [?, 16, 16]> y = softmax(x = m)[name = string("y")];
        } -> (y);
}
"#;

fn numbers(count: usize, seed: u32) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    (0..count).map(move |_| {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    })
}

fn weights(_: &str, offset: u64, ty: &TypeDecl) -> Result<Buffer, String> {
    let TypeDecl::Tensor(tensor) = ty else { return Err("no tensor".to_owned()) };
    let sizes = tensor.dims.iter().map(|dim| match dim {
        anemone::ir::program::DimDecl::Known(size) => *size as usize,
        _ => 0,
    });
    let bytes: Vec<u8> =
        numbers(sizes.product(), offset as u32).flat_map(|v| v.to_le_bytes()).collect();
    Ok(Buffer::from_bytes(&bytes))
}

fn model(threads: usize) -> Model {
    let array = |flexibility| ArrayFeature {
        flexibility,
        ..ArrayFeature::fixed(ElementType::Known(DataType::F32), Vec::new())
    };
    let rows = [(1, 64), (3, 3), (20, 20), (20, 20)];
    let rows = rows.map(|(lower, upper)| SizeRange { lower, upper }).to_vec();
    let description = Description {
        inputs: vec![Feature::new(
            "x",
            FeatureKind::MultiArray(array(ShapeFlexibility::Ranges(rows))),
        )],
        outputs: vec![Feature::new("y", FeatureKind::MultiArray(array(ShapeFlexibility::Fixed)))],
        ..Description::default()
    };
    let program = text::parse(PROGRAM, &mut weights).unwrap();
    let engines = Engines::new(NonZeroUsize::new(threads)).unwrap();
    load_package(&engines, &Package::new(8, description, program), &LoadOptions::default()).unwrap()
}

fn batch(rows: &[u32]) -> NamedValues {
    let values: Vec<f32> = rows.iter().flat_map(|&row| numbers(3 * 20 * 20, row)).collect();
    let array = Array::from_f32(vec![rows.len(), 3, 20, 20], &values).unwrap();
    [("x".to_owned(), Value::Tensor(array))].into()
}

fn bits(model: &Model, rows: &[u32]) -> Vec<u8> {
    let prediction = model.predict(&batch(rows), None).unwrap();
    let [(_, Value::Tensor(y))] = prediction.outputs.as_slice() else { panic!("one tensor") };
    assert_eq!(y.shape(), [rows.len(), 16, 16]);
    y.to_tensor().data().to_vec()
}

#[test]
fn a_row_alone_is_the_same_as_in_a_batch() {
    let model = model(2);
    for rows in [vec![1, 2], (1..=7).collect::<Vec<_>>(), (1..=32).collect()] {
        let together = bits(&model, &rows);
        let alone: Vec<u8> = rows.iter().flat_map(|&row| bits(&model, &[row])).collect();
        assert!(together == alone, "a batch of {} differs from its rows", rows.len());
    }
}

#[test]
fn one_thread_and_several_give_the_same() {
    let rows: Vec<u32> = (1..=9).collect();
    let one = bits(&model(1), &rows);
    for threads in [2, 3, 8] {
        assert!(bits(&model(threads), &rows) == one, "{threads} threads differ from one");
    }
}

#[test]
fn sixteen_sessions_of_one_plan_give_the_same() {
    let model = model(2);
    let expected: Vec<Vec<u8>> = (1..=4).map(|row| bits(&model, &[row, row + 1])).collect();
    std::thread::scope(|scope| {
        for first in 0..16 {
            let (model, expected) = (&model, &expected);
            scope.spawn(move || {
                let mut session = model.session();
                for turn in 0..8 {
                    let at = (first + turn) % 4;
                    let row = at as u32 + 1;
                    let inputs = batch(&[row, row + 1]);
                    let prediction =
                        session.predict(&inputs, None, &RunContext::default()).unwrap();
                    let [(_, Value::Tensor(y))] = prediction.outputs.as_slice() else {
                        panic!("one tensor")
                    };
                    assert!(y.to_tensor().data()[..] == expected[at][..]);
                }
            });
        }
    });
}
