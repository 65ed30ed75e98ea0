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

/// The seconds as a table for other programs: one row each, durations in milliseconds.
pub fn csv(seconds: &[Second]) -> String {
    let shown = [
        Series::ChatDelivery,
        Series::ChatService,
        Series::ChatWake,
        Series::InfoQuery,
        Series::InfoWake,
        Series::FileUpload,
        Series::RegistrySeen,
    ];
    let mut text = String::from(
        "second,phase,messages,owed,delivered,waiting,queries,unanswered,files,entries,ended,cpu_share",
    );
    for series in shown {
        for stat in ["n", "p50", "p99", "max"] {
            text += &format!(",{}.{stat}", series.name());
        }
    }
    text.push('\n');
    for second in seconds {
        let Second { at, phase, messages, owed, arrived, waiting, queries, unanswered, .. } = second;
        text += &format!("{at},{phase},{messages},{owed},{arrived},{waiting},{queries},{unanswered}");
        text += &format!(",{},{},{},{:.4}", second.files, second.entries, second.ended, second.cpu_share);
        for series in shown {
            text += &columns(second.row(series));
        }
        text.push('\n');
    }
    text
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
    fn every_row_of_the_table_is_as_wide_as_its_head() {
        let mut recorder = Recorder::default();
        recorder.note(Series::ChatDelivery, 1_500_000);
        let first = Second { at: 1, phase: "steady".into(), rows: recorder.rows(), ..Second::default() };
        let table = csv(&[first, Second::default()]);
        let widths: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(widths, [40, 40, 40]);
        assert!(table.lines().nth(1).unwrap().contains(",1,1.500,1.500,1.500,"), "{table}");
    }
}
