//! A weight file's own numbers for element types.

use anemone_tensor::DataType;

/// Every element type that a weight file can hold, with its number there.
const KINDS: [(u32, DataType); 17] = [
    (1, DataType::F16),
    (2, DataType::F32),
    (3, DataType::U8),
    (4, DataType::I8),
    (5, DataType::BF16),
    (6, DataType::I16),
    (7, DataType::U16),
    (8, DataType::I4),
    (9, DataType::U1),
    (10, DataType::U2),
    (11, DataType::U4),
    (12, DataType::U3),
    (13, DataType::U6),
    (14, DataType::I32),
    (15, DataType::U32),
    (16, DataType::F8E4M3FN),
    (17, DataType::F8E5M2),
];

/// The element type with this number.
pub(super) fn from_number(number: u32) -> Option<DataType> {
    KINDS.iter().find(|(n, _)| *n == number).map(|(_, dtype)| *dtype)
}

/// The number of an element type; `None` where a weight file cannot hold it.
pub(super) fn number(dtype: DataType) -> Option<u32> {
    KINDS.iter().find(|(_, d)| *d == dtype).map(|(n, _)| *n)
}
