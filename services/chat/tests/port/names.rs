//! Every name that nobody may have, wherever a name can be said.

use serde_json::json;

use super::world::World;

/// Names, by what is wrong with them.
fn bad_names() -> Vec<(&'static str, Vec<String>)> {
    let all = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    vec![
        ("it is too long", vec!["a".repeat(33), "e\u{301}".repeat(33), "日".repeat(33), "x".repeat(3_000)]),
        ("it begins like an option or a hidden file", all(&["-", "-rf", ".", "..", ".a"])),
        (
            "it could be taken for the server's own marks",
            all(&["[a]", "a]", ":x", "a:b", "#x", "*", "@a", "a,b"]),
        ),
        ("it is a path", all(&["a/b", "../a", "..\\a", "a\\b", "a\u{ff0f}b", "a\u{2215}b"])),
        (
            "it is quoted or escaped",
            all(&["'a'", "a\"b", "a`b", "%41", "$a", "<b>a</b>", "a&b", "a;b", "a=b"]),
        ),
        ("it holds a blank that is no space", all(&["a\u{a0}b", "a\u{2003}b", "a\u{3000}b", "a\u{1680}b"])),
        ("it could end a line", all(&["a\u{b}b", "a\u{c}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"])),
        (
            "it drives a terminal",
            all(&["\u{1b}[2J", "\u{1b}]0;x", "bell\u{7}", "a\u{8}b", "a\u{7f}", "a\u{9b}31m"]),
        ),
        ("it holds a NUL", all(&["\0", "a\0b"])),
        (
            "it turns the writing round",
            all(&["\u{202e}abc", "a\u{202a}b", "a\u{2066}b", "a\u{200f}", "\u{61c}a"]),
        ),
        (
            "it holds what nobody sees",
            all(&["a\u{200b}b", "a\u{200c}b", "a\u{200d}b", "\u{feff}a", "a\u{ad}b"]),
        ),
        (
            "there is nothing to see at all",
            all(&["\u{3164}", "\u{115f}", "\u{ffa0}", "\u{2800}", "\u{180e}"]),
        ),
        ("it only dresses other letters", all(&["\u{fe0f}", "a\u{fe0f}", "\u{e0100}", "a\u{e0041}"])),
        ("it begins with a mark", all(&["\u{301}", "\u{301}bob", "\u{20dd}"])),
        ("it is no letter", all(&["🦀", "a🦀", "☃", "½", "a+b", "a~", "\u{fffd}", "\u{e000}", "\u{ffff}"])),
        ("it mixes scripts", all(&["\u{430}dmin", "p\u{430}ypal", "bοb", "ѕcope", "Ωmega", "aլice"])),
    ]
}

/// One program says hello under each, and one person comes under each.
#[tokio::test]
async fn nobody_comes_under_one() {
    let world = World::new().await;
    for (why, name) in each() {
        let mut person = world.stranger().await;
        person.send(&name).await;
        person.expect_error("bad_name").await;
        person.expect("USERNAME:").await;
        person.tell(json!({"type": "hello", "user": name, "ref": "h"})).await;
        person.expect_refusal_because("bad_name", Some("h"), why).await;
    }
    world.metric_is("chat_users", |users| users == 0.0).await;
    world
        .metric_is("chat_messages_rejected_total{reason=\"bad_name\"}", |n| n == 2.0 * each().count() as f64)
        .await;
}

#[tokio::test]
async fn nobody_takes_one_later_or_is_looked_for_under_one() {
    let world = World::new().await;
    let mut watcher = world.program("watcher", &["lobby"]).await;
    let mut person = world.person("person").await;
    let mut program = world.program("program", &["lobby"]).await;
    person.expect("MSG:program joined the chat").await;
    for (why, name) in each() {
        for line in [format!("/nick {name}"), format!("/msg {name} hi")] {
            person.send(&line).await;
            person.expect_error_because("bad_name", why).await;
        }
        for request in
            [json!({"type": "nick", "user": name}), json!({"type": "direct", "to": name, "text": "hi"})]
        {
            program.tell(request).await;
            program.expect_refusal_because("bad_name", None, why).await;
        }
    }
    for name in ["person", "program"] {
        watcher.expect_object(json!({"type": "joined", "room": "lobby", "user": name})).await;
    }
    assert_eq!(watcher.ask(json!({"type": "who"})).await["users"], json!(["person", "program", "watcher"]));
}

fn each() -> impl Iterator<Item = (&'static str, String)> {
    bad_names().into_iter().flat_map(|(why, names)| names.into_iter().map(move |name| (why, name)))
}

#[tokio::test]
async fn no_room_has_a_bad_name() {
    let world = World::new().await;
    let mut person = world.person("person").await;
    let mut program = world.program("program", &["lobby"]).await;
    person.expect("MSG:program joined the chat").await;
    let bad = [
        "#",
        "##a",
        "-a",
        "_a",
        "Lobby",
        "LOBBY",
        "lobby!",
        "a.b",
        "a/b",
        "../a",
        "a:b",
        "'a'",
        "a\"",
        "é",
        "日本",
        "ａ",
        "a\u{200b}",
        "a\u{1b}[2J",
        "a\u{0}",
        "a\u{7f}",
        "a\u{85}b",
        "\u{202e}a",
        "🦀",
    ];
    for name in bad.into_iter().map(str::to_owned).chain(["r".repeat(33), "r".repeat(3_000)]) {
        for line in [format!("/join {name}"), format!("/who {name}")] {
            person.send(&line).await;
            person.expect_error_because("bad_room", &name).await;
        }
        for kind in ["join", "leave", "who"] {
            program.tell(json!({"type": kind, "room": name})).await;
            program.expect_refusal_because("bad_room", None, &name).await;
        }
        program.tell(json!({"type": "say", "room": name, "text": "x"})).await;
        program.expect_refusal_because("bad_room", None, &name).await;
    }
    let rooms = program.ask(json!({"type": "rooms"})).await;
    assert_eq!(rooms["rooms"], json!([{"room": "lobby", "users": 2}]));
}
