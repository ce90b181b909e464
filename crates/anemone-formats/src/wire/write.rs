//! The encoder: proto3's rules, in which a default scalar is left out.

/// An encoded message that grows field by field.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// The encoded message.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// An integer, unless it is zero. Signed ones are given as their 64-bit two's complement.
    pub(crate) fn varint(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.member_varint(number, value);
        }
    }

    /// A signed integer, unless it is zero.
    pub(crate) fn int(&mut self, number: u32, value: i64) {
        self.varint(number, value.cast_unsigned());
    }

    /// An integer of a oneof, zero included.
    pub(crate) fn member_varint(&mut self, number: u32, value: u64) {
        self.key(number, 0);
        self.raw_varint(value);
    }

    /// Text, unless it is empty.
    pub(crate) fn string(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    /// A length-delimited field, empty or not.
    pub(crate) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.key(number, 2);
        self.raw_varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A 4-byte field.
    pub(crate) fn fixed32(&mut self, number: u32, bytes: [u8; 4]) {
        self.key(number, 5);
        self.0.extend_from_slice(&bytes);
    }

    /// An 8-byte field.
    pub(crate) fn fixed64(&mut self, number: u32, bytes: [u8; 8]) {
        self.key(number, 1);
        self.0.extend_from_slice(&bytes);
    }

    /// A nested message, empty or not.
    pub(crate) fn message(&mut self, number: u32, fill: impl FnOnce(&mut Writer)) {
        let mut inner = Writer::default();
        fill(&mut inner);
        self.bytes(number, &inner.0);
    }

    /// A nested message, unless it is empty.
    pub(crate) fn full_message(&mut self, number: u32, fill: impl FnOnce(&mut Writer)) {
        let mut inner = Writer::default();
        fill(&mut inner);
        if !inner.0.is_empty() {
            self.bytes(number, &inner.0);
        }
    }

    /// A packed list of integers, unless it is empty.
    pub(crate) fn packed_varints(&mut self, number: u32, values: impl Iterator<Item = u64>) {
        self.full_message(number, |w| values.for_each(|v| w.raw_varint(v)));
    }

    /// A packed list of fixed-size values, unless it is empty.
    pub(crate) fn packed_fixed<const N: usize>(
        &mut self,
        number: u32,
        values: impl Iterator<Item = [u8; N]>,
    ) {
        self.full_message(number, |w| w.0.extend(values.flatten()));
    }

    /// Encoded fields as they are.
    pub(crate) fn raw(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    fn key(&mut self, number: u32, kind: u64) {
        self.raw_varint(u64::from(number) << 3 | kind);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
