//! What an operator is told.

use crate::service::{Asker, admin, metrics_when, metrics_with, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_metric_is_there_before_anything_happens() {
    let info = start(&[]).await;
    let before = admin(info.admin, "/metrics").await;
    let kinds = ["status", "time", "users", "rooms", "services", "ping", "unknown"];
    let kinds = kinds.map(|kind| format!("info_requests_total{{kind=\"{kind}\"}} 0\n"));
    let reasons = [
        "empty",
        "oversize",
        "bad_utf8",
        "own_reply",
        "source_port",
        "source_address",
        "broadcast",
        "rate_limited",
        "global_limit",
        "send_error",
    ];
    let reasons = reasons.map(|reason| format!("info_dropped_total{{reason=\"{reason}\"}} 0\n"));
    let others = [
        "info_responses_total{result=\"answer\"} 0\n",
        "info_responses_total{result=\"cookie\"} 0\n",
        "info_received_bytes_total 0\n",
        "info_sent_bytes_total 0\n",
        "info_datagram_bytes_total{direction=\"in\",source=\"validated\"} 0\n",
        "info_datagram_bytes_total{direction=\"out\",source=\"unvalidated\"} 0\n",
        "info_socket_drops_total 0\n",
        "info_request_duration_seconds_count 0\n",
        "info_rate_limited_sources 0\n",
        "info_presence_age_seconds 0\n",
        "info_connections 0\n",
    ]
    .map(str::to_owned);
    let ends = ["quit", "lost", "idle", "slow", "line_too_long", "drain"];
    let ends = ends.map(|reason| format!("info_disconnects_total{{reason=\"{reason}\"}} 0\n"));
    for sample in kinds.iter().chain(&reasons).chain(&others).chain(&ends) {
        assert!(before.contains(sample), "{sample} is not in {before}");
    }
    info.stop().await.unwrap();
}

#[tokio::test]
async fn every_kind_of_question_is_counted() {
    let info = start(&[]).await;
    let asker = Asker::of(&info).await;
    for question in ["STATUS", "TIME", "USERS", "ROOMS", "SERVICES", "PING", "?"] {
        asker.ask(question).await;
    }
    metrics_with(&info, "info_request_duration_seconds_count 7\n").await;
    for kind in ["status", "time", "users", "rooms", "services", "ping", "unknown"] {
        let sample = format!("info_requests_total{{kind=\"{kind}\"}} 1\n");
        metrics_with(&info, &sample).await;
    }
    assert!(admin(info.admin, "/readyz").await.starts_with("HTTP/1.1 200 "));
    info.stop().await.unwrap();
}

#[tokio::test]
async fn bytes_are_counted_with_and_without_headers() {
    let info = start(&[]).await;
    assert_eq!(Asker::of(&info).await.ask("PING four").await, "PONG four");
    let samples = [
        "info_received_bytes_total 9\n",
        "info_sent_bytes_total 9\n",
        "info_datagram_bytes_total{direction=\"in\",source=\"validated\"} 37\n",
        "info_datagram_bytes_total{direction=\"out\",source=\"validated\"} 37\n",
        "info_datagram_bytes_total{direction=\"in\",source=\"unvalidated\"} 0\n",
    ];
    for sample in samples {
        metrics_with(&info, sample).await;
    }
    let mut caller = TcpStream::connect(info.addr).await.unwrap();
    caller.write_all(b"PING four\n").await.unwrap();
    caller.read_exact(&mut [0; 10]).await.unwrap();
    let after = metrics_with(&info, "info_sent_bytes_total 19\n").await;
    assert!(after.contains("info_connections 1\n"), "{after}");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn what_strangers_cost_is_told_apart() {
    let info = start(&["--trusted", "none"]).await;
    let asker = Asker::of(&info).await;
    let cookie = asker.ask("TIME").await;
    let samples = [
        "info_datagram_bytes_total{direction=\"in\",source=\"unvalidated\"} 32\n",
        "info_datagram_bytes_total{direction=\"out\",source=\"unvalidated\"} 51\n",
        "info_datagram_bytes_total{direction=\"in\",source=\"validated\"} 0\n",
    ];
    for sample in samples {
        metrics_with(&info, sample).await;
    }
    asker.ask(&cookie.replace("COOKIE", "TIME")).await;
    let samples = [
        "info_datagram_bytes_total{direction=\"in\",source=\"validated\"} 49\n",
        "info_datagram_bytes_total{direction=\"out\",source=\"validated\"} 47\n",
    ];
    for sample in samples {
        metrics_with(&info, sample).await;
    }
    info.stop().await.unwrap();
}

#[tokio::test]
async fn strangers_past_all_their_limit_are_counted() {
    let info = start(&["--trusted", "none", "--global-rate", "1"]).await;
    let asker = Asker::of(&info).await;
    for _ in 0..10 {
        asker.send(b"STATUS").await;
    }
    metrics_when(&info, |metrics| !metrics.contains("info_dropped_total{reason=\"global_limit\"} 0\n")).await;
    info.stop().await.unwrap();
}
