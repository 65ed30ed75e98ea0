//! A rate over time: straight lines from stage to stage, and when the n-th operation falls due under it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// One stage: the rate goes in a straight line from where the last stage ended to `rate`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub lasts: Duration,
    /// Operations a second at its end.
    pub rate: f64,
}

/// The most operations a second that anybody can mean.
pub const MAX_RATE: f64 = 10_000_000.0;

impl FromStr for Stage {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wanted = || "want TIME:RATE, such as 30s:500".to_owned();
        let (lasts, rate) = written.trim().split_once(':').ok_or_else(wanted)?;
        let lasts =
            humantime::parse_duration(lasts).ok().filter(|time| !time.is_zero()).ok_or_else(wanted)?;
        let rate = rate.parse().ok().filter(|rate| (0.0..=MAX_RATE).contains(rate)).ok_or_else(wanted)?;
        Ok(Stage { lasts, rate })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", humantime::format_duration(self.lasts), self.rate)
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A straight piece of a profile. Times are seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Leg {
    begins: f64,
    lasts: f64,
    from: f64,
    to: f64,
    /// How many operations lie before it.
    before: f64,
}

impl Leg {
    fn holds(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.lasts
    }

    /// After how many of its seconds so many of its operations are due. This form of the root neither
    /// divides by the slope nor subtracts what is nearly equal.
    fn when(&self, operations: f64) -> f64 {
        if operations <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.lasts;
        let root = (self.from * self.from + 2.0 * slope * operations).max(0.0).sqrt();
        (2.0 * operations / (self.from + root)).min(self.lasts)
    }
}

/// A rate over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    legs: Vec<Leg>,
}

impl Profile {
    /// The same rate all the time.
    pub fn constant(rate: f64, lasts: Duration) -> Self {
        let mut profile = Profile::default();
        profile.push(rate, rate, lasts.as_secs_f64());
        profile
    }

    /// From nothing through each stage.
    pub fn stages(stages: &[Stage]) -> Self {
        let mut profile = Profile::default();
        let mut from = 0.0;
        for stage in stages {
            profile.push(from, stage.rate, stage.lasts.as_secs_f64());
            from = stage.rate;
        }
        profile
    }

    fn push(&mut self, from: f64, to: f64, lasts: f64) {
        let (begins, before) = (self.seconds(), self.operations());
        self.legs.push(Leg { begins, lasts, from, to, before });
    }

    /// How long it lasts.
    pub fn seconds(&self) -> f64 {
        self.legs.last().map_or(0.0, |leg| leg.begins + leg.lasts)
    }

    /// How many operations it holds, as the area below it.
    pub fn operations(&self) -> f64 {
        self.legs.last().map_or(0.0, |leg| leg.before + leg.holds())
    }

    /// The second at which the area below it has grown to `operations`; `None` when it never does.
    pub fn when(&self, operations: f64) -> Option<f64> {
        let behind = self.legs.partition_point(|leg| leg.before + leg.holds() <= operations);
        let leg = self.legs.get(behind)?;
        Some(leg.begins + leg.when(operations - leg.before))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stages(written: &str) -> Profile {
        let stages: Vec<Stage> = written.split(',').map(|stage| stage.parse().unwrap()).collect();
        Profile::stages(&stages)
    }

    #[test]
    fn a_ramp_is_a_straight_line_from_nothing() {
        let profile = stages("10s:100,30s:100,10s:0");
        assert_eq!((profile.seconds(), profile.operations()), (50.0, 4_000.0));
        assert_eq!(profile.when(0.0), Some(0.0));
        assert_eq!(profile.when(125.0), Some(5.0), "a quarter of the ramp's area is half of its time");
        assert_eq!(profile.when(500.0), Some(10.0));
        assert_eq!(profile.when(2_000.0), Some(25.0));
        assert_eq!(profile.when(3_875.0), Some(45.0));
        assert_eq!(profile.when(4_000.0), None);
    }

    #[test]
    fn a_stage_without_traffic_is_passed_over() {
        assert_eq!(stages("5s:0,2s:10").when(0.0), Some(5.0));
        assert_eq!(stages("5s:0").when(0.0), None);
    }

    #[test]
    fn a_stage_is_written_as_it_is_read() {
        assert_eq!("1m:2.5".parse::<Stage>().unwrap().to_string(), "1m:2.5");
        for wrong in ["", "10s", "10:5", "0s:5", "10s:-1", "10s:many", "10s:1e99", "10s:NaN"] {
            assert!(wrong.parse::<Stage>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_time_of_an_area_has_that_area(
            legs in proptest::collection::vec((1u32..20, 0u32..500), 1..6), share in 0.0f64..1.0,
        ) {
            let stages: Vec<Stage> = legs.iter().map(|&(seconds, rate)| {
                Stage { lasts: Duration::from_secs(seconds.into()), rate: rate.into() }
            }).collect();
            let profile = Profile::stages(&stages);
            let wanted = profile.operations() * share;
            prop_assume!(wanted > 0.0);
            let second = profile.when(wanted).unwrap();
            prop_assert!((0.0..=profile.seconds()).contains(&second));
            // The area up to there, added up in small steps of the straight lines themselves.
            let (mut area, mut begins, mut from) = (0.0, 0.0, 0.0);
            for &(seconds, rate) in &legs {
                let (seconds, to) = (f64::from(seconds), f64::from(rate));
                let inside = (second - begins).clamp(0.0, seconds);
                area += inside * (from + (from + (to - from) * inside / seconds)) / 2.0;
                begins += seconds;
                from = to;
            }
            prop_assert!((area - wanted).abs() < 1e-6 * (1.0 + wanted), "{} for {}", area, wanted);
        }
    }
}
