//! Claims of names, and what becomes of them when the registry is away or says no.

use super::*;

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
