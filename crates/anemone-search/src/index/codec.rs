//! Numbers and texts as bytes, with a checksum for each record.

/// Bytes of a record's checksum.
const SEAL: usize = 4;

/// Writes numbers of seven bits a byte, low ones first.
pub(super) fn put_number(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

pub(super) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_number(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Ends a record, which belongs to `key`, with its checksum.
pub(super) fn seal(key: &[u8], mut record: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &record);
    record.extend_from_slice(&sum);
    record
}

/// The record that was sealed for `key`, or `None` where it has been changed.
pub(super) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (record, sum) = sealed.split_last_chunk::<SEAL>()?;
    (checksum(key, record) == *sum).then_some(record)
}

fn checksum(key: &[u8], record: &[u8]) -> [u8; SEAL] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(record);
    let hash = hasher.finalize();
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

/// Reads what was written, and never past its end.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Decoder<'a> {
        Decoder { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// A count of things that take at least one byte each.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    pub(super) fn str(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_come_back() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let mut bytes = Vec::new();
        for number in numbers {
            put_number(&mut bytes, number);
        }
        put_bytes(&mut bytes, "größe".as_bytes());
        let mut decoder = Decoder::new(&bytes);
        for number in numbers {
            assert_eq!(decoder.number(), Some(number));
        }
        assert_eq!(decoder.str(), Some("größe"));
        assert!(decoder.is_empty());
        assert_eq!(decoder.number(), None);
    }

    #[test]
    fn hostile_lengths_are_refused() {
        let mut bytes = Vec::new();
        put_number(&mut bytes, u64::MAX);
        assert!(Decoder::new(&bytes).bytes().is_none());
        assert!(Decoder::new(&bytes).count().is_none());
        assert!(Decoder::new(&[0xff; 20]).number().is_none());
    }

    #[test]
    fn a_changed_record_or_another_key_is_found() {
        let sealed = seal(b"key", vec![1, 2, 3]);
        assert_eq!(unseal(b"key", &sealed), Some(&[1, 2, 3][..]));
        assert_eq!(unseal(b"kez", &sealed), None);
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert_eq!(unseal(b"key", &other), None);
        }
        assert_eq!(unseal(b"key", &[1, 2]), None);
    }
}
