//! A service's life, seen from outside: admin port, limits, drain.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

use std::net::SocketAddr;
use std::sync::Arc;

use chassis::accept::{self, Limits};
use chassis::trust::Trusted;
use chassis::{Failure, Life, Page, Running, Service};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

const SERVICE: Service = Service {
    name: "echo",
    about: "Says what it hears.",
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    workers: chassis::one_each,
};

#[derive(Debug, clap::Args)]
struct NoConfig {}

/// An echo service that ends each connection after one read.
async fn start(args: &[&str], limits: Limits) -> Result<Running, Failure> {
    let (_, flags) = chassis::parse::<NoConfig>(&SERVICE, args).unwrap();
    let listener = chassis::net::listen_tcp("--listen", flags.listen)?;
    let addr = listener.local_addr().unwrap();
    Running::launch(&SERVICE, &flags, addr, |life| async move {
        life.ready.set_ready();
        accept::serve(listener, &life, limits, b"full\n", echo).await;
        Ok(())
    })
    .await
}

async fn echo(mut stream: TcpStream, _peer: SocketAddr) {
    let mut heard = [0; 64];
    let len = stream.read(&mut heard).await.unwrap_or(0);
    let _ = stream.write_all(&heard[..len]).await;
}

fn limits(connections: usize) -> Limits {
    Limits { connections, per_address: 16, trusted: Trusted::default() }
}

async fn ask(addr: SocketAddr, said: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn http(admin: SocketAddr, request: &str) -> String {
    ask(admin, &format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn the_admin_port_answers_what_it_should_and_nothing_else() {
    let running = start(&[], limits(10)).await.unwrap();
    let metrics = http(running.admin, "GET /metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{metrics}");
    for sample in
        ["echo_ready 1", "echo_build_info{", "process_open_fds ", "log_messages_total{level=\"warn\"} "]
    {
        assert!(metrics.contains(sample), "{sample} is missing in {metrics}");
    }
    assert!(http(running.admin, "GET /readyz").await.ends_with("{\"ready\":true}\n"));
    assert!(http(running.admin, "GET /healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(http(running.admin, "HEAD /metrics").await.ends_with("\r\n\r\n"), "no body for HEAD");
    assert!(http(running.admin, "POST /metrics").await.starts_with("HTTP/1.1 405 "));
    assert!(http(running.admin, "GET /../etc/passwd").await.starts_with("HTTP/1.1 404 "));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(ask(running.admin, &long).await.starts_with("HTTP/1.1 431 "));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_and_counted() {
    let running = start(&[], limits(1)).await.unwrap();
    let mut first = TcpStream::connect(running.addr).await.unwrap();
    assert_eq!(ask(running.addr, "").await, "full\n");
    let metrics = http(running.admin, "GET /metrics").await;
    assert!(metrics.contains("echo_connections 1\n"), "{metrics}");
    assert!(metrics.contains("echo_connections_total{result=\"refused\"} 1\n"), "{metrics}");
    first.write_all(b"bye").await.unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "bye");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_drain_lets_running_work_finish_and_says_that_it_is_draining() {
    let running = start(&[], limits(10)).await.unwrap();
    let (addr, admin) = (running.addr, running.admin);
    let mut open = TcpStream::connect(addr).await.unwrap();
    // The accept loop has it once the gauge says so.
    while !http(admin, "GET /metrics").await.contains("echo_connections 1\n") {}
    running.begin_drain();
    let ready = loop {
        let ready = http(admin, "GET /readyz").await;
        if ready.starts_with("HTTP/1.1 503 ") {
            break ready;
        }
    };
    assert!(ready.ends_with("{\"ready\":false,\"reason\":\"draining\"}\n"), "{ready}");
    open.write_all(b"still here").await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "still here");
    running.stop().await.unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_drain_that_takes_too_long_ends_all_the_same() {
    let running = start(&["--drain-secs", "0"], limits(10)).await.unwrap();
    let _silent = TcpStream::connect(running.addr).await.unwrap();
    while !http(running.admin, "GET /metrics").await.contains("echo_connections 1\n") {}
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_blamed_on_its_flag() {
    let running = start(&[], limits(10)).await.unwrap();
    let taken = running.addr.to_string();
    let failure = start(&["--listen", &taken], limits(10)).await.unwrap_err();
    assert!(failure.to_string().starts_with(&format!("--listen {taken}: the port is in use")), "{failure}");
    let failure = start(&["--admin", &taken], limits(10)).await.unwrap_err();
    assert!(matches!(failure, Failure::Config { flag: "--admin", .. }));
    running.stop().await.unwrap();
}

#[test]
fn lives_do_not_share_their_numbers() {
    let (one, two) = (Life::new(&SERVICE), Life::new(&SERVICE));
    one.metrics.counter("echo_things_total", "Things.").inc();
    two.metrics.counter("echo_things_total", "Things.");
    assert!(one.metrics.render(true).contains("echo_things_total 1\n"));
    assert!(two.metrics.render(true).contains("echo_things_total 0\n"));
}

/// A service that shows a page and what happens.
async fn start_with_pages() -> (Running, Arc<watch::Sender<Arc<str>>>) {
    let events = Arc::new(watch::Sender::new(Arc::from("")));
    let shown = events.clone();
    let (_, flags) = chassis::parse::<NoConfig>(&SERVICE, &[]).unwrap();
    let running = Running::launch(&SERVICE, &flags, flags.listen, |life| async move {
        life.pages.show("/", Page::Text { kind: "text/html", write: Arc::new(|| "<p>hello".to_owned()) });
        life.pages.show("/events", Page::Events(shown));
        life.ready.set_ready();
        life.drain.signaled().await;
        Ok(())
    });
    let running = running.await.unwrap();
    while !http(running.admin, "GET /readyz").await.contains("200 OK") {}
    (running, events)
}

#[tokio::test]
async fn a_services_own_page_is_shown_beside_the_others() {
    let (running, _events) = start_with_pages().await;
    let page = http(running.admin, "GET /").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\n<p>hello"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none';"), "{page}");
    assert!(http(running.admin, "POST /").await.starts_with("HTTP/1.1 405 "));
    assert!(http(running.admin, "HEAD /events").await.ends_with("\r\n\r\n"));
    let nowhere = http(running.admin, "GET /nowhere").await;
    assert!(nowhere.ends_with("try one of /metrics /healthz /readyz / /events\n"), "{nowhere}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn events_come_as_they_happen_and_end_with_the_drain() {
    let (running, events) = start_with_pages().await;
    let mut viewer = BufReader::new(TcpStream::connect(running.admin).await.unwrap()).lines();
    viewer.get_mut().write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut next = async |wanted: &str| while viewer.next_line().await.unwrap().unwrap() != wanted {};
    next("content-type: text/event-stream").await;
    events.send_replace("one".into());
    next("data: one").await;
    events.send_replace("two".into());
    next("data: two").await;
    running.begin_drain();
    next("0").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn viewers_leave_room_for_whoever_asks_for_health() {
    let (running, _events) = start_with_pages().await;
    let mut viewers = Vec::new();
    for _ in 0..16 {
        let mut viewer = BufReader::new(TcpStream::connect(running.admin).await.unwrap());
        viewer.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut line = String::new();
        viewer.read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        viewers.push(viewer);
    }
    assert!(http(running.admin, "GET /events").await.starts_with("HTTP/1.1 503 "));
    assert!(http(running.admin, "GET /healthz").await.starts_with("HTTP/1.1 200 "));
    drop(viewers);
    // Their places are free once the service has seen them go.
    loop {
        let mut viewer = BufReader::new(TcpStream::connect(running.admin).await.unwrap());
        viewer.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut line = String::new();
        viewer.read_line(&mut line).await.unwrap();
        if line == "HTTP/1.1 200 OK\r\n" {
            break;
        }
    }
    running.stop().await.unwrap();
}
