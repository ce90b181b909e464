//! Features against ports, without an engine.

use super::*;
use anemone_engine::{Image, PixelLayout};
use anemone_ir::{ColorSpace, Dim, ImageFeature, ImageFlexibility, ShapeFlexibility, TensorType};

fn port(name: &str, dtype: DataType, shape: &[usize]) -> Port {
    let shape = shape.iter().map(|&size| Dim::from(size)).collect();
    Port { name: name.to_owned(), ty: TensorType::new(dtype, shape) }
}

fn array_feature(name: &str, dtype: DataType, shape: &[i64]) -> Feature {
    let array = ArrayFeature::fixed(ElementType::Known(dtype), shape.to_vec());
    Feature::new(name, FeatureKind::MultiArray(array))
}

fn image_feature(color: ColorSpace) -> Feature {
    let flexibility = ImageFlexibility::Fixed;
    let image = ImageFeature { width: 2, height: 1, color, flexibility, extra: Vec::new() };
    Feature::new("x", FeatureKind::Image(image))
}

fn interface(inputs: Vec<Feature>, outputs: Vec<Feature>, signature: &Signature) -> Interface {
    let features = Features {
        inputs: &inputs,
        outputs: &outputs,
        states: &[],
        predicted_feature_name: "",
        predicted_probabilities_name: "",
    };
    Interface::new("main", features, signature, None).unwrap()
}

fn bound(feature: Feature, port: Port, value: Option<Value>) -> Result<Array, FeatureError> {
    let signature = Signature { inputs: vec![port], ..Signature::default() };
    let values = value.map(|value| (feature.name.clone(), value)).into_iter().collect();
    match interface(vec![feature], Vec::new(), &signature).bind(&values)?.remove(0) {
        Value::Tensor(array) => Ok(array),
        other => panic!("{other:?} is no tensor"),
    }
}

fn given(feature: Feature, port: Port, value: Value) -> Array {
    super::input(&feature, &port, &value)
        .map(|value| match value {
            Value::Tensor(array) => array,
            other => panic!("{other:?} is no tensor"),
        })
        .unwrap()
}

fn tensor(dtype: DataType, shape: &[usize], values: &[f64]) -> Value {
    let tensor = Tensor::from_f64(dtype, shape.to_vec(), values.iter().copied()).unwrap();
    Value::Tensor(tensor.into())
}

#[test]
fn values_are_cast_to_the_type_of_the_program() {
    let double = array_feature("x", DataType::F64, &[2]);
    let found = bound(
        double,
        port("x", DataType::F32, &[2]),
        Some(tensor(DataType::F64, &[2], &[1.5, 2.0])),
    );
    assert_eq!(found.unwrap(), Array::from_f32(vec![2], &[1.5, 2.0]).unwrap());
    let half = array_feature("x", DataType::F16, &[1]);
    let found =
        bound(half, port("x", DataType::F16, &[1]), Some(tensor(DataType::F32, &[1], &[0.5])));
    assert_eq!(found.unwrap().dtype(), DataType::F16);
}

#[test]
fn a_scalar_of_the_program_is_a_vector_of_one_outside() {
    let feature = array_feature("x", DataType::F32, &[1]);
    let scalar =
        bound(feature, port("x", DataType::F32, &[]), Some(tensor(DataType::F32, &[1], &[3.0])));
    assert_eq!(scalar.unwrap().shape(), [0usize; 0]);
    let outputs = vec![array_feature("y", DataType::F32, &[])];
    let ports = vec![port("y", DataType::F32, &[])];
    let signature = Signature { outputs: ports, ..Signature::default() };
    let interface = interface(Vec::new(), outputs, &signature);
    let found = interface.outputs(vec![tensor(DataType::F32, &[], &[3.0])]).unwrap();
    assert_eq!(found, [("y".to_owned(), tensor(DataType::F32, &[1], &[3.0]))]);
}

#[test]
fn wrong_types_and_shapes_are_told_with_the_right_ones() {
    let fails = |feature: Feature, value: Value| {
        let error = bound(feature, port("x", DataType::F32, &[2]), Some(value)).unwrap_err();
        error.to_string()
    };
    let plain = || array_feature("x", DataType::F32, &[2]);
    for wrong in [DataType::I32, DataType::F64] {
        let message = fails(plain(), tensor(wrong, &[2], &[1.0, 2.0]));
        assert!(message.contains("not float32"), "{message}");
    }
    let FeatureKind::MultiArray(mut kind) = plain().kind else { unreachable!() };
    kind.flexibility = ShapeFlexibility::Enumerated(vec![vec![2], vec![4]]);
    let flexible = Feature::new("x", FeatureKind::MultiArray(kind));
    let message = fails(flexible, tensor(DataType::F32, &[3], &[1.0, 2.0, 3.0]));
    assert!(message.starts_with("`x` has shape [3], the model takes [2] or [4]: "), "{message}");
    assert!(fails(plain(), Value::String("text".into())).contains("a string"));
}

#[test]
fn missing_and_unknown_names_are_told_at_once() {
    let signature =
        Signature { inputs: vec![port("x", DataType::F32, &[2])], ..Signature::default() };
    let interface =
        interface(vec![array_feature("x", DataType::F32, &[2])], Vec::new(), &signature);
    let values = [("y".to_owned(), tensor(DataType::F32, &[1], &[1.0]))].into();
    assert_eq!(
        interface.bind(&values).unwrap_err().to_string(),
        "input `x` missing, input `y` unknown; the model takes `x` (float32 [2])"
    );
}

#[test]
fn an_optional_input_is_filled_with_its_default() {
    let mut feature = array_feature("x", DataType::F32, &[2]);
    feature.optional = true;
    let FeatureKind::MultiArray(kind) = &mut feature.kind else { unreachable!() };
    kind.default = Some(DefaultValue::Float(0.5));
    let found = bound(feature, port("x", DataType::F32, &[2]), None).unwrap();
    assert_eq!(found, Array::from_f32(vec![2], &[0.5, 0.5]).unwrap());
}

#[test]
fn an_image_becomes_planes_in_the_order_of_its_color_space() {
    let pixels = vec![1, 2, 3, 4, 5, 6];
    let image = Image { layout: PixelLayout::Rgb8, width: 2, height: 1, pixels: pixels.clone() };
    let shape = [1, 3, 1, 2];
    let planes = |color, value| {
        given(image_feature(color), port("x", DataType::F32, &shape), value).to_tensor().to_f32()
    };
    let as_array = tensor(DataType::U8, &[1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for value in [Value::Image(image), as_array] {
        assert_eq!(planes(ColorSpace::Rgb, value.clone()), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(planes(ColorSpace::Bgr, value), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
    }
    let gray = tensor(DataType::F32, &[1, 2], &[0.25, 300.0]);
    let gray = given(
        image_feature(ColorSpace::GrayscaleF16),
        port("x", DataType::F16, &[1, 1, 1, 2]),
        gray,
    );
    assert_eq!(gray.to_tensor().to_f32(), [0.25, 300.0]);
}

#[test]
fn an_image_of_another_size_is_refused() {
    let value = tensor(DataType::U8, &[2, 2, 3], &[0.0; 12]);
    let port = port("x", DataType::F32, &[1, 3, 1, 2]);
    let error = bound(image_feature(ColorSpace::Rgb), port, Some(value)).unwrap_err();
    assert_eq!(error.to_string(), "`x` has size 2 x 2, the model takes 2 x 1");
}

#[test]
fn image_outputs_are_rounded_and_kept_within_bytes() {
    let planes = [-1.0, 0.5, 254.6, 300.0, 1.5, f64::NAN];
    let Value::Tensor(array) = tensor(DataType::F32, &[1, 3, 1, 2], &planes) else {
        unreachable!()
    };
    let FeatureKind::Image(kind) = image_feature(ColorSpace::Bgr).kind else { unreachable!() };
    let image = image::from_tensor(&kind, &array).unwrap();
    assert_eq!(image.pixels, [2, 255, 0, 0, 255, 0]);
}
