//! Whether the server's clock and this machine's agree.

use std::time::Duration;

use engine::Timestamp;
use engine::chat::Event;

use crate::skew::Skew;

/// Clocks that nobody sets by the network differ by a minute or so, and nobody minds.
const MINDED: Duration = Duration::from_secs(120);

/// Compares what comes with the time at which it comes.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// When one was let in, by this machine's clock.
    let_in: Option<Timestamp>,
    told: bool,
}

impl Clock {
    /// The connection is there, or there again.
    pub(super) fn let_in(&mut self, now: Timestamp) {
        self.let_in = Some(now);
    }

    /// How far the clocks are from each other, once, when an event shows it. A message may have waited
    /// here for long, as when the lid of a laptop is closed; but it never comes before it is said, and
    /// what is said now is not said before one was let in.
    pub(super) fn hears(&mut self, event: &Event, now: Timestamp) -> Option<Skew> {
        let (at, let_in) = (happened(event)?, self.let_in?);
        let skew = match () {
            () if at.0 > now.0 => Skew::between(at, now),
            () if at.0 < let_in.0 => Skew::between(at, let_in),
            () => return None,
        };
        let tells = skew.by() > MINDED && !self.told;
        self.told |= tells;
        tells.then_some(skew)
    }
}

/// When something happened that happens now. An ack may be of a message that was kept before the
/// connection was lost.
fn happened(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Message { message, replay: false } => Some(message.at),
        Event::Joined { at, .. } | Event::Left { at, .. } | Event::Direct { at, .. } => Some(*at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use engine::chat::Message;
    use engine::names::{RoomName, UserName};

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_335_000_123);
    const DAY: u64 = 86_400_000;

    fn message(at: u64, replay: bool) -> Event {
        let (room, from) = (RoomName::lobby(), UserName::parse("bob").unwrap());
        let message = Message { room, id: 1, from, text: "hello".into(), at: Timestamp(at) };
        Event::Message { message, replay }
    }

    fn clock() -> Clock {
        let mut clock = Clock::default();
        clock.let_in(NOW);
        clock
    }

    #[test]
    fn a_clock_that_is_a_day_off_is_told_once() {
        let day = Duration::from_millis(DAY);
        let mut ahead = clock();
        assert_eq!(ahead.hears(&message(NOW.0 + DAY, false), NOW), Some(Skew::Ahead(day)));
        assert_eq!(ahead.hears(&message(NOW.0 + DAY, false), NOW), None);
        assert_eq!(clock().hears(&message(NOW.0 - DAY, false), NOW), Some(Skew::Behind(day)));
        assert_eq!(clock().hears(&message(u64::MAX, false), NOW).map(|_| ()), Some(()));
    }

    #[test]
    fn what_was_said_before_and_what_waited_here_is_no_sign() {
        assert_eq!(clock().hears(&message(NOW.0 - DAY, true), NOW), None);
        let later = Timestamp(NOW.0 + DAY);
        assert_eq!(clock().hears(&message(NOW.0 + 1000, false), later), None, "the lid was closed");
        for near in [NOW.0 - 60_000, NOW.0 + 60_000] {
            assert_eq!(clock().hears(&message(near, false), NOW), None, "nobody minds a minute");
        }
    }
}
