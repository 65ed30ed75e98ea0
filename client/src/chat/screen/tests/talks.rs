//! Several talks side by side: what is new in each, and where an answer stands.

use super::*;

fn control(c: char) -> (KeyCode, KeyModifiers) {
    (KeyCode::Char(c), KeyModifiers::CONTROL)
}

impl Rig {
    fn next_talk(&mut self) {
        let (code, modifiers) = control('n');
        self.key(code, modifiers);
    }
}

/// In the lobby, with dev beside it.
fn beside_dev() -> Rig {
    let mut rig = Rig::inside(80, 12);
    rig.hear(message(1, "bob", "read by everybody"));
    let (rooms, _) = rig.enter("/join dev").remove(0);
    rig.answer(Some(rooms), Event::Rooms { rooms: vec![] });
    rig.hear(entered("dev", &["bob"], 0));
    rig
}

#[test]
fn a_line_stands_between_what_was_read_and_what_is_new() {
    let mut rig = beside_dev();
    rig.hear(message(2, "bob", "the first unread"));
    rig.hear(message(3, "bob", "the second"));
    rig.next_talk();
    assert_snapshot!("back_where_something_is_new", rig.drawn());
    rig.hear(message(4, "bob", "seen as it comes"));
    assert_eq!(rig.drawn().matches("── new ─").count(), 1, "it stays while one looks");
    rig.next_talk();
    rig.next_talk();
    assert!(!rig.shows("── new ─"), "all of it is read now");
    rig.next_talk();
    rig.hear(message(5, "bob", "the next unread"));
    rig.next_talk();
    let drawn = rig.drawn();
    let at = |text: &str| drawn.find(text).unwrap();
    assert!(at("seen as it comes") < at("── new ─") && at("── new ─") < at("the next unread"), "{drawn}");
}

#[test]
fn who_reads_back_finds_where_the_news_begin() {
    let mut rig = long(30);
    rig.press(KeyCode::PageUp);
    rig.hear(message(31, "bob", "news"));
    rig.press(KeyCode::Esc);
    let drawn = rig.drawn();
    assert!(drawn.find("line 30") < drawn.find("── new ─"), "{drawn}");
    assert!(drawn.find("── new ─") < drawn.find("<bob> news"), "{drawn}");
}

#[test]
fn an_answer_stands_where_the_question_was_typed() {
    let mut rig = beside_dev();
    let (who, _) = rig.enter("/who").remove(0);
    let (search, _) = rig.enter("/search lunch").remove(0);
    let (nonsense, _) = rig.enter("/nick bob").remove(0);
    rig.next_talk();
    rig.answer(Some(who), Event::Who { room: Some(room("dev")), users: vec![user("zed")] });
    rig.answer(Some(search), Event::Search { messages: vec![] });
    rig.answer(Some(nonsense), Event::Refused(Refusal::new(Code::NameTaken, "somebody has it")));
    let answers = ["dev: zed", "nothing found", "somebody has it"];
    assert!(!answers.iter().any(|answer| rig.shows(answer)), "{}", rig.drawn());
    rig.next_talk();
    assert!(answers.iter().all(|answer| rig.shows(answer)), "{}", rig.drawn());
}

#[test]
fn an_answer_for_a_talk_that_is_over_is_seen_all_the_same() {
    let mut rig = beside_dev();
    let (who, _) = rig.enter("/who").remove(0);
    rig.enter("/leave");
    rig.answer(Some(who), Event::Who { room: Some(room("dev")), users: vec![user("zed")] });
    assert!(rig.shows("dev: zed"));
}

#[test]
fn join_completes_rooms_that_one_is_not_in_and_asks_which_there_are() {
    let mut rig = beside_dev();
    rig.typed("/j");
    rig.press(KeyCode::Tab);
    let (key, wish) = rig.grant().remove(0);
    assert_eq!(wish, Wish::Ask(Request::Rooms, Purpose::Rooms));
    let rooms = ["dev", "lobby", "zoo"].map(|name| (room(name), 1));
    rig.answer(Some(key), Event::Rooms { rooms: rooms.into() });
    assert!(!rig.shows("rooms:"), "nobody typed that question");
    rig.press(KeyCode::Tab);
    assert!(rig.shows("> /join zoo "), "{}", rig.drawn());
    rig.press(KeyCode::Enter);
    let join = Wish::Join(room("zoo"), Purpose::Enter(room("zoo")));
    assert!(rig.grant().into_iter().any(|(_, wish)| wish == join));
}

#[test]
fn a_message_to_somebody_elsewhere_is_completed() {
    let mut rig = beside_dev();
    rig.typed("/msg car");
    rig.press(KeyCode::Tab);
    assert!(rig.shows("> /msg Carol "), "she is in the lobby: {}", rig.drawn());
}
