//! What is kept for all who are behind, and rooms that get no time.

use super::{Caller, House};
use crate::ended::Ended;

/// A message that nearly fills a line.
fn long() -> String {
    "x".repeat(4_000)
}

/// Says so many long messages, and waits until they are committed and their room has been told.
async fn say(speaker: &Caller, count: usize) {
    speaker.far.send(format!("{}\n", long()).repeat(count) + "/rooms\n").await;
    while !speaker.far.line().await.starts_with("INFO:") {}
}

/// Messages that a program has said, acked or heard, up to the so manieth.
async fn until_count(caller: &Caller, kind: &str, count: usize) {
    let wanted = format!("{{\"type\":\"{kind}\"");
    let mut seen = 0;
    while seen < count {
        seen += usize::from(caller.far.line().await.starts_with(&wanted));
    }
}

#[tokio::test]
async fn whoever_holds_most_goes_first_and_the_others_stay() {
    let house = House::with(&["--behind-all", "128KiB"]);
    let (little, much) = (house.dial(), house.dial());
    let (quiet, loud) = (house.wide(), house.wide());
    let quiet = house.program("quiet", "quiet", quiet).await;
    let loud = house.program("loud", "loud", loud).await;
    // Neither reads another byte: both stand before the end of the prompt.
    little.far.send("{\"type\":\"hello\",\"user\":\"little\",\"rooms\":[{\"room\":\"quiet\"}]}\n").await;
    much.far.send("{\"type\":\"hello\",\"user\":\"much\",\"rooms\":[{\"room\":\"loud\"}]}\n").await;
    until_count(&quiet, "joined", 1).await;
    until_count(&loud, "joined", 1).await;

    let said = |room: &str| {
        format!("{{\"type\":\"say\",\"room\":\"{room}\",\"text\":\"{}\",\"ref\":\"r\"}}\n", long())
    };
    quiet.far.send(said("quiet")).await;
    until_count(&quiet, "ack", 1).await;
    house.metric_is("chat_behind_bytes", |bytes| bytes > 4_000.0).await;
    for n in 0..100 {
        loud.far.send(said("loud").replace("\"r\"", &format!("\"{n}\""))).await;
        let answer = loud.far.line().await;
        if answer.contains("\"left\"") {
            break;
        }
        assert!(answer.contains("\"ack\"") && n < 60, "240 kB are more than all may be behind: {answer}");
    }
    let (lines, ended) = much.end().await;
    assert_eq!(ended, Ended::Slow);
    assert!(lines.last().unwrap().contains("\"too_slow\""), "it is told: {lines:?}");
    house.metric_is("chat_behind_bytes", |bytes| bytes < 128e3).await;
    assert_eq!(house.metric("chat_behind_closed_total"), 1.0, "one was enough");

    until_count(&little, "message", 1).await;
    house.metric_is("chat_behind_bytes", |bytes| bytes == 0.0).await;
    house.metric_is("chat_slow_consumers", |slow| slow == 0.0).await;
}

/// Answers are as large as what was asked for, whatever `--behind` says.
#[tokio::test]
async fn what_waits_for_one_alone_counts() {
    let house = House::with(&["--behind-all", "256KiB"]);
    let wide = house.wide();
    let speaker = house.welcome("speaker", wide).await;
    say(&speaker, 100).await;
    let greedy = house.program("greedy", "dev", house.dial()).await;
    greedy.far.send("{\"type\":\"join\",\"room\":\"lobby\"}\n").await;
    until_count(&greedy, "room", 1).await;
    greedy.far.send("{\"type\":\"history\",\"room\":\"lobby\",\"limit\":100}\n").await;
    let Caller { far, ended } = greedy;
    assert_eq!(ended.await.unwrap(), Ended::Slow, "400 kB are too much");
    assert_eq!(house.metric("chat_behind_closed_total"), 1.0);
    assert_eq!(house.metric("chat_behind_bytes"), 0.0);
    drop(far);
}

/// A room that got no time for a while took up more at once than its log kept, when somebody left in the
/// midst of it, and then cut off everybody as too slow.
#[tokio::test]
async fn a_room_that_is_late_cuts_nobody_off() {
    let (house, rooms) = House::late(&["--behind", "4KiB"]);
    let hearer = house.welcome("hearer", house.wide()).await;
    let speaker = house.welcome("speaker", house.wide()).await;
    let leaver = house.welcome("leaver", house.wide()).await;
    say(&speaker, 6).await;
    leaver.far.send("/quit\n").await;
    house.metric_is("chat_users", |users| users == 2.0).await;
    say(&speaker, 6).await;
    rooms.go();
    for wanted in ["MSG:speaker joined the chat", "MSG:leaver joined the chat"] {
        assert_eq!(hearer.far.line().await, wanted);
    }
    let message = format!("MSG:[speaker] {}", long());
    for _ in 0..6 {
        assert_eq!(hearer.far.line().await, message);
    }
    assert_eq!(hearer.far.line().await, "MSG:leaver left the chat");
    for _ in 0..6 {
        assert_eq!(hearer.far.line().await, message);
    }
    assert_eq!(leaver.ended.await.unwrap(), Ended::Quit);
    assert_eq!(house.metric("chat_deliveries_total{result=\"dropped\"}"), 0.0);
}

/// Nothing but the time that a room got bounded what was on its way to it.
#[tokio::test]
async fn a_room_that_is_late_holds_back_who_speaks_and_loses_nothing() {
    let (house, rooms) = House::late(&[]);
    let hearer = house.program("hearer", "lobby", house.wide()).await;
    let speaker = house.program("speaker", "lobby", house.wide()).await;
    let say = |n| format!("{{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"{n:04000}\",\"ref\":\"{n}\"}}\n");
    speaker.far.send((0..300).map(say).collect::<String>()).await;
    house.metric_is("chat_room_waits_total", |waits| waits == 1.0).await;
    let committed = house.metric("chat_messages_received_total{kind=\"room\"}") - 1.0;
    assert!(committed * 4_000.0 <= 512.0 * 1024.0, "{committed} messages are on their way");
    rooms.go();
    until_count(&speaker, "ack", 300).await;
    let mut heard = 0;
    while heard < 300 {
        let line = hearer.far.line().await;
        if line.starts_with("{\"type\":\"message\"") {
            assert!(line.contains(&format!("\"text\":\"{heard:04000}\"")), "in order");
            heard += 1;
        }
    }
}

/// A long answer counted as if others had told too much, and cost whoever had asked for it their connection.
#[tokio::test]
async fn an_answer_that_waits_is_not_what_others_have_told() {
    let house = House::with(&["--behind", "4KiB"]);
    let teller = house.welcome("teller", house.wide()).await;
    say(&teller, 10).await;
    let asker = house.program("asker", "lobby", house.dial()).await;
    asker.far.send("{\"type\":\"history\",\"room\":\"lobby\",\"limit\":10}\n").await;
    house.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
    teller.far.send("/msg asker psst\n/rooms\n").await;
    while !teller.far.line().await.starts_with("INFO:rooms: ") {}
    until_count(&asker, "history", 1).await;
    until_count(&asker, "direct", 1).await;
}
