//! Sizes and offsets as requests write them.

use crate::{Code, Refusal};

/// Reads a count of bytes: ASCII decimal digits alone, at most 2^64 - 1.
///
/// Stricter than [`str::parse`], which takes a leading `+`.
///
/// # Errors
/// [`Code::BadRequest`].
pub fn parse_size(written: &str) -> Result<u64, Refusal> {
    let digits = !written.is_empty() && written.bytes().all(|c| c.is_ascii_digit());
    let size = if digits { written.parse().ok() } else { None };
    size.ok_or_else(|| Refusal::new(Code::BadRequest, "a size is decimal digits, less than 2^64"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_a_size() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("007"), Ok(7));
        assert_eq!(parse_size("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn anything_else_is_not() {
        for bad in [
            "",
            "-1",
            "+5",
            "0x10",
            "1e3",
            "1.0",
            "1_000",
            "18446744073709551616",
            "١٢",
            "５",
            " 5",
            "5 ",
            "?",
        ] {
            assert_eq!(parse_size(bad).unwrap_err().code, Code::BadRequest, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(size: u64) {
            prop_assert_eq!(parse_size(&size.to_string()), Ok(size));
        }
    }
}
