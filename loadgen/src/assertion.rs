//! What must hold: `chat.delivery.p99<50ms`, `chat.lost==0`. Read before the run, judged behind it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::recorder::{Row, Series, enough_for};
use crate::report::numbers::{count, milliseconds};
use crate::report::seen::{NAMES, Seen};

/// A figure of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stat {
    /// How many samples.
    N,
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// The longest.
    Max,
}

impl Stat {
    const ALL: [(Stat, &str); 6] = [
        (Stat::N, "n"),
        (Stat::P50, "p50"),
        (Stat::P90, "p90"),
        (Stat::P99, "p99"),
        (Stat::P999, "p99.9"),
        (Stat::Max, "max"),
    ];

    fn of(self, row: &Row) -> Option<u64> {
        match self {
            Stat::N => Some(row.n),
            Stat::P50 => row.p50_ns,
            Stat::P90 => row.p90_ns,
            Stat::P99 => row.p99_ns,
            Stat::P999 => row.p999_ns,
            Stat::Max => row.max_ns,
        }
    }

    /// How many samples it takes to be known.
    fn needs(self) -> u64 {
        match self {
            Stat::N => 0,
            Stat::P50 => enough_for(0.5),
            Stat::P90 => enough_for(0.9),
            Stat::P99 => enough_for(0.99),
            Stat::P999 => enough_for(0.999),
            Stat::Max => 1,
        }
    }
}

/// What an assertion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A figure of a series.
    Latency(Series, Stat),
    /// A count, by its name.
    Count(&'static str),
}

impl Metric {
    /// The metric of a name, such as `chat.delivery.p99` or `chat.lost`.
    fn named(name: &str) -> Option<Metric> {
        if let Some(known) = NAMES.iter().find(|known| **known == name) {
            return Some(Metric::Count(known));
        }
        Stat::ALL.iter().find_map(|(stat, suffix)| {
            let series = name.strip_suffix(suffix)?.strip_suffix('.')?;
            Some(Metric::Latency(Series::named(series)?, *stat))
        })
    }

    /// The service that it is of; `None` for what is of several.
    fn service(self) -> Option<&'static str> {
        let name = match self {
            Metric::Latency(series, _) => series.name(),
            Metric::Count(name) => name,
        };
        name.split_once('.').map(|(service, _)| service)
    }

    fn is_time(self) -> bool {
        matches!(self, Metric::Latency(_, stat) if stat != Stat::N)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

impl Relation {
    /// The longer signs first, so that none is taken for the beginning of another.
    const ALL: [(&str, Relation); 7] = [
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("==", Relation::Equal),
        ("!=", Relation::Unequal),
        ("<", Relation::Less),
        (">", Relation::More),
        ("=", Relation::Equal),
    ];

    fn holds(self, found: u64, wanted: u64) -> bool {
        match self {
            Relation::Less => found < wanted,
            Relation::AtMost => found <= wanted,
            Relation::More => found > wanted,
            Relation::AtLeast => found >= wanted,
            Relation::Equal => found == wanted,
            Relation::Unequal => found != wanted,
        }
    }
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    written: String,
    metric: Metric,
    relation: Relation,
    /// Nanoseconds, or a count.
    value: u64,
}

impl FromStr for Assertion {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let cut =
            Relation::ALL.iter().filter_map(|&(sign, relation)| Some((written.find(sign)?, sign, relation)));
        // The leftmost sign; of two at one place the longer one, which comes first.
        let found = cut.min_by_key(|(at, ..)| *at);
        let (at, sign, relation) = found.ok_or("want a comparison, such as chat.delivery.p99<50ms")?;
        let (name, value) = (written[..at].trim(), written[at + sign.len()..].trim());
        let metric = Metric::named(name).ok_or_else(|| unknown(name))?;
        let value = if metric.is_time() { time(value) } else { value.parse().ok() };
        let value = value.ok_or_else(|| {
            let wanted = if metric.is_time() { "a time such as 50ms" } else { "a whole number" };
            format!("want {wanted} to compare {name} with")
        })?;
        Ok(Assertion { written: written.trim().to_owned(), metric, relation, value })
    }
}

/// A time with its unit, also with a fraction: `1.5ms`.
fn time(written: &str) -> Option<u64> {
    let unit = written.find(|sign: char| sign.is_ascii_alphabetic() || sign == 'µ')?;
    let (number, unit) = written.split_at(unit);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok().filter(|number| (0.0..1e9).contains(number))?;
    Some((number * scale).round() as u64)
}

fn unknown(name: &str) -> String {
    let series: Vec<&str> = Series::ALL.iter().map(|series| series.name()).collect();
    format!(
        "there is no metric {name:?}; there are {}, each with .p50 .p90 .p99 .p99.9 .max .n, and {}",
        series.join(" "),
        NAMES.join(" ")
    )
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// What became of an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// As it was written.
    pub assertion: String,
    /// Whether it held.
    pub held: bool,
    /// What was found, in words.
    pub found: String,
}

/// A percentile that has too few samples to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFew {
    /// How many there are.
    pub have: u64,
    /// How many it takes.
    pub need: u64,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too few samples to know: {} of {}", count(self.have), count(self.need))
    }
}

impl Assertion {
    /// Judges a run of these services. What was not measured, or not often enough for its percentile, does
    /// not hold.
    pub fn judge(&self, ran: &BTreeSet<&str>, rows: &[Row], seen: &Seen) -> Judgement {
        let (held, found) = if let Some(why) = self.unmeasured(ran) {
            (false, why)
        } else if let Some(few) = self.too_few(ran, rows) {
            (false, few.to_string())
        } else {
            let found = self.found(rows, seen);
            (self.relation.holds(found, self.value), self.in_words(found))
        };
        Judgement { assertion: self.written.clone(), held, found }
    }

    /// How many samples there are when it takes more of them to know what it is about; `None` when they are
    /// enough, and when its service was no part of the run.
    pub fn too_few(&self, ran: &BTreeSet<&str>, rows: &[Row]) -> Option<TooFew> {
        let Metric::Latency(series, stat) = self.metric else { return None };
        if self.unmeasured(ran).is_some() {
            return None;
        }
        let have = rows.iter().find(|row| row.name == series.name()).map_or(0, |row| row.n);
        (have < stat.needs()).then_some(TooFew { have, need: stat.needs() })
    }

    fn found(&self, rows: &[Row], seen: &Seen) -> u64 {
        let found = match self.metric {
            Metric::Count(name) => seen.count(name),
            Metric::Latency(series, stat) => {
                rows.iter().find(|row| row.name == series.name()).and_then(|row| stat.of(row))
            }
        };
        found.unwrap_or(0)
    }

    fn in_words(&self, found: u64) -> String {
        if self.metric.is_time() { format!("{} ms", milliseconds(Some(found))) } else { count(found) }
    }

    /// Why nothing can be said about it after a run of these services.
    fn unmeasured(&self, ran: &BTreeSet<&str>) -> Option<String> {
        match self.metric.service() {
            Some(service) => (!ran.contains(service)).then(|| format!("not measured: {service} did not run")),
            // What is lost is lost by chat, files and the registry; a datagram is not.
            None => ran
                .is_disjoint(&BTreeSet::from(["chat", "file", "registry"]))
                .then(|| "not measured: neither chat nor file nor registry ran".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;
    use crate::report::Chat;

    fn judged(assertion: &str) -> Judgement {
        judged_of(&["chat", "info"], assertion)
    }

    fn judged_of(ran: &[&str], assertion: &str) -> Judgement {
        let mut recorder = Recorder::default();
        (1..=100).for_each(|number| recorder.note(Series::ChatDelivery, number * 1_000_000));
        let chat = Chat { lost: 2, owed: 5, ..Chat::default() };
        let seen = Seen { chat, ..Seen::default() };
        let ran = ran.iter().copied().collect();
        assertion.parse::<Assertion>().unwrap().judge(&ran, &recorder.rows(), &seen)
    }

    #[test]
    fn what_was_found_is_compared() {
        for (assertion, held) in [
            ("chat.delivery.p50<51ms", true),
            ("chat.delivery.p50 < 50us", false),
            ("chat.delivery.max>=0.09s", true),
            ("chat.delivery.n==100", true),
            ("chat.lost==0", false),
            ("chat.lost!=0", true),
            ("lost<=2", true),
            ("chat.owed>5", false),
            ("info.unanswered=0", true),
        ] {
            assert_eq!(judged(assertion).held, held, "{assertion}");
        }
        assert_eq!(judged("chat.lost==0").found, "2");
    }

    #[test]
    fn what_is_not_known_does_not_hold() {
        for (assertion, found) in [
            ("chat.delivery.p99.9<10s", "too few samples to know: 100 of 10,000"),
            ("chat.delivery.p99<10s", "too few samples to know: 100 of 1,000"),
            ("info.query.p50<1s", "too few samples to know: 0 of 20"),
            ("info.query.p50>0ns", "too few samples to know: 0 of 20"),
            ("info.query.max<1s", "too few samples to know: 0 of 1"),
        ] {
            let judgement = judged(assertion);
            assert_eq!((judgement.held, judgement.found.as_str()), (false, found), "{assertion}");
        }
        assert!(judged("chat.delivery.p90<10s").held, "a hundred are enough for that");
        assert!(judged("info.query.n==0").held, "none is a number, too");
    }

    #[test]
    fn what_did_not_run_does_not_hold() {
        let services = ["chat", "info", "file", "registry"];
        let series = Series::ALL.iter().map(|series| format!("{}.n", series.name()));
        for name in series.chain(NAMES.iter().map(|&name| name.to_owned())) {
            let own = name.split('.').next().unwrap();
            let others: Vec<&str> = services.into_iter().filter(|service| *service != own).collect();
            let ran = if own == "lost" { &["info"][..] } else { &others };
            for assertion in [format!("{name}==0"), format!("{name}!=0")] {
                let judgement = judged_of(ran, &assertion);
                assert!(!judgement.held && judgement.found.starts_with("not measured: "), "{assertion}");
            }
        }
        assert_eq!(judged("file.corrupt==0").found, "not measured: file did not run");
        assert!(judged_of(&["file", "info"], "lost<=2").held, "something that can lose ran");
    }

    #[test]
    fn what_makes_no_sense_is_told_what_would() {
        for (wrong, words) in [
            ("", "want a comparison"),
            ("chat.lost", "want a comparison"),
            ("chat.delivery.p98<5ms", "there is no metric"),
            ("chat.gone==0", "chat.lost"),
            ("chat.delivery.p99<50", "a time such as 50ms"),
            ("chat.delivery.p99<50 parsecs", "a time such as 50ms"),
            ("chat.lost==0.5", "a whole number"),
        ] {
            let error = wrong.parse::<Assertion>().unwrap_err();
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }
}
