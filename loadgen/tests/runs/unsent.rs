//! What falls due and is never sent is told, whatever kept it.

use std::time::Duration;

use loadgen::report::{Report, text};

use crate::fake::Fault;
use crate::trust::outcome;

/// A hundred messages of two users, several times as much as their sockets hold.
const MUCH: &str = "chat --clients 2 --rooms 1 --rate 200 --payload 3800 --ramp 0s --warmup 0s --duration 500ms \
                    --drain 100ms --metrics-of none --allow-client-limited";

fn left_most_unsaid(report: &Report) {
    let (chat, words) = (&report.seen.chat, text::summary(report));
    assert_eq!(chat.sent + chat.unsaid, 100, "{words}");
    assert!(chat.unsaid > 20, "{words}");
    assert_eq!(chat.unsent, chat.unsaid);
    assert!(!report.verdict.valid && !report.verdict.client_limited_only, "{words}");
    assert!(words.contains(&format!("never sent {}", chat.unsaid)), "{words}");
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_server_that_never_reads_again_is_unsent() {
    let faults = [Fault::Stall(2, Duration::from_secs(3600))];
    left_most_unsaid(&outcome(&faults, MUCH).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_closed_loop_never_came_to_is_unsent() {
    let faults = [Fault::Stall(2, Duration::from_secs(3600))];
    left_most_unsaid(&outcome(&faults, &format!("{MUCH} --closed")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_server_that_never_comes_back_is_unsent() {
    let flags = format!("{MUCH} --reconnect");
    let report = outcome(&[Fault::HangUp(2), Fault::FullAtReturn], &flags).await.unwrap();
    left_most_unsaid(&report);
    assert_eq!((report.seen.chat.reconnects, report.seen.chat.unreturned), (0, 2));
    let words = text::summary(&report);
    assert!(words.contains("note: 2 connections broke and were not made again by the end"), "{words}");
    assert!(!words.contains("broke and were made again"), "{words}");
}
