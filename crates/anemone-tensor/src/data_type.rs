//! The element types of MIL, with their names, widths and kinds.

use std::fmt;

macro_rules! data_types {
    ($($variant:ident $name:literal $bits:literal $kind:ident,)*) => {
        /// An element type, by the names that MIL text uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum DataType { $($variant,)* }

        impl DataType {
            /// Every element type.
            pub const ALL: &[DataType] = &[$(DataType::$variant,)*];

            /// The name in MIL text, such as `fp16` or `int4`.
            pub const fn name(self) -> &'static str {
                match self { $(DataType::$variant => $name,)* }
            }

            /// Bits of one element; 0 for strings, which have no fixed width.
            pub const fn bits(self) -> usize {
                match self { $(DataType::$variant => $bits,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(DataType::$variant => Kind::$kind,)* }
            }
        }
    };
}

#[derive(PartialEq, Eq)]
enum Kind {
    Bool,
    Text,
    Float,
    Signed,
    Unsigned,
}

data_types! {
    Bool "bool" 8 Bool,
    String "string" 0 Text,
    F16 "fp16" 16 Float,
    F32 "fp32" 32 Float,
    F64 "fp64" 64 Float,
    BF16 "bf16" 16 Float,
    F8E4M3FN "fp8e4m3fn" 8 Float,
    F8E5M2 "fp8e5m2" 8 Float,
    I4 "int4" 4 Signed,
    I8 "int8" 8 Signed,
    I16 "int16" 16 Signed,
    I32 "int32" 32 Signed,
    I64 "int64" 64 Signed,
    U1 "uint1" 1 Unsigned,
    U2 "uint2" 2 Unsigned,
    U3 "uint3" 3 Unsigned,
    U4 "uint4" 4 Unsigned,
    U6 "uint6" 6 Unsigned,
    U8 "uint8" 8 Unsigned,
    U16 "uint16" 16 Unsigned,
    U32 "uint32" 32 Unsigned,
    U64 "uint64" 64 Unsigned,
}

impl DataType {
    /// The element type with this MIL name.
    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.iter().copied().find(|t| t.name() == name)
    }

    /// Whether this is a floating-point type.
    pub fn is_float(self) -> bool {
        self.kind() == Kind::Float
    }

    /// Whether this is a signed or unsigned integer type (bool is neither).
    pub fn is_int(self) -> bool {
        matches!(self.kind(), Kind::Signed | Kind::Unsigned)
    }

    /// Whether this is an unsigned integer type.
    pub fn is_unsigned(self) -> bool {
        self.kind() == Kind::Unsigned
    }

    /// Bytes that `count` elements take when packed; `None` on overflow and for strings.
    pub fn byte_len(self, count: usize) -> Option<usize> {
        match self.bits() {
            0 => None,
            bits => count.checked_mul(bits).map(|b| b.div_ceil(8)),
        }
    }

    /// The smallest and largest value of an integer type.
    pub fn int_range(self) -> Option<(i64, i64)> {
        let bits = self.bits() as u32;
        match self.kind() {
            Kind::Signed => {
                Some(((-(1i128 << (bits - 1))) as i64, ((1i128 << (bits - 1)) - 1) as i64))
            }
            Kind::Unsigned if bits < 64 => Some((0, (1i64 << bits) - 1)),
            Kind::Unsigned => Some((0, i64::MAX)),
            Kind::Bool => Some((0, 1)),
            Kind::Text | Kind::Float => None,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for &t in DataType::ALL {
            assert_eq!(DataType::from_name(t.name()), Some(t));
        }
    }

    #[test]
    fn sub_byte_lengths_round_up() {
        assert_eq!(DataType::U3.byte_len(3), Some(2));
        assert_eq!(DataType::I4.byte_len(0), Some(0));
        assert_eq!(DataType::F32.byte_len(usize::MAX), None);
        assert_eq!(DataType::String.byte_len(1), None);
    }

    #[test]
    fn integer_ranges() {
        assert_eq!(DataType::I4.int_range(), Some((-8, 7)));
        assert_eq!(DataType::U6.int_range(), Some((0, 63)));
        assert_eq!(DataType::I64.int_range(), Some((-i64::MAX - 1, i64::MAX)));
        assert_eq!(DataType::F16.int_range(), None);
    }
}
