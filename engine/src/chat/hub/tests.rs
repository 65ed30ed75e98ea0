//! The hub against what people would expect, and against a simple model.

use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp(0);

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn hub(announce_up_to: usize) -> Hub {
    Hub::new(Limits { announce_up_to, rooms_each: 100, rooms: 1_000 })
}

/// A hub with alice (1) and bob (2) in the lobby and nobody else.
fn two_in_the_lobby(style: Style) -> Hub {
    let mut hub = hub(200);
    for (id, name) in [(1, "alice"), (2, "bob")] {
        hub.login(MemberId(id), user(name), style).unwrap();
        hub.enter(MemberId(id), &room("lobby"), AT).unwrap();
    }
    hub
}

#[test]
fn the_others_are_told_who_comes_and_goes() {
    let mut hub = two_in_the_lobby(Style::OneRoom);
    hub.login(MemberId(3), user("carol"), Style::OneRoom).unwrap();
    let arrival = hub.enter(MemberId(3), &room("lobby"), AT).unwrap();
    let others: BTreeSet<_> = hub.others(MemberId(3), &room("lobby")).into_iter().collect();
    assert_eq!(others, [user("alice"), user("bob")].into());
    let joined = Event::Joined { room: room("lobby"), user: user("carol"), at: AT };
    let notice = |event| Notice { room: room("lobby"), event, skip: Skip::One(MemberId(3)) };
    assert_eq!(arrival.notices, [notice(joined)]);
    let left = Event::Left { room: room("lobby"), user: user("carol"), at: AT, reason: LeaveReason::Lost };
    assert_eq!(hub.logout(MemberId(3), LeaveReason::Lost, AT), [notice(left)]);
    assert_eq!(hub.logout(MemberId(3), LeaveReason::Lost, AT), [], "one goes once");
}

#[test]
fn one_room_at_a_time_means_leaving_the_other() {
    let mut hub = two_in_the_lobby(Style::OneRoom);
    let arrival = hub.enter(MemberId(1), &room("dev"), AT).unwrap();
    assert_eq!(arrival.left, Some(room("lobby")));
    assert_eq!(arrival.notices.len(), 2);
    assert_eq!(hub.rooms_of(MemberId(1)), [room("dev")]);
    assert_eq!(hub.rooms(), [(room("dev"), 1), (room("lobby"), 1)]);
    let again = hub.enter(MemberId(1), &room("dev"), AT).unwrap();
    assert!(!again.is_new && again.notices.is_empty() && again.left.is_none());
}

#[test]
fn nobody_is_in_more_rooms_than_they_may() {
    let mut hub = Hub::new(Limits { announce_up_to: 200, rooms_each: 2, rooms: 3 });
    let full = |result: Result<Arrival, Refusal>| result.unwrap_err().code;
    for (id, name, style) in [(1, "alice", Style::ManyRooms), (2, "bob", Style::OneRoom)] {
        hub.login(MemberId(id), user(name), style).unwrap();
    }
    for name in ["a", "b", "a"] {
        hub.enter(MemberId(1), &room(name), AT).unwrap();
    }
    assert_eq!(full(hub.enter(MemberId(1), &room("c"), AT)), Code::Unavailable);
    assert_eq!(hub.rooms(), [(room("a"), 1), (room("b"), 1)], "nothing has changed");
    for name in ["b", "a", "c"] {
        hub.enter(MemberId(2), &room(name), AT).expect("one room for another is no more");
    }
    assert_eq!(full(hub.enter(MemberId(2), &room("d"), AT)), Code::Unavailable, "of three rooms in all");
    hub.leave(MemberId(1), &room("b"), AT).unwrap();
    hub.enter(MemberId(1), &room("d"), AT).expect("there is a place again");
}

#[test]
fn a_new_name_is_told_once_to_each_who_shares_a_room() {
    let mut hub = two_in_the_lobby(Style::ManyRooms);
    for id in [1, 2] {
        hub.enter(MemberId(id), &room("dev"), AT).unwrap();
    }
    let (was, notices) = hub.rename(MemberId(1), &user("ally"), AT).unwrap();
    assert_eq!((was, notices.len()), (user("alice"), 2));
    let told = notices.iter().filter(|notice| !notice.skip.covers(MemberId(2))).count();
    assert_eq!(told, 1);
    assert!(notices.iter().all(|notice| notice.skip.covers(MemberId(1))));
    assert_eq!(hub.rename(MemberId(2), &user("ALLY"), AT).unwrap_err().code, Code::NameTaken);
    assert_eq!(hub.find(&user("Ally")), Ok(MemberId(1)));
    assert_eq!(hub.find(&user("alice")).unwrap_err().code, Code::NoSuchUser);
}

#[test]
fn large_rooms_are_told_in_sums() {
    let mut hub = hub(2);
    for id in 1..=5 {
        hub.login(MemberId(id), user(&format!("u{id}")), Style::ManyRooms).unwrap();
        let told = hub.enter(MemberId(id), &room("lobby"), AT).unwrap().notices.len();
        assert_eq!(told, usize::from(id <= 2), "member {id}");
    }
    assert_eq!(hub.logout(MemberId(5), LeaveReason::Quit, AT), []);
    let sums = hub.sum_up();
    let event = Event::Members { room: room("lobby"), joined: 3, left: 1, count: 4 };
    assert_eq!(sums, [Notice { room: room("lobby"), event, skip: Skip::Nobody }]);
    assert_eq!(hub.sum_up(), []);
}

#[test]
fn a_sum_comes_before_what_is_said_singly_again() {
    let mut hub = hub(2);
    for id in 1..=3 {
        hub.login(MemberId(id), user(&format!("u{id}")), Style::ManyRooms).unwrap();
        hub.enter(MemberId(id), &room("lobby"), AT).unwrap();
    }
    assert_eq!(hub.logout(MemberId(3), LeaveReason::Quit, AT), []);
    let told = hub.logout(MemberId(2), LeaveReason::Quit, AT);
    let sum = Event::Members { room: room("lobby"), joined: 1, left: 1, count: 2 };
    assert_eq!(told[0].event, sum);
    assert!(matches!(told[1].event, Event::Left { .. }));
}

#[test]
fn the_same_name_again_is_told_to_nobody() {
    let mut hub = two_in_the_lobby(Style::ManyRooms);
    assert_eq!(hub.rename(MemberId(1), &user("alice"), AT), Ok((user("alice"), Vec::new())));
}

#[test]
fn what_needs_a_room_needs_to_be_in_it() {
    let mut hub = two_in_the_lobby(Style::ManyRooms);
    assert_eq!(hub.check_in(MemberId(1), &room("dev")).unwrap_err().code, Code::NotInRoom);
    assert_eq!(hub.leave(MemberId(1), &room("dev"), AT).unwrap_err().code, Code::NotInRoom);
    assert_eq!(hub.who(Some(&room("dev"))).unwrap_err().code, Code::NoSuchRoom);
    assert!(!hub.leave(MemberId(1), &room("lobby"), AT).unwrap().is_empty());
    assert_eq!(hub.who(Some(&room("lobby"))).unwrap(), [user("bob")]);
    let everybody: BTreeSet<_> = hub.who(None).unwrap().into_iter().collect();
    assert_eq!(everybody, [user("alice"), user("bob")].into());
}

#[derive(Debug, Clone)]
enum Op {
    Login(u64, usize),
    Enter(u64, usize),
    Leave(u64, usize),
    Rename(u64, usize),
    Logout(u64),
}

fn any_op() -> impl Strategy<Value = Op> {
    let (id, name, room) = (0..6u64, 0..4usize, 0..3usize);
    prop_oneof![
        (id.clone(), name.clone()).prop_map(|(id, name)| Op::Login(id, name)),
        (id.clone(), room.clone()).prop_map(|(id, room)| Op::Enter(id, room)),
        (id.clone(), room).prop_map(|(id, room)| Op::Leave(id, room)),
        (id.clone(), name).prop_map(|(id, name)| Op::Rename(id, name)),
        id.prop_map(Op::Logout),
    ]
}

proptest! {
    /// The model: who has which name, and who is in which room, as plain sets.
    #[test]
    fn the_hub_is_two_sets(ops in proptest::collection::vec(any_op(), 0..60)) {
        let names = ["ann", "ben", "cat", "dan"].map(user);
        let rooms = ["a", "b", "c"].map(room);
        let (mut hub, mut named, mut inside) = (hub(2), BTreeMap::new(), BTreeSet::new());
        for op in ops {
            match op {
                Op::Login(id, name) if !named.contains_key(&id) => {
                    let free = named.values().all(|&taken| taken != name);
                    prop_assert_eq!(hub.login(MemberId(id), names[name].clone(), Style::ManyRooms).is_ok(), free);
                    if free {
                        named.insert(id, name);
                    }
                }
                Op::Enter(id, room) if named.contains_key(&id) => {
                    let arrival = hub.enter(MemberId(id), &rooms[room], AT).unwrap();
                    prop_assert_eq!(arrival.is_new, inside.insert((room, id)));
                }
                Op::Leave(id, room) => {
                    prop_assert_eq!(hub.leave(MemberId(id), &rooms[room], AT).is_ok(), inside.remove(&(room, id)));
                }
                Op::Rename(id, name) if named.contains_key(&id) => {
                    let free = named.iter().all(|(&other, &taken)| other == id || taken != name);
                    prop_assert_eq!(hub.rename(MemberId(id), &names[name], AT).is_ok(), free);
                    if free {
                        named.insert(id, name);
                    }
                }
                Op::Logout(id) => {
                    hub.logout(MemberId(id), LeaveReason::Quit, AT);
                    named.remove(&id);
                    inside.retain(|&(_, member)| member != id);
                }
                _ => {}
            }
            prop_assert_eq!(hub.size().0, named.len());
            for (index, room) in rooms.iter().enumerate() {
                let wanted: BTreeSet<_> =
                    inside.iter().filter(|(r, _)| *r == index).map(|(_, id)| names[named[id]].clone()).collect();
                let found: BTreeSet<_> = hub.who(Some(room)).unwrap_or_default().into_iter().collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
