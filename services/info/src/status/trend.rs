//! How the figures of the last minutes went. Pure: moments in, lines out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use presence::View;

/// How many moments, which are seconds apart, a line shows.
pub(super) const SHOWN: usize = 120;
/// Over how many seconds a rate is taken. Services report once a second and not at once, so that from one
/// second to the next a steady flow seems to stop and to double.
const WINDOW: usize = 5;

/// What an instance has reported; all of it only rises while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Totals {
    messages: f64,
    deliveries: f64,
    /// Deliveries whose time was taken, and the sum of those times in seconds.
    timed: (f64, f64),
    moved_bytes: f64,
}

/// One moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// Since the service began.
    pub(super) at: Duration,
    /// Who was here.
    pub(super) users: usize,
    /// What this service was asked so far.
    pub(super) questions: u64,
    /// What the others had reported.
    pub(super) totals: BTreeMap<String, Totals>,
}

/// The moments that lines are drawn from.
#[derive(Debug, Default)]
pub(super) struct Trends(VecDeque<Moment>);

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Users.
    Users,
    /// Messages a second.
    Messages,
    /// Deliveries a second.
    Deliveries,
    /// Milliseconds from a message's arrival to its delivery, on average.
    Delivery,
    /// Bytes of files a second, in and out.
    Transfers,
    /// Questions to this service a second.
    Questions,
}

impl Line {
    /// All of them, in the order in which they are shown.
    pub(super) const ALL: [Line; 6] =
        [Line::Users, Line::Messages, Line::Deliveries, Line::Delivery, Line::Transfers, Line::Questions];

    /// Its name and unit for people.
    pub(super) fn title(self) -> (&'static str, &'static str) {
        match self {
            Line::Users => ("users", ""),
            Line::Messages => ("messages", "/s"),
            Line::Deliveries => ("deliveries", "/s"),
            Line::Delivery => ("delivery takes", "ms"),
            Line::Transfers => ("files moved", "B/s"),
            Line::Questions => ("questions here", "/s"),
        }
    }

    /// Its value between two moments; none when nothing happened that it tells of.
    fn value(self, before: &Moment, now: &Moment) -> Option<f64> {
        let seconds = now.at.saturating_sub(before.at).as_secs_f64();
        let rate = |risen: f64| (seconds > 0.0).then(|| risen / seconds);
        match self {
            Line::Users => Some(now.users as f64),
            Line::Messages => rate(rise(before, now, |totals| totals.messages)),
            Line::Deliveries => rate(rise(before, now, |totals| totals.deliveries)),
            Line::Delivery => {
                let timed = rise(before, now, |totals| totals.timed.0);
                (timed > 0.0).then(|| rise(before, now, |totals| totals.timed.1) * 1_000.0 / timed)
            }
            Line::Transfers => rate(rise(before, now, |totals| totals.moved_bytes)),
            Line::Questions => rate(now.questions.saturating_sub(before.questions) as f64),
        }
    }
}

/// By how much a total of all instances has risen. One that is new shows nothing yet: what it reports may be
/// of long ago. One that has less than before has started anew, and had nothing then.
fn rise(before: &Moment, now: &Moment, total: impl Fn(&Totals) -> f64) -> f64 {
    let risen = now.totals.iter().filter_map(|(instance, totals)| {
        let (then, now) = (total(before.totals.get(instance)?), total(totals));
        Some(if now < then { now } else { now - then })
    });
    risen.sum()
}

impl Moment {
    /// What a view shows.
    pub(super) fn new(at: Duration, view: &View, questions: u64) -> Self {
        let totals = view.services.iter().map(|(name, instance)| {
            let figure = |name| instance.stats.get(name).and_then(|value| value.as_f64()).unwrap_or(0.0);
            let totals = Totals {
                messages: figure("messages"),
                deliveries: figure("deliveries"),
                timed: (figure("timed_deliveries"), figure("delivery_seconds")),
                moved_bytes: figure("moved_bytes"),
            };
            (name.to_string(), totals)
        });
        Moment { at, users: view.users.len(), questions, totals: totals.collect() }
    }
}

impl Trends {
    /// Adds the newest moment and forgets the oldest.
    pub(super) fn push(&mut self, moment: Moment) {
        if self.0.len() == SHOWN + WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(moment);
    }

    /// A line's values, the newest last.
    pub(super) fn line(&self, line: Line) -> Vec<Option<f64>> {
        let first = self.0.len().saturating_sub(SHOWN);
        let value = |at: usize| line.value(&self.0[at.saturating_sub(WINDOW)], &self.0[at]);
        (first..self.0.len()).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: u64, reported: &[(&str, f64)]) -> Moment {
        let totals = |messages: f64| Totals {
            messages,
            deliveries: messages * 9.0,
            timed: (messages, messages * 0.002),
            ..Totals::default()
        };
        Moment {
            at: Duration::from_secs(second),
            users: second as usize,
            questions: second * 3,
            totals: reported.iter().map(|&(name, messages)| (name.to_owned(), totals(messages))).collect(),
        }
    }

    fn trends(moments: impl IntoIterator<Item = Moment>) -> Trends {
        let mut trends = Trends::default();
        moments.into_iter().for_each(|moment| trends.push(moment));
        trends
    }

    #[test]
    fn a_steady_flow_is_a_flat_line_however_it_is_reported() {
        // Nothing in the even seconds, twice as much in the odd ones.
        let flow = trends((0..20).map(|second| moment(second, &[("chat-1", (second / 2 * 20) as f64)])));
        let messages = flow.line(Line::Messages);
        assert_eq!(messages[0], None, "one moment is no rate");
        let settled: Vec<f64> = messages[6..].iter().map(|value| value.unwrap()).collect();
        assert!(settled.iter().all(|rate| (8.0..=12.0).contains(rate)), "{settled:?}");
        assert_eq!(flow.line(Line::Questions)[9], Some(3.0));
        assert_eq!(flow.line(Line::Users)[9], Some(9.0));
    }

    #[test]
    fn an_instance_that_comes_or_starts_anew_makes_no_peak() {
        let come = trends([moment(0, &[("a", 5.0)]), moment(1, &[("a", 6.0), ("b", 1_000_000.0)])]);
        assert_eq!(come.line(Line::Messages), [None, Some(1.0)]);
        let anew = trends([moment(0, &[("a", 500.0)]), moment(1, &[("a", 3.0)])]);
        assert_eq!(anew.line(Line::Messages), [None, Some(3.0)]);
        let gone = trends([moment(0, &[("a", 500.0)]), moment(1, &[])]);
        assert_eq!(gone.line(Line::Messages), [None, Some(0.0)]);
    }

    #[test]
    fn the_time_of_a_delivery_is_told_only_where_there_was_one() {
        let trends = trends([moment(0, &[("a", 5.0)]), moment(1, &[("a", 10.0)]), moment(2, &[("a", 10.0)])]);
        let delivery = trends.line(Line::Delivery);
        assert!(delivery[1].is_some_and(|ms| (ms - 2.0).abs() < 1e-9), "{delivery:?}");
        let quiet = super::tests::trends([moment(0, &[("a", 5.0)]), moment(1, &[("a", 5.0)])]);
        assert_eq!(quiet.line(Line::Delivery), [None, None]);
    }

    #[test]
    fn it_does_not_grow() {
        let trends = trends((0..1_000).map(|second| moment(second, &[])));
        assert_eq!((trends.0.len(), trends.line(Line::Users).len()), (SHOWN + WINDOW, SHOWN));
        assert_eq!(trends.line(Line::Users).last(), Some(&Some(999.0)));
    }
}
