//! Text mode, for people.

use super::world::World;

#[tokio::test]
async fn a_conversation_goes_as_the_contract_shows_it() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    bob.send("hello").await;
    assert!(bob.settle().await.is_empty(), "nobody hears themselves");

    let mut alice = world.stranger().await;
    alice.send("alice").await;
    alice.expect("HISTORY:[bob] hello").await;
    bob.expect("MSG:alice joined the chat").await;
    bob.send("welcome").await;
    alice.expect("MSG:[bob] welcome").await;
    alice.send("hi all").await;
    bob.expect("MSG:[alice] hi all").await;

    let carol = world.person("carol").await;
    alice.expect("MSG:carol joined the chat").await;
    carol.quit().await;
    alice.expect("MSG:carol left the chat").await;
    alice.send("/who").await;
    alice.expect("INFO:lobby: alice, bob").await;
}

#[tokio::test]
async fn joins_and_leaves_are_not_kept() {
    let world = World::new().await;
    world.person("alice").await.quit().await;
    let (_bob, past) = world.newcomer("bob").await;
    assert!(past.is_empty(), "{past:?}");
}

#[tokio::test]
async fn rooms_are_changed_one_for_the_other() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bob = world.person("bob").await;
    alice.expect("MSG:bob joined the chat").await;
    bob.send("/join #dev").await;
    assert!(bob.line().await.starts_with("INFO:"));
    alice.expect("MSG:bob left the chat").await;
    bob.send("nobody hears this").await;
    bob.send("/who").await;
    bob.expect("INFO:dev: bob").await;
    bob.send("/who lobby").await;
    bob.expect("INFO:lobby: alice").await;
    bob.send("/who #lobby").await;
    bob.expect("INFO:lobby: alice").await;
    bob.send("/rooms").await;
    let rooms = bob.line().await;
    assert!(rooms.starts_with("INFO:") && rooms.contains("dev") && rooms.contains("lobby"), "{rooms}");
    alice.send("/join dev").await;
    assert!(alice.line().await.starts_with("INFO:"));
    alice.expect("HISTORY:[bob] nobody hears this").await;
    bob.expect("MSG:alice joined the chat").await;
}

#[tokio::test]
async fn one_person_alone_can_be_told() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bob = world.person("bob").await;
    let mut carol = world.person("carol").await;
    // What is said to one alone may overtake what is told to the room.
    bob.expect("MSG:carol joined the chat").await;
    alice.send("/msg BOB psst, you").await;
    bob.expect("DM:[alice] psst, you").await;
    alice.send("for all").await;
    carol.expect("MSG:[alice] for all").await;
}

#[tokio::test]
async fn a_new_name_is_told_to_the_room_and_to_oneself() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bob = world.person("bob").await;
    alice.expect("MSG:bob joined the chat").await;
    alice.send("/nick ally").await;
    alice.expect("MSG:alice is now known as ally").await;
    bob.expect("MSG:alice is now known as ally").await;
    alice.send("still me").await;
    bob.expect("MSG:[ally] still me").await;
    bob.send("/nick Ally").await;
    bob.expect_error("name_taken").await;
    bob.send("/nick [x]").await;
    bob.expect_error("bad_name").await;
    bob.send("/nick alice").await;
    bob.expect("MSG:bob is now known as alice").await;
    alice.expect("MSG:bob is now known as alice").await;
    alice.send("/nick ALLY").await;
    alice.expect("MSG:ally is now known as ALLY").await;
}

#[tokio::test]
async fn one_s_own_name_once_more_is_told_to_nobody() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bob = world.person("bob").await;
    alice.expect("MSG:bob joined the chat").await;
    alice.send("/nick alice").await;
    alice.send("/who").await;
    alice.expect("INFO:lobby: alice, bob").await;
    alice.send("still me").await;
    bob.expect("MSG:[alice] still me").await;
}

#[tokio::test]
async fn a_line_may_begin_with_a_slash_or_be_a_deed() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bob = world.person("bob").await;
    alice.send("//quit is how to leave").await;
    alice.send("/me waves").await;
    alice.send("MSG:[bob] spoofed").await;
    bob.expect("MSG:[alice] /quit is how to leave").await;
    bob.expect("MSG:[alice] * waves").await;
    bob.expect("MSG:[alice] MSG:[bob] spoofed").await;
}

#[tokio::test]
async fn what_was_said_is_shown_and_found() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    for line in ["one apple", "two pears", "three Apples and an apple"] {
        alice.send(line).await;
    }
    alice.send("/history 2").await;
    alice.expect("HISTORY:[alice] two pears").await;
    alice.expect("HISTORY:[alice] three Apples and an apple").await;
    alice.send("/history").await;
    alice.expect("HISTORY:[alice] one apple").await;
    assert_eq!(alice.settle().await.len(), 2);
    alice.send("/search APPLE").await;
    let found = [alice.line().await, alice.line().await];
    assert!(found[0].contains("three Apples"), "the newest first: {found:?}");
    assert!(found[1].contains("one apple"), "{found:?}");
    alice.send("/search plums").await;
    assert!(alice.line().await.starts_with("INFO:"));
    assert!(alice.settle().await.is_empty());
}

#[tokio::test]
async fn help_names_every_command() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    alice.send("/help").await;
    let help = alice.settle().await;
    assert!(help.iter().all(|line| line.starts_with("INFO:")), "{help:?}");
    let help = help.join("\n");
    for command in
        ["/join", "/rooms", "/who", "/msg", "/nick", "/me", "/history", "/search", "/help", "/quit", "//"]
    {
        assert!(help.contains(command), "{command} is not in {help}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_an_error_and_never_a_message() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    let wrong = [
        ("/nope", "unknown_command"),
        ("/", "unknown_command"),
        ("/joined dev", "unknown_command"),
        ("/join", "bad_request"),
        ("/join Dev", "bad_room"),
        ("/join -dev", "bad_room"),
        ("/join a b", "bad_room"),
        ("/join ##dev", "bad_room"),
        (&format!("/join {}", "r".repeat(33)), "bad_room"),
        ("/who nowhere", "no_such_room"),
        ("/who Nowhere!", "bad_room"),
        ("/msg", "bad_request"),
        ("/msg bob", "bad_request"),
        ("/msg nobody hi", "no_such_user"),
        ("/msg b@b hi", "bad_name"),
        ("/nick", "bad_request"),
        ("/nick -x", "bad_name"),
        ("/me", "bad_request"),
        ("/history -1", "bad_request"),
        ("/history 0x10", "bad_request"),
        ("/history many", "bad_request"),
        ("/search", "bad_request"),
    ];
    for (line, code) in wrong {
        alice.send(line).await;
        alice.expect_error(code).await;
    }
    alice.send("").await;
    alice.send("/who").await;
    alice.expect("INFO:lobby: alice, bob").await;
    bob.expect("MSG:alice joined the chat").await;
    alice.send("good").await;
    bob.expect("MSG:[alice] good").await;
}

#[tokio::test]
async fn programs_and_people_hear_each_other() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bot = world.program("bot", &["lobby"]).await;
    alice.expect("MSG:bot joined the chat").await;
    bot.say("lobby", "beep").await;
    alice.expect("MSG:[bot] beep").await;
    alice.send("boop").await;
    assert_eq!(bot.object().await["text"], "boop");
    alice.send("/msg bot alone").await;
    assert_eq!(bot.object().await["type"], "direct");
}
