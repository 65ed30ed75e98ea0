//! The other services: what each of them does wrong is reported exactly.

use std::future::pending;

use loadgen::reconcile::Unanswered;
use loadgen::recorder::Series;
use loadgen::report::{Report, text};

use crate::fake::{self, Blunders, Slips};
use crate::trust::{options, outcome_of, row};

/// Twenty operations.
const SHORT: &str = "--rate 100 --warmup 0s --duration 200ms --drain 2s --allow-client-limited";

async fn report(flags: &str) -> Report {
    outcome_of(&options(flags), pending()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_accounted_for() {
    let times = |number| match number {
        3 => 0,
        5 => 2,
        _ => 1,
    };
    let info = fake::info(times).await;
    let flags =
        "info --rate 100 --warmup 0s --duration 200ms --drain 2s --metrics-of none --allow-client-limited";
    let report = outcome_of(&options(&format!("{flags} --info {info}")), pending()).await.unwrap();
    let replies = report.seen.info.replies;
    assert_eq!((report.seen.info.sent, replies.ok, replies.unanswered), (20, 19, 1));
    assert_eq!((replies.doubled, replies.late, replies.foreign), (1, 0, 0));
    for series in [Series::InfoQuery, Series::InfoService] {
        assert_eq!(row(&report, series).n, 19);
    }
    assert_eq!(row(&report, Series::InfoWake).n, 20);
    assert_eq!(report.exit_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_unanswered_query_stayed_is_known_from_the_service_s_own_figures() {
    let info = fake::info(|number| u32::from(![3, 8].contains(&number))).await;
    let admin = fake::metrics(&[
        "info_requests_total{kind=\"ping\"} 100\ninfo_dropped_total{reason=\"rate_limited\"} 7\n",
        "info_requests_total{kind=\"ping\"} 119\ninfo_dropped_total{reason=\"rate_limited\"} 8\n",
    ]);
    let short = SHORT.replace("--drain 2s", "--drain 200ms");
    let report = report(&format!("info {short} --info {info} --metrics-of info={}", admin.await)).await;
    let found = &report.reconciliation;
    assert_eq!((found.checks[0].ours, found.checks[0].theirs), (20, 19));
    assert_eq!(found.checks[0].finding.as_deref(), Some("1 never came to info"));
    let places = found.unanswered.unwrap();
    assert_eq!((places.before_info, places.rate_limited), (1, 1));
    assert_eq!(
        Unanswered { their_kernel: None, before_info: 0, rate_limited: 0, ..places },
        Unanswered::default()
    );
    let words = text::summary(&report);
    assert!(words.contains("we count 20, the service 19: 1 never came to info"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_info_has_heard_stayed_with_it_or_behind_it() {
    const NONE: Unanswered = Unanswered {
        before_info: 0,
        their_kernel: Some(0),
        rate_limited: 0,
        refused: 0,
        our_kernel: 0,
        behind_info: 0,
    };
    let cases: [(&'static [&'static str], Unanswered); 3] = [
        (
            &[
                "info_requests_total 1\n",
                "info_requests_total 20\ninfo_dropped_total{reason=\"malformed\"} 1\n",
            ],
            Unanswered { refused: 1, ..NONE },
        ),
        (
            &[
                "info_requests_total 1\n",
                "info_requests_total 21\ninfo_dropped_total{reason=\"global_limit\"} 1\n",
            ],
            Unanswered { rate_limited: 1, ..NONE },
        ),
        (&["info_requests_total 1\n", "info_requests_total 21\n"], Unanswered { behind_info: 1, ..NONE }),
    ];
    for (figures, wanted) in cases {
        let info = fake::info(|number| u32::from(number != 3)).await;
        let admin = fake::metrics(figures).await;
        let short = SHORT.replace("--drain 2s", "--drain 200ms");
        let report = report(&format!("info {short} --info {info} --metrics-of info={admin}")).await;
        assert_eq!(report.seen.info.replies.unanswered + report.seen.info.replies.late, 1);
        assert_eq!(report.reconciliation.unanswered, Some(wanted), "{figures:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_info_s_kernel_dropped_is_told_apart_from_what_never_came() {
    let (info, _unread) = fake::deaf_info().await;
    let admin = fake::metrics(&["info_requests_total 1\n"]).await;
    let short = SHORT.replace("--drain 2s", "--drain 200ms");
    let report = report(&format!("info {short} --info {info} --metrics-of info={admin}")).await;
    let places = report.reconciliation.unanswered.unwrap();
    assert_eq!((places.before_info, places.all()), (20, 20));
    let dropped = places.their_kernel.unwrap();
    assert!((1..20).contains(&dropped), "a few of them wait to be read: {dropped}");
    let words = text::summary(&report);
    assert!(words.contains(&format!("before info (its kernel dropped {dropped}) 20")), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_our_own_kernel_dropped_is_not_the_service_s_fault() {
    let info = fake::flooding_info(3);
    let admin = fake::metrics(&["info_requests_total 1\n", "info_requests_total 21\n"]).await;
    let report = report(&format!("info {SHORT} --info {info} --metrics-of info={admin}")).await;
    let places = report.reconciliation.unanswered.unwrap();
    assert!(report.seen.info.replies.foreign > 0);
    assert_eq!((places.our_kernel, places.all()), (1, 1), "{}", text::summary(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_began_anew_is_not_blamed_for_what_it_has_forgotten() {
    let info = fake::info(|_| 1).await;
    let admin = fake::metrics(&[
        "process_start_time_seconds 7\ninfo_requests_total{kind=\"ping\"} 2\n",
        "process_start_time_seconds 8\ninfo_requests_total{kind=\"ping\"} 9\n",
    ]);
    let report = report(&format!("info {SHORT} --info {info} --metrics-of info={}", admin.await)).await;
    let found = &report.reconciliation;
    assert_eq!((found.checks.len(), found.unanswered), (0, None), "{found:?}");
    let words = text::summary(&report);
    assert!(words.contains("books    not compared: info at ") && words.contains("started anew"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_fetched_again_and_compared() {
    let file = fake::file(Blunders { spoiled: 7, ..Blunders::default() }).await;
    let flags = format!("file {SHORT} --size 3000 --resumed 25% --file {file} --metrics-of none");
    let report = report(&flags).await;
    let files = &report.seen.file;
    assert_eq!((files.sent, files.ok, files.corrupt), (20, 19, 1), "{}", text::summary(&report));
    assert_eq!((files.resumed, files.failed.len(), files.refused.len()), (5, 0, 0));
    for (series, n) in [
        (Series::FileUpload, 15),
        (Series::FileService, 15),
        (Series::FileResume, 5),
        (Series::FileFirstByte, 20),
        (Series::FileDownload, 20),
        (Series::FileWake, 20),
        (Series::FileSocket, 20),
    ] {
        assert_eq!(row(&report, series).n, n, "{}", series.name());
    }
    assert_eq!(report.exit_code, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_has_already_of_a_file_is_not_sent_again() {
    for ahead in [1000, 2000] {
        let file = fake::file(Blunders { ahead, ..Blunders::default() }).await;
        let flags = format!("file {SHORT} --size 3000 --resumed 25% --file {file} --metrics-of none");
        let report = report(&flags).await;
        let files = &report.seen.file;
        assert_eq!((files.sent, files.ok, files.resumed), (20, 20, 5), "{}", text::summary(&report));
        assert_eq!(files.bytes, 20 * 2 * 3000 - 5 * ahead as u64, "up and down, but for what was there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_file_that_is_gone_and_a_transfer_without_an_end_break_the_ledger() {
    let file = fake::file(Blunders { forgotten: 4, hung_up: 9, ..Blunders::default() }).await;
    let report = report(&format!("file {SHORT} --size 3000 --file {file} --metrics-of none")).await;
    let files = &report.seen.file;
    assert_eq!((files.sent, files.ok, files.lost), (20, 18, 1), "{}", text::summary(&report));
    assert_eq!((files.unended(), files.refused.len()), (1, 0));
    assert_eq!(report.exit_code, 4);
    let words = text::summary(&report);
    assert!(words.contains("the ledger BROKEN: files lost 1, transfers not ended 1; exit 4"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_watcher_sees_everybody_once() {
    let registry = fake::registry(Slips { untold: 4, twice: 9 }).await;
    let flags = format!("registry {SHORT} --watchers 3 --registry {registry} --metrics-of none");
    let report = report(&flags).await;
    let entries = &report.seen.registry;
    assert_eq!((entries.sent, entries.granted, entries.owed), (20, 20, 60), "{}", text::summary(&report));
    assert_eq!((entries.ok, entries.lost, entries.doubled, entries.out_of_order), (57, 3, 3, 0));
    for (series, n) in [
        (Series::RegistrySeen, 57),
        (Series::RegistryService, 57),
        (Series::RegistryEntry, 20),
        (Series::RegistrySocket, 20),
    ] {
        assert_eq!(row(&report, series).n, n, "{}", series.name());
    }
    assert_eq!(report.exit_code, 4);
}
