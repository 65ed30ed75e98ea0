//! What an ack is worth, by `--sync`.

use serde_json::json;

use super::world::World;

#[tokio::test]
async fn full_and_normal_keep_what_was_acked_and_off_does_not() {
    for (sync, kept) in [("full", 3), ("normal", 3), ("off", 0)] {
        let world = World::with(&["--sync", sync]).await;
        let mut alice = world.program("alice", &["lobby"]).await;
        for id in 1..=3 {
            assert_eq!(alice.say("lobby", "x").await, id);
        }
        drop(alice);
        let world = World::on(world.stop().await, &["--sync", sync]).await;
        let mut alice = world.stranger().await;
        alice.tell(json!({"type": "hello", "user": "alice", "rooms": [{"room": "lobby"}]})).await;
        assert_eq!(alice.until("room").await["last_id"], kept, "--sync {sync}");
        assert_eq!(alice.say("lobby", "y").await, kept + 1, "--sync {sync}");
    }
}

#[tokio::test]
async fn within_a_run_nothing_depends_on_the_disk() {
    let world = World::with(&["--sync", "off"]).await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.say("lobby", "in memory").await;
    let (_bob, past) = world.newcomer("bob").await;
    assert_eq!(past, ["HISTORY:[alice] in memory"]);
    alice.until("joined").await;
    let found = alice.ask(json!({"type": "search", "query": "memory", "limit": 5})).await;
    assert_eq!(found["messages"][0]["id"], 1, "{found}");
}

#[tokio::test]
async fn a_folder_serves_one_at_a_time() {
    let world = World::new().await;
    let folder = world.stop().await;
    let path = folder.path().to_str().unwrap().to_owned();
    let _world = World::on(folder, &[]).await;
    let args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry", "none", "--data", &path];
    let (config, flags) = chassis::parse(&chat::SERVICE, &args).unwrap();
    let failure = chat::start(config, flags).await.unwrap_err().to_string();
    assert!(failure.contains("--data"), "{failure}");
}
