//! A stored file as others see it.

use blake3::Hash;

use super::FileName;
use crate::{Code, Refusal, Timestamp};

/// A stored file as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub hash: Hash,
    /// When the bytes were written.
    pub modified: Timestamp,
    /// What it is called.
    pub name: FileName,
}

/// Reads a hash: 64 hex digits, of either case.
///
/// # Errors
/// [`Code::BadRequest`].
pub fn parse_hash(written: &str) -> Result<Hash, Refusal> {
    Hash::from_hex(written)
        .map_err(|_| Refusal::new(Code::BadRequest, "a hash is BLAKE3, written as 64 hex digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits() {
        let hash = blake3::hash(b"abc");
        assert_eq!(parse_hash(&hash.to_hex()), Ok(hash));
        assert_eq!(parse_hash(&hash.to_hex().to_uppercase()), Ok(hash));
        for bad in ["", "0", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"é".repeat(32)] {
            assert_eq!(parse_hash(bad).unwrap_err().code, Code::BadRequest, "{bad:?}");
        }
    }
}
