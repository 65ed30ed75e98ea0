//! Rooms: one at a time in lines, side by side on a screen.

use super::*;

#[test]
fn what_is_typed_behind_a_join_is_meant_for_that_room() {
    let mut rig = Rig::inside(0);
    rig.0.take();
    rig.0.typed("/join dev");
    rig.0.typed("hello dev");
    let sent = rig.sent();
    let dev = RoomName::parse("dev").unwrap();
    assert_eq!(sent[1].request, Request::Say { room: dev.clone(), text: "hello dev".into() });
    rig.0.received(&line(entered("dev", 7), sent[0].reference.as_ref()), secs(1), 0.0);
    assert_eq!(rig.sent()[0].request, Request::Leave { room: RoomName::lobby() });
    let hello = rig.reconnect(secs(2));
    assert_eq!(hello.rooms[0].room, dev);
}

#[test]
fn a_refused_join_leaves_one_where_one_was() {
    let mut rig = Rig::inside(0);
    rig.0.take();
    rig.0.typed("/join dev");
    let join = rig.sent().remove(0);
    rig.hear(&refused(Code::Unavailable, join.reference.as_ref()));
    rig.0.typed("still here");
    let lobby = RoomName::lobby();
    assert_eq!(rig.sent()[0].request, Request::Say { room: lobby, text: "still here".into() });
}

/// A machine with rooms side by side, in the lobby, with all effects taken.
fn screen() -> Rig {
    let mut rig = Rig(Model::new(Start { many: true, ..start(true, None) }));
    rig.0.connected(Duration::ZERO);
    rig.enter(0, Duration::ZERO);
    rig.0.take();
    rig
}

#[test]
fn rooms_are_kept_side_by_side_and_each_is_resumed_where_it_was() {
    let mut rig = screen();
    let dev = RoomName::parse("dev").unwrap();
    rig.0.join(dev.clone());
    let join = rig.sent().remove(0);
    rig.hear(&line(entered("dev", 7), join.reference.as_ref()));
    assert_eq!(rig.sent(), [], "nothing is left");
    rig.hear(&message(3, "bob", "in the lobby"));
    let rooms = rig.reconnect(secs(1)).rooms;
    let replays: Vec<_> = rooms.iter().map(|entry| (entry.room.as_str(), entry.replay)).collect();
    assert_eq!(replays, [("dev", Replay::Since(0)), ("lobby", Replay::Since(3))]);
    rig.0.leave(dev);
    assert_eq!(rig.reconnect(secs(2)).rooms.len(), 1);
}

#[test]
fn a_join_without_an_answer_is_sent_again_and_a_refused_one_is_forgotten() {
    let mut rig = screen();
    let dev = RoomName::parse("dev").unwrap();
    rig.0.join(dev.clone());
    let join = rig.sent().remove(0);
    assert_eq!(rig.reconnect(secs(1)).rooms.len(), 1, "the join itself enters it");
    rig.0.received(&welcome("alice"), secs(2), 0.5);
    let again: Vec<_> = rig.sent().into_iter().filter(|sent| sent.request != Request::Ping).collect();
    assert_eq!(again, std::slice::from_ref(&join));
    rig.hear(&refused(Code::Unavailable, join.reference.as_ref()));
    assert_eq!(rig.reconnect(secs(3)).rooms.len(), 1);
}

#[test]
fn who_leaves_a_screen_waits_for_what_was_said_and_for_nothing_else() {
    let mut rig = screen();
    rig.0.ask(Request::Rooms);
    rig.0.typed("last words");
    let said = rig.sent().pop().unwrap();
    rig.0.finish();
    assert_eq!(rig.0.take(), []);
    let effects = rig.hear(&ack(&said, 1));
    assert_eq!(effects.last(), Some(&Effect::End(End::Done { refused: 0 })));
}
