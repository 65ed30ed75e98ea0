//! Reading back, and what comes meanwhile.

use super::*;

#[test]
fn older_messages_are_fetched_as_one_scrolls_up_and_the_view_stays() {
    let mut rig = Rig::inside(50, 8);
    (101..=150).for_each(|id| rig.hear(message(id, "bob", &format!("line {id}"))));
    assert!(rig.grant().is_empty(), "the top is far away");
    (0..20).for_each(|_| rig.press(KeyCode::PageUp));
    assert!(rig.shows("line 101"));
    let (key, wish) = rig.grant().remove(0);
    let history = Request::History { room: RoomName::lobby(), page: Page::Before(101), limit: PAGE };
    assert_eq!(wish, Wish::Ask(history, Purpose::Older(RoomName::lobby())));
    assert!(rig.grant().is_empty(), "it is asked once");
    let before = rig.drawn();
    let messages = (1..=100).map(|id| match message(id, "bob", &format!("line {id}")) {
        Event::Message { message, .. } => message,
        other => panic!("{other:?}"),
    });
    rig.answer(Some(key), Event::History { room: RoomName::lobby(), messages: messages.collect() });
    assert_eq!(rig.drawn().matches("line 10").count(), before.matches("line 10").count());
    (0..40).for_each(|_| rig.press(KeyCode::PageUp));
    assert!(rig.shows("line 1 "), "{}", rig.drawn());
    assert!(rig.grant().is_empty(), "nothing is older than the first");
}

#[test]
fn who_reads_back_is_not_torn_away_and_is_told_of_what_is_new() {
    let mut rig = long(30);
    rig.press(KeyCode::PageUp);
    let before = rig.drawn();
    rig.hear(message(31, "bob", "news"));
    let after = rig.drawn();
    let talk = |drawn: &str| drawn.lines().take(6).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(talk(&before), talk(&after));
    assert!(after.contains("↓ 1 new"), "{after}");
    rig.press(KeyCode::Esc);
    assert!(rig.shows("news") && !rig.shows("↓"));
    rig.mouse(MouseEventKind::ScrollUp, 5, 2);
    assert!(!rig.shows("news") && rig.shows("line 28"));
    rig.mouse(MouseEventKind::ScrollDown, 5, 2);
    assert!(rig.shows("news"));
    rig.key(KeyCode::Home, KeyModifiers::CONTROL);
    assert!(rig.shows("line 1 of"));
}

#[test]
fn news_are_counted_where_they_are_not_seen() {
    let mut rig = Rig::inside(80, 8);
    rig.enter("/join dev");
    rig.hear(entered("dev", &["bob"], 3));
    rig.enter("/join lobby");
    (1..=3).for_each(|id| rig.hear(message_in("dev", id, "alice: said before")));
    assert!(!rig.shows("!"), "what was said before one came is no news");
    assert!(rig.grant().is_empty(), "and rings no bell");
    rig.hear(message_in("dev", 4, "one"));
    rig.hear(message_in("dev", 5, "Alice, two"));
    assert!(
        rig.shows("#dev         2 1!│") && rig.shows(" #lobby · #dev 2 1! · connected"),
        "{}",
        rig.drawn()
    );
    assert_eq!(rig.grant().pop().unwrap().1, Wish::Ring);
}

#[test]
fn a_room_that_began_anew_goes_on_below() {
    let mut rig = long(40);
    rig.hear(entered("lobby", &["bob"], 1));
    rig.hear(message(1, "bob", "a new beginning"));
    let drawn = rig.drawn();
    assert!(drawn.find("line 40") < drawn.find("a new beginning"), "{drawn}");
}
