//! One name on two chat servers: who keeps it, and what the other one hears.

use serde_json::json;
use tests::chat::{Person, Program};
use tests::info::Asker;
use tests::registry::Session;
use tests::{Kind, World, eventually};

/// Waits until a lease has lapsed, at a registry of its own: far longer than a word takes from here to there.
async fn a_while() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &["--ttl-default", "1s"]).await;
    let mut session = Session::open(registry.addr).await;
    session.register("chat", "brief").await;
    let list = json!({"op": "list", "what": "services"});
    let state = async || session.ask(&list).await["services"][0]["state"].clone();
    eventually("the end of the lease", state, |state| state == "down").await;
    world.stop().await;
}

#[tokio::test]
async fn of_two_who_were_given_one_name_the_younger_hears_it_and_stays() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let one = world.start(Kind::Chat, &[]).await;
    let free = "127.0.0.1:0".parse().expect("an address");
    let two = world.start_as(Kind::Chat, "chat-2", free, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let _alice = Person::enter(one.addr, "alice").await;
    let _bob = Program::enter(one.addr, "bob", &["lobby"]).await;
    eventually("both", async || asker.users().await, |users| users == &["alice", "bob"]).await;

    world.stop_one("registry-1").await;
    a_while().await;
    let mut alice = Person::enter(two.addr, "alice").await;
    let mut bob = Program::enter(two.addr, "bob", &["lobby"]).await;
    world.start_as(Kind::Registry, "registry-1", registry.addr, &[]).await;

    let told = alice.0.until(|line| line.starts_with("ERROR:name_lost ")).await;
    assert!(told.ends_with("you are alice-2 now"), "{told}");
    // He hears of alice's new name too, before his own or after it.
    let mut renamed = bob.until("renamed").await;
    while renamed["user"] != "bob" {
        renamed = bob.until("renamed").await;
    }
    assert_eq!(renamed["to"], "bob-2", "{renamed}");
    let told = bob.until("error").await;
    assert_eq!(told["code"], "name_lost", "{told}");
    alice.say("still here").await;
    let heard = bob.until("message").await;
    assert_eq!((&heard["from"], &heard["text"]), (&json!("alice-2"), &json!("still here")), "{heard}");
    bob.say("lobby", "so am I").await;
    alice.hear("MSG:[bob-2] so am I").await;
    let all = |users: &Vec<String>| users == &["alice", "alice-2", "bob", "bob-2"];
    eventually("all four", async || asker.users().await, all).await;
    world.stop().await;
}
