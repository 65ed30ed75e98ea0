//! Texts that look like something else: the server's own word, another person's, JSON, SQL.

use serde_json::{Value, json};

use super::world::{Client, World, kept, message};

/// Lines that only the server says.
const FORGED: [&str; 11] = [
    "MSG:carol joined the chat",
    "MSG:carol is now known as eve",
    "MSG:[bob] I owe eve a hundred",
    "HISTORY:[bob] so I said",
    "FOUND:#lobby [bob] and it was found",
    "DM:[bob] between you and me",
    "INFO:server is going away",
    "ERROR:too_slow you read too slowly",
    "USERNAME:",
    r#"{"type":"bye","reason":"shutdown","retry_after_ms":0}"#,
    r#"{"type":"message","room":"lobby","id":1,"from":"bob","text":"hi"}"#,
];

#[tokio::test]
async fn people_see_who_speaks_whatever_is_said() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut eve = world.person("eve").await;
    alice.expect("MSG:eve joined the chat").await;
    for text in FORGED {
        eve.send(text).await;
        alice.expect(&format!("MSG:[eve] {text}")).await;
        eve.send(&format!("/me {text}")).await;
        alice.expect(&format!("MSG:[eve] * {text}")).await;
        eve.send(&format!("/msg alice {text}")).await;
        alice.expect(&format!("DM:[eve] {text}")).await;
    }
    let (_newcomer, past) = world.newcomer("newcomer").await;
    assert!(past.len() == 20 && past.iter().all(|line| line.starts_with("HISTORY:[eve] ")), "{past:?}");
    alice.expect("MSG:newcomer joined the chat").await;
    alice.send("/search bob").await;
    let found = alice.settle().await;
    assert!(
        found.len() >= 8 && found.iter().all(|line| line.starts_with("FOUND:#lobby [eve] ")),
        "{found:?}"
    );
}

#[tokio::test]
async fn programs_see_one_object_whatever_is_said() {
    let world = World::new().await;
    let mut bot = world.program("bot", &["lobby"]).await;
    let mut eve = world.person("eve").await;
    bot.until("joined").await;
    for (n, text) in FORGED.into_iter().enumerate() {
        eve.send(text).await;
        bot.expect_object(message("lobby", n as u64 + 1, "eve", text)).await;
        eve.send(&format!("/msg bot {text}")).await;
        bot.expect_object(json!({"type": "direct", "from": "eve", "text": text})).await;
    }
}

/// Texts that would end a string, an object or a line, if they were not quoted.
const BREAKING: [&str; 9] = [
    r#"","from":"bob","x":""#,
    r#""},{"type":"bye"},{"x":""#,
    r#"\"}"#,
    r"\",
    r"\\",
    r"\u0022},{",
    r"a\nMSG:[bob] hi",
    "a\u{2028}MSG:[bob] hi\u{2029}{}",
    "\u{feff}{\"type\":\"bye\"}</script>\u{fffd}\u{10ffff}",
];

#[tokio::test]
async fn quotes_and_backslashes_break_out_of_nothing() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut bot = world.program("bot", &["lobby"]).await;
    let mut eve = world.program("eve", &["lobby"]).await;
    for name in ["bot", "eve"] {
        alice.expect(&format!("MSG:{name} joined the chat")).await;
    }
    bot.until("joined").await;
    let mut said = Vec::new();
    for (n, text) in BREAKING.into_iter().enumerate() {
        let id = n as u64 + 1;
        let reference: String = text.chars().take(64).collect();
        let ack = eve.ask(json!({"type": "say", "room": "lobby", "text": text, "ref": reference})).await;
        assert_eq!(ack, json!({"type": "ack", "ref": reference, "room": "lobby", "id": id}));
        bot.expect_object(message("lobby", id, "eve", text)).await;
        alice.expect(&format!("MSG:[eve] {text}")).await;
        said.push(kept("lobby", id, "eve", text));
    }
    let history = bot.ask(json!({"type": "history", "room": "lobby", "limit": 100})).await;
    assert_eq!(history["messages"], Value::from(said));
}

/// JSON has ways to write what a line can't hold.
#[tokio::test]
async fn no_escape_smuggles_a_control_character() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut eve = world.program("eve", &["lobby"]).await;
    alice.expect("MSG:eve joined the chat").await;
    for escape in [
        r"\n",
        r"\r",
        r"\r\n",
        r"\u000a",
        r"\u0000",
        r"\b",
        r"\f",
        r"\u001b[2J",
        r"\u007f",
        r"\u0085",
        r"\u009b",
    ] {
        for (field, code) in [("text", "bad_text"), ("user", "bad_name")] {
            let kind = if field == "text" { r#""say","room":"lobby""# } else { r#""nick""# };
            eve.send(&format!(r#"{{"type":{kind},"{field}":"a{escape}MSG:carol left the chat"}}"#)).await;
            eve.expect_refusal(code, None).await;
        }
        eve.send(&format!(r#"{{"type":"direct","to":"alice","text":"a{escape}b"}}"#)).await;
        eve.expect_refusal("bad_text", None).await;
    }
    eve.tell(json!({"type": "say", "room": "lobby", "text": "the end"})).await;
    alice.expect("MSG:[eve] the end").await;
}

/// Texts that would be heard as commands by the database, if they were not bound.
const SQL: [&str; 8] = [
    "'); DROP TABLE messages; --",
    "' OR '1'='1",
    "\"; DELETE FROM rooms; --",
    "?1 :name @name $name",
    "0x27 OR 1=1 /* */",
    "a' UNION SELECT name FROM sqlite_master --",
    "PRAGMA journal_mode=OFF;",
    "%_%' ESCAPE '\\",
];

#[tokio::test]
async fn sql_is_a_text_like_any_other() {
    let world = World::new().await;
    let mut eve = world.program("eve", &["lobby"]).await;
    for (n, text) in SQL.into_iter().enumerate() {
        let id = n as u64 + 1;
        for _ in 0..2 {
            let ack = eve.ask(json!({"type": "say", "room": "lobby", "text": text, "ref": text})).await;
            assert_eq!(ack, json!({"type": "ack", "ref": text, "room": "lobby", "id": id}));
        }
    }
    drop(eve);
    let world = world.restart().await;
    let mut eve = world.program("eve", &["lobby"]).await;
    let said: Vec<Value> = (1..).zip(SQL).map(|(id, text)| kept("lobby", id, "eve", text)).collect();
    assert_eq!(
        eve.ask(json!({"type": "history", "room": "lobby", "limit": 100})).await["messages"],
        Value::from(said)
    );
    for (id, text) in (1..).zip(SQL) {
        let found = search(&mut eve, text).await;
        assert!(found.contains(&id), "{text:?} finds {found:?}");
    }
}

/// What the full-text index itself would hear as an operator, or choke on.
#[tokio::test]
async fn no_query_is_more_than_words() {
    let world = World::new().await;
    let mut eve = world.program("eve", &["lobby"]).await;
    eve.say("lobby", "one two three").await;
    let short = [
        "one AND",
        "AND",
        "one OR two OR",
        "NOT one",
        "one NOT two",
        "NEAR(one two)",
        "NEAR(one two, 0)",
        "^one",
        "on*",
        "one*",
        "\"one",
        "\"one two",
        "one\"two",
        "{text}: one",
        "text: one",
        "text : one",
        "-text: one",
        "- one",
        "+one",
        "one + two",
        "(one",
        "one)",
        "((((one",
        "'one'",
        "one; DROP TABLE words",
        "one\u{0}two",
        "\u{0}",
        "\u{feff}one",
        "one\u{2028}two",
        "\u{301}",
        "𝕠𝕟𝕖",
        "🦀",
        "\\",
        "%",
        "_",
        "*",
        "?",
        ":",
        "''",
        "\"\"",
        "\"\"\"\"",
        "rank",
        "rowid",
    ];
    let long = [
        "a ".repeat(1_900),
        "\"".repeat(1_900),
        "(".repeat(3_800),
        "x".repeat(3_800),
        "* ".repeat(1_900),
        "one ".repeat(950),
    ];
    for query in short.into_iter().map(str::to_owned).chain(long) {
        let found = search(&mut eve, &query).await;
        assert!(found.len() <= 1, "{query:?} finds {found:?}");
    }
    assert_eq!(search(&mut eve, "one three").await, [1], "it still works");
    assert_eq!(search(&mut eve, &"one ".repeat(950)).await, [1], "a word said twice is still there");
}

/// The ids of what a search finds; it must not be refused.
async fn search(client: &mut Client, query: &str) -> Vec<u64> {
    let found = client.ask(json!({"type": "search", "query": query, "limit": 100})).await;
    assert_eq!(found["type"], "search", "{query:.60?}: {found}");
    found["messages"].as_array().unwrap().iter().map(|message| message["id"].as_u64().unwrap()).collect()
}
