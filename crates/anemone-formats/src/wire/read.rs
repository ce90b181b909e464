//! A message as a view of shared bytes, parsed one level at a time.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use anemone_tensor::Buffer;

use crate::errors::WireFault;
use crate::fault::{Fault, Outcome};

/// Levels of messages, as protobuf's own readers allow.
const MAX_DEPTH: u32 = 100;
/// Messages in one file: far above any real program, and a bound on what small files can unfold to.
const MAX_MESSAGES: u32 = 1 << 23;

/// The bytes of one message, or of another length-delimited field.
#[derive(Clone, Debug)]
pub(crate) struct View {
    buffer: Buffer,
    /// Where the bytes begin in the file.
    base: u64,
    depth: u32,
    opened: Rc<Cell<u32>>,
}

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Wire,
    encoded: &'a [u8],
}

/// A field's value by wire type.
#[derive(Debug)]
pub(crate) enum Wire {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(View),
    Group,
    Fixed32([u8; 4]),
}

impl View {
    /// A file's message.
    pub(crate) fn new(buffer: Buffer) -> View {
        View { buffer, base: 0, depth: 0, opened: Rc::default() }
    }

    /// The bytes.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The bytes as text.
    pub(crate) fn text(&self) -> Outcome<String> {
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(self.fault(error.valid_up_to(), WireFault::Utf8)),
        }
    }

    /// The fields of this message.
    pub(crate) fn fields(&self) -> Outcome<Fields<'_>> {
        let opened = self.opened.get() + 1;
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(0, WireFault::TooDeep { limit: MAX_DEPTH }));
        }
        if opened > MAX_MESSAGES {
            return Err(self.fault(0, WireFault::TooMany { limit: MAX_MESSAGES }));
        }
        self.opened.set(opened);
        Ok(Fields { view: self, at: 0 })
    }

    /// Other bytes in this view's place.
    pub(crate) fn replaced(&self, bytes: &[u8]) -> View {
        View { buffer: Buffer::from_bytes(bytes), ..self.clone() }
    }

    fn fault(&self, at: usize, fault: WireFault) -> Fault {
        Fault::wire(self.base.saturating_add(at as u64), fault)
    }
}

impl Field<'_> {
    /// Appends the whole field, key included, to `extra`.
    pub(crate) fn keep(&self, extra: &mut Vec<u8>) {
        extra.extend_from_slice(self.encoded);
    }

    /// Gives each value of a repeated integer, packed or not; false for another wire type.
    pub(crate) fn varints(&self, mut each: impl FnMut(u64)) -> Outcome<bool> {
        match &self.value {
            Wire::Varint(value) => each(*value),
            Wire::Bytes(view) => {
                let mut fields = Fields { view, at: 0 };
                while fields.at < view.buffer.len() {
                    each(fields.varint()?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Gives each value of a repeated 4-byte field, packed or not; false for another wire type.
    pub(crate) fn fixed32s(&self, each: impl FnMut([u8; 4])) -> Outcome<bool> {
        match &self.value {
            Wire::Fixed32(value) => Some(*value).into_iter().for_each(each),
            Wire::Bytes(view) => chunks(view)?.for_each(each),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Gives each value of a repeated 8-byte field, packed or not; false for another wire type.
    pub(crate) fn fixed64s(&self, each: impl FnMut([u8; 8])) -> Outcome<bool> {
        match &self.value {
            Wire::Fixed64(value) => Some(*value).into_iter().for_each(each),
            Wire::Bytes(view) => chunks(view)?.for_each(each),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn chunks<const N: usize>(view: &View) -> Outcome<impl Iterator<Item = [u8; N]>> {
    let (chunks, rest) = view.buffer.as_chunks::<N>();
    if rest.is_empty() {
        return Ok(chunks.iter().copied());
    }
    let truncated = WireFault::Truncated { needed: N as u64, left: rest.len() as u64 };
    Err(view.fault(view.buffer.len() - rest.len(), truncated))
}

/// An iterator over fields; it ends after the first fault.
pub(crate) struct Fields<'a> {
    view: &'a View,
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Outcome<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.view.buffer.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.view.buffer.len();
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Outcome<Field<'a>> {
        let start = self.at;
        let (number, kind) = self.key()?;
        let value = match kind {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.array()?),
            2 => Wire::Bytes(self.nested()?),
            3 => {
                self.skip_group(number)?;
                Wire::Group
            }
            4 => return Err(self.view.fault(start, WireFault::Group)),
            _ => Wire::Fixed32(self.array()?),
        };
        let encoded = self.view.buffer.get(start..self.at).unwrap_or_default();
        Ok(Field { number, value, encoded })
    }

    /// A field's number and wire type; the latter is at most 5.
    fn key(&mut self) -> Outcome<(u32, u8)> {
        let start = self.at;
        let key = self.varint()?;
        let kind = (key & 7) as u8;
        match u32::try_from(key >> 3) {
            Ok(number) if (1..1 << 29).contains(&number) && kind <= 5 => Ok((number, kind)),
            _ => Err(self.view.fault(start, WireFault::Key { key })),
        }
    }

    fn varint(&mut self) -> Outcome<u64> {
        let start = self.at;
        let bytes = self.view.buffer.get(start..).unwrap_or_default();
        let mut value = 0u64;
        for (i, byte) in bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.at = start + i + 1;
                return Ok(value);
            }
        }
        Err(match bytes.len() {
            0..10 => self.truncated(bytes.len() as u64 + 1),
            _ => self.view.fault(start, WireFault::Varint),
        })
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let range = self.take(N as u64)?;
        let bytes = self.view.buffer.get(range).and_then(|b| b.try_into().ok());
        bytes.ok_or_else(|| self.truncated(N as u64))
    }

    fn nested(&mut self) -> Outcome<View> {
        let len = self.varint()?;
        let range = self.take(len)?;
        let base = self.view.base.saturating_add(range.start as u64);
        let buffer = self.view.buffer.slice(range).ok_or_else(|| self.truncated(len))?;
        let opened = Rc::clone(&self.view.opened);
        Ok(View { buffer, base, depth: self.view.depth + 1, opened })
    }

    fn skip_group(&mut self, number: u32) -> Outcome<()> {
        let start = self.at;
        let mut open = vec![number];
        while let Some(innermost) = open.last() {
            if self.at >= self.view.buffer.len() {
                return Err(self.truncated(1));
            }
            match self.key()? {
                (_, 0) => _ = self.varint()?,
                (_, 1) => _ = self.take(8)?,
                (_, 2) => {
                    let len = self.varint()?;
                    self.take(len)?;
                }
                (n, 3) if open.len() < MAX_DEPTH as usize => open.push(n),
                (_, 3) => {
                    return Err(self.view.fault(start, WireFault::TooDeep { limit: MAX_DEPTH }));
                }
                (n, 4) if n == *innermost => _ = open.pop(),
                (_, 4) => return Err(self.view.fault(start, WireFault::Group)),
                _ => _ = self.take(4)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, len: u64) -> Outcome<Range<usize>> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        match end {
            Some(end) if end <= self.view.buffer.len() => {
                let start = std::mem::replace(&mut self.at, end);
                Ok(start..end)
            }
            _ => Err(self.truncated(len)),
        }
    }

    fn truncated(&self, needed: u64) -> Fault {
        let left = self.view.buffer.len().saturating_sub(self.at) as u64;
        self.view.fault(self.at, WireFault::Truncated { needed, left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(bytes: &[u8]) -> bool {
        let view = View::new(Buffer::from_bytes(bytes));
        let fields = view.fields().unwrap();
        fields.collect::<Vec<_>>().iter().any(Result::is_err)
    }

    #[test]
    fn fields_of_every_wire_type_are_seen_and_kept() {
        let bytes = [8, 150, 1, 17, 1, 2, 3, 4, 5, 6, 7, 8, 26, 1, 9, 35, 8, 1, 36, 45, 1, 2, 3, 4];
        let view = View::new(Buffer::from_bytes(&bytes));
        let mut kept = Vec::new();
        let mut numbers = Vec::new();
        for field in view.fields().unwrap() {
            let field = field.unwrap();
            numbers.push(field.number);
            field.keep(&mut kept);
        }
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(kept, bytes);
    }

    #[test]
    fn broken_bytes_are_faults() {
        let cases: [&[u8]; 9] = [
            &[8],                                                      // no value
            &[0, 1],                                                   // field 0
            &[14, 1],                                                  // wire type 6
            &[18, 5, 1],                                               // too short
            &[18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],     // a huge length
            &[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], // too long an integer
            &[36],                                                     // the end of no group
            &[35, 44],                                                 // the end of another group
            &[35, 8, 1],                                               // a group without end
        ];
        for bytes in cases {
            assert!(faults(bytes), "{bytes:?}");
        }
        assert!(faults(&[35; 200]));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut bytes = Vec::new();
        for _ in 0..110 {
            let mut writer = crate::wire::Writer::default();
            writer.bytes(1, &bytes);
            bytes = writer.finish();
        }
        let mut view = View::new(Buffer::from_bytes(&bytes));
        let mut depth = 0;
        while let Ok(mut fields) = view.fields() {
            let Some(Ok(Field { value: Wire::Bytes(inner), .. })) = fields.next() else { break };
            view = inner;
            depth += 1;
        }
        assert_eq!(depth, MAX_DEPTH);
    }

    #[test]
    fn repeated_scalars_are_taken_packed_or_not() {
        let view = View::new(Buffer::from_bytes(&[10, 3, 1, 150, 1, 8, 7]));
        let mut found = Vec::new();
        for field in view.fields().unwrap() {
            assert!(field.unwrap().varints(|v| found.push(v)).unwrap());
        }
        assert_eq!(found, [1, 150, 7]);
    }
}
