//! Whether a run measured the server or the generator. Pure: figures in, verdict out.

use serde::Serialize;

use crate::recorder::Row;
use crate::report::text::milliseconds;
use crate::report::{Chat, Info};
use crate::strain::Strain;

/// The generator's share of its CPU past which its own queues shape what it sees.
const CPU_LIMIT: f64 = 0.85;
/// The share of the tail that may be our own lateness before it is worth a word, and before it is too much.
const LATE: (f64, f64) = (0.1, 0.5);

/// What a verdict is drawn from.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The generator's effort.
    pub strain: &'a Strain,
    /// Our own lateness.
    pub wake: &'a Row,
    /// The latency that it is part of.
    pub tail: &'a Row,
    /// What became of the messages.
    pub chat: &'a Chat,
    /// What became of the queries.
    pub info: &'a Info,
    /// How many durations were clipped.
    pub clipped: u64,
}

/// What a run says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether its latencies are the server's.
    pub valid: bool,
    /// Whether all that makes it invalid is that the generator was the limit.
    pub client_limited_only: bool,
    /// Why not, and what to do.
    pub reasons: Vec<String>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Draws the verdict.
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let (limits, gaps) = (client_limits(evidence), gaps(evidence));
        let client_limited_only = !limits.is_empty() && gaps.is_empty();
        let reasons = [limits, gaps].concat();
        Verdict { valid: reasons.is_empty(), client_limited_only, reasons, warnings: warnings(evidence) }
    }
}

impl Evidence<'_> {
    /// Nothing was sent.
    fn is_empty(&self) -> bool {
        self.chat.sent + self.info.sent == 0
    }
}

/// The ways in which the generator was the limit; without traffic it limited nothing.
fn client_limits(evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.is_empty() {
        return Vec::new();
    }
    let Strain { cpu_share, cores, busiest_shard_share, throttled } = *evidence.strain;
    let mut reasons = Vec::new();
    if cpu_share > CPU_LIMIT {
        reasons.push(format!(
            "the generator used {:.0}% of its {cores} cores; give it more of them or lower --rate",
            cpu_share * 100.0
        ));
    }
    if let Some(share) = busiest_shard_share.filter(|share| *share > CPU_LIMIT) {
        reasons.push(format!(
            "a reading thread of the generator used {:.0}% of a core; lower --rate or run several generators",
            share * 100.0
        ));
    }
    if let Some(times) = throttled.filter(|times| *times > 0) {
        reasons.push(format!("the system paused the generator {times} times; raise its CPU quota"));
    }
    if let Some(share) = own_share(evidence).filter(|share| *share > LATE.1) {
        reasons.push(format!(
            "{:.0}% of the tail is ours: we woke {} ms late at p99; keep other work off these cores or lower --rate",
            (share * 100.0).min(100.0),
            milliseconds(evidence.wake.p99_ns)
        ));
    }
    reasons
}

/// The ways in which the server was not there for all of it.
fn gaps(evidence: &Evidence<'_>) -> Vec<String> {
    let chat = evidence.chat;
    let mut reasons = Vec::new();
    if chat.dismissed > 0 {
        reasons.push(format!("the server said goodbye to {} users before the end", chat.dismissed));
    }
    if chat.unsent > 0 {
        reasons.push(format!(
            "{} operations fell due and could not be sent: their sockets were gone or refused them",
            chat.unsent
        ));
    }
    reasons
}

fn warnings(evidence: &Evidence<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if evidence.is_empty() {
        warnings.push("no message and no query was sent, so nothing is shown about them".to_owned());
    }
    if let Some(share) = own_share(evidence).filter(|share| (LATE.0..=LATE.1).contains(share)) {
        warnings.push(format!("up to {:.0}% of the tail is our own lateness", share * 100.0));
    }
    let counts = [
        ("messages were refused by the server", evidence.chat.refused),
        ("messages in our rooms came from somebody else", evidence.chat.counts.foreign),
        ("deliveries came later than the drain time after they were due", evidence.chat.counts.late),
        ("queries had no answer: dropped, rate limited, or too late", evidence.info.replies.unanswered),
        ("durations were over 60 s and count as 60 s", evidence.clipped),
    ];
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    warnings.extend(told.map(|(what, count)| format!("{count} {what}")));
    warnings
}

/// How much of the tail our own lateness may be; `None` when there is nothing to compare.
fn own_share(evidence: &Evidence<'_>) -> Option<f64> {
    let (wake, tail) = evidence.wake.p99_ns.zip(evidence.tail.p99_ns)?;
    Some(wake as f64 / tail as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Recorder, Series};

    fn row(p99: u64) -> Row {
        let mut recorder = Recorder::default();
        recorder.note(Series::Wake, p99);
        recorder.row(Series::Wake)
    }

    fn verdict(strain: &Strain, wake: u64, chat: &Chat) -> Verdict {
        let (wake, tail, info) = (row(wake), row(1_000_000), Info { sent: 1, ..Info::default() });
        Verdict::of(&Evidence { strain, wake: &wake, tail: &tail, chat, info: &info, clipped: 0 })
    }

    fn calm() -> Strain {
        Strain { cpu_share: 0.3, cores: 2, busiest_shard_share: Some(0.5), throttled: Some(0) }
    }

    #[test]
    fn a_calm_run_is_valid() {
        let verdict = verdict(&calm(), 20_000, &Chat::default());
        assert_eq!(verdict, Verdict { valid: true, ..Verdict::default() });
    }

    #[test]
    fn each_way_to_be_the_limit_is_invalid_and_says_which() {
        for (strain, wake, word) in [
            (Strain { cpu_share: 0.86, ..calm() }, 20_000, "86% of its 2 cores"),
            (Strain { busiest_shard_share: Some(0.9), ..calm() }, 20_000, "90% of a core"),
            (Strain { throttled: Some(3), ..calm() }, 20_000, "paused the generator 3 times"),
            (calm(), 600_000, "60% of the tail is ours"),
        ] {
            let verdict = verdict(&strain, wake, &Chat::default());
            assert!(!verdict.valid && verdict.client_limited_only);
            assert!(verdict.reasons[0].contains(word), "{:?}", verdict.reasons);
        }
    }

    #[test]
    fn some_lateness_is_only_a_warning() {
        let verdict = verdict(&calm(), 300_000, &Chat::default());
        assert!(verdict.valid);
        assert_eq!(verdict.warnings, ["up to 30% of the tail is our own lateness"]);
    }

    #[test]
    fn a_server_that_leaves_makes_it_invalid_whatever_is_allowed() {
        let verdict = verdict(&calm(), 600_000, &Chat { dismissed: 5, unsent: 9, ..Chat::default() });
        assert!(!verdict.valid && !verdict.client_limited_only);
        assert_eq!(verdict.reasons.len(), 3);
    }
}
