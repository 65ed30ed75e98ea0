//! The lease, and when a registry is given up.

use super::*;

#[test]
fn a_lease_that_is_over_is_followed_by_a_new_one_with_everything_under_it() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    let mut waiting = play.claim("bob");
    play.tell(Command::Join { user: user("alice"), room: RoomName::parse("tea").unwrap() });
    play.said();
    play.refused("unknown_lease");
    play.refused("unknown_lease");
    let said = play.said();
    assert_eq!((said.len(), &said[0]["op"], said[0].get("lease")), (1, &json!("register"), None));
    assert_eq!(waiting.try_recv(), Err(TryRecvError::Empty), "it is asked under the new lease");
    play.registered(18);
    let said = play.said();
    assert!(said.iter().all(|said| said["lease"] == 18));
    let ops: Vec<_> = said.iter().map(|said| said["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["join", "join", "join", "keepalive"]);
    play.ok();
    play.ok();
    play.refused("name_taken");
    assert_eq!(waiting.try_recv(), Ok(Claim::Taken));
}

#[test]
fn the_lease_is_kept_alive_and_figures_go_out_early() {
    let mut play = Play::known();
    play.pass(3_300).unwrap();
    assert!(play.said().is_empty());
    play.pass(50).unwrap();
    assert_eq!(play.said(), [json!({"op": "keepalive", "lease": 17})]);
    play.ok();
    let stats = json!({"messages": 1});
    play.tell(Command::Report { stats: stats.as_object().unwrap().clone() });
    play.pass(1_000).unwrap();
    assert_eq!(play.said(), [json!({"op": "keepalive", "lease": 17, "stats": stats})]);
    play.ok();
    play.tell(Command::Report { stats: stats.as_object().unwrap().clone() });
    play.pass(1_000).unwrap();
    assert!(play.said().is_empty(), "nothing new");
}

#[test]
fn a_silent_registry_is_given_up() {
    let mut play = Play::known();
    play.pass(60_000).unwrap();
    assert_eq!(play.ops(), ["keepalive"], "silence alone is none: nothing was asked");
    play.pass(3_333).unwrap();
    assert!(matches!(play.pass(1), Err(Broken::Silent)), "a third of the time to live");
}

#[test]
fn a_registry_that_talks_and_never_answers_is_given_up_too() {
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 7, "epoch": "e", "users": [], "services": []}));
    let mut waited = 0;
    while play.pass(500).is_ok() {
        play.hear(json!({"event": "bookmark", "rev": 7, "epoch": "e"}));
        waited += 500;
        assert!(waited < 20_000, "a link that is dead in one direction is kept for ever");
    }
    assert!((9_500..=11_000).contains(&waited), "the time to live since it was first asked: {waited}");
}

#[test]
fn the_end_waits_for_the_goodbye_and_not_for_ever() {
    let mut play = Play::known();
    let (done, mut ended) = oneshot::channel();
    play.tell(Command::End { done });
    assert_eq!(play.ops(), ["drop"]);
    assert_eq!(play.claim("late").try_recv(), Ok(Claim::Granted));
    assert!(play.said().is_empty() && !play.core.has_ended());
    play.pass(999).unwrap();
    assert_eq!(ended.try_recv(), Err(TryRecvError::Empty));
    play.pass(1).unwrap();
    assert_eq!((ended.try_recv(), play.core.has_ended()), (Ok(()), true));
    let (done, mut ended) = oneshot::channel();
    Play::begin().tell(Command::End { done });
    assert_eq!(ended.try_recv(), Ok(()), "there is nothing to end");
}

#[test]
fn a_registry_that_says_goodbye_is_let_go() {
    let mut play = Play::known();
    let bye = json!({"event": "bye", "reason": "shutdown", "retry_after_ms": 250}).to_string();
    assert!(matches!(play.core.line(&bye, play.now), Err(Broken::Bye)));
}

#[test]
fn a_registry_that_answers_nonsense_is_given_up() {
    let mut play = Play::known();
    assert!(matches!(play.core.line("{\"ok\":true}", play.now), Err(Broken::Unasked)));
    assert!(matches!(play.core.line("HTTP/1.1 400", play.now), Err(Broken::Garbled(_))));
}
