//! Chat that comes back at another address.

use std::sync::Arc;
use std::time::Duration;

use loadgen::endpoint::Endpoint;
use loadgen::plan::Plan;
use loadgen::reconcile::{Books, Ours, Reconciliation};
use loadgen::report::{Chat, Seen};
use loadgen::run::shards;
use loadgen::scenario::chat::{Crowd, Gathering, Venue};
use loadgen::target::Targets;

use crate::fake::{self, Fault};
use crate::trust::options;

/// Waits until everybody has come back; the test harness has the patience.
async fn everybody_is_back(crowd: &Crowd, users: u64) {
    while crowd.account().reconnects < users {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_looks_for_chat_where_it_is_now() {
    let (left, _) = fake::chat(&[Fault::HangUp(1), Fault::FullAtReturn, Fault::Leave(1)]).await;
    let (moved_to, _) = fake::chat(&[]).await;
    let options = options("chat --clients 2 --rooms 1 --rate 10 --reconnect --ramp 0s --warmup 0s");
    let plan = Plan::new(&options).unwrap();
    let (scene, shards) = (Arc::new(plan.scene(&options, 1)), shards(&plan).unwrap());
    let venue = Venue {
        chat: Endpoint::new(left, move |_| std::future::ready(Some(moved_to))),
        sources: Vec::new(),
        ramp: Duration::ZERO,
        payload: plan.payload_bytes.into(),
    };
    let mut gathering = Gathering::start(&scene, &venue, &shards);
    gathering.reach(2).await.unwrap();
    let mut crowd = gathering.crowd();
    assert!(crowd.say(0, 0, 0, 0), "which is the end of every connection");
    everybody_is_back(&crowd, 2).await;
    crowd.disperse(Duration::from_secs(1)).await;
    tokio::task::spawn_blocking(|| drop(shards)).await.unwrap();
}

/// The books of two messages sent: chat says `before` where it is at first, once each (it is asked until its
/// figures stand still), and `after` where its name leads later.
async fn books(before: &'static [&'static str], after: &'static [&'static str]) -> Reconciliation {
    let (left, moved_to) = (fake::passing_metrics(before).await, fake::metrics(after).await);
    let options = options(&format!("chat --chat 127.0.0.1:1 --metrics-of chat={moved_to}"));
    let mut counters = Targets::resolve(&options).await.unwrap().counters;
    counters[0].at = left;
    let seen = Seen { chat: Chat { sent: 2, ..Chat::default() }, ..Seen::default() };
    let ours = Ours { seen: &seen, drops: (0, None), other_lines: true };
    let books = Books::open(&counters, Duration::ZERO).await.unwrap();
    books.close(&ours, Duration::from_secs(1)).await
}

#[tokio::test]
async fn the_books_of_a_service_that_has_moved_are_compared_where_it_is_now() {
    let found = books(
        &["process_start_time_seconds 7\nchat_messages_received_total{kind=\"room\"} 5\n"; 2],
        &["process_start_time_seconds 7\nchat_messages_received_total{kind=\"room\"} 7\n"],
    );
    let found = found.await;
    assert_eq!(found.unasked, [""; 0]);
    assert_eq!((found.checks[0].theirs, &found.checks[0].finding), (2, &None));
}

#[tokio::test]
async fn another_process_elsewhere_is_not_compared_and_not_taken_for_the_same_one_started_anew() {
    let found = books(&["process_start_time_seconds 7\n"; 2], &["process_start_time_seconds 8\n"]).await;
    assert_eq!(found.checks.len(), 0, "{found:?}");
    let why = "now, where another process counts: a new one, or another server";
    assert!(found.unasked[0].contains(": its name leads to 127.0.0.1:"), "{found:?}");
    assert!(found.unasked[0].ends_with(why), "{found:?}");
}
