//! Datagrams.

use crate::service::{Asker, admin, metrics_when, metrics_with, start, start_with};
use serde_json::Value;
use tokio::net::UdpSocket;

const SILENT_TO: [&[u8]; 8] = [
    b"",
    b" \t\r\n",
    b"STATUS\xff",
    b"\xc0\xaf",
    &[b'x'; 513],
    &[b'x'; 65_507],
    b"PONG x",
    b"COOKIE 0123456789abcdef",
];

#[tokio::test]
async fn every_question_has_its_answer() {
    let info = start(&[]).await;
    let asker = Asker::of(&info).await;
    let status: Value = serde_json::from_str(&asker.ask("status\r\n").await).unwrap();
    for (field, value) in [("active_clients", 0), ("messages_sent", 0), ("rooms", 0), ("files", 0)] {
        assert_eq!(status[field], value, "{status}");
    }
    assert_eq!(status["presence_age_ms"], Value::Null);
    assert_eq!(status["services"]["chat"], "unknown");
    assert_eq!(status["version"], chassis::VERSION);
    assert!(status["uptime"].is_u64() && status["server_time"].as_str().unwrap().ends_with('Z'));
    let time = asker.ask("TIME").await;
    assert!(time.starts_with("20") && time.len() == 19, "{time}");
    for (question, list) in [("USERS", "users"), ("ROOMS AFTER lobby", "rooms"), ("SERVICES", "services")] {
        let page = asker.ask(question).await;
        assert!(page.starts_with(&format!(r#"{{"{list}":[],"total":0,"next":null,"rev":"#)), "{page}");
    }
    assert_eq!(asker.ask("Ping hi there ").await, "PONG hi there");
    let commands = "Available commands: STATUS, TIME, USERS, ROOMS, SERVICES, PING";
    for other in ["STATUS x", "?", "\0", &"x".repeat(512), &format!("PING {}", "x".repeat(65))] {
        assert_eq!(asker.ask(other).await, commands);
    }
    info.stop().await.unwrap();
}

#[tokio::test]
async fn what_gets_silence_delays_nobody() {
    let info = start(&[]).await;
    let asker = Asker::of(&info).await;
    let own_words =
        [asker.ask("STATUS").await, asker.ask("TIME").await, asker.ask("USERS").await, asker.ask("?").await];
    assert!(asker.ask("x").await.starts_with("Available commands: "), "a byte is a question");
    for silent in SILENT_TO.into_iter().chain(own_words.iter().map(String::as_bytes)) {
        asker.send(silent).await;
        assert_eq!(asker.ask("PING still there").await, "PONG still there");
    }
    let metrics = admin(info.admin, "/metrics").await;
    for (reason, count) in [("empty", 2), ("bad_utf8", 2), ("oversize", 2), ("own_reply", 6)] {
        let sample = format!("info_dropped_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&sample), "{sample} is not in {metrics}");
    }
    info.stop().await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_answered_with_a_cookie_first() {
    let info = start(&["--trusted", "none"]).await;
    let asker = Asker::of(&info).await;
    let cookie = asker.ask("x").await;
    assert!(cookie.starts_with("COOKIE ") && cookie.len() == 23, "{cookie}");
    let proof = cookie.trim_start_matches("COOKIE ");
    assert!(asker.ask(&format!("STATUS {proof}")).await.starts_with(r#"{"active_clients":"#));
    assert_eq!(asker.ask(&format!("PING a {proof}")).await, "PONG a");
    assert!(asker.ask(&format!("{proof} {proof}")).await.starts_with("Available commands: "));
    assert_eq!(asker.ask("STATUS 0000000000000000").await, cookie);
    let elsewhere = Asker::from("127.0.0.2:0", &info).await;
    let theirs = elsewhere.ask(&format!("STATUS {proof}")).await;
    assert!(theirs.starts_with("COOKIE ") && theirs != cookie, "{theirs}");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn past_the_limit_there_is_silence() {
    let info = start(&["--trusted", "none", "--source-rate", "1"]).await;
    let asker = Asker::of(&info).await;
    for _ in 0..50 {
        asker.send(b"STATUS").await;
    }
    assert!(asker.next().await.starts_with("COOKIE "));
    let refused = |metrics: &str| -> Option<u32> {
        let sample = metrics.lines().find(|line| line.contains("\"rate_limited\""))?;
        sample.rsplit(' ').next()?.parse().ok()
    };
    metrics_when(&info, |metrics| refused(metrics).is_some_and(|refused| refused >= 40)).await;
    metrics_with(&info, "info_rate_limited_sources 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_is_answered_from_the_services_own_port() {
    let info = start(&[]).await;
    let own = format!("127.0.0.2:{}", info.addr.port());
    Asker::from(&own, &info).await.send(b"STATUS").await;
    metrics_with(&info, "info_dropped_total{reason=\"source_port\"} 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn an_asker_who_is_gone_ends_nothing() {
    let info = start(&[]).await;
    for _ in 0..20 {
        Asker::of(&info).await.send(b"STATUS").await;
    }
    assert_eq!(Asker::of(&info).await.ask("PING").await, "PONG");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn workers_share_the_port() {
    let info = start(&["--workers", "4"]).await;
    for _ in 0..64 {
        assert_eq!(Asker::of(&info).await.ask("PING x").await, "PONG x");
    }
    let taken = info.addr.to_string();
    let (config, flags) = chassis::parse(
        &info::SERVICE,
        &["--listen", &taken, "--admin", "127.0.0.1:0", "--registry", "none", "--workers", "4"],
    )
    .unwrap();
    let refused = info::start(config, flags).await.unwrap_err();
    assert!(refused.to_string().starts_with("--listen"), "another process can't share it: {refused}");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn users_tells_as_much_as_it_may() {
    let count = start(&["--users", "count"]).await;
    let counted = Asker::of(&count).await.ask("USERS").await;
    assert!(counted.starts_with(r#"{"users":[],"total":0,"next":null,"#), "{counted}");
    count.stop().await.unwrap();
    let off = start(&["--users", "off", "--workers", "2"]).await;
    let commands = "Available commands: STATUS, TIME, ROOMS, SERVICES, PING";
    assert_eq!(Asker::of(&off).await.ask("USERS").await, commands);
    off.stop().await.unwrap();
}

#[tokio::test]
async fn before_the_registry_was_seen_it_answers_and_is_not_ready() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let info = start_with(&nobody.to_string(), &[]).await;
    let ready = admin(info.admin, "/readyz").await;
    assert!(
        ready.starts_with("HTTP/1.1 503 ") && ready.contains("the registry has not been seen"),
        "{ready}"
    );
    let status: Value = serde_json::from_str(&Asker::of(&info).await.ask("STATUS").await).unwrap();
    assert_eq!(status["presence_age_ms"], Value::Null);
    for service in ["chat", "file", "info", "registry"] {
        assert_eq!(status["services"][service], "unknown", "{status}");
    }
    info.stop().await.unwrap();
}

#[tokio::test]
async fn after_a_stop_the_port_is_free() {
    let info = start(&[]).await;
    let addr = info.addr;
    info.stop().await.unwrap();
    UdpSocket::bind(addr).await.unwrap();
}
