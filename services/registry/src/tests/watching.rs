//! Whoever watches, and how fast they read.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_a_snapshot_then_every_event_then_bookmarks() {
    let desk = Desk::open();
    let (mut chat, mut watcher) = (desk.connect(8), desk.connect(8));
    let lease = chat.register("chat-1").await;
    chat.join(lease, "alice", "lobby").await;
    let reply = watcher.ask(json!({"op": "watch", "id": "w"})).await;
    assert_eq!((&reply["ok"], &reply["rev"], &reply["id"]), (&json!(true), &json!(2), &json!("w")));
    let snapshot = watcher.hear().await;
    assert_eq!((&snapshot["event"], &snapshot["rev"]), (&json!("snapshot"), &json!(2)));
    assert_eq!(snapshot["users"][0]["user"], "alice");
    assert_eq!(snapshot["services"][0]["state"], "up");
    chat.join(lease, "bob", "lobby").await;
    chat.ask(json!({"op": "rename", "lease": lease, "user": "bob", "to": "rob"})).await;
    chat.ask(json!({"op": "drop", "lease": lease})).await;
    let mut told = Vec::new();
    for _ in 0..6 {
        let event = watcher.hear().await;
        told.push((event["event"].as_str().unwrap().to_owned(), event["rev"].as_u64().unwrap()));
    }
    let words = ["joined", "renamed", "left", "left", "down", "bookmark"].map(str::to_owned);
    assert_eq!(told, words.into_iter().zip([3, 4, 5, 6, 7, 7]).collect::<Vec<_>>());
    assert_eq!(watcher.ask(json!({"op": "list", "what": "users"})).await["users"], json!([]));
    assert_eq!(desk.metric("registry_watchers"), 1.0);
    assert_eq!(desk.metric("registry_resyncs_total{reason=\"first\"}"), 1.0);
    assert_eq!(desk.metric("registry_watch_events_total{result=\"sent\"}"), 5.0);
    assert!(desk.metric("registry_watch_propagation_seconds_count") >= 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_comes_back_to_its_place() {
    let desk = Desk::open();
    let (mut chat, mut watcher) = (desk.connect(8), desk.connect(8));
    let lease = chat.register("chat-1").await;
    let epoch = chat.ask(json!({"op": "list", "what": "users"})).await["epoch"].clone();
    chat.join(lease, "alice", "lobby").await;
    let reply = watcher.ask(json!({"op": "watch", "epoch": epoch, "since": 1})).await;
    assert_eq!(reply["rev"], 2);
    assert_eq!(watcher.hear().await["event"], "joined");
    for (place, reason) in [(json!({"epoch": "x", "since": 1}), "epoch"), (json!({"since": 99}), "epoch")] {
        let mut request = place;
        request["op"] = json!("watch");
        watcher.ask(request).await;
        assert_eq!(watcher.hear().await["event"], "snapshot");
        assert!(desk.metric(&format!("registry_resyncs_total{{reason=\"{reason}\"}}")) > 0.0);
    }
    watcher.ask(json!({"op": "watch", "epoch": epoch, "since": 99})).await;
    assert_eq!(watcher.hear().await["event"], "snapshot");
    assert_eq!(desk.metric("registry_resyncs_total{reason=\"future\"}"), 1.0);
    assert_eq!(desk.metric("registry_watchers"), 1.0, "one session watches once");
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_is_given_a_snapshot_and_skips_nothing() {
    let desk = Desk::open();
    let mut watcher = desk.connect(1 << 16);
    let mut chat = desk.connect(1 << 16);
    let lease = chat.register("chat-1").await;
    watcher.ask(json!({"op": "watch"})).await;
    for n in 0..12_000 {
        let op = if n % 2 == 0 { "join" } else { "leave" };
        chat.ask(json!({"op": op, "lease": lease, "user": "alice", "room": "lobby"})).await;
    }
    let (mut rev, mut snapshots) = (0, 0);
    while rev < 12_001 {
        let event = watcher.hear().await;
        let next = event["rev"].as_u64().unwrap();
        if event["event"] == "snapshot" {
            snapshots += 1;
        } else {
            assert_eq!(next, rev + 1);
        }
        rev = next;
    }
    assert_eq!(snapshots, 2, "the first one, and one for what it had not read");
    assert_eq!(desk.metric("registry_resyncs_total{reason=\"slow\"}"), 1.0);
    let (sent, skipped) = ("{result=\"sent\"}", "{result=\"skipped\"}");
    let count = |result: &str| desk.metric(&format!("registry_watch_events_total{result}"));
    assert_eq!(count(sent) + count(skipped), 12_000.0);
    assert!(count(skipped) > 0.0);
    let reply = watcher.ask(json!({"op": "watch", "epoch": &*desk.state.epoch, "since": 1})).await;
    assert_eq!(reply["ok"], true, "the events after it are no longer kept");
    assert_eq!(watcher.hear().await["event"], "snapshot");
    assert_eq!(desk.metric("registry_resyncs_total{reason=\"compacted\"}"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn propagation_is_told_of_the_event_that_has_waited_longest() {
    let desk = Desk::open();
    let (mut chat, mut watcher) = (desk.connect(1 << 16), desk.connect(64));
    let lease = chat.register("chat-1").await;
    watcher.ask(json!({"op": "watch"})).await;
    assert_eq!(watcher.hear().await["event"], "snapshot");
    // The first event alone is more than the pipe takes; the others wait until it is read.
    for user in ["first", "second", "third", "fourth"] {
        chat.join(lease, user, "lobby").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for user in ["first", "second", "third", "fourth"] {
        assert_eq!(watcher.hear().await["user"], user);
    }
    // A bookmark later all of it has been counted.
    assert_eq!(watcher.hear().await["event"], "bookmark");
    assert_eq!(desk.metric("registry_watch_propagation_seconds_count"), 2.0);
    let sum = desk.metric("registry_watch_propagation_seconds_sum");
    assert!((6.9..7.1).contains(&sum), "four seconds for the first, three for those after it: {sum}");
    let mut late = desk.connect(1 << 16);
    late.ask(json!({"op": "watch", "epoch": &*desk.state.epoch, "since": 1})).await;
    assert_eq!(late.hear().await["user"], "first");
    assert_eq!(desk.metric("registry_watch_propagation_seconds_sum"), sum, "it was not here to be told");
}

#[tokio::test(start_paused = true)]
async fn a_crowds_snapshot_is_of_one_revision_and_holds_nobody_up() {
    const CROWD: u64 = 2_000;
    let desk = Desk::open();
    let mut chat = desk.connect(1 << 16);
    let lease = chat.register("chat-1").await;
    for n in 0..CROWD {
        chat.join(lease, &format!("u{n}"), "lobby").await;
    }
    let mut watcher = desk.connect(1 << 12);
    watcher.ask(json!({"op": "watch"})).await;
    let mut first = [0; 100];
    watcher.reader.read_exact(&mut first).await.unwrap();
    assert_eq!(chat.join(lease, "late", "lobby").await["ok"], true, "while the snapshot is read");
    assert_eq!(
        chat.ask(json!({"op": "leave", "lease": lease, "user": "u0", "room": "lobby"})).await["ok"],
        true
    );
    let mut rest = String::new();
    watcher.reader.read_line(&mut rest).await.unwrap();
    let line = std::str::from_utf8(&first).unwrap().to_owned() + &rest;
    let snapshot: Value = serde_json::from_str(&line).unwrap();
    let users = snapshot["users"].as_array().unwrap();
    assert_eq!((users.len() as u64, &snapshot["rev"]), (CROWD, &json!(CROWD + 1)));
    let told = [watcher.hear().await, watcher.hear().await].map(|event| event["rev"].as_u64());
    assert_eq!(told, [Some(CROWD + 2), Some(CROWD + 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sips_at_a_snapshot_is_cut() {
    let desk = Desk::open();
    let mut chat = desk.connect(1 << 16);
    let lease = chat.register("chat-1").await;
    for n in 0..500 {
        chat.join(lease, &format!("u{n}"), "lobby").await;
    }
    let mut sipper = desk.connect(64);
    sipper.send(b"{\"op\":\"watch\"}\n").await;
    let mut sips = 0;
    while sips < 1_000 && sipper.reader.read_u8().await.is_ok() {
        sips += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(sips < 1_000, "it would be kept for as long as it likes");
    sipper.task.await.unwrap();
    assert_eq!(desk.ended("slow"), 1.0);
}
