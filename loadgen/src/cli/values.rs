//! How the values of flags are read, and what is said of those that can't be.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::profile::{MAX_RATE, Stage};
use crate::report::numbers::count;

/// Reads a whole number of something within bounds.
pub(super) fn whole<N: TryFrom<u64> + Clone + Send + Sync + 'static>(
    what: &'static str,
    bounds: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |written| {
        let number = written.parse().ok().filter(|number| bounds.contains(number));
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
            format!("want a number of {what}, {} to {}", count(*bounds.start()), count(*bounds.end()))
        })
    }
}

pub(super) fn seed(written: &str) -> Result<u64, String> {
    written.parse().map_err(|_| "want a whole number from 0 up, such as 42".into())
}

pub(super) fn rate(written: &str) -> Result<f64, String> {
    let rate: f64 = written.parse().map_err(|_| "a rate is a number a second, such as 100 or 0.5")?;
    if (0.0..=MAX_RATE).contains(&rate) { Ok(rate) } else { Err("a rate is 0 to 10,000,000 a second".into()) }
}

/// Refuses stages where only a single rate means something.
pub(super) fn no_stages(_: &str) -> Result<Stage, String> {
    Err("find-max steps a single rate up; begin with --rate instead".into())
}

/// Refuses the length of a run where each step has one.
pub(super) fn no_duration(_: &str) -> Result<Duration, String> {
    Err("find-max measures each step for so long as --step says".into())
}

/// Reads a share: per cent, 0 to 100, as a number from 0 to 1.
pub(super) fn share(written: &str) -> Result<f64, String> {
    percent(written).filter(|share| *share <= 1.0).ok_or_else(|| "want a share such as 5%".into())
}

/// Reads a share a minute, such as `5%/min`, as a share a second.
pub(super) fn turnover(written: &str) -> Result<f64, String> {
    let share_a_minute = written.strip_suffix("/min").and_then(percent);
    let share_a_second = share_a_minute.map(|share| share / 60.0);
    share_a_second.ok_or_else(|| "want a share of the users a minute, such as 5%/min".into())
}

fn percent(written: &str) -> Option<f64> {
    let number: f64 = written.strip_suffix('%').unwrap_or(written).trim().parse().ok()?;
    (0.0..1e9).contains(&number).then_some(number / 100.0)
}

/// Reads bytes, such as `64KiB` or `1MB`.
pub(super) fn size(written: &str) -> Result<u64, String> {
    let end = written.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(written.len());
    let unit = match written[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        _ => 0,
    };
    let bytes = written[..end].parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| (1..=1 << 30).contains(bytes)).ok_or_else(|| "want 1B to 1GiB, such as 64KiB".into())
}

pub(super) fn duration(written: &str) -> Result<Duration, String> {
    humantime::parse_duration(written).map_err(|_| "a time is written like 30s, 500ms or 2min".into())
}

/// A time in which nothing can happen would be a run that says nothing.
pub(super) fn some_time(written: &str) -> Result<Duration, String> {
    match duration(written)? {
        Duration::ZERO => Err("want more than no time, such as 30s".into()),
        time => Ok(time),
    }
}

pub(super) fn address(written: &str) -> Result<IpAddr, String> {
    written.trim().parse().map_err(|_| "want addresses of this machine, such as 127.0.0.2,127.0.0.3".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_sizes_are_written_as_people_write_them() {
        assert_eq!((share("5%"), share("12.5"), share("100%")), (Ok(0.05), Ok(0.125), Ok(1.0)));
        assert_eq!(turnover("6%/min"), Ok(0.001));
        assert_eq!((size("64KiB"), size("1MB"), size("17")), (Ok(65_536), Ok(1_000_000), Ok(17)));
        for wrong in ["", "KiB", "0", "-1", "2GiB", "1 parsec", "99999999999999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "%", "101%", "-1%", "NaN", "5%/h"] {
            assert!(share(wrong).is_err() && turnover(wrong).is_err(), "{wrong}");
        }
    }
}
