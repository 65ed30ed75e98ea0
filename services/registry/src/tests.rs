//! Sessions over a pipe of eight bytes, on a paused clock.

mod watching;

use std::sync::Arc;
use std::time::Duration;

use chassis::Life;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::task::JoinHandle;

use crate::session::Session;
use crate::state::State;
use crate::{Config, SERVICE};

/// A registry without a port.
struct Desk {
    state: Arc<State>,
    life: Life,
    config: Config,
    expiry: JoinHandle<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.expiry.abort();
    }
}

impl Desk {
    fn open() -> Self {
        let (config, _) = chassis::parse::<Config>(&SERVICE, &[]).unwrap();
        let life = Life::new(&SERVICE);
        let state = Arc::new(State::new(&config, &life, rand::make_rng()));
        let ticking = state.clone();
        let expiry = tokio::spawn(async move { ticking.expire_leases().await });
        Desk { state, life, config, expiry }
    }

    fn connect(&self, pipe: usize) -> Peer {
        let (ours, theirs) = duplex(pipe);
        let session = Session::new(theirs, self.state.clone(), self.config.patience());
        let task = tokio::spawn(session.run(self.life.drain.clone()));
        let (reader, writer) = split(ours);
        Peer { reader: BufReader::with_capacity(8, reader), writer, task }
    }

    /// Sessions that have ended for a reason.
    fn ended(&self, reason: &str) -> f64 {
        self.metric(&format!("registry_disconnects_total{{reason=\"{reason}\"}}"))
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.life.metrics.render(true);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in:\n{text}")).parse().unwrap()
    }
}

struct Peer {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
    task: JoinHandle<()>,
}

impl Peer {
    async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.reader.read_line(&mut line).await.unwrap(), 0, "the session has ended");
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, request: Value) -> Value {
        self.send(format!("{request}\n").as_bytes()).await;
        self.hear().await
    }

    async fn register(&mut self, instance: &str) -> u64 {
        let request = json!({"op": "register", "service": "chat", "instance": instance, "addr": "chat:9001"});
        self.ask(request).await["lease"].as_u64().unwrap()
    }

    async fn join(&mut self, lease: u64, user: &str, room: &str) -> Value {
        self.ask(json!({"op": "join", "lease": lease, "user": user, "room": room})).await
    }

    /// Everything up to the end of the stream, and the end of the session.
    async fn rest(mut self) -> String {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).await.unwrap();
        self.task.await.unwrap();
        rest
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_pipelined_and_answered_in_order() {
    let desk = Desk::open();
    let mut peer = desk.connect(8);
    let lease = peer.register("chat-1").await;
    let (mut reader, mut writer) = (peer.reader, peer.writer);
    let said = tokio::spawn(async move {
        for n in 0..200 {
            let join = json!({"op": "join", "lease": lease, "user": format!("u{n}"), "room": "r", "id": n});
            writer.write_all(format!("{join}\r\n").as_bytes()).await.unwrap();
        }
        writer
    });
    for n in 0..200 {
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&reply["id"], &reply["rev"], &reply["ok"]), (&json!(n), &json!(n + 2), &json!(true)));
    }
    drop(said.await.unwrap());
    assert_eq!(desk.metric("registry_users"), 200.0);
    assert_eq!(desk.metric("registry_leases"), 1.0);
    assert_eq!(desk.metric("registry_revision"), 201.0);
    assert_eq!(desk.metric("registry_requests_total{op=\"join\",result=\"ok\"}"), 200.0);
    assert_eq!(desk.metric("registry_lease_events_total{event=\"granted\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_one_instances_until_its_lease_is_dropped() {
    let desk = Desk::open();
    let (mut one, mut two) = (desk.connect(8), desk.connect(8));
    let (first, second) = (one.register("chat-1").await, two.register("chat-2").await);
    assert_eq!(one.join(first, "alice", "lobby").await["ok"], true);
    let refused = two.join(second, "ALICE", "tea").await;
    assert_eq!((&refused["code"], &refused["holder"]), (&json!("name_taken"), &json!("chat-1")));
    assert_eq!(one.ask(json!({"op": "drop", "lease": first})).await["ok"], true);
    assert_eq!(two.join(second, "ALICE", "tea").await["ok"], true);
    let over = one.ask(json!({"op": "keepalive", "lease": first})).await;
    assert_eq!(over["code"], "unknown_lease");
    assert_eq!(desk.metric("registry_lease_events_total{event=\"dropped\"}"), 1.0);
    assert_eq!(desk.metric("registry_requests_total{op=\"join\",result=\"name_taken\"}"), 1.0);
    assert_eq!(desk.metric("registry_requests_total{op=\"keepalive\",result=\"unknown_lease\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlives_its_connection_and_ends_with_its_time() {
    let desk = Desk::open();
    let (mut chat, mut watcher) = (desk.connect(8), desk.connect(8));
    let lease = chat.register("chat-1").await;
    chat.join(lease, "alice", "lobby").await;
    drop(chat);
    let again = json!({
        "op": "register", "service": "chat", "instance": "chat-1", "addr": "chat:9001", "lease": lease,
    });
    let mut chat = desk.connect(8);
    let reply = chat.ask(again).await;
    assert_eq!((&reply["lease"], &reply["rev"]), (&json!(lease), &json!(2)), "without a flicker");
    watcher.ask(json!({"op": "watch", "since": 0, "epoch": reply["epoch"]})).await;
    assert_eq!(watcher.hear().await["event"], "up");
    assert_eq!(watcher.hear().await["event"], "joined");
    let mut bookmarks = 0;
    let left = loop {
        let event = watcher.hear().await;
        if event["event"] != "bookmark" {
            break event;
        }
        bookmarks += 1;
    };
    assert_eq!((&left["event"], &left["user"]), (&json!("left"), &json!("alice")));
    assert!(bookmarks >= 3, "nothing lapses in the first twenty seconds");
    assert_eq!(watcher.hear().await["event"], "down");
    assert_eq!(desk.metric("registry_lease_events_total{event=\"expired\"}"), 1.0);
    assert_eq!(desk.metric("registry_lease_events_total{event=\"resumed\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_cut() {
    let desk = Desk::open();
    let mut peer = desk.connect(64);
    peer.send(b"{\"op\":\"list\",\"what\":\"users\",\"id\":\"a reply of more than 64 bytes\"}\n").await;
    peer.task.await.unwrap();
    assert_eq!(desk.metric("registry_disconnects_total{reason=\"slow\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn bad_lines_are_answered_and_only_a_long_one_ends_the_session() {
    let desk = Desk::open();
    let mut peer = desk.connect(8);
    for (line, code) in [
        (&b"\xff\xfe\n"[..], "bad_utf8"),
        (b"\n", "bad_json"),
        (b"[]\n", "bad_json"),
        (b"{\"op\":\"dance\"}\n", "unknown_op"),
        (b"{\"op\":\"join\",\"lease\":1,\"user\":\"-a\",\"room\":\"lobby\"}\n", "bad_name"),
    ] {
        peer.send(line).await;
        let reply = peer.hear().await;
        assert_eq!((&reply["ok"], &reply["code"]), (&json!(false), &json!(code)));
    }
    let (mut reader, mut writer) = (peer.reader, peer.writer);
    let sent = tokio::spawn(async move { writer.write_all(&[b'x'; 70_000]).await.map(|()| writer) });
    let mut rest = String::new();
    reader.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("\"code\":\"line_too_long\""), "{rest}");
    assert!(sent.await.unwrap().is_ok(), "what was still under way is taken, so that the words arrive");
    peer.task.await.unwrap();
    assert_eq!(desk.metric("registry_disconnects_total{reason=\"line_too_long\"}"), 1.0);
    assert_eq!(desk.metric("registry_requests_total{op=\"invalid\",result=\"bad_json\"}"), 2.0);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_session_but_not_a_watcher() {
    let desk = Desk::open();
    assert!(desk.connect(8).rest().await.contains("login_timeout"));
    let mut asker = desk.connect(8);
    asker.ask(json!({"op": "list", "what": "users"})).await;
    assert!(asker.rest().await.contains("idle_timeout"));
    let mut watcher = desk.connect(8);
    watcher.ask(json!({"op": "watch"})).await;
    watcher.hear().await;
    watcher.writer.shutdown().await.unwrap();
    let began = tokio::time::Instant::now();
    while began.elapsed() < Duration::from_secs(100) {
        assert_eq!(watcher.hear().await["event"], "bookmark");
    }
    for reason in ["login_timeout", "idle_timeout"] {
        assert_eq!(desk.ended(reason), 1.0, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_bye_and_ends_every_session() {
    let desk = Desk::open();
    let (mut asker, mut watcher) = (desk.connect(8), desk.connect(8));
    asker.register("chat-1").await;
    watcher.ask(json!({"op": "watch"})).await;
    watcher.hear().await;
    desk.life.drain.begin();
    let mut waits = Vec::new();
    let (asker, watcher) = tokio::join!(asker.rest(), watcher.rest());
    for said in [asker, watcher] {
        let bye: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&bye["event"], &bye["reason"]), (&json!("bye"), &json!("shutdown")));
        waits.push(bye["retry_after_ms"].as_u64().unwrap());
    }
    assert!(waits.iter().all(|&wait| wait < 5_000), "{waits:?}");
    assert_eq!(desk.metric("registry_disconnects_total{reason=\"shutdown\"}"), 2.0);
    assert_eq!(desk.metric("registry_watchers"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_or_breaks_is_counted() {
    let desk = Desk::open();
    let mut quitter = desk.connect(8);
    quitter.writer.shutdown().await.unwrap();
    assert_eq!(quitter.rest().await, "");
    let mut breaker = desk.connect(8);
    breaker.send(b"{\"op\":\"list\",\"what\":\"users\"}\n").await;
    // Nobody is there any more to take the answer.
    drop((breaker.reader, breaker.writer));
    breaker.task.await.unwrap();
    for reason in ["closed", "lost"] {
        assert_eq!(desk.ended(reason), 1.0, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_bad_request_has_its_code_and_changes_nothing() {
    let desk = Desk::open();
    let mut peer = desk.connect(1 << 16);
    let lease = peer.register("chat-1").await;
    peer.join(lease, "alice", "lobby").await;
    for (request, code) in [
        (json!({}), "bad_request"),
        (json!({"op": 7}), "bad_request"),
        (json!({"op": "register", "service": "chat", "instance": "chat-2"}), "bad_request"),
        (json!({"op": "register", "service": "chat", "instance": "a b", "addr": "a:1"}), "bad_name"),
        (json!({"op": "keepalive"}), "bad_request"),
        (json!({"op": "keepalive", "lease": "17"}), "bad_request"),
        (json!({"op": "keepalive", "lease": lease, "stats": []}), "bad_request"),
        (json!({"op": "join", "lease": lease, "user": "bob"}), "bad_request"),
        (json!({"op": "join", "lease": lease, "user": "bob", "room": "no room"}), "bad_room"),
        (json!({"op": "join", "lease": lease, "user": "bob", "room": "r", "age_ms": -1}), "bad_request"),
        (json!({"op": "join", "lease": lease ^ 1, "user": "alice", "room": "tea"}), "unknown_lease"),
        (json!({"op": "drop", "lease": lease ^ 1}), "unknown_lease"),
        (json!({"op": "leave", "lease": lease, "user": "bob", "room": "lobby"}), "no_such_user"),
        (json!({"op": "leave", "lease": lease, "user": "alice", "room": "tea"}), "not_in_room"),
        (json!({"op": "list", "what": "rooms"}), "bad_request"),
        (json!({"op": "watch", "since": "1"}), "bad_request"),
    ] {
        let reply = peer.ask(request.clone()).await;
        assert_eq!((&reply["ok"], &reply["code"]), (&json!(false), &json!(code)), "{request}");
        let op = request["op"].as_str().unwrap_or("invalid");
        let counted = desk.metric(&format!("registry_requests_total{{op=\"{op}\",result=\"{code}\"}}"));
        assert!(counted > 0.0, "{request}");
    }
    assert_eq!((desk.metric("registry_revision"), desk.metric("registry_leases")), (2.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_time_to_live_is_clamped_and_the_reply_says_so() {
    let desk = Desk::open();
    let mut peer = desk.connect(1 << 16);
    for (asked, held) in [(0, 1_000), (-1, 1_000), (5_000, 5_000), (1_000_000_000, 60_000)] {
        let register = json!({
            "op": "register", "service": "chat", "instance": "chat-1", "addr": "a:1", "ttl_ms": asked,
        });
        assert_eq!(peer.ask(register).await["ttl_ms"], held, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_late_leases_are_spared_and_counted() {
    let desk = Desk::open();
    let mut peer = desk.connect(1 << 16);
    for n in 0..10 {
        peer.register(&format!("chat-{n}")).await;
    }
    tokio::time::sleep(Duration::from_millis(20_500)).await;
    assert_eq!(desk.metric("registry_lease_events_total{event=\"spared\"}"), 10.0);
    assert_eq!(desk.metric("registry_leases"), 10.0);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(desk.metric("registry_lease_events_total{event=\"expired\"}"), 10.0);
    assert_eq!(desk.metric("registry_leases"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_or_replaced_is_counted() {
    let desk = Desk::open();
    let mut peer = desk.connect(1 << 16);
    let lease = peer.register("chat-1").await;
    assert_eq!(peer.ask(json!({"op": "keepalive", "lease": lease})).await, json!({"ok": true}));
    peer.register("chat-1").await;
    for event in ["granted", "renewed", "replaced"] {
        assert_eq!(desk.metric(&format!("registry_lease_events_total{{event=\"{event}\"}}")), 1.0, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_a_name_hears_it_with_the_next_keepalive() {
    let desk = Desk::open();
    let (mut one, mut two) = (desk.connect(8), desk.connect(8));
    let (first, second) = (one.register("chat-1").await, two.register("chat-2").await);
    let hold = |lease, age| json!({"op": "hold", "lease": lease, "user": "alice", "age_ms": age});
    assert_eq!(one.ask(hold(first, 100)).await["ok"], true);
    assert_eq!(two.ask(hold(second, 200)).await["ok"], true, "it has had the name for longer");
    let keepalive = json!({"op": "keepalive", "lease": first});
    assert_eq!(one.ask(keepalive.clone()).await, json!({"ok": true, "lost": ["alice"]}));
    assert_eq!(one.ask(keepalive).await, json!({"ok": true}));
    assert_eq!(one.ask(hold(first, 100)).await["code"], "name_taken");
}
