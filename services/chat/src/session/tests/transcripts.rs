//! Golden transcripts: who says (`>`) and hears (`<`) what, to the letter.

use std::collections::BTreeMap;

use super::{Caller, House};

/// Plays a transcript; whoever is named for the first time connects. `at` stands for any moment.
async fn play(transcript: &str) {
    let house = House::new();
    let mut callers: BTreeMap<&str, Caller> = BTreeMap::new();
    for entry in transcript.lines().map(str::trim_start).filter(|entry| !entry.is_empty()) {
        let (who, said) = entry.split_once(' ').unwrap();
        let caller = callers.entry(who).or_insert_with(|| house.dial());
        match said.trim_start().split_once(' ').unwrap_or((said.trim(), "")) {
            (">", line) => caller.far.send(format!("{line}\n")).await,
            ("<", line) => assert_eq!(without_moments(&caller.far.line().await), line, "in {entry:?}"),
            ("|", _) => assert_eq!(caller.far.next().await, None, "in {entry:?}"),
            _ => panic!("{entry:?} is no entry"),
        }
    }
}

/// Writes `"at":"…"` for each moment, so that a line can be compared.
fn without_moments(line: &str) -> String {
    const MARK: &str = "\"at\":\"";
    const MOMENT: usize = "2026-11-22T08:30:00.123Z".len();
    let mut parts = line.split(MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(MARK);
        out.push('…');
        out.push_str(&part[MOMENT..]);
    }
    out.replace(chassis::VERSION, "VERSION")
}

#[tokio::test]
async fn people() {
    play(
        "
        bob   < USERNAME:
        bob   > bob
        bob   > hello
        bob   > /who
        bob   < INFO:lobby: bob
        alice < USERNAME:
        alice > alice
        alice < HISTORY:[bob] hello
        bob   < MSG:alice joined the chat
        bob   > welcome
        alice < MSG:[bob] welcome
        alice > hi all
        bob   < MSG:[alice] hi all
        carol < USERNAME:
        carol > bob
        carol < ERROR:name_taken bob, or a name that looks the same, is taken
        carol < USERNAME:
        carol > carol
        carol < HISTORY:[bob] hello
        carol < HISTORY:[bob] welcome
        carol < HISTORY:[alice] hi all
        alice < MSG:carol joined the chat
        bob   < MSG:carol joined the chat
        carol > /me waves
        alice < MSG:[carol] * waves
        bob   < MSG:[carol] * waves
        carol > /msg alice psst
        alice < DM:[carol] psst
        carol > /nick cara
        carol < MSG:carol is now known as cara
        alice < MSG:carol is now known as cara
        bob   < MSG:carol is now known as cara
        carol > /quit
        carol |
        alice < MSG:cara left the chat
        bob   < MSG:cara left the chat
        alice > /who
        alice < INFO:lobby: alice, bob
        alice > /join dev
        alice < INFO:you are in dev with nobody else
        bob   < MSG:alice left the chat
        alice > /rooms
        alice < INFO:rooms: dev (1), lobby (1)
        alice > /history
        alice > /search waves
        alice < INFO:nothing found
        bob   > /search waves
        bob   < FOUND:#lobby [carol] * waves
        bob   > /history 1
        bob   < HISTORY:[carol] * waves
        bob   > /nope
        bob   < ERROR:unknown_command there is no such command; /help lists them
        bob   > //nope
        bob   > /who
        bob   < INFO:lobby: bob
        alice > /join lobby
        alice < INFO:you are in lobby with bob
        alice < HISTORY:[bob] hello
        alice < HISTORY:[bob] welcome
        alice < HISTORY:[alice] hi all
        alice < HISTORY:[carol] * waves
        alice < HISTORY:[bob] /nope
        bob   < MSG:alice joined the chat
        ",
    )
    .await;
}

#[tokio::test]
async fn programs() {
    play(
        r#"
        bob   < USERNAME:
        bob   > {"type":"hello","user":"bob","rooms":[{"room":"lobby"}],"ref":"h"}
        bob   < {"type":"welcome","ref":"h","user":"bob","server":"chat-1","version":"VERSION","session":"1"}
        bob   < {"type":"room","room":"lobby","members":[],"last_id":0,"gap":false}
        bob   > {"type":"say","room":"lobby","text":"hello","ref":"b-1"}
        bob   < {"type":"ack","ref":"b-1","room":"lobby","id":1,"at":"…"}
        alice < USERNAME:
        alice > {"type":"hello","user":"alice","rooms":[{"room":"lobby","since":0},{"room":"dev"}],"echo":true}
        alice < {"type":"welcome","user":"alice","server":"chat-1","version":"VERSION","session":"2"}
        alice < {"type":"room","room":"lobby","members":["bob"],"last_id":1,"gap":false}
        alice < {"type":"message","room":"lobby","id":1,"from":"bob","text":"hello","at":"…","replay":true}
        alice < {"type":"room","room":"dev","members":[],"last_id":0,"gap":false}
        bob   < {"type":"joined","room":"lobby","user":"alice","at":"…"}
        bob   > {"type":"say","room":"lobby","text":"hello","ref":"b-1"}
        bob   < {"type":"ack","ref":"b-1","room":"lobby","id":1,"at":"…"}
        bob   > {"type":"say","room":"dev","text":"x","ref":"b-2"}
        bob   < {"type":"error","ref":"b-2","code":"not_in_room","message":"join #dev first"}
        bob   > {"type":"say","room":"lobby","text":"other","ref":"b-1"}
        bob   < {"type":"error","ref":"b-1","code":"ref_reused","message":"this ref stands for another message"}
        bob   > {"type":"direct","to":"alice","text":"psst","ref":"b-3"}
        bob   < {"type":"ack","ref":"b-3","at":"…"}
        alice < {"type":"direct","from":"bob","text":"psst","at":"…"}
        alice > {"type":"who"}
        alice < {"type":"who","users":["alice","bob"]}
        alice > {"type":"rooms","ref":"r"}
        alice < {"type":"rooms","ref":"r","rooms":[{"room":"dev","users":1},{"room":"lobby","users":2}]}
        alice > {"type":"history","room":"lobby","limit":5}
        alice < {"type":"history","room":"lobby","messages":[{"room":"lobby","id":1,"from":"bob","text":"hello","at":"…"}]}
        alice > {"type":"history","room":"lobby","after":0,"limit":1,"ref":"h"}
        alice < {"type":"history","ref":"h","room":"lobby","messages":[{"room":"lobby","id":1,"from":"bob","text":"hello","at":"…"}]}
        alice > {"type":"history","room":"lobby","after":1,"limit":5}
        alice < {"type":"history","room":"lobby","messages":[]}
        alice > {"type":"history","room":"lobby","before":2,"after":0,"limit":5,"ref":"b"}
        alice < {"type":"error","ref":"b","code":"bad_request","message":"either before or after, not both"}
        alice > {"type":"nick","user":"ally"}
        alice < {"type":"renamed","user":"alice","to":"ally","at":"…"}
        bob   < {"type":"renamed","user":"alice","to":"ally","at":"…"}
        alice > {"type":"leave","room":"lobby"}
        alice < {"type":"left_room","room":"lobby"}
        bob   < {"type":"left","room":"lobby","user":"ally","at":"…","reason":"left"}
        alice > {"type":"dance"}
        alice < {"type":"error","code":"unknown_type","message":"there is no such type"}
        alice > {"type":"ping"}
        alice < {"type":"pong"}
        "#,
    )
    .await;
}

/// A name that comes before the prompt has been read: the rest of the prompt was lost when the line showed
/// that a program speaks, and with it the end of the line.
#[tokio::test]
async fn whoever_speaks_first_still_gets_the_prompt_whole() {
    play(
        r#"
        bot > {"type":"hello","user":"[x]"}
        bot > {"type":"hello","user":"bot","echo":true}
        bot < USERNAME:
        bot < {"type":"error","code":"bad_name","message":"a name is letters, digits, _, - and ."}
        bot < {"type":"welcome","user":"bot","server":"chat-1","version":"VERSION","session":"1"}
        "#,
    )
    .await;
}
