//! Images as tensors: one plane a channel, in the order of the color space, values 0 to 255.

use anemone_engine::{Array, Image, PixelLayout, Port, Value};
use anemone_ir::{ColorSpace, ImageFeature};
use anemone_tensor::{DataType, Tensor};

use crate::expected::{describe, sizes};
use crate::features::FeatureError;

/// Samples of an image as it was given, channels innermost, and how many channels there are.
struct Samples {
    width: usize,
    height: usize,
    channels: usize,
    values: Vec<f32>,
}

/// The tensor for an image, or for an array of height, width and channels.
pub(crate) fn to_tensor(
    name: &str,
    kind: &ImageFeature,
    port: &Port,
    value: &Value,
) -> Result<Array, FeatureError> {
    let wrong = |found: String| FeatureError::Kind {
        feature: name.to_owned(),
        found,
        expected: describe(&anemone_ir::FeatureKind::Image(kind.clone())),
    };
    let samples = match value {
        Value::Image(image) => of_image(image).ok_or_else(|| wrong("a broken image".to_owned()))?,
        Value::Tensor(array) => of_array(array).ok_or_else(|| {
            wrong(format!("an array of {} of shape {:?}", array.dtype(), array.shape()))
        })?,
        _ => return Err(wrong("no image".to_owned())),
    };
    if !kind.allows(samples.width, samples.height) {
        return Err(FeatureError::Shape {
            feature: name.to_owned(),
            found: format!("size {} x {}", samples.width, samples.height),
            allowed: sizes(kind),
        });
    }
    let order: &[usize] = match (kind.color, samples.channels) {
        (ColorSpace::Grayscale | ColorSpace::GrayscaleF16, 1) => &[0],
        (ColorSpace::Rgb, 3 | 4) => &[0, 1, 2],
        (ColorSpace::Bgr, 3 | 4) => &[2, 1, 0],
        (_, channels) => return Err(wrong(format!("an image of {channels} channels"))),
    };
    let (width, height) = (samples.width, samples.height);
    let shape = match port.ty.shape.len() {
        2 if order.len() == 1 => vec![height, width],
        3 => vec![order.len(), height, width],
        _ => vec![1, order.len(), height, width],
    };
    let planes = order.iter().flat_map(|&channel| {
        samples.values.iter().skip(channel).step_by(samples.channels).map(|&v| f64::from(v))
    });
    let tensor = Tensor::from_f64(port.ty.dtype, shape, planes);
    tensor.map(Array::from).map_err(|error| wrong(error.to_string()))
}

fn of_image(image: &Image) -> Option<Samples> {
    let (channels, bytes) = match image.layout {
        PixelLayout::Gray8 => (1, 1),
        PixelLayout::GrayF32 => (1, 4),
        PixelLayout::Rgb8 => (3, 3),
    };
    let (width, height) = (image.width, image.height);
    let needed = width.checked_mul(height)?.checked_mul(bytes)?;
    if needed != image.pixels.len() {
        return None;
    }
    let values = match image.layout {
        PixelLayout::GrayF32 => {
            let (quads, _) = image.pixels.as_chunks::<4>();
            quads.iter().map(|&quad| f32::from_le_bytes(quad)).collect()
        }
        PixelLayout::Gray8 | PixelLayout::Rgb8 => {
            image.pixels.iter().map(|&byte| f32::from(byte)).collect()
        }
    };
    Some(Samples { width, height, channels, values })
}

fn of_array(array: &Array) -> Option<Samples> {
    let (height, width, channels) = match *array.shape() {
        [height, width] => (height, width, 1),
        [height, width, channels] => (height, width, channels),
        _ => return None,
    };
    let is_sample = match array.dtype() {
        DataType::U8 => matches!(channels, 1 | 3 | 4),
        DataType::F32 | DataType::F16 => channels == 1,
        _ => false,
    };
    is_sample.then(|| Samples { width, height, channels, values: array.to_tensor().to_f32() })
}

/// The image in a tensor of rank 2 (one plane), 3 or 4 (of one image).
pub(crate) fn from_tensor(kind: &ImageFeature, array: &Array) -> Result<Image, String> {
    let (channels, height, width) = match *array.shape() {
        [height, width] => (1, height, width),
        [channels, height, width] | [1, channels, height, width] => (channels, height, width),
        _ => return Err(format!("shape {:?} is no image", array.shape())),
    };
    let (layout, order): (PixelLayout, &[usize]) = match (kind.color, channels) {
        (ColorSpace::Grayscale, 1) => (PixelLayout::Gray8, &[0]),
        (ColorSpace::GrayscaleF16, 1) => (PixelLayout::GrayF32, &[0]),
        (ColorSpace::Rgb, 3) => (PixelLayout::Rgb8, &[0, 1, 2]),
        (ColorSpace::Bgr, 3) => (PixelLayout::Rgb8, &[2, 1, 0]),
        (_, channels) => return Err(format!("{channels} channels do not fit the color space")),
    };
    let values = array.to_tensor().to_f32();
    let plane = width * height;
    let samples = (0..plane).flat_map(|i| order.iter().map(move |c| c * plane + i));
    let samples = samples.filter_map(|at| values.get(at).copied());
    let pixels = match layout {
        PixelLayout::GrayF32 => samples.flat_map(f32::to_le_bytes).collect(),
        // A cast saturates: what is outside 0 to 255 becomes its nearest end, NaN becomes 0.
        PixelLayout::Gray8 | PixelLayout::Rgb8 => {
            samples.map(|v| v.round_ties_even() as u8).collect()
        }
    };
    Ok(Image { layout, width, height, pixels })
}
