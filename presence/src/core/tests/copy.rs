//! The copy of everybody and every service, and what is shown of it.

use super::*;

#[test]
fn a_gap_in_the_events_asks_for_everything() {
    let mut play = Play::known();
    play.tell(Command::Watch);
    assert_eq!(play.ops(), ["watch", "list"]);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 7, "epoch": "e", "users": [], "services": []}));
    play.hear(json!({"event": "held", "rev": 8, "user": "a", "instance": "chat-2", "held": true}));
    assert_eq!(play.core.view().users.len(), 1);
    play.hear(json!({"event": "held", "rev": 10, "user": "c", "instance": "chat-2", "held": true}));
    assert_eq!(play.said(), [json!({"op": "watch"})]);
    play.hear(json!({"event": "held", "rev": 11, "user": "d", "instance": "chat-2", "held": true}));
    assert!(play.said().is_empty(), "it is asked once");
    play.hear(json!({"event": "snapshot", "rev": 11, "epoch": "e", "users": [], "services": []}));
    play.hear(json!({"event": "moved", "rev": 12}));
    play.hear(json!({"event": "held", "rev": 13, "user": "e", "instance": "chat-2", "held": true}));
    assert_eq!((play.core.view().users.len(), play.core.view().rev), (1, 13));
}

#[test]
fn whoever_comes_back_after_more_events_than_are_kept_takes_the_snapshot_for_the_whole_truth() {
    let user =
        |name| json!({"user": name, "rooms": [], "instance": "chat-2", "since": "2026-11-22T08:30:00.000Z"});
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 7, "epoch": "e", "users": [user("gone")], "services": []}));
    play.core.lost();
    play.core.connected(play.now);
    play.said();
    play.registered(17);
    assert_eq!(play.said()[0], json!({"op": "watch", "epoch": "e", "since": 7}));
    play.ok();
    let rev = 7 + 10_001;
    play.hear(
        json!({"event": "snapshot", "rev": rev, "epoch": "e", "users": [user("come")], "services": []}),
    );
    let view = play.core.view();
    assert_eq!(view.users.keys().map(UserName::as_str).collect::<Vec<_>>(), ["come"]);
    play.hear(json!({"event": "held", "rev": rev + 1, "user": "next", "instance": "chat-2", "held": true}));
    assert_eq!((play.core.view().users.len(), play.core.view().rev), (2, rev + 1));
}

#[test]
fn the_copy_is_fresh_when_it_has_what_the_registry_has() {
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 7, "epoch": "e", "users": [], "services": []}));
    let snapshot = play.now;
    assert_eq!(play.core.fresh(), Some(snapshot));
    play.pass(500).unwrap();
    play.hear(json!({"ok": true, "rev": 8, "epoch": "e", "services": []}));
    assert_eq!(play.core.fresh(), Some(snapshot), "there is an event that it has not");
    play.hear(json!({"event": "held", "rev": 8, "user": "a", "instance": "chat-2", "held": true}));
    assert_eq!(play.core.fresh(), Some(play.now));
    play.pass(500).unwrap();
    play.hear(json!({"event": "bookmark", "rev": 8}));
    assert_eq!(play.core.fresh(), Some(play.now));
}

#[test]
fn who_does_not_come_back_after_the_registrys_restart_is_down_and_does_not_vanish() {
    let chat = || json!({"service": "chat", "instance": "chat-1", "addr": "a:1", "state": "up", "age_ms": 0});
    let file = json!({"service": "file", "instance": "file-1", "addr": "f:1", "state": "up", "age_ms": 0});
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 2, "epoch": "e", "users": [], "services": [chat(), file]}));
    play.hear(json!({"ok": true, "rev": 2, "epoch": "e", "services": [chat(), file]}));
    play.core.lost();
    play.pass(1_000).unwrap();
    play.core.connected(play.now);
    play.said();
    play.hear(json!({"ok": true, "lease": 18, "ttl_ms": 10_000, "epoch": "f", "rev": 1}));
    let asked: Vec<_> = play.said().into_iter().map(|said| said["op"].clone()).collect();
    assert_eq!(asked, ["watch", "keepalive", "list"]);
    let state = |play: &Play| {
        let services = play.core.view().services;
        let up = |instance: &str| services.get(&Label::parse(instance).unwrap()).map(|service| service.up);
        (up("chat-1"), up("file-1"))
    };
    play.ok();
    play.ok();
    play.hear(json!({"ok": true, "rev": 1, "epoch": "f", "services": [chat()]}));
    assert_eq!(state(&play), (Some(true), Some(true)), "the listing comes before the new run's snapshot");
    play.hear(json!({"event": "snapshot", "rev": 1, "epoch": "f", "users": [], "services": [chat()]}));
    assert_eq!(state(&play), (Some(true), Some(true)), "it has one time to live to come back");
    play.pass(1_000).unwrap();
    play.hear(json!({"ok": true, "rev": 1, "epoch": "f", "services": [chat()]}));
    assert_eq!(state(&play), (Some(true), Some(true)), "nor does a listing end its time");
    for _ in 0..3 {
        play.hear(json!({"event": "bookmark", "rev": 1}));
        play.pass(3_000).unwrap();
    }
    assert_eq!(state(&play), (Some(true), Some(false)));
}

#[test]
fn what_a_former_run_knew_counts_until_the_new_run_has_lasted_for_a_time_to_live() {
    let alice =
        json!({"user": "alice", "rooms": [], "instance": "chat-1", "since": "2026-11-22T08:30:00.000Z"});
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    play.hear(json!({"event": "snapshot", "rev": 2, "epoch": "e", "users": [alice], "services": []}));
    play.hear(
        json!({"event": "snapshot", "rev": 1, "epoch": "f", "age_ms": 8_000, "users": [], "services": []}),
    );
    play.pass(1_900).unwrap();
    assert_eq!(play.core.view().users.len(), 1, "she may be about to come back");
    play.pass(100).unwrap();
    assert_eq!(play.core.view().users.len(), 0, "whoever lives has come back");
}

#[test]
fn what_the_new_runs_snapshot_tells_replaces_what_was_known_before() {
    let user = |name, room, instance| json!({"user": name, "rooms": [room], "instance": instance, "since": "2026-11-22T08:30:00.000Z"});
    let chat = |instance, state| json!({"service": "chat", "instance": instance, "addr": "a:1", "state": state, "age_ms": 0});
    let mut play = Play::known();
    play.tell(Command::Watch);
    play.ok();
    let users =
        [user("alice", "lobby", "chat-2"), user("bob", "lobby", "chat-2"), user("carol", "tea", "chat-3")];
    let services = [chat("chat-2", "up"), chat("chat-3", "up"), chat("chat-4", "up")];
    play.hear(json!({"event": "snapshot", "rev": 9, "epoch": "e", "users": users, "services": services}));
    let users = [user("alice", "tea", "chat-4")];
    let services = [chat("chat-3", "down"), chat("chat-4", "up")];
    play.hear(json!({"event": "snapshot", "rev": 4, "epoch": "f", "users": users, "services": services}));
    let view = play.core.view();
    let seen = |name| {
        view.users.get(&super::user(name)).map(|user| user.rooms.iter().map(RoomName::as_str).collect())
    };
    assert_eq!(seen("alice"), Some(vec!["tea"]), "she has come to another server, and is in its rooms alone");
    assert_eq!(seen("bob"), Some(vec!["lobby"]), "his server has not come back yet");
    assert_eq!(seen("carol"), None, "her server has come back, and gone");
}
