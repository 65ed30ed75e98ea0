//! Whether a run measured the server or the generator. Pure: figures in, verdict out.

use serde::{Deserialize, Serialize};

use super::lateness::lateness;
use crate::recorder::Row;
use crate::report::Seen;
use crate::strain::Strain;

/// The generator's share of its CPU past which its own queues shape what it sees.
pub const CPU_LIMIT: f64 = 0.85;

/// What a verdict is drawn from.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The generator's effort.
    pub strain: &'a Strain,
    /// The latencies, our own lateness among them.
    pub rows: &'a [Row],
    /// What became of everything.
    pub seen: &'a Seen,
    /// How many durations were clipped.
    pub clipped: u64,
}

/// What a run says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// The ways in which the generator was the limit; without traffic it limited nothing.
fn client_limits(evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.seen.is_nothing() {
        return Vec::new();
    }
    let Strain { cpu_share, cores, busiest_shard_share, throttled, .. } = *evidence.strain;
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
    reasons.extend(lateness(evidence.rows).flat_map(|late| late.reasons()));
    reasons
}

/// The ways in which the server was not there for all of it.
fn gaps(evidence: &Evidence<'_>) -> Vec<String> {
    let chat = &evidence.seen.chat;
    let mut reasons = Vec::new();
    if chat.dismissed > 0 {
        reasons.push(format!("the server said goodbye to {} users before the end", chat.dismissed));
    }
    if chat.unsent > 0 {
        reasons.push(format!(
            "{} fell due and could not be sent: their sockets were gone or took nothing, or a closed loop had \
             no answer",
            chat.unsent
        ));
    }
    reasons
}

fn warnings(evidence: &Evidence<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if evidence.seen.is_nothing() {
        warnings.push("no message and no query was sent, so nothing is shown about them".to_owned());
    }
    warnings.extend(lateness(evidence.rows).filter_map(|late| late.warning()));
    let Seen { chat, info, file, registry } = evidence.seen;
    let counts = [
        ("messages were refused by the server", chat.refused),
        ("messages in our rooms came from somebody else", chat.counts.foreign),
        ("deliveries came later than the drain time after they were due", chat.counts.late),
        ("connections broke and were made again", chat.reconnects),
        ("connections broke and were not made again by the end", chat.unreturned),
        ("slow readers were closed by the server", chat.slow_closed),
        ("queries had no answer: dropped, rate limited, or too late", info.replies.unanswered),
        ("transfers were refused", file.refused.values().sum()),
        ("guests were refused", registry.refused),
        ("times a watcher was sent everything anew", registry.resyncs),
        ("durations were over 60 s and count as 60 s", evidence.clipped),
    ];
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    warnings.extend(told.map(|(what, count)| format!("{count} {what}")));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Recorder, Series};
    use crate::report::{Chat, Info};

    fn verdict(strain: &Strain, wake: u64, chat: Chat) -> Verdict {
        verdict_on(strain, &[(Series::ChatWake, wake), (Series::ChatDelivery, 1_000_000)], chat)
    }

    /// Of a run long enough for each 99th percentile.
    fn verdict_on(strain: &Strain, noted: &[(Series, u64)], chat: Chat) -> Verdict {
        let often: Vec<_> = noted.iter().map(|&(series, nanos)| (series, nanos, 1_000)).collect();
        verdict_of(strain, &often, chat)
    }

    /// Of a run in which each duration was noted so often.
    fn verdict_of(strain: &Strain, noted: &[(Series, u64, u64)], chat: Chat) -> Verdict {
        let mut recorder = Recorder::default();
        for &(series, nanos, times) in noted {
            (0..times).for_each(|_| recorder.note(series, nanos));
        }
        let seen = Seen { chat, info: Info { sent: 1, ..Info::default() }, ..Seen::default() };
        Verdict::of(&Evidence { strain, rows: &recorder.rows(), seen: &seen, clipped: 0 })
    }

    fn calm() -> Strain {
        Strain {
            cpu_share: 0.3,
            cores: 2,
            busiest_shard_share: Some(0.5),
            throttled: Some(0),
            ..Strain::default()
        }
    }

    #[test]
    fn a_calm_run_is_valid() {
        let verdict = verdict(&calm(), 20_000, Chat::default());
        assert_eq!(verdict, Verdict { valid: true, ..Verdict::default() });
    }

    #[test]
    fn each_way_to_be_the_limit_is_invalid_and_says_which() {
        for (strain, wake, word) in [
            (Strain { cpu_share: 0.86, ..calm() }, 20_000, "86% of its 2 cores"),
            (Strain { busiest_shard_share: Some(0.9), ..calm() }, 20_000, "90% of a core"),
            (Strain { throttled: Some(3), ..calm() }, 20_000, "paused the generator 3 times"),
            (calm(), 600_000, "60% of the tail of chat.delivery is ours"),
        ] {
            let verdict = verdict(&strain, wake, Chat::default());
            assert!(!verdict.valid && verdict.client_limited_only);
            assert!(verdict.reasons[0].contains(word), "{:?}", verdict.reasons);
        }
    }

    #[test]
    fn some_lateness_is_only_a_warning() {
        let verdict = verdict(&calm(), 300_000, Chat::default());
        assert!(verdict.valid);
        assert_eq!(verdict.warnings, ["up to 30% of the tail of chat.delivery is our late waking"]);
    }

    #[test]
    fn readers_that_are_late_are_held_against_the_same_tail() {
        let of = |read| {
            let noted = [(Series::ChatRead, read), (Series::ChatDelivery, 1_000_000)];
            verdict_on(&calm(), &noted, Chat::default())
        };
        assert_eq!(of(20_000), Verdict { valid: true, ..Verdict::default() });
        let late = of(300_000);
        assert!(late.valid);
        assert_eq!(late.warnings, ["up to 30% of the tail of chat.delivery is our late reading"]);
        let late = of(600_000);
        assert!(!late.valid && late.client_limited_only);
        let wanted =
            "60% of the tail of chat.delivery is ours: our reading threads were 0.600 ms late at p99; ";
        assert!(late.reasons[0].starts_with(wanted), "{:?}", late.reasons);
    }

    #[test]
    fn a_single_stall_of_a_short_run_is_a_note() {
        let beats = |late, times| {
            let noted = [
                (Series::ChatDelivery, 1_000_000, 2_000),
                (Series::ChatRead, 20_000, 300 - times),
                (Series::ChatRead, late, times),
            ];
            verdict_of(&calm(), &noted, Chat::default())
        };
        let stalled = beats(900_000, 9);
        assert!(stalled.valid, "{stalled:?}");
        let wanted =
            "up to 90% of the tail of chat.delivery is our late reading; 300 samples are too few to be sure";
        assert_eq!(stalled.warnings, [wanted]);
        assert!(!beats(900_000, 60).valid, "a tenth of 300 beats is known");
    }

    #[test]
    fn too_few_deliveries_are_as_good_as_too_few_beats() {
        let noted = [(Series::ChatDelivery, 1_000_000, 10), (Series::ChatRead, 900_000, 2_000)];
        let verdict = verdict_of(&calm(), &noted, Chat::default());
        assert!(
            verdict.valid && verdict.warnings[0].ends_with("10 samples are too few to be sure"),
            "{verdict:?}"
        );
    }

    #[test]
    fn lateness_at_both_ends_is_added_up() {
        let both = |wake, read| {
            let noted =
                [(Series::ChatDelivery, 1_000_000), (Series::ChatWake, wake), (Series::ChatRead, read)];
            verdict_on(&calm(), &noted, Chat::default())
        };
        assert_eq!(both(40_000, 40_000).warnings, [""; 0]);
        let told = both(60_000, 70_000).warnings;
        assert_eq!(
            told,
            ["up to 13% of the tail of chat.delivery is ours: 6% late waking and 7% late reading"]
        );
        let doubtful = both(400_000, 450_000);
        assert!(doubtful.valid && doubtful.warnings[0].starts_with("up to 85% of the tail"), "{doubtful:?}");
        let doubt = "; nobody knows whether the same operations met both";
        assert!(doubtful.warnings[0].ends_with(doubt), "{doubtful:?}");
        let odd = [
            (Series::ChatDelivery, 1_000_000, 10),
            (Series::ChatRead, 7_000_000, 10),
            (Series::ChatWake, 50_000, 10),
        ];
        let most = &verdict_of(&calm(), &odd, Chat::default()).warnings[0];
        assert!(
            most.starts_with("up to 100% of the tail of chat.delivery is ours: 5% late waking and 100%"),
            "{most}"
        );
        let late = both(600_000, 200_000);
        assert_eq!(late.warnings, ["up to 20% of the tail of chat.delivery is our late reading"]);
        assert!(!late.valid);
    }

    #[test]
    fn lateness_shows_also_where_nothing_was_seen() {
        let of = |series, nanos| verdict_on(&calm(), &[(series, nanos)], Chat::default());
        assert_eq!(of(Series::InfoRead, 90_000_000), Verdict { valid: true, ..Verdict::default() });
        let noted = of(Series::InfoRead, 200_000_000).warnings;
        assert_eq!(noted, ["there is no info.query, and our reading threads were 200 ms late at p99"]);
        let blind = of(Series::ChatRead, 3_000_000_000);
        assert!(!blind.valid && blind.client_limited_only);
        let wanted = "there is no chat.delivery, and our reading threads were 3,001 ms late at p99; ";
        assert!(blind.reasons[0].starts_with(wanted), "{:?}", blind.reasons);
        assert!(!of(Series::ChatWake, 3_000_000_000).valid);
    }

    #[test]
    fn a_server_that_leaves_makes_it_invalid_whatever_is_allowed() {
        let verdict = verdict(&calm(), 600_000, Chat { dismissed: 5, unsent: 9, ..Chat::default() });
        assert!(!verdict.valid && !verdict.client_limited_only);
        assert_eq!(verdict.reasons.len(), 3);
    }
}
