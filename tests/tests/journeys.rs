//! Journeys of people and programs across all services.

use tests::chat::{Person, Program};
use tests::file::Courier;
use tests::info::Asker;
use tests::{Kind, World, admin, eventually};

#[tokio::test]
async fn a_person_who_joins_is_seen_and_gone_after_leaving() {
    let (world, stack) = World::whole().await;
    let asker = Asker::new(stack.info.addr).await;
    let alice = Person::enter(stack.chat.addr, "alice").await;
    let mut bob = Person::enter(stack.chat.addr, "bob").await;
    eventually("both", async || asker.users().await, |users| users == &["alice", "bob"]).await;
    assert_eq!(asker.json("ROOMS").await["rooms"][0]["users"], 2);
    alice.quit().await;
    bob.hear("MSG:alice left the chat").await;
    eventually("bob alone", async || asker.users().await, |users| users == &["bob"]).await;
    world.stop().await;
}

#[tokio::test]
async fn messages_and_files_are_counted() {
    let (world, stack) = World::whole().await;
    let asker = Asker::new(stack.info.addr).await;
    let mut program = Program::enter(stack.chat.addr, "bot", &["lobby"]).await;
    let mut person = Person::enter(stack.chat.addr, "alice").await;
    for text in ["one", "two", "three"] {
        assert!(program.say("lobby", text).await["id"].is_u64());
        person.hear(&format!("MSG:[bot] {text}")).await;
    }
    let mut courier = Courier::new(stack.file.addr).await;
    assert!(courier.upload("notes/today.txt", b"all well").await.starts_with("OK 8 "));
    let counted = async || asker.json("STATUS").await;
    let all = |status: &serde_json::Value| status["messages_sent"] == 3 && status["files"] == 1;
    let status = eventually("three messages and a file", counted, all).await;
    for service in ["chat", "file", "info", "registry"] {
        assert_eq!(status["services"][service], "up", "{status}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_file_that_is_stored_is_listed_and_given_back() {
    let (world, stack) = World::whole().await;
    let mut courier = Courier::new(stack.file.addr).await;
    let body: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let stored = courier.upload("a b.bin", &body).await;
    assert_eq!(stored, format!("OK {} {} a b.bin", body.len(), blake3::hash(&body)));
    let listed = courier.list().await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].starts_with("100000 ") && listed[0].ends_with(" a b.bin"), "{listed:?}");
    assert_eq!(courier.download("a b.bin").await, body);
    eventually(
        "the gauge",
        async || admin::metric(stack.file.admin, "file_stored_files").await,
        |files| *files == 1.0,
    )
    .await;
    world.stop().await;
}

#[tokio::test]
async fn chat_goes_on_without_the_registry_and_is_whole_again_with_it() {
    let (mut world, stack) = World::whole().await;
    let asker = Asker::new(stack.info.addr).await;
    let mut alice = Person::enter(stack.chat.addr, "alice").await;
    eventually("alice", async || asker.users().await, |users| users == &["alice"]).await;
    world.stop_one("registry-1").await;
    let registry = async || asker.json("STATUS").await["services"]["registry"].clone();
    eventually("its end", registry, |state| state == "down").await;
    let mut bob = Person::enter(stack.chat.addr, "bob").await;
    bob.say("anybody here?").await;
    alice.hear("MSG:[bob] anybody here?").await;
    assert_eq!(asker.users().await, ["alice"], "the last that was known");
    world.start_as(Kind::Registry, "registry-1", stack.registry.addr, &[]).await;
    eventually("both", async || asker.users().await, |users| users == &["alice", "bob"]).await;
    bob.say("it is back").await;
    alice.hear("MSG:[bob] it is back").await;
    world.stop().await;
}

#[tokio::test]
async fn history_outlives_a_restart() {
    let (mut world, stack) = World::whole().await;
    let mut alice = Person::enter(stack.chat.addr, "alice").await;
    let mut program = Program::enter(stack.chat.addr, "bot", &["lobby"]).await;
    let acked = program.say("lobby", "remember me").await;
    alice.hear("MSG:[bot] remember me").await;
    world.stop_one("chat-1").await;
    let chat = world.start(Kind::Chat, &[]).await;
    let mut again = tests::lines::Lines::connect(chat.addr).await;
    again.until(|line| line == "USERNAME:").await;
    again.send("carol").await;
    again.until(|line| line == "HISTORY:[bot] remember me").await;
    let mut program = Program::enter(chat.addr, "bot", &["lobby"]).await;
    let next = program.say("lobby", "next").await;
    assert_eq!(next["id"].as_u64(), acked["id"].as_u64().map(|id| id + 1), "{acked} {next}");
    world.stop().await;
}

#[tokio::test]
async fn every_service_is_ready_and_tells_its_metrics() {
    let (world, stack) = World::whole().await;
    let places =
        [("registry", stack.registry), ("chat", stack.chat), ("info", stack.info), ("file", stack.file)];
    for (name, place) in places {
        eventually(name, async || admin::is_ready(place.admin).await, |ready| *ready).await;
        assert_eq!(admin::metric(place.admin, &format!("{name}_ready")).await, 1.0);
    }
    for (name, place) in &places[1..] {
        let connected = async || admin::metric(place.admin, "registry_client_connected").await;
        eventually(name, connected, |connected| *connected == 1.0).await;
    }
    world.stop().await;
}
