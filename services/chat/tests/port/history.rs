//! What was said before.

use serde_json::{Value, json};

use super::world::{Client, World, kept};

/// A room in which "line 1" up to "line n" have been said.
async fn spoken(world: &World, room: &str, n: u64) -> Client {
    let mut speaker = world.program("speaker", &[room]).await;
    let lines: String = (1..=n)
        .map(|id| json!({"type": "say", "room": room, "text": format!("line {id}")}).to_string() + "\n")
        .collect();
    speaker.send_bytes(lines.as_bytes()).await;
    for id in 1..=n {
        assert_eq!(speaker.object().await["id"], id);
    }
    speaker
}

fn ids(answer: &Value) -> Vec<u64> {
    answer["messages"].as_array().unwrap().iter().map(|message| message["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn newcomers_are_shown_the_newest_lines_oldest_first() {
    let world = World::new().await;
    spoken(&world, "lobby", 25).await;
    let (_, past) = world.newcomer("alice").await;
    let wanted: Vec<String> = (6..=25).map(|id| format!("HISTORY:[speaker] line {id}")).collect();
    assert_eq!(past, wanted);
}

#[tokio::test]
async fn how_many_lines_are_shown_is_a_flag() {
    for (shown, wanted) in [("3", 3), ("0", 0), ("100", 5)] {
        let world = World::with(&["--history", shown]).await;
        spoken(&world, "lobby", 5).await;
        let (_, past) = world.newcomer("alice").await;
        assert_eq!(past.len(), wanted, "{past:?}");
    }
}

#[tokio::test]
async fn history_is_read_page_by_page() {
    let world = World::new().await;
    let mut speaker = spoken(&world, "lobby", 23).await;
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let page =
            speaker.ask(json!({"type": "history", "room": "lobby", "before": before, "limit": 10})).await;
        let page = ids(&page);
        let Some(first) = page.first() else { break };
        before = Some(*first);
        pages.push(page);
    }
    let wanted: [Vec<u64>; 3] = [(14..=23).collect(), (4..=13).collect(), (1..=3).collect()];
    assert_eq!(pages, wanted);
    let request = json!({"type": "history", "room": "lobby", "before": 3, "limit": 2});
    assert_eq!(
        speaker.ask(request).await["messages"],
        json!([kept("lobby", 1, "speaker", "line 1"), kept("lobby", 2, "speaker", "line 2"),])
    );
}

#[tokio::test]
async fn history_is_read_page_by_page_the_other_way_too() {
    let world = World::new().await;
    let mut speaker = spoken(&world, "lobby", 23).await;
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page =
            speaker.ask(json!({"type": "history", "room": "lobby", "after": after, "limit": 10})).await;
        let page = ids(&page);
        let Some(last) = page.last() else { break };
        after = *last;
        pages.push(page);
    }
    let wanted: [Vec<u64>; 3] = [(1..=10).collect(), (11..=20).collect(), (21..=23).collect()];
    assert_eq!(pages, wanted);
    let request = json!({"type": "history", "room": "lobby", "after": 21, "limit": 2, "ref": "h"});
    let newest = [kept("lobby", 22, "speaker", "line 22"), kept("lobby", 23, "speaker", "line 23")];
    let wanted = json!({"type": "history", "ref": "h", "room": "lobby", "messages": newest});
    assert_eq!(speaker.ask(request).await, wanted);
    speaker
        .tell(json!({"type": "history", "room": "lobby", "before": 9, "after": 1, "limit": 5, "ref": "b"}))
        .await;
    speaker.expect_refusal("bad_request", Some("b")).await;
}

#[tokio::test]
async fn edges_of_a_page_are_no_trouble() {
    let world = World::new().await;
    let mut speaker = spoken(&world, "lobby", 3).await;
    let cases = [
        (json!({"limit": 0}), vec![]),
        (json!({"limit": 1}), vec![3]),
        (json!({"limit": 4_000_000_000_u64}), vec![1, 2, 3]),
        (json!({"limit": 5, "before": 0}), vec![]),
        (json!({"limit": 5, "before": 1}), vec![]),
        (json!({"limit": 5, "before": 4}), vec![1, 2, 3]),
        (json!({"limit": 5, "before": u64::MAX}), vec![1, 2, 3]),
        (json!({"limit": 5, "before": i64::MAX}), vec![1, 2, 3]),
        (json!({"limit": 0, "after": 0}), vec![]),
        (json!({"limit": 1, "after": 0}), vec![1]),
        (json!({"limit": 5, "after": 2}), vec![3]),
        (json!({"limit": 5, "after": 3}), vec![]),
        (json!({"limit": 5, "after": u64::MAX}), vec![]),
        (json!({"limit": 5, "after": i64::MAX}), vec![]),
        (json!({"limit": 5, "after": (1_u64 << 40) - 1}), vec![]),
    ];
    for (mut request, wanted) in cases {
        request["type"] = "history".into();
        request["room"] = "lobby".into();
        assert_eq!(ids(&speaker.ask(request.clone()).await), wanted, "{request}");
    }
}

#[tokio::test]
async fn one_request_gets_a_thousand_at_most() {
    let world = World::new().await;
    let mut speaker = spoken(&world, "lobby", 1005).await;
    let wanted: Vec<u64> = (6..=1005).collect();
    let history = speaker.ask(json!({"type": "history", "room": "lobby", "limit": 5000})).await;
    assert_eq!(ids(&history), wanted);
    let found = speaker.ask(json!({"type": "search", "query": "line", "limit": 5000})).await;
    assert_eq!(ids(&found), wanted.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn search_looks_in_ones_own_rooms_newest_first() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["a", "b"]).await;
    let mut bob = world.program("bob", &["b", "c"]).await;
    alice.say("a", "red apple").await;
    bob.say("b", "green apple").await;
    bob.say("c", "secret apple").await;
    alice.until("message").await;
    let found = alice.ask(json!({"type": "search", "query": "apple", "limit": 10})).await;
    let wanted = json!([kept("b", 1, "bob", "green apple"), kept("a", 1, "alice", "red apple")]);
    assert_eq!(found["messages"], wanted);
    let found = alice.ask(json!({"type": "search", "query": "apple", "limit": 1})).await;
    assert_eq!(found["messages"], json!([kept("b", 1, "bob", "green apple")]));
    alice.tell(json!({"type": "search", "query": "apple", "room": "c", "limit": 10})).await;
    alice.expect_refusal("not_in_room", None).await;
}

#[tokio::test]
async fn every_word_must_be_there_and_none_is_an_operator() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    for text in ["Grüße aus Wien", "wien OR linz", "say \"hello\" to NEAR", "a-b c*d (e)", "text: col"] {
        alice.say("lobby", text).await;
    }
    let cases = [
        ("wien", vec![2, 1]),
        ("WIEN aus", vec![1]),
        ("linz wien", vec![2]),
        ("wien nowhere", vec![]),
        ("OR", vec![2]),
        ("\"hello\"", vec![3]),
        ("hello\"", vec![3]),
        ("NEAR", vec![3]),
        ("a-b", vec![4]),
        ("(e)", vec![4]),
        ("text:", vec![5]),
        ("NOT", vec![]),
        ("*", vec![]),
        ("\"", vec![]),
        ("!!! ???", vec![]),
        ("", vec![]),
        ("   ", vec![]),
    ];
    for (query, wanted) in cases {
        let found = alice.ask(json!({"type": "search", "query": query, "limit": 10})).await;
        assert_eq!(found["type"], "search", "{query:?}: {found}");
        assert_eq!(ids(&found), wanted, "{query:?}");
    }
}

/// A NUL ended the query for the full-text index inside a quotation, and the asker was told that history
/// is not to be had.
#[tokio::test]
async fn control_characters_in_a_query_stand_between_words() {
    let world = World::new().await;
    let mut alice = world.program("alice", &["lobby"]).await;
    alice.say("lobby", "a b ab").await;
    for (query, wanted) in
        [("a\u{0}b", vec![1]), ("\u{0}", vec![]), ("x\u{1b}[2J", vec![]), ("\"\u{0}ab", vec![1])]
    {
        let found = alice.ask(json!({"type": "search", "query": query, "limit": 5})).await;
        assert_eq!((&found["type"], ids(&found)), (&json!("search"), wanted), "{query:?}");
    }
}
