//! `--unterminated-after`: clients that send no line end.

use super::world::World;

/// The original Python client sends its name and its messages bare and waits for what comes.
#[tokio::test]
async fn the_original_client_works_unchanged() {
    let world = World::with(&["--unterminated-after", "50"]).await;
    let mut bob = world.person("bob").await;
    let mut original = world.stranger().await;
    original.send_bytes(b"alice").await;
    bob.expect("MSG:alice joined the chat").await;
    for text in ["hello", "how are you?", "schön"] {
        original.send_bytes(text.as_bytes()).await;
        bob.expect(&format!("MSG:[alice] {text}")).await;
    }
    bob.send("fine").await;
    original.expect("MSG:[bob] fine").await;
    original.send_bytes(b"/who").await;
    original.expect("INFO:lobby: alice, bob").await;
    original.send_bytes(b"bye").await;
    original.finish().await;
    original.expect_end().await;
    bob.expect("MSG:[alice] bye").await;
    bob.expect("MSG:alice left the chat").await;
}

#[tokio::test]
async fn lines_with_an_end_are_lines_as_ever() {
    let world = World::with(&["--unterminated-after", "50"]).await;
    let mut bob = world.person("bob").await;
    let mut alice = world.stranger().await;
    alice.send_bytes(b"alice\nline one\nline two\nand the rest").await;
    for line in [
        "MSG:alice joined the chat",
        "MSG:[alice] line one",
        "MSG:[alice] line two",
        "MSG:[alice] and the rest",
    ] {
        bob.expect(line).await;
    }
}

#[tokio::test]
async fn names_without_an_end_are_refused_as_ever() {
    let world = World::with(&["--unterminated-after", "20"]).await;
    let mut client = world.stranger().await;
    client.send_bytes(b"[x]").await;
    client.expect_error("bad_name").await;
    client.expect("USERNAME:").await;
    client.send_bytes(b"\xff").await;
    client.expect_error("bad_utf8").await;
    client.expect("USERNAME:").await;
    client.send_bytes(b"").await;
    client.send_bytes(b"-").await;
    client.expect_error("bad_name").await;
    client.expect_error("too_many_attempts").await;
    client.expect_end().await;
}

#[tokio::test]
async fn without_the_flag_a_pause_ends_nothing() {
    let world = World::new().await;
    let mut bob = world.person("bob").await;
    let mut alice = world.person("alice").await;
    bob.expect("MSG:alice joined the chat").await;
    alice.send_bytes(b"half ").await;
    bob.send("/who").await;
    bob.expect("INFO:lobby: alice, bob").await;
    alice.send_bytes(b"and half\n").await;
    bob.expect("MSG:[alice] half and half").await;
}
