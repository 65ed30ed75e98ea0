//! A run second by second.

use serde::{Deserialize, Serialize};

use crate::recorder::{Row, Series};

/// The state of a run after a second. Counts are since traffic began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since traffic began.
    pub at: u64,
    /// What the run is at: `warm-up`, `steady`, `drain`.
    pub phase: String,
    /// Messages sent.
    pub messages: u64,
    /// Deliveries owed for them.
    pub owed: u64,
    /// Deliveries that have come.
    pub arrived: u64,
    /// What came and was wrong: deliveries that were doubled, out of order, corrupt or misrouted, files that were
    /// lost or corrupt, entries that a watcher saw twice or out of order.
    #[serde(default)]
    pub wrong: u64,
    /// Messages that wait for their socket.
    pub waiting: u64,
    /// Queries sent.
    pub queries: u64,
    /// Queries that have no answer yet.
    pub unanswered: u64,
    /// Files that went both ways.
    pub files: u64,
    /// People whom a watcher of the registry has seen enter.
    pub entries: u64,
    /// Connections that have ended.
    pub ended: u64,
    /// The generator's CPU time in this second as a share of what its cores offered.
    pub cpu_share: f64,
    /// The CPU that each service used lately, as a share of one core, where it can be known.
    pub service_cpu: Vec<(String, f64)>,
    /// What was recorded in this second.
    pub rows: Vec<Row>,
}

impl Second {
    /// The figures of a series in this second, when it has any.
    pub fn row(&self, series: Series) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == series.name())
    }
}

/// The second that ends at about this time, in nanoseconds since traffic began: a clock that wakes us tells the
/// time a little off. What comes behind the last one belongs to the next, for each is told once.
pub fn second(now: u64, last: Option<&Second>) -> u64 {
    let nearest = (now + 500_000_000) / 1_000_000_000;
    nearest.max(last.map_or(1, |last| last.at + 1))
}

/// The columns of the table that are counts, or nearly.
const COUNTS: &str =
    "second,phase,messages,owed,delivered,waiting,queries,unanswered,files,entries,ended,cpu_share";
/// The series that have columns there. Programs may know these by their places, so a new one comes last.
const TOLD: [Series; 13] = [
    Series::ChatDelivery,
    Series::ChatService,
    Series::ChatWake,
    Series::InfoQuery,
    Series::InfoWake,
    Series::FileUpload,
    Series::RegistrySeen,
    Series::ChatRead,
    Series::InfoRead,
    Series::FileWake,
    Series::FileRead,
    Series::RegistryWake,
    Series::RegistryRead,
];

/// The seconds as a table for other programs: one row each, durations in milliseconds.
pub fn csv(seconds: &[Second]) -> String {
    let of = |series: Series| ["n", "p50", "p99", "max"].map(|stat| format!(",{}.{stat}", series.name()));
    let head = COUNTS.to_owned() + &TOLD.into_iter().flat_map(of).collect::<String>();
    let rows = seconds.iter().map(|second| {
        let figures: String = TOLD.into_iter().map(|series| columns(second.row(series))).collect();
        counts(second) + &figures
    });
    std::iter::once(head).chain(rows).map(|line| line + "\n").collect()
}

fn counts(second: &Second) -> String {
    let Second { at, phase, messages, owed, arrived, waiting, queries, unanswered, .. } = second;
    let Second { files, entries, ended, cpu_share, .. } = second;
    format!(
        "{at},{phase},{messages},{owed},{arrived},{waiting},{queries},{unanswered},{files},{entries},{ended},\
         {cpu_share:.4}"
    )
}

fn columns(row: Option<&Row>) -> String {
    let Some(row) = row else { return ",0,,,".into() };
    let ms = |nanos: Option<u64>| nanos.map_or(String::new(), |nanos| format!("{:.3}", nanos as f64 / 1e6));
    format!(",{},{},{},{}", row.n, ms(row.p50_ns), ms(row.p99_ns), ms(row.max_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;

    #[test]
    fn each_second_is_told_once() {
        let at = |at| Second { at, ..Second::default() };
        assert_eq!(second(990_000_000, None), 1);
        assert_eq!(second(3_000, None), 1, "a run that ends within its first second has one");
        assert_eq!([1_985_000_000, 2_015_000_000].map(|now| second(now, Some(&at(1)))), [2, 2]);
        assert_eq!(second(33_020_000_000, Some(&at(33))), 34, "the drain is behind the last");
        assert_eq!(second(37_900_000_000, Some(&at(33))), 38);
    }

    #[test]
    fn every_row_of_the_table_is_as_wide_as_its_head() {
        let mut recorder = Recorder::default();
        recorder.note(Series::ChatDelivery, 1_500_000);
        let first = Second { at: 1, phase: "steady".into(), rows: recorder.rows(), ..Second::default() };
        let table = csv(&[first, Second::default()]);
        let widths: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(widths, [64, 64, 64]);
        assert!(table.lines().nth(1).unwrap().contains(",1,1.500,1.500,1.500,"), "{table}");
    }

    #[test]
    fn each_series_of_our_own_lateness_has_columns() {
        let table = csv(&[]);
        let is_ours = |name: &&str| [".wake", ".read"].iter().any(|end| name.ends_with(end));
        for name in Series::ALL.iter().map(|series| series.name()).filter(is_ours) {
            assert!(table.contains(&format!(",{name}.p99,")), "{name}: {table}");
        }
    }
}
