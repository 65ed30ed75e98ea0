//! How far a room has been read: what makes a resume without a gap and without a double.

use std::collections::BTreeSet;

use engine::chat::Replay;

/// One's place in a room. Ids rise without a gap among what is kept, messages arrive in their order, but
/// the ack of one's own message may overtake an earlier message of somebody else's: so an ack moves the
/// place only when nothing is missing before it.
#[derive(Debug)]
pub(crate) struct Place {
    /// What a first visit asks for.
    first: Replay,
    /// Everything up to here has been seen; `None` before the room was entered.
    read: Option<u64>,
    /// One's own messages beyond that.
    own: BTreeSet<u64>,
}

impl Place {
    /// A place outside.
    pub(crate) fn new(first: Replay) -> Self {
        Place { first, read: None, own: BTreeSet::new() }
    }

    /// What to ask for on entering.
    pub(crate) fn replay(&self) -> Replay {
        self.read.map_or(self.first, Replay::Since)
    }

    /// Whether one was ever let in.
    pub(crate) fn is_entered(&self) -> bool {
        self.read.is_some()
    }

    /// The room was entered; `last_id` is its newest message.
    pub(crate) fn entered(&mut self, last_id: u64) {
        match self.read {
            None => self.read = Some(self.before_the_first(last_id)),
            // The room has begun anew, as one without a kept history does after a restart.
            Some(read) if read > last_id => {
                self.read = Some(0);
                self.own.clear();
            }
            Some(_) => {}
        }
    }

    /// The id before the first that a first visit gets.
    fn before_the_first(&self, last_id: u64) -> u64 {
        match self.first {
            Replay::Nothing => last_id,
            Replay::Last(count) => last_id.saturating_sub(count.into()),
            // A room that has not come so far has begun anew.
            Replay::Since(since) if since > last_id => 0,
            Replay::Since(since) => since,
        }
    }

    /// A message has arrived; false when it was seen before.
    pub(crate) fn arrived(&mut self, id: u64) -> bool {
        let new = !self.own.remove(&id) && self.read.is_none_or(|read| id > read);
        if new {
            self.read = Some(id);
            self.own.retain(|&own| own > id);
        }
        self.advance();
        new
    }

    /// One's own message is kept under this id.
    pub(crate) fn acked(&mut self, id: u64) {
        if self.read.is_none_or(|read| id > read) {
            self.own.insert(id);
            self.advance();
        }
    }

    fn advance(&mut self) {
        while let Some(next) = self.read.map(|read| read + 1).filter(|next| self.own.remove(next)) {
            self.read = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(read: u64) -> Place {
        Place { read: Some(read), ..Place::new(Replay::Last(20)) }
    }

    #[test]
    fn a_first_visit_asks_for_the_newest_and_sees_each_once() {
        let mut place = Place::new(Replay::Last(20));
        assert_eq!(place.replay(), Replay::Last(20));
        place.entered(3);
        assert!([1, 2, 3].into_iter().all(|id| place.arrived(id)));
        assert!(!place.arrived(3));
        assert_eq!(place.replay(), Replay::Since(3));
    }

    #[test]
    fn an_ack_does_not_jump_over_what_is_still_on_its_way() {
        let mut place = at(10);
        place.acked(12);
        assert_eq!(place.replay(), Replay::Since(10), "11 is somebody else's and not here yet");
        assert!(place.arrived(11));
        assert_eq!(place.replay(), Replay::Since(12));
        assert!(!place.arrived(12), "one's own, repeated after a resume");
    }

    #[test]
    fn a_repeated_message_of_ones_own_fills_its_gap() {
        let mut place = at(10);
        place.acked(12);
        assert!(place.arrived(11));
        place.acked(14);
        assert!(place.arrived(13));
        assert!(!place.arrived(14));
        assert_eq!(place.replay(), Replay::Since(14));
    }

    #[test]
    fn a_room_that_began_anew_is_read_from_its_start() {
        let mut place = at(1000);
        place.entered(2);
        assert!(place.arrived(1) && place.arrived(2));
        place.entered(2);
        assert_eq!(place.replay(), Replay::Since(2));
    }
}
