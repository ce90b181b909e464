//! Arrays in numpy's own format, read from untrusted bytes and written.

use std::io::{self, Read};

use anemone::engine::{Array, Memory};
use anemone::tensor::{Buffer, DataType};
use thiserror::Error;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Numpy's own headers have a few hundred bytes.
const MAX_HEADER: usize = 1 << 16;
const MAX_RANK: usize = 64;
/// How much is read at a time, so that memory grows no faster than bytes arrive.
const CHUNK: usize = 1 << 20;

/// Why bytes are no array.
#[derive(Debug, Error)]
pub(crate) enum NpyError {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bytes do not begin as an array does.
    #[error("not a numpy array")]
    Magic,
    /// A format version that numpy does not write.
    #[error("unknown numpy format version {0}")]
    Version(u8),
    /// The header is not what numpy writes.
    #[error("broken header: {0}")]
    Header(&'static str),
    /// An element type that is not read.
    #[error("elements of type `{0}` are not read; save numbers or booleans")]
    DataType(String),
    /// The header promises more than there is.
    #[error("truncated: the header promises {needed} bytes of elements, there are {found}")]
    Truncated {
        /// Bytes promised.
        needed: u64,
        /// Bytes that there are at most.
        found: u64,
    },
    /// There is not enough memory.
    #[error("not enough memory for {0} bytes")]
    Memory(usize),
}

struct Header {
    dtype: DataType,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
    count: usize,
}

/// Reads one array from a source that holds at most `available` bytes.
pub(crate) fn read(source: &mut impl Read, available: u64) -> Result<Array, NpyError> {
    let header = read_header(source)?;
    let width = header.dtype.bits() / 8;
    let needed = header.count.checked_mul(width).ok_or(NpyError::Header("the shape overflows"))?;
    if needed as u64 > available {
        return Err(NpyError::Truncated { needed: needed as u64, found: available });
    }
    let mut bytes = read_exactly(source, needed)?;
    if header.big_endian {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    let data = Buffer::from_bytes(&bytes);
    let array = if header.fortran {
        let strides = header.shape.iter().scan(1isize, |stride, &size| {
            let here = *stride;
            *stride = stride.saturating_mul(isize::try_from(size).unwrap_or(isize::MAX));
            Some(here)
        });
        let strides = strides.collect();
        Array::strided(header.dtype, header.shape, strides, 0, Memory::Buffer(data))
    } else {
        Array::dense(header.dtype, header.shape, data)
    };
    array.map_err(|_| NpyError::Header("the shape overflows"))
}

fn read_exactly(source: &mut impl Read, needed: usize) -> Result<Vec<u8>, NpyError> {
    let mut bytes = Vec::new();
    while bytes.len() < needed {
        let step = CHUNK.min(needed - bytes.len());
        bytes.try_reserve(step).map_err(|_| NpyError::Memory(needed))?;
        if source.take(step as u64).read_to_end(&mut bytes)? == 0 {
            let (needed, found) = (needed as u64, bytes.len() as u64);
            return Err(NpyError::Truncated { needed, found });
        }
    }
    Ok(bytes)
}

fn read_header(source: &mut impl Read) -> Result<Header, NpyError> {
    let mut start = [0u8; 8];
    source.read_exact(&mut start).map_err(|_| NpyError::Magic)?;
    if !start.starts_with(MAGIC) {
        return Err(NpyError::Magic);
    }
    let mut length = [0u8; 4];
    let length_bytes = match start[6] {
        1 => &mut length[..2],
        2 | 3 => &mut length[..],
        other => return Err(NpyError::Version(other)),
    };
    let cut = |_| NpyError::Header("it is cut off");
    source.read_exact(length_bytes).map_err(cut)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(NpyError::Header("it is too long"));
    }
    let mut text = vec![0u8; length];
    source.read_exact(&mut text).map_err(cut)?;
    parse(std::str::from_utf8(&text).map_err(|_| NpyError::Header("it is no text"))?)
}

fn parse(text: &str) -> Result<Header, NpyError> {
    let descr = after(text, "descr").ok_or(NpyError::Header("`descr` is missing"))?;
    let quote = descr.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let Some(quote) = quote else {
        return Err(NpyError::DataType("a structure".to_owned()));
    };
    let descr = descr[1..].split(quote).next().unwrap_or_default();
    let (dtype, big_endian) =
        element_type(descr).ok_or_else(|| NpyError::DataType(descr.to_owned()))?;
    let fortran = match after(text, "fortran_order") {
        Some(value) if value.starts_with("True") => true,
        Some(value) if value.starts_with("False") => false,
        _ => return Err(NpyError::Header("`fortran_order` is missing")),
    };
    let shape = after(text, "shape").and_then(|value| value.strip_prefix('('));
    let shape = shape.and_then(|value| value.split_once(')'));
    let Some((sizes, _)) = shape else {
        return Err(NpyError::Header("`shape` is missing"));
    };
    let sizes = sizes.split(',').map(|size| size.trim().trim_end_matches('L'));
    let shape: Vec<usize> = sizes
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().map_err(|_| NpyError::Header("`shape` has no sizes")))
        .collect::<Result<_, _>>()?;
    if shape.len() > MAX_RANK {
        return Err(NpyError::Header("`shape` has too many dimensions"));
    }
    let count = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    let count = count.ok_or(NpyError::Header("the shape overflows"))?;
    Ok(Header { dtype, big_endian, fortran, shape, count })
}

/// What follows the key in the dictionary that a header is.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let at = [format!("'{key}'"), format!("\"{key}\"")]
        .iter()
        .find_map(|quoted| text.find(quoted.as_str()).map(|at| at + quoted.len()))?;
    text[at..].trim_start().strip_prefix(':').map(str::trim_start)
}

fn element_type(descr: &str) -> Option<(DataType, bool)> {
    let (order, kind) = descr.split_at_checked(1)?;
    let big_endian = match order {
        ">" => true,
        "<" | "|" | "=" => false,
        _ => return None,
    };
    let dtype = match kind {
        "b1" => DataType::Bool,
        "f2" => DataType::F16,
        "f4" => DataType::F32,
        "f8" => DataType::F64,
        "i1" => DataType::I8,
        "i2" => DataType::I16,
        "i4" => DataType::I32,
        "i8" => DataType::I64,
        "u1" => DataType::U8,
        "u2" => DataType::U16,
        "u4" => DataType::U32,
        "u8" => DataType::U64,
        _ => return None,
    };
    Some((dtype, big_endian))
}

fn descr(dtype: DataType) -> Option<&'static str> {
    Some(match dtype {
        DataType::Bool => "|b1",
        DataType::F16 => "<f2",
        DataType::F32 => "<f4",
        DataType::F64 => "<f8",
        DataType::I8 => "|i1",
        DataType::I16 => "<i2",
        DataType::I32 => "<i4",
        DataType::I64 => "<i8",
        DataType::U8 => "|u1",
        DataType::U16 => "<u2",
        DataType::U32 => "<u4",
        DataType::U64 => "<u8",
        DataType::String
        | DataType::BF16
        | DataType::F8E4M3FN
        | DataType::F8E5M2
        | DataType::I4
        | DataType::U1
        | DataType::U2
        | DataType::U3
        | DataType::U4
        | DataType::U6 => return None,
    })
}

/// The bytes of a file that holds `array`.
pub(crate) fn write(array: &Array) -> Result<Vec<u8>, NpyError> {
    let dtype = array.dtype();
    let descr = descr(dtype).ok_or_else(|| NpyError::DataType(dtype.to_string()))?;
    let sizes: String = array.shape().iter().map(|size| format!("{size}, ")).collect();
    let sizes =
        if array.shape().len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // The elements begin at a multiple of 64, after ten bytes, this text and a line's end.
    text += &" ".repeat((64 - (10 + text.len() + 1) % 64) % 64);
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| NpyError::Header("it is too long"))?;
    let tensor = array.to_tensor();
    let mut bytes = Vec::with_capacity(10 + text.len() + tensor.data().len());
    bytes.extend(MAGIC);
    bytes.extend([1, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend_from_slice(tensor.data());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anemone::tensor::Tensor;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn parsed(header: &str, data: &[u8]) -> Result<Array, NpyError> {
        let bytes = file(header, data);
        read(&mut bytes.as_slice(), bytes.len() as u64)
    }

    #[test]
    fn every_type_and_rank_survives_writing() {
        for shape in [vec![], vec![2], vec![1, 2], vec![0, 3]] {
            for dtype in
                [DataType::Bool, DataType::F16, DataType::F64, DataType::U16, DataType::I64]
            {
                let count: usize = shape.iter().product();
                let values = (0..count).map(|i| f64::from(i % 2 == 1));
                let array = Array::from(Tensor::from_f64(dtype, shape.clone(), values).unwrap());
                let bytes = write(&array).unwrap();
                let data_at = bytes.len() - array.to_tensor().data().len();
                assert_eq!(data_at % 64, 0);
                assert_eq!(read(&mut bytes.as_slice(), bytes.len() as u64).unwrap(), array);
            }
        }
    }

    #[test]
    fn big_endian_and_fortran_order_are_read() {
        let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }";
        let array = parsed(header, &[0, 1, 0, 2, 0, 3, 0, 4]).unwrap();
        assert_eq!((array.shape(), array.to_tensor().to_i64()), (&[2, 2][..], vec![1, 3, 2, 4]));
    }

    #[test]
    fn hostile_headers_are_refused_before_anything_is_allocated() {
        let with_shape =
            |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        for shape in ["(99999999999,)", "(4294967296, 4294967296, 4)", "(3,)", "(-1,)", "3"] {
            assert!(parsed(&with_shape(shape), &[0; 8]).is_err(), "{shape}");
        }
        assert!(parsed("{'descr': '|O', 'fortran_order': False, 'shape': (), }", &[0; 8]).is_err());
        assert!(
            parsed("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", &[]).is_err()
        );
        let whole = file(&with_shape("(2,)"), &[0; 8]);
        for end in 0..whole.len() {
            assert!(read(&mut &whole[..end], end as u64).is_err(), "cut at {end}");
        }
    }
}
