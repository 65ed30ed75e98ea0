//! Which bytes of a file a range is.

use std::ops::Range;

use crate::{Code, Refusal};

/// The bytes that `length` from `offset` on are in a file of `size` bytes: cut at its end, and empty when
/// the offset is the end.
///
/// # Errors
/// [`Code::Range`] when the offset lies past the end.
pub fn cut_range(offset: u64, length: u64, size: u64) -> Result<Range<u64>, Refusal> {
    if offset > size {
        return Err(Refusal::new(Code::Range, format!("the file has {size} bytes")));
    }
    Ok(offset..offset.saturating_add(length).min(size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_cut_at_the_end() {
        assert_eq!(cut_range(0, 3, 10), Ok(0..3));
        assert_eq!(cut_range(8, u64::MAX, 10), Ok(8..10));
        assert_eq!(cut_range(10, 1, 10), Ok(10..10));
        assert_eq!(cut_range(0, 0, 0), Ok(0..0));
        assert_eq!(cut_range(11, 0, 10).unwrap_err().code, Code::Range);
        assert_eq!(cut_range(u64::MAX, 1, 10).unwrap_err().code, Code::Range);
    }

    proptest! {
        #[test]
        fn a_range_lies_in_the_file(offset: u64, length: u64, size: u64) {
            if let Ok(range) = cut_range(offset, length, size) {
                prop_assert!(range.start <= range.end && range.end <= size);
                prop_assert!(range.end - range.start <= length);
            }
        }
    }
}
