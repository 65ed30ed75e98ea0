//! The next rate to try, and when to stop. Pure.

/// What is known of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bracket {
    /// The highest rate that held.
    held: Option<f64>,
    /// The lowest rate that did not.
    broke: Option<f64>,
    within: f64,
}

impl Bracket {
    /// Nothing is known yet; the limit is to be found to within this share of itself.
    pub fn new(within: f64) -> Self {
        Bracket { held: None, broke: None, within: within.max(0.001) }
    }

    /// Notes what a rate did.
    pub fn note(&mut self, rate: f64, held: bool) {
        if held {
            self.held = Some(self.held.map_or(rate, |highest| highest.max(rate)));
        } else {
            self.broke = Some(self.broke.map_or(rate, |lowest| lowest.min(rate)));
        }
    }

    /// What to try next after `rate`; `None` when the limit is known well enough.
    pub fn next(&self, rate: f64) -> Option<f64> {
        match (self.held, self.broke) {
            (Some(held), Some(broke)) => (broke - held > held * self.within).then_some((held + broke) / 2.0),
            (Some(held), None) => Some(held * 2.0),
            (None, _) => (rate > 1.0).then_some(rate / 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::find_max::STEPS;

    proptest! {
        #[test]
        fn the_limit_is_found_from_wherever_it_starts(limit in 1.0f64..1e6, start in 1.0f64..1e6) {
            let (mut bracket, mut rate, mut steps) = (Bracket::new(0.05), start, 0);
            loop {
                bracket.note(rate, rate <= limit);
                steps += 1;
                match bracket.next(rate) {
                    Some(next) => rate = next,
                    None => break,
                }
            }
            prop_assert!(steps <= STEPS, "{} steps", steps);
            if let Some(held) = bracket.held {
                prop_assert!(held <= limit && limit <= held * 1.051, "{} of {}", held, limit);
            }
        }
    }
}
