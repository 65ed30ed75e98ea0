//! What an operator sees.

use serde_json::json;

use super::world::{Client, World};

#[tokio::test]
async fn everything_is_exported_from_the_start() {
    let world = World::new().await;
    let metrics = world.admin("/metrics").await;
    for sample in [
        "chat_build_info{",
        "chat_ready 1",
        "chat_connections 0",
        "chat_users 0",
        "chat_rooms 0",
        "chat_connections_total{result=\"accepted\"} 0",
        "chat_connections_total{result=\"refused\"} 0",
        "chat_disconnects_total{reason=\"quit\"} 0",
        "chat_disconnects_total{reason=\"lost\"} 0",
        "chat_disconnects_total{reason=\"slow\"} 0",
        "chat_disconnects_total{reason=\"shutdown\"} 0",
        "chat_disconnects_total{reason=\"line_too_long\"} 0",
        "chat_disconnects_total{reason=\"login_timeout\"} 0",
        "chat_disconnects_total{reason=\"too_many_attempts\"} 0",
        "chat_disconnects_total{reason=\"tls\"} 0",
        "chat_disconnects_total{reason=\"http\"} 0",
        "chat_disconnects_total{reason=\"ssh\"} 0",
        "chat_messages_received_total{kind=\"room\"} 0",
        "chat_messages_received_total{kind=\"direct\"} 0",
        "chat_messages_rejected_total{reason=\"bad_text\"} 0",
        "chat_deliveries_total{result=\"written\"} 0",
        "chat_deliveries_total{result=\"dropped\"} 0",
        "chat_received_bytes_total 0",
        "chat_sent_bytes_total 0",
        "chat_delivery_duration_seconds_count 0",
        "chat_commit_duration_seconds_count 0",
        "chat_commit_batch_messages_count 0",
        "chat_slow_consumers 0",
        "chat_behind_bytes 0",
        "chat_behind_closed_total 0",
        "chat_room_waits_total 0",
        "chat_flush_duration_seconds_count 0",
        "chat_history_messages 0",
        "chat_history_bytes{part=\"used\"} ",
        "chat_history_bytes{part=\"free\"} ",
        "chat_history_bytes{part=\"log\"} ",
        "chat_history_forgotten_total 0",
        "chat_history_read_duration_seconds_count{kind=\"page\"} 0",
        "chat_history_read_duration_seconds_count{kind=\"search\"} 0",
        "chat_index_lag_messages 0",
        "chat_upkeep_duration_seconds_count{step=\"index\"} ",
        "chat_upkeep_duration_seconds_count{step=\"merge\"} ",
        "chat_upkeep_duration_seconds_count{step=\"forget\"} ",
        "chat_checkpoint_duration_seconds_count{thread=\"checkpointer\"} 0",
        "chat_checkpoint_duration_seconds_count{thread=\"writer\"} 0",
        "chat_flood_holds_total 0",
        "chat_joins_refused_total 0",
        "accept_errors_total{kind=\"descriptors\"} 0",
        "log_messages_total{level=\"warn\"} ",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(sample)), "{sample} is not in {metrics}");
    }
}

#[tokio::test]
async fn everything_moves() {
    let world = World::with(&["--connections", "5"]).await;
    let mut alice = world.program("alice", &["lobby", "dev"]).await;
    let mut bob = world.person("bob").await;
    alice.until("joined").await;
    alice.say("lobby", "hi").await;
    bob.expect("MSG:[alice] hi").await;
    alice.ask(json!({"type": "direct", "to": "bob", "text": "psst"})).await;
    bob.expect("DM:[alice] psst").await;
    bob.send("/nope").await;
    bob.expect_error("unknown_command").await;
    bob.send("bell\u{7}").await;
    bob.expect_error("bad_text").await;

    world.person("quitter").await.quit().await;
    world.person("vanished").await.reset();
    world.metric_is("chat_disconnects_total{reason=\"lost\"}", |count| count == 1.0).await;
    let mut shouter = world.stranger().await;
    shouter.send_bytes(&[b'x'; 5000]).await;
    shouter.finish().await;
    shouter.expect_error("line_too_long").await;
    shouter.expect_end().await;
    let mut fool = world.stranger().await;
    fool.send_bytes(b"-\n-\n-\n").await;
    fool.finish().await;
    while fool.next().await.is_some() {}
    world.metric_is("chat_connections", |open| open == 2.0).await;
    let places = [world.stranger().await, world.stranger().await, world.stranger().await];
    Client::connect(world.addr()).await.expect_error("too_many_connections").await;
    drop(places);

    for (sample, value) in [
        ("chat_users", 2.0),
        ("chat_rooms", 2.0),
        ("chat_connections_total{result=\"accepted\"}", 9.0),
        ("chat_connections_total{result=\"refused\"}", 1.0),
        ("chat_disconnects_total{reason=\"line_too_long\"}", 1.0),
        ("chat_disconnects_total{reason=\"too_many_attempts\"}", 1.0),
        // The quitter, and the three who only held a place.
        ("chat_disconnects_total{reason=\"quit\"}", 4.0),
        ("chat_messages_received_total{kind=\"room\"}", 1.0),
        ("chat_messages_received_total{kind=\"direct\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"unknown_command\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"bad_text\"}", 1.0),
        ("chat_messages_rejected_total{reason=\"bad_name\"}", 3.0),
        ("chat_commit_duration_seconds_count", 1.0),
        ("chat_commit_batch_messages_sum", 1.0),
        ("chat_delivery_duration_seconds_count", 1.0),
    ] {
        world.metric_is(sample, |now| now == value).await;
    }
    everybody_is_accounted_for(&world).await;
}

/// Whoever was let in is here or has ended for one reason.
async fn everybody_is_accounted_for(world: &World) {
    let metrics = world.admin("/metrics").await;
    let samples = metrics.lines().filter(|line| line.starts_with("chat_disconnects_total{"));
    let ended: f64 = samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    let open = world.metric("chat_connections").await;
    assert_eq!(world.metric("chat_connections_total{result=\"accepted\"}").await, open + ended);
}

#[tokio::test]
async fn bytes_are_counted_as_they_pass() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for sent in [
        "{\"type\":\"ping\",\"ref\":\"ü\"}\n",
        "\n",
        "{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"日本\"}\r\n",
    ] {
        let before = bytes(&world).await;
        alice.send_bytes(sent.as_bytes()).await;
        let answer = alice.line().await + "\n";
        let now = bytes(&world).await;
        let passed = [now[0] - before[0], now[1] - before[1]];
        assert_eq!(passed, [sent.len() as f64, answer.len() as f64], "{sent}{answer}");
    }
}

/// Received and sent.
async fn bytes(world: &World) -> [f64; 2] {
    [world.metric("chat_received_bytes_total").await, world.metric("chat_sent_bytes_total").await]
}

#[tokio::test]
async fn a_message_is_delivered_to_all_but_its_sender() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let mut loud = world.hello(json!({"user": "loud", "rooms": [{"room": "lobby"}], "echo": true})).await;
    let mut bob = world.person("bob").await;
    loud.until("joined").await;
    for (speaker, hearers) in [(&mut alice, 2.0), (&mut loud, 3.0)] {
        let written = "chat_deliveries_total{result=\"written\"}";
        let before = world.metric(written).await;
        speaker.say("lobby", "x").await;
        assert!(bob.line().await.ends_with("] x"));
        world.metric_is(written, |now| now == before + hearers).await;
    }
    for sample in
        ["chat_delivery_duration_seconds", "chat_commit_duration_seconds", "chat_commit_batch_messages"]
    {
        world.metric_is(&format!("{sample}_count"), |count| count == 2.0).await;
        world.metric_is(&format!("{sample}_sum"), |sum| sum > 0.0).await;
    }
}

#[tokio::test]
async fn history_is_weighed_read_and_forgotten() {
    let world = World::with(&["--keep-messages", "50"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let [used, free, log] =
        ["used", "free", "log"].map(|part| format!("chat_history_bytes{{part=\"{part}\"}}"));
    let empty = world.metric(&used).await;
    let [stored, left] = ["history", "free"].map(|state| format!("chat_storage_bytes{{state=\"{state}\"}}"));
    let little = world.metric(&stored).await;
    alice.say("lobby", "apple").await;
    world.metric_is("chat_history_messages", |kept| kept == 1.0).await;
    world.metric_is("chat_upkeep_duration_seconds_count{step=\"index\"}", |steps| steps > 0.0).await;
    alice.ask(json!({"type": "history", "room": "lobby", "limit": 5})).await;
    alice.ask(json!({"type": "search", "query": "apple", "limit": 5})).await;
    for kind in ["page", "search"] {
        let sample = format!("chat_history_read_duration_seconds_count{{kind=\"{kind}\"}}");
        world.metric_is(&sample, |reads| reads == 1.0).await;
    }
    // It is weighed once a second while messages come, and forgotten when there is far too much of it.
    for (sample, least) in [("chat_history_forgotten_total", 0.0), (&used, empty), (&free, 0.0)] {
        while world.metric(sample).await <= least {
            alice.say_much("lobby").await;
        }
    }
    world.metric_is(&log, |bytes| bytes > 0.0).await;
    world.metric_is(&stored, |bytes| bytes > little).await;
    world.metric_is(&left, |bytes| bytes > 0.0).await;
    for sample in [
        "chat_upkeep_duration_seconds_count{step=\"forget\"}",
        "chat_upkeep_duration_seconds_count{step=\"merge\"}",
        "chat_checkpoint_duration_seconds_count{thread=\"checkpointer\"}",
        "chat_flush_duration_seconds_count",
    ] {
        world.metric_is(sample, |count| count > 0.0).await;
    }
    world.metric_is("chat_index_lag_messages", |lag| lag == 0.0).await;
}

#[tokio::test]
async fn messages_that_wait_together_are_committed_together() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    let say = json!({"type": "say", "room": "lobby", "text": "x"}).to_string() + "\n";
    alice.exchange(say.repeat(1_000).as_bytes(), 1_000).await;
    world.metric_is("chat_commit_batch_messages_sum", |messages| messages == 1_000.0).await;
    let commits = world.metric("chat_commit_batch_messages_count").await;
    assert!((1.0..1_000.0).contains(&commits), "{commits}");
    assert_eq!(world.metric("chat_commit_duration_seconds_count").await, commits);
    world.metric_is("chat_delivery_duration_seconds_count", |messages| messages == 1_000.0).await;
}

#[tokio::test]
async fn refusals_are_counted_by_their_code() {
    let world = World::with(&["--rooms-per-connection", "1"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.ask(json!({"type": "say", "room": "lobby", "text": "x", "ref": "r"})).await;
    let refused = [
        ("{", "bad_json"),
        (r#"{"type":"say"}"#, "bad_request"),
        (r#"{"type":"say","room":"lobby","text":""}"#, "bad_text"),
        (r#"{"type":"nick","user":"[x]"}"#, "bad_name"),
        (r#"{"type":"join","room":"No"}"#, "bad_room"),
        (r#"{"type":"nick","user":"BOB"}"#, "name_taken"),
        (r#"{"type":"direct","to":"nobody","text":"x"}"#, "no_such_user"),
        (r#"{"type":"who","room":"nowhere"}"#, "no_such_room"),
        (r#"{"type":"say","room":"dev","text":"x"}"#, "not_in_room"),
        (r#"{"type":"dance"}"#, "unknown_type"),
        (r#"{"type":"say","room":"lobby","text":"y","ref":"r"}"#, "ref_reused"),
        (r#"{"type":"join","room":"dev"}"#, "unavailable"),
    ];
    let _bob = world.program("bob", &[]).await;
    for (line, code) in refused {
        alice.send(line).await;
        assert_eq!(alice.object().await["code"], code, "{line}");
        assert_eq!(
            world.metric(&format!("chat_messages_rejected_total{{reason=\"{code}\"}}")).await,
            1.0,
            "{code}"
        );
    }
}

#[tokio::test]
async fn the_end_is_counted_while_it_lasts() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.say_much("lobby").await;
    // Whoever does not take their answers keeps the service from ending at once.
    let mut stuck = Client::narrow(world.addr()).await;
    stuck.tell(json!({"type": "hello", "user": "stuck", "rooms": [{"room": "lobby"}]})).await;
    let question = json!({"type": "history", "room": "lobby", "limit": 100}).to_string() + "\n";
    stuck.send_bytes(question.repeat(100).as_bytes()).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    assert_eq!(world.metric("chat_ready").await, 1.0);
    world.begin_drain();
    alice.until("bye").await;
    alice.expect_end().await;
    drop(alice);
    world.metric_is("chat_disconnects_total{reason=\"shutdown\"}", |ended| ended == 1.0).await;
    assert_eq!(world.metric("chat_ready").await, 0.0);
    everybody_is_accounted_for(&world).await;
}

#[tokio::test]
async fn a_slow_reader_is_seen() {
    let world = World::new().await;
    let mut writer = world.program("writer", &["lobby"]).await;
    let mut slow = Client::narrow(world.addr()).await;
    slow.tell(json!({"type": "hello", "user": "slow", "rooms": [{"room": "lobby"}]})).await;
    writer.until("joined").await;
    while world.metric("chat_slow_consumers").await == 0.0 {
        writer.say_much("lobby").await;
    }
    while world.metric("chat_disconnects_total{reason=\"slow\"}").await == 0.0 {
        writer.say_much("lobby").await;
    }
    world.metric_is("chat_deliveries_total{result=\"dropped\"}", |dropped| dropped > 0.0).await;
    world.metric_is("chat_slow_consumers", |slow| slow == 0.0).await;
}
