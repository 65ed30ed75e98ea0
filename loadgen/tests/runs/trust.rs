//! Can the load tester be believed? Each fault of a server that misbehaves on purpose is reported exactly.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use loadgen::cli::Options;
use loadgen::failure::Failure;
use loadgen::ledger::Counts;
use loadgen::progress::Progress;
use loadgen::recorder::{Row, Series};
use loadgen::report::{Report, text};
use loadgen::run::run;

use crate::fake::{self, Fault};

/// Twenty messages of four users in one room, each owed to three; whether this machine has the time to be
/// a fair generator is not what is tested.
const SMALL: &str = "--clients 4 --rooms 1 --rate 100 --info-rate 0 --ramp 0s --warmup 0s --duration 200ms \
                     --drain 300ms --allow-client-limited";

fn options(chat: SocketAddr, flags: &str) -> Options {
    let chat = chat.to_string();
    Options::parse_from(["loadgen", "--chat", &chat].into_iter().chain(flags.split_whitespace()))
}

async fn outcome(faults: &[Fault], flags: &str) -> Result<Report, Failure> {
    let (chat, _) = fake::chat(faults).await;
    run(&options(chat, flags), Progress::<Vec<u8>>::to(None), pending()).await
}

async fn report(faults: &[Fault]) -> Report {
    outcome(faults, SMALL).await.unwrap()
}

fn row(report: &Report, series: Series) -> &Row {
    &report.rows[series as usize]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_server_holds() {
    let report = report(&[]).await;
    let chat = &report.chat;
    assert_eq!((chat.sent, chat.acked, chat.owed, chat.lost), (20, 20, 60, 0));
    assert_eq!(chat.counts, Counts { ok: 60, ..Counts::default() });
    assert_eq!(report.exit_code, 0, "{}", text::summary(&report));
    for (series, n) in
        [(Series::Delivery, 60), (Series::Service, 60), (Series::FanOut, 20), (Series::Ack, 20)]
    {
        assert_eq!(row(&report, series).n, n, "{}", series.name());
    }
    assert_eq!(row(&report, Series::Join).n, 4);
    assert_eq!(row(&report, Series::Wake).n, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_sent_nothing_claims_nothing() {
    let silent = SMALL.replace("--rate 100", "--rate 0");
    let report = outcome(&[], &silent).await.unwrap();
    assert_eq!((report.chat.sent, report.info.sent, row(&report, Series::Join).n), (0, 0, 4));
    assert_eq!(report.exit_code, 0);
    let words = text::summary(&report);
    assert!(words.starts_with("NOTHING SENT: "), "{words}");
    assert!(
        words.contains("note: no message and no query was sent, so nothing is shown about them"),
        "{words}"
    );
    assert!(words.ends_with("the ledger is empty; exit 0\n"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_a_doubled_and_two_swapped_are_reported_exactly_so() {
    let report = report(&[Fault::SwapWithNext(3), Fault::Drop(7), Fault::Double(9)]).await;
    // Two people said 3 and 4, so two of the four heard both.
    let wanted = Counts { ok: 57, doubled: 3, out_of_order: 2, ..Counts::default() };
    assert_eq!((report.chat.lost, report.chat.counts), (3, wanted));
    assert_eq!(report.exit_code, 4);
    let words = text::summary(&report);
    assert!(words.contains("the ledger BROKEN: lost 3, doubled 3, out of order 2; exit 4"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_is_corrupt_and_lost() {
    let report = report(&[Fault::Corrupt(5)]).await;
    assert_eq!((report.chat.counts.corrupt, report.chat.lost), (3, 3));
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_owed_is_misrouted() {
    let report = report(&[Fault::Echo(5)]).await;
    let wanted = Counts { ok: 60, misrouted: 1, ..Counts::default() };
    assert_eq!((report.chat.counts, report.exit_code), (wanted, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_in_the_room_breaks_nothing() {
    let report = report(&[Fault::Stranger(5)]).await;
    let wanted = Counts { ok: 60, foreign: 4, ..Counts::default() };
    assert_eq!((report.chat.counts, report.exit_code), (wanted, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_owed_to_nobody() {
    let report = report(&[Fault::Refuse(5)]).await;
    let chat = &report.chat;
    assert_eq!((chat.sent, chat.acked, chat.refused, chat.owed, chat.lost), (20, 19, 1, 57, 0));
    assert_eq!(chat.errors.get("no_space"), Some(&1));
    assert_eq!(report.exit_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_a_loss() {
    let report = report(&[Fault::HangUp(10)]).await;
    let chat = &report.chat;
    assert_eq!(chat.broken.values().sum::<u64>(), 4);
    assert_eq!(chat.owed, chat.counts.ok + chat.lost);
    assert_eq!(chat.sent + chat.unsent, 20);
    assert!(!report.verdict.valid);
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_goodbye_nothing_is_owed_and_the_run_does_not_count() {
    let report = report(&[Fault::Goodbye(10)]).await;
    let chat = &report.chat;
    assert_eq!((chat.dismissed, chat.lost), (4, 0));
    assert_eq!(chat.owed, chat.counts.ok + chat.excused);
    assert_eq!(report.exit_code, 5, "{}", text::summary(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_in_is_no_run() {
    let failure = outcome(&[Fault::Full], SMALL).await.unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("too_many_connections"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_shows_in_the_response_and_not_in_the_service() {
    let stall = Duration::from_millis(500);
    let flags = "--clients 2 --rooms 1 --rate 400 --payload 3800 --info-rate 0 --ramp 0s --warmup 0s \
                 --duration 600ms --allow-client-limited";
    let report = outcome(&[Fault::Stall(10, stall)], flags).await.unwrap();
    assert_eq!(report.exit_code, 0, "{}", text::summary(&report));
    let (response, service) = (row(&report, Series::Delivery), row(&report, Series::Service));
    assert!(response.p50_ns > service.p50_ns.map(|nanos| nanos * 2), "{response:?} {service:?}");
    assert!(row(&report, Series::Socket).n > 0, "the socket refused for most of the stall");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_reports_what_it_saw() {
    let (chat, mut heard) = fake::chat(&[]).await;
    let interrupt = async move {
        heard.wait_for(|said| *said >= 10).await.unwrap();
    };
    let flags = SMALL.replace("200ms", "1h");
    let report = run(&options(chat, &flags), Progress::<Vec<u8>>::to(None), interrupt).await.unwrap();
    assert!(report.interrupted && report.chat.sent >= 10);
    assert_eq!((report.chat.lost, report.chat.counts.ok), (0, report.chat.owed));
    assert_eq!(report.exit_code, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_accounted_for() {
    let (chat, _) = fake::chat(&[]).await;
    let times = |number| match number {
        3 => 0,
        5 => 2,
        _ => 1,
    };
    let info = fake::info(times).await.to_string();
    let flags = format!("{} --info {info} --rate 0", SMALL.replace("--info-rate 0", "--info-rate 100"));
    let flags = flags.replace("--rate 100 ", "");
    let report = run(&options(chat, &flags), Progress::<Vec<u8>>::to(None), pending()).await.unwrap();
    let replies = report.info.replies;
    assert_eq!((report.info.sent, replies.ok, replies.unanswered), (20, 19, 1));
    assert_eq!((replies.doubled, replies.late, replies.foreign), (1, 0, 0));
    assert_eq!(row(&report, Series::Query).n, 19);
    assert_eq!(report.exit_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_a_second_is_told_while_it_runs() {
    let (chat, _) = fake::chat(&[]).await;
    let mut told = Vec::new();
    run(&options(chat, SMALL), Progress::to(Some(&mut told)), pending()).await.unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().last().unwrap().contains("drain    sent 20  delivered 60 of 60"), "{told}");
}
