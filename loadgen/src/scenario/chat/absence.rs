//! When listeners were away, and what they could have missed by that. Pure.

use std::collections::BTreeMap;

/// The times at which each user was away, or may have been: from its first step out to the server's word
/// that it is in again.
#[derive(Debug, Clone, Default)]
pub(super) struct Absences {
    by_user: BTreeMap<u32, Vec<(u64, u64)>>,
}

impl Absences {
    /// Notes that a user begins to leave.
    pub(super) fn leave(&mut self, user: u32, now: u64) {
        self.by_user.entry(user).or_default().push((now, u64::MAX));
    }

    /// Notes that a user is in its room again.
    pub(super) fn back(&mut self, user: u32, now: u64) {
        let absences = self.by_user.get_mut(&user).into_iter().flatten();
        absences.for_each(|absence| absence.1 = absence.1.min(now));
    }

    /// Whether nobody was ever away.
    pub(super) fn is_empty(&self) -> bool {
        self.by_user.is_empty()
    }

    /// Whether a user was away for any part of a message's time in flight, from its send to its ack or to the
    /// last of the others who saw it: somewhere between the two the server decided whom it goes to.
    pub(super) fn excuse(&self, user: u32, sent: u64, until: u64) -> bool {
        let absences = self.by_user.get(&user).into_iter().flatten();
        absences.into_iter().any(|&(left, back)| left <= until && sent <= back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_in_flight_while_somebody_was_away_is_excused() {
        let mut absences = Absences::default();
        absences.leave(3, 100);
        absences.back(3, 200);
        for ((sent, answered), excused) in [
            ((10, 99), false),
            ((10, 100), true),
            ((120, 130), true),
            ((200, 210), true),
            ((201, 210), false),
        ] {
            assert_eq!(absences.excuse(3, sent, answered), excused, "{sent} to {answered}");
        }
        assert!(!absences.excuse(4, 120, 130), "somebody else was there");
    }

    #[test]
    fn whoever_does_not_come_back_is_away_for_good() {
        let mut absences = Absences::default();
        absences.leave(3, 100);
        assert!(absences.excuse(3, 5_000, 6_000));
        absences.back(3, 200);
        absences.back(3, 9_000);
        assert!(!absences.excuse(3, 5_000, 6_000), "the first return counts");
    }
}
