//! The load tester's own lateness, held against the tails that it is part of. Pure.

use super::numbers::{count, milliseconds};
use crate::recorder::{Row, Series};

/// The share of a tail that may be our own lateness before it is worth a word, and before it is too much.
const LATE: (f64, f64) = (0.1, 0.5);
/// The tail of what nobody has seen, in nanoseconds: our lateness is held against something even there.
const UNSEEN: u64 = 1_000_000_000;

/// A response, and the lateness of ours that is part of it.
pub(super) struct Tail {
    /// What it is the response of.
    pub(super) what: &'static str,
    pub(super) response: Series,
    /// How late the pacer woke to send.
    pub(super) wake: Series,
    /// How late the threads were that read.
    pub(super) read: Series,
}

pub(super) const TAILS: [Tail; 4] = [
    Tail {
        what: "Deliveries",
        response: Series::ChatDelivery,
        wake: Series::ChatWake,
        read: Series::ChatRead,
    },
    Tail { what: "Queries", response: Series::InfoQuery, wake: Series::InfoWake, read: Series::InfoRead },
    Tail { what: "Uploads", response: Series::FileUpload, wake: Series::FileWake, read: Series::FileRead },
    Tail {
        what: "Entries in the registry",
        response: Series::RegistrySeen,
        wake: Series::RegistryWake,
        read: Series::RegistryRead,
    },
];

type Percentile = fn(&Row) -> Option<u64>;
const P99: Percentile = |row| row.p99_ns;
/// Where a tail may begin, the furthest out first, as far as there are samples enough to know it.
const BEGINNINGS: [(f64, Percentile); 3] = [(0.99, P99), (0.9, |row| row.p90_ns), (0.5, |row| row.p50_ns)];

/// Our own lateness at both ends of the operations that a tail is of.
#[derive(Debug)]
pub(super) struct Lateness {
    tail: Series,
    /// Whether anything of the tail was seen.
    is_seen: bool,
    ends: Vec<End>,
}

/// Our lateness at one of them.
#[derive(Debug)]
struct End {
    /// The series, and whether it is that of the readers.
    ours: Series,
    is_reading: bool,
    p99: u64,
    /// How many samples that is taken from, or the tail, if these are fewer.
    n: u64,
    /// As a share of the tail, both at p99.
    share: f64,
    /// The same at the furthest percentile that is known of both.
    known_share: f64,
}

/// All of it that was measured.
pub(super) fn lateness(rows: &[Row]) -> impl Iterator<Item = Lateness> {
    let row = |series: Series| rows.iter().find(|row| row.name == series.name());
    TAILS.into_iter().map(move |Tail { response, wake, read, .. }| {
        let whole = row(response);
        let end = |(ours, is_reading)| End::of(ours, is_reading, row(ours)?, whole);
        let ends = [(wake, false), (read, true)].into_iter().filter_map(end).collect();
        Lateness { tail: response, is_seen: whole.is_some(), ends }
    })
}

/// Whether a row tells of readers who were too little late for a word about it.
pub(super) fn is_negligible(row: &Row, rows: &[Row]) -> bool {
    let mut ends = lateness(rows).flat_map(|late| late.ends);
    ends.any(|end| end.ours.name() == row.name && end.is_reading && end.share < LATE.0)
}

impl Lateness {
    /// Why the run is invalid for it, and what to do.
    pub(super) fn reasons(&self) -> Vec<String> {
        let too_much = self.ends.iter().filter(|end| end.is_too_much());
        too_much
            .map(|end| format!("{}; keep other work off these cores or lower --rate", self.blamed_on(end)))
            .collect()
    }

    fn blamed_on(&self, end: &End) -> String {
        if !self.is_seen {
            return self.missing(&end.who());
        }
        format!("{}% of the tail of {} is ours: {}", end.percent(), self.tail.name(), end.who())
    }

    /// What a reader should know beside the reasons. An operation may have met both ends' lateness, or one: only
    /// that it met no more than the sum is sure.
    pub(super) fn warning(&self) -> Option<String> {
        let ends: Vec<&End> = self.ends.iter().filter(|end| !end.is_too_much()).collect();
        let share: f64 = ends.iter().map(|end| end.share).sum();
        if share < LATE.0 {
            return None;
        }
        let told = if self.is_seen { self.share_of(&ends) } else { self.missing(&each(&ends, End::who)) };
        let doubt = match ends.iter().find(|end| end.share > LATE.1) {
            Some(end) => format!("; {} samples are too few to be sure", count(end.n)),
            None if share > LATE.1 => "; nobody knows whether the same operations met both".to_owned(),
            None => String::new(),
        };
        Some(told + &doubt)
    }

    fn share_of(&self, ends: &[&End]) -> String {
        let ends: Vec<&End> = ends.iter().copied().filter(|end| end.percent() > 0).collect();
        let whole = ends.iter().map(|end| end.percent()).sum::<u64>().min(100);
        let parts = match ends.as_slice() {
            [end] => format!("our late {}", end.doing()),
            ends => format!("ours: {}", each(ends, |end| format!("{}% late {}", end.percent(), end.doing()))),
        };
        format!("up to {whole}% of the tail of {} is {parts}", self.tail.name())
    }

    fn missing(&self, who: &str) -> String {
        format!("there is no {}, and {who}", self.tail.name())
    }
}

/// Something about each of them.
fn each(ends: &[&End], about: impl Fn(&End) -> String) -> String {
    ends.iter().map(|end| about(end)).collect::<Vec<_>>().join(" and ")
}

impl End {
    fn of(ours: Series, is_reading: bool, late: &Row, tail: Option<&Row>) -> Option<Self> {
        let share = |at: Percentile| Some(at(late)? as f64 / tail.map_or(Some(UNSEEN), at)? as f64);
        let is_known = |quantile| late.knows(quantile) && tail.is_none_or(|tail| tail.knows(quantile));
        let known = BEGINNINGS.into_iter().find(|(quantile, _)| is_known(*quantile));
        Some(End {
            ours,
            is_reading,
            p99: P99(late)?,
            n: tail.map_or(late.n, |tail| late.n.min(tail.n)),
            share: share(P99)?,
            known_share: known.and_then(|(_, at)| share(at)).unwrap_or(0.0),
        })
    }

    /// Whether the tail says more about us than about the server. A single stall of a short run reaches its p99,
    /// and is no reason; what reaches as far as there are samples is.
    fn is_too_much(&self) -> bool {
        self.share.min(self.known_share) > LATE.1
    }

    fn percent(&self) -> u64 {
        (self.share * 100.0).round().min(100.0) as u64
    }

    fn doing(&self) -> &'static str {
        if self.is_reading { "reading" } else { "waking" }
    }

    /// Who was late, and by how much.
    fn who(&self) -> String {
        let ms = milliseconds(Some(self.p99));
        if self.is_reading {
            format!("our reading threads were {ms} ms late at p99")
        } else {
            format!("we woke {ms} ms late at p99")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;

    #[test]
    fn each_series_of_our_own_is_held_against_a_tail() {
        let is_ours = |series: &&Series| [".wake", ".read"].iter().any(|end| series.name().ends_with(end));
        for ours in Series::ALL.iter().filter(is_ours) {
            assert!(TAILS.iter().any(|tail| [tail.wake, tail.read].contains(ours)), "{}", ours.name());
        }
    }

    #[test]
    fn only_readers_that_are_hardly_late_are_negligible() {
        let mut recorder = Recorder::default();
        for (series, nanos) in [
            (Series::ChatDelivery, 1_000_000),
            (Series::ChatWake, 20_000),
            (Series::ChatRead, 20_000),
            (Series::InfoQuery, 1_000_000),
            (Series::InfoRead, 300_000),
        ] {
            recorder.note(series, nanos);
        }
        let rows = recorder.rows();
        let negligible = rows.iter().filter(|row| is_negligible(row, &rows)).map(|row| row.name.as_str());
        assert_eq!(negligible.collect::<Vec<_>>(), ["chat.read"]);
    }
}
