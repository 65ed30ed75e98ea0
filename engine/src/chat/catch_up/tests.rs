//! What is asked of the store, case by case, and under random schedules with a log behind it.

mod schedules;

use super::*;
use crate::Timestamp;
use crate::names::{RoomName, UserName};

fn messages(ids: impl IntoIterator<Item = u64>) -> Vec<Message> {
    let (room, from) = (RoomName::parse("lobby").unwrap(), UserName::parse("alice").unwrap());
    let message =
        |id| Message { room: room.clone(), id, from: from.clone(), text: String::new(), at: Timestamp(0) };
    ids.into_iter().map(message).collect()
}

/// The ids of what is told, all of it marked as past.
fn ids(events: Vec<Event>) -> Vec<u64> {
    let id = |event| match event {
        Event::Message { message, replay: true } => message.id,
        other => panic!("{other:?} is not of the past"),
    };
    events.into_iter().map(id).collect()
}

/// Whether there is a gap, and what is wanted once the oldest id is known.
fn since(since: u64, last_id: u64, oldest: Option<u64>) -> (bool, Option<Ask>) {
    let mut catch_up = CatchUp::new(Replay::Since(since), last_id);
    assert_eq!(catch_up.wants(), Some(Ask::Oldest));
    catch_up.oldest(oldest);
    (catch_up.gap(), catch_up.wants())
}

#[test]
fn whoever_asks_for_nothing_or_has_it_all_is_told_nothing() {
    for wanted in [Replay::Nothing, Replay::Since(7)] {
        let catch_up = CatchUp::new(wanted, 7);
        assert_eq!((catch_up.wants(), catch_up.gap()), (None, false));
    }
}

#[test]
fn the_newest_come_as_one_page() {
    let mut catch_up = CatchUp::new(Replay::Last(3), 7);
    assert_eq!(catch_up.wants(), Some(Ask::Newest { before: 8, limit: 3 }));
    assert_eq!(ids(catch_up.page(messages(5..=7))), [5, 6, 7]);
    assert_eq!((catch_up.wants(), catch_up.gap()), (None, false));
}

#[test]
fn nobody_gets_more_of_the_newest_than_one_may_ask_for() {
    let catch_up = CatchUp::new(Replay::Last(u32::MAX), 7);
    assert_eq!(catch_up.wants(), Some(Ask::Newest { before: 8, limit: 1000 }));
}

#[test]
fn a_room_that_keeps_none_of_it_has_told_all() {
    let mut catch_up = CatchUp::new(Replay::Last(3), 7);
    assert_eq!((ids(catch_up.page(Vec::new())), catch_up.wants()), (vec![], None));
}

#[test]
fn what_came_since_is_read_page_by_page() {
    let mut catch_up = CatchUp::new(Replay::Since(2), 7);
    catch_up.oldest(Some(1));
    assert_eq!(catch_up.wants(), Some(Ask::After { since: 2, last: 7 }));
    assert_eq!(ids(catch_up.page(messages(3..=5))), [3, 4, 5]);
    assert_eq!(catch_up.wants(), Some(Ask::After { since: 5, last: 7 }));
    assert_eq!(ids(catch_up.page(messages(6..=7))), [6, 7]);
    assert_eq!(catch_up.wants(), None);
}

#[test]
fn a_gap_is_what_is_not_kept_or_not_yet_said() {
    let after = |since| Some(Ask::After { since, last: 7 });
    assert_eq!(since(2, 7, Some(3)), (false, after(2)));
    assert_eq!(since(2, 7, Some(4)), (true, after(2)));
    assert_eq!(since(2, 7, None), (true, after(2)));
    assert_eq!(since(8, 7, Some(1)), (true, after(0)), "one who is ahead gets what there is");
    assert_eq!(since(u64::MAX, 7, Some(1)), (true, after(0)));
    assert_eq!(since(5, 0, None), (true, None), "a room in which nothing was said yet");
}
