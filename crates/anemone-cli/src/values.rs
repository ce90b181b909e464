//! Between the members of an archive of arrays and the values of features.
//!
//! Tensors, images and numbers go by their feature's name; text is `name::utf8`; a dictionary is
//! `name::keys` (a list in JSON) and `name::values`.

use anemone::NamedValues;
use anemone::engine::{Array, Dictionary, Image, Keys, PixelLayout, Value};
use anemone::tensor::{Buffer, DataType, Tensor};
use serde_json::json;

use crate::exit::Failure;
use crate::npz::Arrays;

/// The values in an archive.
pub(crate) fn from_arrays(arrays: Arrays) -> Result<NamedValues, Failure> {
    let mut values = NamedValues::new();
    for (member, array) in &arrays {
        let (name, value) = match member.rsplit_once("::") {
            Some((name, "utf8")) => (name, Value::String(text(member, array)?)),
            Some((name, "keys")) => {
                let numbers = arrays.get(&format!("{name}::values"));
                (name, Value::Dictionary(dictionary(name, &text(member, array)?, numbers)?))
            }
            Some((_, "values")) => continue,
            _ => (member.as_str(), Value::Tensor(array.clone())),
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn text(member: &str, array: &Array) -> Result<String, Failure> {
    let bytes = (array.dtype() == DataType::U8).then(|| array.to_tensor().data().to_vec());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Failure::new(format!("`{member}` is no UTF-8 text in an array of uint8")))
}

fn dictionary(name: &str, keys: &str, numbers: Option<&Array>) -> Result<Dictionary, Failure> {
    let keys = match serde_json::from_str::<Vec<String>>(keys) {
        Ok(strings) => Some(Keys::Strings(strings)),
        Err(_) => serde_json::from_str::<Vec<i64>>(keys).ok().map(Keys::Ints),
    };
    let numbers = numbers.map(|array| {
        let tensor = array.to_tensor();
        (0..tensor.count()).map(|i| tensor.get_f64(i)).collect::<Vec<f64>>()
    });
    match (keys, numbers) {
        (Some(keys), Some(values)) if key_count(&keys) == values.len() => {
            Ok(Dictionary { keys, values })
        }
        _ => Err(Failure::new(format!(
            "`{name}` is no dictionary: `{name}::keys` is a list in JSON, `{name}::values` has a \
             number for each"
        ))),
    }
}

fn key_count(keys: &Keys) -> usize {
    match keys {
        Keys::Strings(keys) => keys.len(),
        Keys::Ints(keys) => keys.len(),
    }
}

/// The members of an archive that holds these values.
pub(crate) fn to_arrays(values: &[(String, Value)]) -> Result<Arrays, Failure> {
    let mut arrays = Arrays::new();
    for (name, value) in values {
        match value {
            Value::Tensor(array) => drop(arrays.insert(name.clone(), array.clone())),
            Value::Image(image) => drop(arrays.insert(name.clone(), pixels(image)?)),
            Value::String(text) => drop(arrays.insert(format!("{name}::utf8"), bytes(text)?)),
            Value::Dictionary(dictionary) => {
                let keys = match &dictionary.keys {
                    Keys::Strings(keys) => json!(keys),
                    Keys::Ints(keys) => json!(keys),
                };
                arrays.insert(format!("{name}::keys"), bytes(&keys.to_string())?);
                let numbers = dictionary.values.iter().copied();
                let tensor =
                    Tensor::from_f64(DataType::F64, vec![dictionary.values.len()], numbers);
                let tensor = tensor.map_err(|error| Failure::new(error.to_string()))?;
                arrays.insert(format!("{name}::values"), tensor.into());
            }
            Value::Sequence(_) => {
                let message = format!("unsupported: output `{name}` is a sequence");
                return Err(Failure::new(message));
            }
        }
    }
    Ok(arrays)
}

fn bytes(text: &str) -> Result<Array, Failure> {
    dense(DataType::U8, vec![text.len()], text.as_bytes())
}

/// An image as an array of height, width and, for color, channels.
pub(crate) fn pixels(image: &Image) -> Result<Array, Failure> {
    let (dtype, channels) = match image.layout {
        PixelLayout::Gray8 => (DataType::U8, None),
        PixelLayout::GrayF32 => (DataType::F32, None),
        PixelLayout::Rgb8 => (DataType::U8, Some(3)),
    };
    let shape = [image.height, image.width].into_iter().chain(channels).collect();
    dense(dtype, shape, &image.pixels)
}

fn dense(dtype: DataType, shape: Vec<usize>, bytes: &[u8]) -> Result<Array, Failure> {
    Array::dense(dtype, shape, Buffer::from_bytes(bytes))
        .map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_survives_the_archive() {
        let numbers = Array::from_f32(vec![2], &[1.0, 2.0]).unwrap();
        let keys = Keys::Strings(vec!["a".into(), "b".into()]);
        let values = [
            ("x::y".to_owned(), Value::Tensor(numbers)),
            ("t".to_owned(), Value::String("é".into())),
            ("d".to_owned(), Value::Dictionary(Dictionary { keys, values: vec![0.5, 0.25] })),
        ];
        let found = from_arrays(to_arrays(&values).unwrap()).unwrap();
        assert_eq!(found, NamedValues::from(values));
    }

    #[test]
    fn a_dictionary_without_its_other_half_is_refused() {
        let mut arrays = Arrays::new();
        arrays.insert("d::keys".into(), bytes("[1, 2]").unwrap());
        assert!(from_arrays(arrays).unwrap_err().message().contains("d::values"));
    }
}
