//! Lines.

use crate::service::{Asker, PATIENCE, Running, metrics_with, start};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Somebody with a connection of their own.
struct Caller(BufReader<TcpStream>);

impl Caller {
    async fn of(running: &Running) -> Self {
        Caller(BufReader::new(TcpStream::connect(running.addr).await.unwrap()))
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next line without its end; nothing at the end of the stream.
    async fn next(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line").unwrap();
        line.truncate(line.trim_end().len());
        line
    }

    async fn ask(&mut self, question: &str) -> String {
        self.send(format!("{question}\n").as_bytes()).await;
        self.next().await
    }
}

#[tokio::test]
async fn a_line_is_answered_as_a_datagram_is() {
    let info = start(&[]).await;
    let (mut caller, asker) = (Caller::of(&info).await, Asker::of(&info).await);
    for question in ["USERS", "rooms after #lobby", "SERVICES", "PING a  b", "?", "STATUS x"] {
        assert_eq!(caller.ask(question).await, asker.ask(question).await, "{question}");
    }
    let status: Value = serde_json::from_str(&caller.ask("status\r").await).unwrap();
    assert_eq!(status["active_clients"], 0);
    assert_eq!(caller.ask("TIME").await.len(), "2026-11-22 08:30:00".len());
    info.stop().await.unwrap();
}

#[tokio::test]
async fn questions_may_follow_each_other_in_any_pieces() {
    let info = start(&[]).await;
    let mut caller = Caller::of(&info).await;
    caller.send(b"PING 1\nPING 2\r\n\n  \nPONG x\nPI").await;
    caller.send(b"NG 3\nPING 4").await;
    for n in 1..=3 {
        assert_eq!(caller.next().await, format!("PONG {n}"));
    }
    caller.0.get_mut().shutdown().await.unwrap();
    assert_eq!(caller.next().await, "PONG 4", "the end of the stream ends a line");
    assert_eq!(caller.next().await, "", "and then the connection");
    metrics_with(&info, "info_disconnects_total{reason=\"quit\"} 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_line_is_told_and_one_too_long_is_the_last() {
    let info = start(&[]).await;
    let mut caller = Caller::of(&info).await;
    caller.send(b"PING \xff\n").await;
    assert!(caller.next().await.starts_with("ERROR:bad_utf8 "));
    let long = caller.ask(&"x".repeat(4_000)).await;
    assert!(long.starts_with("Available commands: "), "{long}");
    let too_long = caller.ask(&"x".repeat(4_096)).await;
    assert!(too_long.starts_with("ERROR:line_too_long "), "{too_long}");
    assert_eq!(caller.next().await, "");
    metrics_with(&info, "info_disconnects_total{reason=\"line_too_long\"} 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_has_to_bring_a_cookie_and_a_stranger_is_slowed_down() {
    let info = start(&["--trusted", "none", "--source-rate", "20"]).await;
    let mut caller = Caller::of(&info).await;
    caller.send("PING x\n".repeat(30).as_bytes()).await;
    for _ in 0..30 {
        assert_eq!(caller.next().await, "PONG x", "more than a second's are answered, only later");
    }
    assert_eq!(caller.ask("PING 0123456789abcdef").await, "PONG 0123456789abcdef");
    metrics_with(&info, "info_responses_total{result=\"cookie\"} 0\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn it_ends_with_a_word() {
    let idle = start(&["--idle", "1ms"]).await;
    assert!(Caller::of(&idle).await.next().await.starts_with("ERROR:idle_timeout "));
    idle.stop().await.unwrap();
    let full = start(&["--connections", "1"]).await;
    let mut first = Caller::of(&full).await;
    assert_eq!(first.ask("PING").await, "PONG");
    assert!(Caller::of(&full).await.next().await.starts_with("ERROR:too_many_connections "));
    full.begin_drain();
    assert_eq!(first.next().await, "INFO:server is going away");
    assert_eq!(first.next().await, "");
    drop(first);
    full.stop().await.unwrap();
}

#[tokio::test]
async fn who_goes_away_in_the_middle_hurts_nobody() {
    let info = start(&[]).await;
    let mut lost = TcpStream::connect(info.addr).await.unwrap();
    lost.write_all(b"PING 1\nPI").await.unwrap();
    assert_eq!(lost.read(&mut [0; 64]).await.unwrap(), "PONG 1\n".len());
    drop(lost);
    assert_eq!(Caller::of(&info).await.ask("PING 2").await, "PONG 2");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn no_more_are_let_in_than_there_are_places() {
    let info = start(&["--connections", "50"]).await;
    let mut inside = Vec::new();
    for _ in 0..50 {
        let mut caller = Caller::of(&info).await;
        assert_eq!(caller.ask("PING").await, "PONG");
        inside.push(caller);
    }
    for _ in 0..70 {
        assert!(Caller::of(&info).await.next().await.starts_with("ERROR:too_many_connections "));
    }
    metrics_with(&info, "info_connections_total{result=\"refused\"} 70\n").await;
    assert_eq!(Asker::of(&info).await.ask("PING").await, "PONG", "datagrams need no place");
    drop(inside);
    metrics_with(&info, "info_connections 0\n").await;
    assert_eq!(Caller::of(&info).await.ask("PING").await, "PONG");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn a_stranger_has_a_few_places_alone() {
    let info = start(&["--trusted", "none", "--per-address", "3"]).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        let mut caller = Caller::of(&info).await;
        assert_eq!(caller.ask("PING").await, "PONG");
        inside.push(caller);
    }
    assert!(Caller::of(&info).await.next().await.starts_with("ERROR:too_many_connections "));
    info.stop().await.unwrap();
}

#[tokio::test]
async fn who_asks_and_never_reads_is_let_go_and_counted() {
    let info = start(&["--slow", "50ms"]).await;
    let mut caller = Caller::of(&info).await;
    let questions = "STATUS\n".repeat(1_000);
    // The kernel takes some megabytes before anybody is slow; then the connection ends.
    while caller.0.get_mut().write_all(questions.as_bytes()).await.is_ok() {}
    metrics_with(&info, "info_disconnects_total{reason=\"slow\"} 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn who_asks_nothing_is_told_and_counted() {
    let info = start(&["--idle", "50ms"]).await;
    assert!(Caller::of(&info).await.next().await.starts_with("ERROR:idle_timeout "));
    metrics_with(&info, "info_disconnects_total{reason=\"idle\"} 1\n").await;
    info.stop().await.unwrap();
}

#[tokio::test]
async fn who_breaks_off_is_counted_as_lost() {
    let info = start(&[]).await;
    let mut caller = Caller::of(&info).await;
    assert_eq!(caller.ask("PING").await, "PONG");
    // A connection that is closed at once, and not in order, is reset.
    socket2::SockRef::from(caller.0.get_ref()).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(caller);
    metrics_with(&info, "info_disconnects_total{reason=\"lost\"} 1\n").await;
    info.stop().await.unwrap();
}
