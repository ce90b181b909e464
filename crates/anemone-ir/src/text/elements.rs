//! Which of the file's lists holds a literal's elements, and how an element of it is written.

use std::fmt::{Result, Write};

use anemone_tensor::{Buffer, DataType};

use super::{element, names};
use crate::Elements;

/// The lists of [`Elements`], by the words that mark them in text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Floats,
    Ints,
    Bools,
    Strings,
    LongInts,
    Doubles,
    Bytes,
}

impl List {
    const ALL: [(List, &str); 7] = [
        (List::Floats, "floats"),
        (List::Ints, "ints"),
        (List::Bools, "bools"),
        (List::Strings, "strings"),
        (List::LongInts, "longints"),
        (List::Doubles, "doubles"),
        (List::Bytes, "bytes"),
    ];

    pub(super) fn of(elements: &Elements) -> List {
        match elements {
            Elements::Floats(_) => List::Floats,
            Elements::Ints(_) => List::Ints,
            Elements::Bools(_) => List::Bools,
            Elements::Strings(_) => List::Strings,
            Elements::LongInts(_) => List::LongInts,
            Elements::Doubles(_) => List::Doubles,
            Elements::Bytes(_) => List::Bytes,
        }
    }

    /// The list that Core ML's own tools use for a type; it goes without a mark.
    pub(super) fn usual(dtype: DataType) -> List {
        match dtype {
            DataType::F32 => List::Floats,
            DataType::F64 => List::Doubles,
            DataType::Bool => List::Bools,
            DataType::String => List::Strings,
            DataType::I16 | DataType::U16 | DataType::I32 => List::Ints,
            DataType::I64 | DataType::U64 => List::LongInts,
            _ => List::Bytes,
        }
    }

    pub(super) fn from_word(word: &str) -> Option<List> {
        List::ALL.iter().find(|l| l.1 == word).map(|l| l.0)
    }

    pub(super) fn word(self) -> &'static str {
        List::ALL.iter().find(|l| l.0 == self).map_or("", |l| l.1)
    }

    /// The type of the elements in a marked list, where `dtype` is the literal's.
    pub(super) fn element(self, dtype: Option<DataType>) -> Option<DataType> {
        match self {
            List::Floats => Some(DataType::F32),
            List::Ints => Some(DataType::I32),
            List::Bools => Some(DataType::Bool),
            List::Strings => Some(DataType::String),
            List::LongInts => Some(DataType::I64),
            List::Doubles => Some(DataType::F64),
            List::Bytes => dtype.filter(|t| element::is_number(*t)),
        }
    }
}

/// Elements that can be written one by one.
pub(super) struct Shown<'a> {
    elements: &'a Elements,
    dtype: DataType,
    /// The number of elements.
    pub(super) len: usize,
    /// Whether the list needs a mark to be found again.
    pub(super) marked: bool,
}

impl<'a> Shown<'a> {
    /// The bytes themselves where they are no list of the type's numbers.
    pub(super) fn new(
        elements: &'a Elements,
        dtype: Option<DataType>,
        count: Option<usize>,
    ) -> std::result::Result<Shown<'a>, &'a Buffer> {
        let usual = dtype.filter(|t| List::usual(*t) == List::of(elements) && fits(elements, *t));
        let (natural, len) = match elements {
            Elements::Floats(v) => (DataType::F32, v.len()),
            Elements::Ints(v) => (DataType::I32, v.len()),
            Elements::Bools(v) => (DataType::Bool, v.len()),
            Elements::Strings(v) => (DataType::String, v.len()),
            Elements::LongInts(v) => (DataType::I64, v.len()),
            Elements::Doubles(v) => (DataType::F64, v.len()),
            Elements::Bytes(bytes) => {
                let packed = |t: DataType| Some((t, packed_len(bytes, t, count)?));
                dtype.filter(|t| element::is_number(*t)).and_then(packed).ok_or(bytes)?
            }
        };
        let dtype = usual.unwrap_or(natural);
        Ok(Shown { elements, dtype, len, marked: usual.is_none() })
    }

    pub(super) fn write(&self, out: &mut dyn Write, index: usize) -> Result {
        let bits = match self.elements {
            Elements::Bools(v) => return write!(out, "{}", v[index]),
            Elements::Strings(v) => return names::write_quoted(out, &v[index], '"'),
            Elements::Floats(v) => v[index].to_bits().into(),
            Elements::Doubles(v) => v[index].to_bits(),
            Elements::Ints(v) => return write!(out, "{}", v[index]),
            Elements::LongInts(v) => v[index].cast_unsigned(),
            Elements::Bytes(bytes) => element::unpack(bytes, index, self.dtype.bits()),
        };
        element::write(out, self.dtype, bits)
    }
}

/// Whether elements stored in a wider list are values of `dtype`.
fn fits(elements: &Elements, dtype: DataType) -> bool {
    match (elements, dtype.int_range()) {
        (Elements::Ints(v), Some((least, most))) => {
            v.iter().all(|x| (least..=most).contains(&i64::from(*x)))
        }
        _ => true,
    }
}

/// The number of elements that give exactly `bytes` when packed again.
fn packed_len(bytes: &[u8], dtype: DataType, count: Option<usize>) -> Option<usize> {
    let width = dtype.bits();
    if width.is_multiple_of(8) {
        let size = width / 8;
        return bytes.len().is_multiple_of(size).then_some(bytes.len() / size);
    }
    let count = count.filter(|n| dtype.byte_len(*n) == Some(bytes.len()))?;
    let used = count.checked_mul(width)? % 8;
    let clean = used == 0 || bytes.last().is_none_or(|b| b >> used == 0);
    clean.then_some(count)
}

/// Elements as they are read, one by one.
pub(super) struct Gather {
    /// The type that each must be a value of.
    pub(super) dtype: DataType,
    into: Into,
}

enum Into {
    List(Elements),
    Bytes(element::Packed),
}

impl Gather {
    pub(super) fn new(list: List, dtype: DataType) -> Gather {
        let into = Into::List(match list {
            List::Floats => Elements::Floats(Vec::new()),
            List::Ints => Elements::Ints(Vec::new()),
            List::Bools => Elements::Bools(Vec::new()),
            List::Strings => Elements::Strings(Vec::new()),
            List::LongInts => Elements::LongInts(Vec::new()),
            List::Doubles => Elements::Doubles(Vec::new()),
            List::Bytes => return Gather { dtype, into: Into::Bytes(element::Packed::new(dtype)) },
        });
        Gather { dtype, into }
    }

    /// Adds the number that `word` stands for, if it is one.
    pub(super) fn push_word(&mut self, word: &str) -> Option<()> {
        if let Into::List(Elements::Bools(v)) = &mut self.into {
            return word.parse().ok().map(|b| v.push(b));
        }
        let bits = element::read(word, self.dtype)?;
        match &mut self.into {
            Into::Bytes(packed) => packed.push(bits),
            Into::List(Elements::Floats(v)) => v.push(f32::from_bits(bits.try_into().ok()?)),
            Into::List(Elements::Doubles(v)) => v.push(f64::from_bits(bits)),
            Into::List(Elements::LongInts(v)) => v.push(bits.cast_signed()),
            Into::List(Elements::Ints(v)) => {
                v.push(element::integer(self.dtype, bits).try_into().ok()?);
            }
            Into::List(_) => return None,
        }
        Some(())
    }

    /// Adds a text to a list of texts.
    pub(super) fn push_text(&mut self, text: String) {
        if let Into::List(Elements::Strings(v)) = &mut self.into {
            v.push(text);
        }
    }

    pub(super) fn finish(self) -> Elements {
        match self.into {
            Into::List(elements) => elements,
            Into::Bytes(packed) => Elements::Bytes(Buffer::from_bytes(&packed.into_bytes())),
        }
    }
}
