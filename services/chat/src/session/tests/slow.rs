//! Members who do not read.

use std::time::Duration;

use serde_json::Value;

use super::House;
use super::pipe::Far;
use crate::ended::Ended;

/// A room's log is bounded: whoever is behind its tail is cut off, told so, and can come back for the rest.
#[tokio::test]
async fn others_go_on_and_the_slow_one_is_cut_off() {
    let house = House::new();
    let wide = || house.dial_over("127.0.0.1:50000", 64 * 1024);
    let (fast, writer) = (house.welcome("fast", wide()).await, house.welcome("writer", wide()).await);
    assert_eq!(fast.far.line().await, "MSG:writer joined the chat");
    let slow = house.dial();
    slow.far.send("{\"type\":\"hello\",\"user\":\"slow\",\"rooms\":[{\"room\":\"lobby\"}]}\n").await;
    for caller in [&fast, &writer] {
        assert_eq!(caller.far.line().await, "MSG:slow joined the chat");
    }
    speak_until_told(&writer.far, &fast.far, "MSG:slow left the chat").await;
    let (lines, ended) = slow.end().await;
    assert_eq!(ended, Ended::Slow);
    let objects: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(objects[0]["type"], "welcome");
    assert_eq!(objects.last().unwrap()["code"], "too_slow", "{lines:?}");
    assert_eq!(house.metric("chat_slow_consumers"), 0.0);
    assert!(house.metric("chat_deliveries_total{result=\"dropped\"}") > 0.0);
}

/// One speaks and the other hears every line of it, up to this one.
async fn speak_until_told(speaker: &Far, hearer: &Far, last: &str) {
    let text = "x".repeat(4_000);
    for _ in 0..400 {
        speaker.send(format!("{text}\n")).await;
        let heard = hearer.line().await;
        if heard == last {
            return;
        }
        assert_eq!(heard, format!("MSG:[writer] {text}"));
    }
    panic!("1.6 MB are more than a log holds");
}

/// Where the bytes are few, time is the limit, and the last words are within it.
#[tokio::test(start_paused = true)]
async fn whoever_is_behind_too_long_is_cut_off() {
    for (flags, limit) in [(&[][..], 10_000), (&["--slow", "1s"], 1_000), (&["--slow", "0s"], 0)] {
        let house = House::with(flags);
        let slow = house.dial();
        slow.far.send("{\"type\":\"hello\",\"user\":\"slow\"}\n").await;
        let began = tokio::time::Instant::now();
        let ended = slow.ended.await.unwrap();
        // The timer's own step is a millisecond.
        assert!(
            (limit..=limit + 2).contains(&began.elapsed().as_millis()),
            "{flags:?}: {:?}",
            began.elapsed()
        );
        assert_eq!(ended, Ended::Slow);
    }
}

/// A long answer was cut off after `--slow`, however steadily it was taken, and so it was at the next try.
#[tokio::test(start_paused = true)]
async fn each_piece_of_a_long_answer_has_its_time() {
    const SIP: usize = 4 * 1024;
    let house = House::with(&["--slow", "1s"]);
    let mut crowd = Vec::new();
    for n in 0..1_000 {
        let one = house.wide();
        one.far.send(format!("{{\"type\":\"hello\",\"user\":\"one-of-a-thousand-{n:014}\"}}\n")).await;
        assert_eq!(one.far.line().await, "USERNAME:");
        crowd.push(one);
    }
    // Four sips are a piece, and some nine are the answer.
    for (pause, takes_all) in [(200, true), (400, false)] {
        let reader = house.dial_over("127.0.0.1:50000", SIP);
        reader.far.send("{\"type\":\"hello\",\"user\":\"reader\"}\n{\"type\":\"who\"}\n").await;
        let mut heard = Vec::new();
        while !heard.ends_with(b"]}\n") && reader.far.sip(SIP, &mut heard).await > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        assert_eq!(heard.ends_with(b"]}\n"), takes_all, "{} bytes, a sip each {pause} ms", heard.len());
        assert_eq!(reader.ended.is_finished(), !takes_all);
    }
}

/// Whoever had got the last of it as the rest of a torn line was still counted as behind, and was cut off at
/// once when the socket was full again later.
#[tokio::test(start_paused = true)]
async fn whoever_has_caught_up_is_not_behind_any_more() {
    let house = House::new();
    let reader = house.program("reader", "lobby", house.dial()).await;
    for name in ["first", "second"] {
        let visitor = house.program(name, "lobby", house.wide()).await;
        house.metric_is("chat_slow_consumers", |slow| slow == 1.0).await;
        // Not at once, but well within the time that anybody has.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(reader.far.line().await.contains("\"joined\""));
        house.metric_is("chat_slow_consumers", |slow| slow == 0.0).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(visitor.vanish().await, Ended::Lost);
        assert!(reader.far.line().await.contains("\"left\""));
    }
    assert!(!reader.ended.is_finished());
}

/// What has come without an end was looked at again and again while nothing could be done with it.
#[tokio::test(start_paused = true)]
async fn half_a_line_keeps_nobody_busy() {
    let house = House::with(&["--unterminated-after", "1"]);
    let stuck = house.dial();
    stuck.far.send("{\"type\":\"hello\",\"user\":\"stuck\"}\n").await;
    assert_eq!(stuck.far.line().await, "USERNAME:");
    assert!(stuck.far.line().await.contains("welcome"));
    stuck.far.send("{}\nxy").await;
    while house.metric("chat_slow_consumers") == 0.0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_millis(2)).await;
    let before = stuck.far.write_polls();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(stuck.far.write_polls() - before < 10, "it looks at a full pipe again and again");
    assert!(stuck.far.line().await.contains("bad_request"));
    assert!(stuck.far.line().await.contains("bad_json"), "half a line is a line after the pause");
}
