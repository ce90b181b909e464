//! The format of a cached file: magic number, format version, lengths, checksum, key, payload.
//!
//! All numbers are little-endian. The checksum is BLAKE3 of all but itself.

use std::ops::Range;

/// Bytes before the key.
pub(super) const HEAD: usize = CHECKSUM.end;

const MAGIC: &[u8; 8] = b"anemone\0";
const VERSION: u32 = 1;
const FIRST_LENGTHS: usize = 12;
const CHECKSUM: Range<usize> = 28..60;

/// Why a file is not the artefact that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// No file of a cache.
    Foreign,
    /// Of another version of the format.
    Version,
    /// For another key.
    Key,
    /// Of another length than it says.
    Length,
    /// Its bytes are not those that were written.
    Checksum,
}

/// All before the payload.
pub(super) fn front(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut front = Vec::with_capacity(HEAD + key.len());
    front.extend(MAGIC);
    front.extend(VERSION.to_le_bytes());
    front.extend((key.len() as u64).to_le_bytes());
    front.extend((payload.len() as u64).to_le_bytes());
    front.extend([0; 32]);
    front.extend(key);
    let checksum = checksum(&front, payload);
    front[CHECKSUM].copy_from_slice(&checksum);
    front
}

/// The length of the payload, from the first [`HEAD`] bytes of a file of `length` bytes.
pub(super) fn payload_length(head: &[u8; HEAD], key: &[u8], length: u64) -> Result<usize, Flaw> {
    if head[..8] != *MAGIC {
        return Err(Flaw::Foreign);
    }
    if head[8..FIRST_LENGTHS] != VERSION.to_le_bytes() {
        return Err(Flaw::Version);
    }
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let (key_length, payload) = (number(FIRST_LENGTHS), number(FIRST_LENGTHS + 8));
    if key_length != key.len() as u64 {
        return Err(Flaw::Key);
    }
    let whole = payload.checked_add(HEAD as u64 + key_length);
    let payload = usize::try_from(payload).ok().filter(|_| whole == Some(length));
    payload.ok_or(Flaw::Length)
}

/// Whether `key` and `payload` belong to a front that was read.
pub(super) fn verify(front: &[u8], key: &[u8], payload: &[u8]) -> Result<(), Flaw> {
    if front.get(HEAD..) != Some(key) {
        return Err(Flaw::Key);
    }
    if front[CHECKSUM] != checksum(front, payload) {
        return Err(Flaw::Checksum);
    }
    Ok(())
}

fn checksum(front: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&front[..CHECKSUM.start]).update(&front[CHECKSUM.end..]).update(payload);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &[u8], key: &[u8]) -> Result<Vec<u8>, Flaw> {
        let head = file.first_chunk::<HEAD>().ok_or(Flaw::Length)?;
        let length = payload_length(head, key, file.len() as u64)?;
        let (front, payload) = file.split_at(file.len() - length);
        verify(front, key, payload)?;
        Ok(payload.to_vec())
    }

    #[test]
    fn what_is_written_is_read() {
        for payload in [&b""[..], b"x", &[7; 1000]] {
            let file = [&front(b"key", payload)[..], payload].concat();
            assert_eq!(read(&file, b"key"), Ok(payload.to_vec()));
        }
    }

    #[test]
    fn each_flaw_is_told_apart() {
        let file = [&front(b"key", b"abc")[..], b"abc"].concat();
        let changed = |at: usize| {
            let mut file = file.clone();
            file[at] ^= 1;
            read(&file, b"key")
        };
        assert_eq!(changed(0), Err(Flaw::Foreign));
        assert_eq!(changed(8), Err(Flaw::Version));
        assert_eq!(changed(12), Err(Flaw::Key));
        assert_eq!(changed(20), Err(Flaw::Length));
        assert_eq!(changed(28), Err(Flaw::Checksum));
        assert_eq!(changed(HEAD), Err(Flaw::Key));
        assert_eq!(changed(HEAD + 3), Err(Flaw::Checksum));
        assert_eq!(read(&file, b"kay"), Err(Flaw::Key));
        assert_eq!(read(&[&file[..], b"d"].concat(), b"key"), Err(Flaw::Length));
    }

    #[test]
    fn lengths_that_overflow_are_flaws() {
        let mut file = front(b"key", b"");
        file[20..28].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(read(&file, b"key"), Err(Flaw::Length));
    }
}
