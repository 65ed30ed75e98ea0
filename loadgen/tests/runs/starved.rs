//! A load tester whose reading threads stand still measures itself, and must say so.

use std::future::pending;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use loadgen::audience::{Audience, View};
use loadgen::plan::Plan;
use loadgen::recorder::Series;
use loadgen::report::text;
use loadgen::run::{run_on, shards};
use tokio::runtime::Handle;

use crate::fake::{self, Fault};
use crate::trust::{at, outcome, row};

/// 400 messages of two users in two seconds.
const FLAGS: &str = "chat --clients 2 --rooms 1 --rate 200 --ramp 0s --warmup 0s --duration 2s --drain 60s \
                     --metrics-of none";
/// What the reason begins with when a reader was late.
const READERS: &str = "our reading threads were";
/// How long the fault lasts: much longer than a busy machine keeps the server from its core.
const FAULT: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stand_still_make_a_run_invalid() {
    let (chat, mut heard) = fake::chat(&[]).await;
    let options = at(chat, FLAGS);
    let plan = Plan::new(&options).unwrap();
    let shards = shards(&plan).unwrap();
    let readers: Vec<Handle> = shards.iter().map(|shard| shard.handle().clone()).collect();
    let fault = async move {
        heard.wait_for(|said| *said >= 40).await.unwrap();
        for reader in readers {
            reader.spawn(async { thread::sleep(FAULT) });
        }
    };
    let (mut audience, never) = (Audience::new(Vec::new(), View::Nothing), pin!(pending()));
    let (report, ()) = tokio::join!(run_on(shards, plan, &options, &mut audience, never), fault);
    let report = report.unwrap();
    let words = text::summary(&report);
    assert!(!report.verdict.valid && report.verdict.client_limited_only, "{words}");
    let late =
        |reason: &String| reason.contains("of the tail of chat.delivery is ours") && reason.contains(READERS);
    assert!(report.verdict.reasons.iter().any(late), "{words}");
    assert_eq!((report.seen.chat.counts.ok, report.seen.chat.lost), (400, 0), "{words}");
    assert_eq!(report.exit_code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_not_taken_for_a_reader_that_does() {
    let flags = format!("{FLAGS} --allow-client-limited");
    let report = outcome(&[Fault::Stall(40, FAULT)], &flags).await.unwrap();
    assert!(row(&report, Series::ChatRead).n > 0, "it was looked at");
    let words = text::summary(&report);
    assert!(row(&report, Series::ChatDelivery).p99_ns > Some(1_000_000_000), "{words}");
    assert!(report.verdict.reasons.iter().all(|reason| !reason.contains(READERS)), "{words}");
}
