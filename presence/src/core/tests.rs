//! The core against a registry played by hand, on a clock moved by hand.

use engine::names::RoomName;
use serde_json::{Value, json};
use tokio::sync::oneshot::error::TryRecvError;

use super::*;

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

/// A core and the clock.
struct Play {
    core: Core,
    now: Instant,
}

impl Play {
    fn begin() -> Self {
        let label = |written: &str| Label::parse(written).unwrap();
        let me = Me { service: label("chat"), instance: label("chat-1"), addr: label("chat:9001") };
        Play { core: Core::new(me), now: Instant::now() }
    }

    /// One that is known under lease 17, with everything said and answered.
    fn known() -> Self {
        let mut play = Play::begin();
        play.core.connected(play.now);
        assert_eq!(play.ops(), ["register"]);
        play.registered(17);
        assert_eq!(play.ops(), ["keepalive"]);
        play.ok();
        play
    }

    /// What was said since the last look.
    fn said(&mut self) -> Vec<Value> {
        let out = std::mem::take(&mut self.core.out);
        out.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn ops(&mut self) -> Vec<String> {
        self.said().iter().map(|request| request["op"].as_str().unwrap().to_owned()).collect()
    }

    /// The rooms that were said of somebody since the last look; nothing else was.
    fn rooms_of(&mut self, name: &str) -> Vec<String> {
        let room = |said: &Value| {
            assert_eq!((&said["op"], &said["user"]), (&json!("join"), &json!(name)));
            said["room"].as_str().unwrap().to_owned()
        };
        self.said().iter().map(room).collect()
    }

    fn hear(&mut self, line: Value) {
        self.core.line(&line.to_string(), self.now).unwrap();
    }

    fn ok(&mut self) {
        self.hear(json!({"ok": true, "rev": 1}));
    }

    fn registered(&mut self, lease: u64) {
        self.hear(json!({"ok": true, "lease": lease, "ttl_ms": 10_000, "epoch": "e", "rev": 1}));
    }

    fn refused(&mut self, code: &str) {
        self.hear(json!({"ok": false, "code": code, "message": "no"}));
    }

    fn tell(&mut self, command: Command) {
        self.core.command(command, self.now);
    }

    fn claim(&mut self, name: &str) -> oneshot::Receiver<Claim> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Claim { user: user(name), room: Some(RoomName::lobby()), answer });
        answered
    }

    fn rename(&mut self, name: &str, to: &str) -> oneshot::Receiver<Claim> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Rename { user: user(name), to: user(to), answer });
        answered
    }

    fn pass(&mut self, ms: u64) -> Result<(), Broken> {
        self.now += Duration::from_millis(ms);
        self.core.tick(self.now)
    }
}

#[test]
fn a_claim_is_answered_by_the_registry() {
    let mut play = Play::known();
    let mut granted = play.claim("alice");
    assert_eq!(granted.try_recv(), Err(TryRecvError::Empty));
    let said = json!({"op": "join", "lease": 17, "user": "alice", "room": "lobby", "hold": true});
    assert_eq!(play.said(), [said]);
    play.ok();
    assert_eq!(granted.try_recv(), Ok(Claim::Granted));
    let mut taken = play.claim("bob");
    play.refused("name_taken");
    assert_eq!(taken.try_recv(), Ok(Claim::Taken));
    assert!(play.core.ledger.wants(&user("alice")) && !play.core.ledger.wants(&user("bob")));
}

#[test]
fn a_rename_that_is_refused_leaves_the_old_name() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    let mut taken = play.rename("alice", "bob");
    assert_eq!(play.ops(), ["join", "rename"]);
    play.refused("name_taken");
    assert_eq!(taken.try_recv(), Ok(Claim::Taken));
    assert!(play.core.ledger.wants(&user("alice")) && !play.core.ledger.wants(&user("bob")));
    assert!(play.said().is_empty(), "the registry has the old name still");
}

#[test]
fn nobody_waits_for_a_registry_that_is_away_slow_or_lost() {
    let mut play = Play::begin();
    assert_eq!(play.claim("away").try_recv(), Ok(Claim::Granted));
    let mut play = Play::known();
    let mut slow = play.claim("slow");
    play.pass(1_999).unwrap();
    assert_eq!(slow.try_recv(), Err(TryRecvError::Empty));
    play.pass(1).unwrap();
    assert_eq!(slow.try_recv(), Ok(Claim::Granted));
    let mut lost = play.claim("lost");
    play.core.lost();
    assert_eq!(lost.try_recv(), Ok(Claim::Granted));
    play.core.connected(play.now);
    play.said();
    play.registered(17);
    let said = play.said();
    let joins: Vec<_> = said.iter().filter(|said| said["op"] == "join").map(|said| &said["user"]).collect();
    assert_eq!(joins, ["lost", "slow"], "what was not answered is said again");
}

#[test]
fn only_the_first_waits_for_a_registry_that_hangs() {
    let mut play = Play::known();
    let mut first = play.claim("first");
    play.pass(1_000).unwrap();
    let mut second = play.claim("second");
    play.pass(1_000).unwrap();
    assert_eq!(first.try_recv(), Ok(Claim::Granted));
    assert_eq!(second.try_recv(), Ok(Claim::Granted), "it would wait in vain");
    assert_eq!(play.claim("third").try_recv(), Ok(Claim::Granted));
    assert_eq!(play.rename("third", "3rd").try_recv(), Ok(Claim::Granted));
    assert!(matches!(play.pass(3_000), Err(Broken::Silent)));
    play.core.lost();
    play.core.connected(play.now);
    assert_eq!(play.claim("fourth").try_recv(), Ok(Claim::Granted), "a connection alone is no answer");
    play.registered(17);
    assert_eq!(play.claim("fifth").try_recv(), Err(TryRecvError::Empty), "it answers again");
}

#[test]
fn nobody_waits_for_a_registry_that_did_not_answer_a_keepalive() {
    let mut play = Play::known();
    play.pass(3_400).unwrap();
    assert!(matches!(play.pass(5_000), Err(Broken::Silent)));
    play.core.lost();
    play.core.connected(play.now);
    assert_eq!(play.claim("alice").try_recv(), Ok(Claim::Granted));
}

#[test]
fn a_name_that_was_granted_too_early_stays_and_is_asked_for_again() {
    let mut play = Play::known();
    let mut slow = play.claim("alice");
    play.pass(2_000).unwrap();
    assert_eq!(slow.try_recv(), Ok(Claim::Granted));
    play.refused("name_taken");
    assert!(play.core.ledger.wants(&user("alice")));
    play.said();
    play.pass(3_400).unwrap();
    assert_eq!(play.ops(), ["join", "keepalive"]);
    play.ok();
    play.ok();
    play.pass(3_400).unwrap();
    assert_eq!(play.ops(), ["keepalive"], "it is no longer contested");
}

#[test]
fn a_name_that_an_older_claim_took_is_lost_until_the_user_has_another() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    play.said();
    play.pass(3_400).unwrap();
    assert_eq!(play.ops(), ["keepalive"]);
    play.hear(json!({"ok": true, "lost": ["alice"]}));
    assert_eq!(play.core.contested, [user("alice")].into());
    let mut renamed = play.rename("alice", "alice-2");
    assert_eq!(play.ops(), ["rename"]);
    play.refused("no_such_user");
    let said = json!({"op": "join", "lease": 17, "user": "alice-2", "room": "lobby", "hold": true});
    assert_eq!(play.said(), [said]);
    play.ok();
    assert_eq!(renamed.try_recv(), Ok(Claim::Granted));
    assert!(play.core.contested.is_empty());
}

#[test]
fn a_lost_name_that_the_user_gave_up_while_the_registry_was_away_is_not_lost_any_more() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    play.pass(3_400).unwrap();
    play.hear(json!({"ok": true, "lost": ["alice"]}));
    let mut renamed = play.rename("alice", "alice-2");
    assert_eq!(play.core.contested, [user("alice")].into(), "it may be refused");
    play.core.lost();
    assert_eq!(renamed.try_recv(), Ok(Claim::Granted));
    assert!(play.core.contested.is_empty());
}

#[test]
fn a_name_that_was_lost_and_claimed_again_meanwhile_takes_its_rooms_along() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    play.said();
    play.pass(3_300).unwrap();
    // Somebody took the name and is gone again, so that this join claims it anew, without the other room.
    play.tell(Command::Join { user: user("alice"), room: RoomName::parse("tea").unwrap() });
    play.pass(100).unwrap();
    assert_eq!(play.ops(), ["join", "keepalive"]);
    play.ok();
    play.hear(json!({"ok": true, "lost": ["alice"]}));
    let mut renamed = play.rename("alice", "alice-2");
    assert_eq!(play.ops(), ["rename"]);
    play.ok();
    assert_eq!(renamed.try_recv(), Ok(Claim::Granted));
    assert_eq!(play.rooms_of("alice-2"), ["lobby", "tea"]);
}

#[test]
fn a_lost_name_that_is_granted_again_takes_its_rooms_along() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    play.pass(3_400).unwrap();
    play.tell(Command::Join { user: user("alice"), room: RoomName::parse("tea").unwrap() });
    play.said();
    play.hear(json!({"ok": true, "lost": ["alice"]}));
    play.ok();
    assert_eq!(play.rooms_of("alice"), ["lobby"]);
    assert!(play.core.contested.is_empty());
}

#[test]
fn what_is_under_way_is_not_said_twice_after_a_rename() {
    let mut play = Play::known();
    drop(play.claim("alice"));
    play.ok();
    drop(play.rename("alice", "ally"));
    play.tell(Command::Join { user: user("ally"), room: RoomName::parse("tea").unwrap() });
    assert_eq!(play.ops(), ["join", "rename", "join"]);
    play.ok();
    assert!(play.said().is_empty());
}

#[test]
fn a_claim_grows_old_while_the_registry_is_away_and_a_lapsed_one_is_new() {
    let age = |play: &mut Play, lease: u64, epoch: &str| {
        play.hear(json!({"ok": true, "lease": lease, "ttl_ms": 10_000, "epoch": epoch, "rev": 1}));
        let said = play.said();
        said.iter().find(|said| said["op"] == "join").map(|join| join["age_ms"].as_u64().unwrap_or(0))
    };
    let mut play = Play::begin();
    drop(play.claim("alice"));
    play.pass(7_000).unwrap();
    play.core.connected(play.now);
    play.said();
    assert_eq!(age(&mut play, 17, "e"), Some(7_000));
    play.ok();
    play.refused("unknown_lease");
    play.said();
    assert_eq!(age(&mut play, 18, "e"), Some(0), "it lapsed within one run of the registry");
}

#[test]
fn a_crowd_is_told_anew_however_long_that_is() {
    let mut play = Play::begin();
    let name = "語".repeat(26);
    for n in 0..65_000 {
        drop(play.claim(&format!("{name}{n}")));
    }
    play.core.connected(play.now);
    play.registered(17);
    assert!(play.core.out.len() > WAITING_MOST);
    play.pass(250).unwrap();
}

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
