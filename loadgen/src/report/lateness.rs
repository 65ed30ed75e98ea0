//! The load tester's own lateness, held against the tails that it is part of. Pure.

use super::numbers::milliseconds;
use crate::recorder::{Row, Series};

/// The share of a tail that may be our own lateness before it is worth a word, and before it is too much.
const LATE: (f64, f64) = (0.1, 0.5);
/// The tail of what nobody has seen, in nanoseconds: our lateness is held against something even there.
const UNSEEN: u64 = 1_000_000_000;

/// Each response with the lateness that is part of it: of the pacer that sends, of the threads that read.
const TAILS: [(Series, Series, Series); 4] = [
    (Series::ChatDelivery, Series::ChatWake, Series::ChatRead),
    (Series::InfoQuery, Series::InfoWake, Series::InfoRead),
    (Series::FileUpload, Series::FileWake, Series::FileRead),
    (Series::RegistrySeen, Series::RegistryWake, Series::RegistryRead),
];

/// Our own lateness as a share of a tail, both at p99.
#[derive(Debug)]
pub(super) struct Lateness {
    tail: Series,
    /// Whether anything of the tail was seen.
    seen: bool,
    /// The series of the lateness, and whether it is that of the readers.
    ours: Series,
    of_readers: bool,
    p99: u64,
    share: f64,
}

/// All of it that was measured.
pub(super) fn lateness(rows: &[Row]) -> impl Iterator<Item = Lateness> {
    let p99 = |series: Series| rows.iter().find(|row| row.name == series.name())?.p99_ns;
    let pairs = TAILS.into_iter().flat_map(|(tail, wake, read)| [(tail, wake, false), (tail, read, true)]);
    pairs.filter_map(move |(tail, ours, of_readers)| {
        let (late, whole) = (p99(ours)?, p99(tail));
        let share = late as f64 / whole.unwrap_or(UNSEEN) as f64;
        Some(Lateness { tail, seen: whole.is_some(), ours, of_readers, p99: late, share })
    })
}

/// Whether a row tells of readers who were too little late for a word about it.
pub(super) fn is_negligible(row: &Row, rows: &[Row]) -> bool {
    lateness(rows).any(|late| late.ours.name() == row.name && late.of_readers && late.is_negligible())
}

impl Lateness {
    /// Whether it is not worth a word.
    pub(super) fn is_negligible(&self) -> bool {
        self.share < LATE.0
    }

    /// Whether the tail says more about us than about the server.
    pub(super) fn is_too_much(&self) -> bool {
        self.share > LATE.1
    }

    /// Why the run is invalid for it, and what to do.
    pub(super) fn reason(&self) -> String {
        let what = if self.seen {
            let percent = (self.share * 100.0).min(100.0);
            format!("{percent:.0}% of the tail of {} is ours: {}", self.tail.name(), self.who())
        } else {
            self.alone()
        };
        format!("{what}; keep other work off these cores or lower --rate")
    }

    /// What a reader of a valid run should know.
    pub(super) fn warning(&self) -> String {
        let (tail, percent) = (self.tail.name(), self.share * 100.0);
        match (self.seen, self.of_readers) {
            (false, _) => self.alone(),
            (true, false) => format!("up to {percent:.0}% of the tail of {tail} is our own lateness"),
            (true, true) => format!("up to {percent:.0}% of the tail of {tail} is our readers' lateness"),
        }
    }

    fn alone(&self) -> String {
        format!("there is no {}, and {}", self.tail.name(), self.who())
    }

    /// Who was late, and by how much.
    fn who(&self) -> String {
        let ms = milliseconds(Some(self.p99));
        if self.of_readers {
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
            assert!(TAILS.iter().any(|(_, wake, read)| [wake, read].contains(&ours)), "{}", ours.name());
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
