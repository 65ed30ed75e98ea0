//! Can the load tester be believed? Each fault of a server that misbehaves on purpose is reported exactly.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use clap::Parser;
use loadgen::audience::{Audience, View};
use loadgen::cli::{Cli, Options, Task};
use loadgen::failure::Failure;
use loadgen::ledger::Counts;
use loadgen::recorder::{Recorder, Row, Series};
use loadgen::report::{Report, text};
use loadgen::run::run;

use crate::fake::{self, Fault};

/// Twenty messages of four users in one room, each owed to three; whether this machine has the time to be
/// a fair generator is not what is tested.
const SMALL: &str = "chat --clients 4 --rooms 1 --rate 100 --ramp 0s --warmup 0s --duration 200ms --drain 5s \
                     --metrics-of none --allow-client-limited";

pub(crate) fn options(flags: &str) -> Options {
    let cli = Cli::parse_from(std::iter::once("loadgen").chain(flags.split_whitespace()));
    let Task::Run(options) = cli.task() else { panic!("{flags} is no run") };
    *options
}

pub(crate) fn at(chat: SocketAddr, flags: &str) -> Options {
    options(&format!("{flags} --chat {chat}"))
}

pub(crate) async fn outcome_of(
    options: &Options,
    interrupt: impl Future<Output = ()>,
) -> Result<Report, Failure> {
    run(options, &mut Audience::new(Vec::new(), View::Nothing), pin!(interrupt)).await
}

pub(crate) async fn outcome(faults: &[Fault], flags: &str) -> Result<Report, Failure> {
    let (chat, _) = fake::chat(faults).await;
    outcome_of(&at(chat, flags), pending()).await
}

async fn report(faults: &[Fault]) -> Report {
    outcome(faults, SMALL).await.unwrap()
}

/// The figures of a series; of none when nothing was recorded.
pub(crate) fn row(report: &Report, series: Series) -> Row {
    let found = report.rows.iter().find(|row| row.name == series.name());
    found.cloned().unwrap_or_else(|| Recorder::default().row(series))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_server_holds() {
    let report = report(&[]).await;
    let chat = &report.seen.chat;
    assert_eq!((chat.sent, chat.acked, chat.owed, chat.lost), (20, 20, 60, 0));
    assert_eq!(chat.counts, Counts { ok: 60, ..Counts::default() });
    assert_eq!(report.exit_code, 0, "{}", text::summary(&report));
    for (series, n) in [
        (Series::ChatDelivery, 60),
        (Series::ChatService, 60),
        (Series::ChatFanOut, 20),
        (Series::ChatAck, 20),
    ] {
        assert_eq!(row(&report, series).n, n, "{}", series.name());
    }
    assert_eq!(row(&report, Series::ChatJoin).n, 4);
    assert_eq!((row(&report, Series::ChatWake).n, row(&report, Series::ChatSocket).n), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_sent_nothing_claims_nothing() {
    let silent = SMALL.replace("--rate 100", "--rate 0");
    let began = Instant::now();
    let report = outcome(&[], &silent).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200), "they stay as long as if they talked");
    assert_eq!((report.seen.chat.sent, report.seen.info.sent, row(&report, Series::ChatJoin).n), (0, 0, 4));
    assert_eq!(report.exit_code, 0);
    let words = text::summary(&report);
    assert!(words.starts_with("VALID: "), "{words}");
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
    assert_eq!((report.seen.chat.lost, report.seen.chat.counts), (3, wanted));
    assert_eq!(report.exit_code, 4);
    let words = text::summary(&report);
    assert!(words.contains("the ledger BROKEN: lost 3, doubled 3, out of order 2; exit 4"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_is_corrupt_and_lost() {
    let report = report(&[Fault::Corrupt(5)]).await;
    assert_eq!((report.seen.chat.counts.corrupt, report.seen.chat.lost), (3, 3));
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_owed_is_misrouted() {
    let report = report(&[Fault::Echo(5)]).await;
    let wanted = Counts { ok: 60, misrouted: 1, ..Counts::default() };
    assert_eq!((report.seen.chat.counts, report.exit_code), (wanted, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_in_the_room_breaks_nothing() {
    let report = report(&[Fault::Stranger(5)]).await;
    let wanted = Counts { ok: 60, foreign: 4, ..Counts::default() };
    assert_eq!((report.seen.chat.counts, report.exit_code), (wanted, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_owed_to_nobody() {
    let report = report(&[Fault::Refuse(5)]).await;
    let chat = &report.seen.chat;
    assert_eq!((chat.sent, chat.acked, chat.refused, chat.owed, chat.lost), (20, 19, 1, 57, 0));
    assert_eq!(chat.errors.get("no_space"), Some(&1));
    assert_eq!(report.exit_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_a_loss() {
    let report = report(&[Fault::HangUp(10)]).await;
    let chat = &report.seen.chat;
    assert_eq!(chat.broken.values().sum::<u64>(), 4);
    assert_eq!(chat.owed, chat.counts.ok + chat.lost);
    assert_eq!(chat.sent + chat.unsent, 20);
    assert!(!report.verdict.valid);
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_goodbye_nothing_is_owed_and_the_run_does_not_count() {
    let report = report(&[Fault::Goodbye(10)]).await;
    let chat = &report.seen.chat;
    assert_eq!((chat.dismissed, chat.lost), (4, 0));
    assert_eq!(chat.owed, chat.counts.ok + chat.forgone);
    assert_eq!(report.exit_code, 5, "{}", text::summary(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_in_is_no_run() {
    let failure = outcome(&[Fault::Full], SMALL).await.unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("too_many_connections"), "{failure}");
}

/// Two people speak for four seconds; at the 200th of 1,600 messages the server reads nothing for two.
async fn stalled(more: &str) -> Report {
    let flags = format!(
        "chat --clients 2 --rooms 1 --rate 400 --payload 3800 --ramp 0s --warmup 0s --duration 4s --drain 10s \
         --metrics-of none --allow-client-limited {more}"
    );
    outcome(&[Fault::Stall(200, Duration::from_secs(2))], &flags).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_seconds_of_stall_are_two_seconds_in_the_response_and_hidden_from_the_service_time() {
    let report = stalled("").await;
    assert_eq!(report.exit_code, 0, "{}", text::summary(&report));
    let (response, service) = (row(&report, Series::ChatDelivery), row(&report, Series::ChatService));
    // A machine that others load adds to the two seconds, and takes nothing from them.
    let (low, high) = (1_800_000_000, 6_000_000_000);
    assert!((Some(low)..Some(high)).contains(&response.p99_ns), "{response:?}");
    // What the socket took before it was full waited in it for as long; nothing sent later did.
    assert!(service.p50_ns < Some(low / 4), "{service:?}");
    assert!(response.p50_ns > service.p50_ns.map(|nanos| nanos * 2), "{response:?} {service:?}");
    let socket = row(&report, Series::ChatSocket);
    assert!(socket.p99_ns > Some(low / 2), "the socket refused for most of the stall: {socket:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_hides_the_same_stall() {
    let report = stalled("--closed").await;
    assert_eq!(report.exit_code, 0, "{}", text::summary(&report));
    let response = row(&report, Series::ChatDelivery);
    assert_eq!(response.n, 1600);
    assert!(response.p99_ns < Some(200_000_000), "only those two felt it that were under way: {response:?}");
    assert!(response.max_ns > Some(1_000_000_000), "{response:?}");
    assert!(report.plan.line().contains("CLOSED LOOP"), "and it says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_can_not_keep_up_is_invalid() {
    let info = fake::info(|_| 1).await;
    let flags = format!(
        "info --rate 5000000 --warmup 0s --duration 100ms --drain 1s --metrics-of none --info {info}"
    );
    let report = outcome_of(&options(&flags), pending()).await.unwrap();
    assert_eq!(report.exit_code, 5, "{}", text::summary(&report));
    assert!(!report.verdict.valid && report.verdict.client_limited_only);
    let words = text::summary(&report);
    assert!(words.starts_with("INVALID: "), "{words}");
    assert!(words.contains("of the tail of info.query is ours: we woke "), "{words}");
}

/// Of 20 messages each was acked and each of its 60 deliveries came once, and the four connections came back.
fn all_came_back_and_missed_nothing(report: &Report) {
    let chat = &report.seen.chat;
    assert_eq!(
        (chat.sent, chat.acked, chat.lost, chat.counts.ok),
        (20, 20, 0, 60),
        "{}",
        text::summary(report)
    );
    assert_eq!((chat.reconnects, chat.counts.doubled, report.exit_code), (4, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_misses_nothing_and_says_what_was_not_acked_again() {
    let flags = format!("{SMALL} --reconnect");
    let report = outcome(&[Fault::HangUp(10)], &flags).await.unwrap();
    all_came_back_and_missed_nothing(&report);
    assert_eq!(row(&report, Series::ChatReconnect).n, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_sent_away_while_it_comes_back_asks_only_for_what_it_has_not_heard() {
    let flags = format!("{SMALL} --reconnect");
    let faults = [Fault::Drop(10), Fault::HangUp(10), Fault::GoodbyeAtReturn];
    let report = outcome(&faults, &flags).await.unwrap();
    let chat = &report.seen.chat;
    assert_eq!(
        (chat.sent, chat.acked, chat.lost, chat.counts),
        (20, 20, 0, Counts { ok: 60, ..Counts::default() }),
        "{}",
        text::summary(&report)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_says_again_what_a_broken_connection_left_without_an_ack() {
    let flags = format!("{SMALL} --closed --reconnect");
    let report = outcome(&[Fault::HangUpUnacked(10)], &flags).await.unwrap();
    all_came_back_and_missed_nothing(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_and_comes_back_is_excused_what_was_in_flight_and_owed_the_rest() {
    let flags = "chat --clients 10 --rooms 1 --idle 50% --churn 60000%/min --rate 200 --ramp 0s --warmup 0s \
                 --duration 500ms --drain 5s --metrics-of none --allow-client-limited";
    let report = outcome(&[], flags).await.unwrap();
    let chat = &report.seen.chat;
    assert_eq!((chat.sent, chat.acked, chat.lost), (100, 100, 0), "{}", text::summary(&report));
    assert_eq!(chat.owed, 900);
    assert_eq!(chat.owed, chat.counts.ok + chat.excused);
    assert!(row(&report, Series::ChatJoin).n > 10, "they came back");
    assert_eq!(report.exit_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_are_load_and_owed_nothing() {
    let flags = SMALL.replace("--clients 4", "--clients 5 --slow-readers 20%");
    let report = outcome(&[], &flags).await.unwrap();
    let chat = &report.seen.chat;
    assert_eq!((chat.sent, chat.owed, chat.counts.ok, chat.lost), (20, 60, 60, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_fails_is_exit_3_and_is_told() {
    let flags = format!("{SMALL} --assert chat.delivery.p99<1us --assert chat.lost==0");
    let report = outcome(&[], &flags).await.unwrap();
    assert_eq!(report.exit_code, 3, "{}", text::summary(&report));
    let words = text::summary(&report);
    assert!(words.contains("assert   FAILED: chat.delivery.p99<1us (found "), "{words}");
    assert!(words.contains("assert   held: chat.lost==0 (found 0)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asserted_of_what_did_not_run_fails() {
    let flags = format!("{SMALL} --assert info.unanswered==0 --assert file.corrupt==0 --assert chat.lost==0");
    let report = outcome(&[], &flags).await.unwrap();
    let words = text::summary(&report);
    assert_eq!(report.exit_code, 3, "{words}");
    assert!(words.contains("FAILED: info.unanswered==0 (found not measured: info did not run)"), "{words}");
    assert!(words.contains("FAILED: file.corrupt==0 (found not measured: file did not run)"), "{words}");
    assert!(words.contains("held: chat.lost==0 (found 0)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_reports_what_it_saw() {
    let (chat, mut heard) = fake::chat(&[]).await;
    let interrupt = async move {
        heard.wait_for(|said| *said >= 10).await.unwrap();
    };
    let report = outcome_of(&at(chat, &SMALL.replace("200ms", "1h")), interrupt).await.unwrap();
    assert!(report.interrupted && report.seen.chat.sent >= 10);
    assert_eq!((report.seen.chat.lost, report.seen.chat.counts.ok), (0, report.seen.chat.owed));
    assert_eq!(report.exit_code, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_a_second_is_told_while_it_runs() {
    let (chat, _) = fake::chat(&[]).await;
    let mut told = Vec::new();
    let mut audience = Audience::new(&mut told, View::Lines);
    run(&at(chat, SMALL), &mut audience, pin!(pending())).await.unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().last().unwrap().contains("drain    sent 20  delivered 60 of 60"), "{told}");
}
