//! Numbers as people read them.

/// A count with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of something, such as `1 connection` or `1,024 connections`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A share in per cent with two decimals, always rounded down: only all is 100.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".into();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Nanoseconds as milliseconds, with at least three digits; `-` for what is not known.
pub fn milliseconds(nanos: Option<u64>) -> String {
    let Some(nanos) = nanos else { return "-".into() };
    let ms = nanos as f64 / 1e6;
    match ms {
        ms if ms < 1.0 => format!("{ms:.3}"),
        ms if ms < 10.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => count(ms.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let times = [4_000, 610_000, 2_940_000, 12_100_000, 250_400_000, 60_000_000_000];
        assert_eq!(
            times.map(|nanos| milliseconds(Some(nanos))),
            ["0.004", "0.610", "2.94", "12.1", "250", "60,000"]
        );
        assert_eq!(milliseconds(None), "-");
        assert_eq!([0, 1, 1_024].map(|n| counted(n, "time")), ["0 times", "1 time", "1,024 times"]);
    }

    #[test]
    fn all_but_two_of_fifteen_thousand_is_not_all() {
        assert_eq!(percent(14_998, 15_000), "99.98%");
        assert_eq!(percent(15_000, 15_000), "100.00%");
        assert_eq!(percent(0, 0), "-");
    }

    proptest! {
        #[test]
        fn less_than_all_is_never_a_hundred(whole in 1u64.., missing in 1u64..) {
            let part = whole.saturating_sub(missing);
            prop_assert!(!percent(part, whole).starts_with("100"));
        }
    }
}
