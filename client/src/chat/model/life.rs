//! Whether the other side lives, and how far away it is.

use std::time::Duration;

/// A connection on which nothing was heard for so long is asked whether it lives.
pub(super) const QUIET: Duration = Duration::from_secs(25);

/// What is known of the other side.
#[derive(Debug)]
pub(super) struct Life {
    timeout: Duration,
    /// Whether it is asked also when it talks, so that the latency is fresh.
    measured: bool,
    heard: Duration,
    /// The last question or, before the first, the welcome.
    beat: Duration,
    /// Whether that question has no answer yet.
    asked: bool,
    latency: Option<Duration>,
}

/// What follows from the time that has passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    Fine,
    Ask,
    Gone,
}

impl Life {
    pub(super) fn new(timeout: Duration, measured: bool) -> Self {
        let (heard, beat) = (Duration::ZERO, Duration::ZERO);
        Life { timeout, measured, heard, beat, asked: false, latency: None }
    }

    /// The time from a question to its answer, when there was one on this connection.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// One is let in; true when the latency is to be measured at once.
    pub(super) fn began(&mut self, now: Duration) -> bool {
        self.beat = now;
        self.asked = self.measured;
        self.measured
    }

    /// The answer came.
    pub(super) fn answered(&mut self, now: Duration) {
        if std::mem::take(&mut self.asked) {
            self.latency = Some(now.saturating_sub(self.beat));
        }
    }

    /// The connection is gone.
    pub(super) fn stopped(&mut self) {
        (self.asked, self.latency) = (false, None);
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Duration {
        match (self.asked, self.measured) {
            (true, _) => self.beat.max(self.heard) + self.timeout,
            (false, true) => self.beat + QUIET,
            (false, false) => self.heard + QUIET,
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) -> Pulse {
        if now < self.deadline() {
            return Pulse::Fine;
        }
        if self.asked {
            return Pulse::Gone;
        }
        (self.beat, self.asked) = (now, true);
        Pulse::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    #[test]
    fn the_latency_is_from_a_question_to_its_answer() {
        let mut life = Life::new(TIMEOUT, true);
        assert!(life.began(Duration::from_secs(1)));
        life.heard(Duration::from_millis(1010));
        life.answered(Duration::from_millis(1010));
        assert_eq!(life.latency(), Some(Duration::from_millis(10)));
        life.heard(Duration::from_secs(25));
        assert_eq!(life.tick(Duration::from_secs(26)), Pulse::Ask, "also when the other side talks");
        life.stopped();
        assert_eq!(life.latency(), None);
    }

    #[test]
    fn who_talks_lives_even_without_an_answer() {
        let mut life = Life::new(TIMEOUT, true);
        life.began(Duration::ZERO);
        life.heard(Duration::from_secs(4));
        assert_eq!(life.tick(Duration::from_secs(5)), Pulse::Fine);
        assert_eq!(life.tick(Duration::from_secs(9)), Pulse::Gone);
    }
}
