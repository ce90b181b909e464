//! Requests put together into one run's inputs, and its outputs taken apart.

use anemone_engine::{Array, Value};
use anemone_tensor::{DataType, Tensor};

use crate::Error;
use crate::buffers::BufferPool;
use crate::request::{Interface, Key};

/// The inputs of a run of `rows` rows: the requests' rows one after another, each filled up to the
/// key's shape; rows that are left over repeat the first. A request that is as large as the run is
/// not copied. Also how many copies were made.
pub(crate) fn stack(
    interface: &Interface,
    key: &Key,
    rows: usize,
    requests: &[&[Value]],
    buffers: &BufferPool,
) -> Result<(Vec<Value>, usize), Error> {
    let shapes = interface.run_shapes(key, rows);
    let mut copies = 0;
    let mut inputs = Vec::with_capacity(shapes.len());
    for (index, shape) in shapes.into_iter().enumerate() {
        if let [only] = requests
            && let Value::Tensor(array) = &only[index]
            && array.shape() == shape
        {
            inputs.push(only[index].clone());
            continue;
        }
        let dtype = interface.signature().inputs[index].ty.dtype;
        let mut whole = buffers.allocate(dtype, &shape)?;
        let mut rest = whole.as_mut_bytes();
        let row_bytes = shape[1..].iter().product::<usize>() * (dtype.bits() / 8);
        for request in requests {
            let Value::Tensor(array) = &request[index] else { continue };
            let (own, others) = rest.split_at_mut(array.shape()[0] * row_bytes);
            rest = others;
            put(array, &shape[1..], own, |axis| encode(dtype, interface.filler(index, axis)));
            copies += 1;
        }
        let left = rest.len();
        if left > 0 && row_bytes > 0 {
            let bytes = whole.as_mut_bytes();
            let (rows, fill) = bytes.split_at_mut(bytes.len() - left);
            fill.chunks_exact_mut(row_bytes)
                .for_each(|row| row.copy_from_slice(&rows[..row_bytes]));
        }
        inputs.push(Value::Tensor(whole.into_array()));
    }
    Ok((inputs, copies))
}

/// The outputs of requests with these rows and inputs, which ran together as `rows` rows. Nothing is
/// copied. `None` where the outputs do not have the run's rows, so that they cannot be told apart.
pub(crate) fn split(
    interface: &Interface,
    key: &Key,
    rows: usize,
    requests: &[(usize, &[Value])],
    outputs: &[Value],
) -> Option<Vec<Vec<Value>>> {
    let mut all: Vec<Vec<Value>> = requests.iter().map(|_| Vec::new()).collect();
    for (index, output) in outputs.iter().enumerate() {
        let Value::Tensor(array) = output else { return None };
        if array.shape().first() != Some(&rows) {
            return None;
        }
        let mut start = 0;
        for ((own, inputs), mine) in requests.iter().zip(&mut all) {
            let mut part = array.part(0, start, *own)?;
            for (axis, length) in cuts(interface, key, index, inputs) {
                part = part.part(axis, 0, length)?;
            }
            mine.push(Value::Tensor(part));
            start += own;
        }
    }
    Some(all)
}

/// The axes of an output that are an input's axis which was filled up, with their lengths before.
fn cuts(interface: &Interface, key: &Key, output: usize, inputs: &[Value]) -> Vec<(usize, usize)> {
    let signature = interface.signature();
    let shapes = interface.run_shapes(key, 1);
    let mut cuts = Vec::new();
    for ((port, shape), value) in signature.inputs.iter().zip(&shapes).zip(inputs) {
        let Value::Tensor(array) = value else { continue };
        for (axis, &filled) in shape.iter().enumerate().skip(1) {
            if array.shape()[axis] == filled {
                continue;
            }
            let own = &signature.outputs[output].ty.shape;
            let same = (1..own.len()).find(|&at| own[at] == port.ty.shape[axis]);
            if let Some(at) = same
                && !cuts.iter().any(|(cut, _)| *cut == at)
            {
                cuts.push((at, array.shape()[axis]));
            }
        }
    }
    cuts
}

/// Copies rows of `array`, each filled up to `shape`.
fn put(array: &Array, shape: &[usize], out: &mut [u8], filler: impl Fn(usize) -> Vec<u8>) {
    let dense;
    let bytes = match array.dense_bytes() {
        Some(bytes) => bytes,
        None => {
            dense = array.to_tensor();
            dense.data()
        }
    };
    if array.shape()[1..] == *shape {
        out.copy_from_slice(bytes);
        return;
    }
    let width = array.dtype().bits() / 8;
    let longer = (0..shape.len()).find(|&axis| shape[axis] != array.shape()[axis + 1]);
    let filler = filler(longer.unwrap_or(0) + 1);
    for (place, element) in out.chunks_exact_mut(width).enumerate() {
        let source = source(place, shape, array.shape());
        element.copy_from_slice(match source {
            Some(at) => &bytes[at * width..][..width],
            None => &filler,
        });
    }
}

/// The element of the array of shape `own` at `place` of its filled-up rows.
fn source(place: usize, shape: &[usize], own: &[usize]) -> Option<usize> {
    let (mut rest, mut at, mut stride) = (place, 0, 1);
    for (&size, &mine) in shape.iter().zip(&own[1..]).rev() {
        let index = rest % size;
        rest /= size;
        if index >= mine {
            return None;
        }
        at += index * stride;
        stride *= mine;
    }
    Some(at + rest * stride)
}

fn encode(dtype: DataType, value: f64) -> Vec<u8> {
    match Tensor::from_f64(dtype, Vec::new(), [value]) {
        Ok(tensor) => tensor.data().to_vec(),
        Err(_) => vec![0; dtype.bits() / 8],
    }
}

#[cfg(test)]
mod tests;
