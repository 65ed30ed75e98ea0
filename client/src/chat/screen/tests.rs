//! The screen as it is drawn, and what it wants.

mod bare;
mod scrolling;
mod talks;
mod typing;

use std::time::Duration;

use crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use engine::chat::{Event, LeaveReason, Message, Page, Told};
use engine::{Code, Refusal};
use insta::assert_snapshot;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::chat::model::Note;
use crate::chat::session::Front;

/// 2026-11-22, 08:10 in UTC.
const AT: Timestamp = Timestamp(1_795_335_000_123);
const DAY: u64 = 86_400_000;

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn message(id: u64, from: &str, text: &str) -> Event {
    let message = Message { room: RoomName::lobby(), id, from: user(from), text: text.into(), at: AT };
    Event::Message { message, replay: false }
}

fn message_in(name: &str, id: u64, text: &str) -> Event {
    let message = Message { room: room(name), id, from: user("bob"), text: text.into(), at: AT };
    Event::Message { message, replay: false }
}

fn entered(name: &str, members: &[&str], last_id: u64) -> Event {
    let members = members.iter().map(|name| user(name)).collect();
    Event::Entered { room: room(name), members, last_id, gap: false }
}

/// A screen, and a terminal that is only a grid.
struct Rig {
    screen: Screen,
    size: (u16, u16),
    keys: u64,
}

impl Rig {
    fn new(wide: u16, high: u16) -> Self {
        let look = Look { zone: TimeZone::UTC, now: AT, colours: Colours(true) };
        let mut screen = Screen::new(user("alice"), RoomName::lobby(), look);
        screen.resized(wide, high);
        Rig { screen, size: (wide, high), keys: 0 }
    }

    /// In the lobby with two others.
    fn inside(wide: u16, high: u16) -> Self {
        let mut rig = Rig::new(wide, high);
        rig.hear(entered("lobby", &["bob", "Carol"], 0));
        rig
    }

    fn hear(&mut self, event: Event) {
        self.answer(None, event);
    }

    fn answer(&mut self, reference: Option<Ref>, event: Event) {
        self.screen.told(&Told { reference, event }, &user("alice")).unwrap();
    }

    /// Asks what is wished, as the driver does; the answers are the keys.
    fn grant(&mut self) -> Vec<(Ref, Wish)> {
        let mut granted = Vec::new();
        for wish in self.screen.take() {
            self.keys += 1;
            let key = Ref::parse(&format!("k{}", self.keys)).unwrap();
            if let Wish::Ask(_, purpose) | Wish::Join(_, purpose) = &wish {
                self.screen.asked(key.clone(), purpose.clone());
            }
            granted.push((key, wish));
        }
        granted
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.screen.event(&Input::Key(KeyEvent::new(code, modifiers)));
    }

    fn press(&mut self, code: KeyCode) {
        self.key(code, KeyModifiers::NONE);
    }

    fn typed(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    /// Types a line and grants what follows from it.
    fn enter(&mut self, line: &str) -> Vec<(Ref, Wish)> {
        self.typed(line);
        self.press(KeyCode::Enter);
        self.grant()
    }

    fn resize(&mut self, wide: u16, high: u16) {
        self.size = (wide, high);
        self.screen.event(&Input::Resize(wide, high));
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let modifiers = KeyModifiers::NONE;
        self.screen.event(&Input::Mouse(MouseEvent { kind, column, row, modifiers }));
    }

    fn drawn_with(&self, status: Status) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        terminal.draw(|frame| self.screen.draw(frame, &status)).unwrap();
        terminal
    }

    fn drawn(&self) -> String {
        let connected = Connected::Yes { latency: Some(Duration::from_millis(3)) };
        self.drawn_with(Status { connected, presence: None }).backend().to_string()
    }

    /// The rows of the talk that hold a text.
    fn shows(&self, text: &str) -> bool {
        self.drawn().contains(text)
    }
}

/// A room in which much was said; every message is a row.
fn long(count: u64) -> Rig {
    let mut rig = Rig::inside(50, 8);
    (1..=count).for_each(|id| rig.hear(message(id, "bob", &format!("line {id} of many"))));
    rig.grant();
    rig
}

#[test]
fn a_wide_screen_has_rooms_talk_people_status_and_input() {
    let mut rig = Rig::inside(80, 14);
    rig.hear(message(1, "bob", "hello, all"));
    rig.hear(message(2, "Carol", "* waves"));
    rig.enter("hi");
    rig.enter("/join dev");
    rig.hear(entered("dev", &[], 0));
    rig.press(KeyCode::Char('x'));
    rig.hear(message(4, "bob", "alice: are you there?"));
    rig.hear(Event::Joined { room: RoomName::lobby(), user: user("dave"), at: AT });
    assert_snapshot!("in_dev_with_news_in_the_lobby", rig.drawn());
    rig.key(KeyCode::Char('p'), KeyModifiers::CONTROL);
    assert_snapshot!("back_in_the_lobby", rig.drawn());
}

#[test]
fn names_mentions_and_what_is_on_its_way_look_different() {
    let mut rig = Rig::inside(50, 8);
    rig.hear(message(1, "bob", "hello"));
    rig.hear(message(2, "bob", "hello, Alice!"));
    rig.enter("not yet kept");
    let terminal = rig.drawn_with(Status { connected: Connected::Coming, presence: None });
    let style = |text: &str| {
        let buffer = terminal.backend().buffer();
        let at = (0..buffer.area.height).find_map(|y| {
            let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            row.find(text).map(|x| (row[..x].chars().count() as u16, y))
        });
        buffer[at.unwrap()].style()
    };
    let colours = Colours(true);
    assert_eq!(style("bob>").fg, colours.name(&user("bob")).fg);
    assert_eq!(style("hello, Alice").fg, colours.mention().fg);
    assert_ne!(style("hello").fg, colours.mention().fg);
    assert!(style("not yet").add_modifier.contains(ratatui::style::Modifier::DIM));
}

#[test]
fn nothing_from_the_network_drives_the_terminal() {
    let mut rig = Rig::inside(60, 8);
    rig.hear(message(1, "bob", "\u{1b}[2J\u{9b}1m\ttab\u{202e}"));
    rig.hear(Event::Refused(Refusal::new(Code::BadText, "\u{1b}]0;title\u{7}")));
    let terminal = rig.drawn_with(Status { connected: Connected::Coming, presence: None });
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| !cell.symbol().chars().any(char::is_control)));
    assert!(rig.shows("\\u{1b}[2J\\u{9b}1m    tab\\u{202e}"));
}

#[test]
fn wide_characters_and_addresses_keep_their_shape() {
    let mut rig = Rig::inside(40, 10);
    rig.hear(message(1, "bob", "日本語の長いメッセージは折り返される 👩‍🚀👍🏽 fine"));
    rig.hear(message(2, "bob", "see https://example.org/a/rather/long/path for more"));
    rig.typed("日本👍");
    assert_snapshot!(rig.drawn());
}

#[test]
fn any_size_is_drawn_and_what_one_reads_stays_in_view() {
    let mut rig = long(60);
    (0..5).for_each(|_| rig.press(KeyCode::PageUp));
    rig.typed("some text that is longer than the line 日本語");
    for (wide, high) in [(10, 3), (1, 1), (2, 9), (0, 0), (300, 2), (20, 4), (76, 1), (80, 24), (56, 30)] {
        rig.resize(wide, high);
        for code in [KeyCode::PageUp, KeyCode::PageDown, KeyCode::Up, KeyCode::Esc, KeyCode::PageUp] {
            rig.press(code);
            rig.drawn_with(Status { connected: Connected::Coming, presence: None });
        }
    }
    rig.resize(10, 3);
    rig.press(KeyCode::Esc);
    assert_snapshot!(rig.drawn());
}

#[test]
fn rooms_and_people_have_talks_of_their_own() {
    let mut rig = Rig::inside(80, 8);
    let (key, wish) = rig.enter("/join dev").pop().unwrap();
    assert_eq!(wish, Wish::Join(room("dev"), Purpose::Enter(room("dev"))));
    rig.answer(Some(key), Event::Refused(Refusal::new(Code::Unavailable, "not now")));
    assert!(!rig.shows("#dev") && rig.shows("not now (unavailable)"));
    rig.hear(Event::Direct { from: user("bob"), text: "psst".into(), at: AT });
    assert!(rig.shows("@bob           1!"), "{}", rig.drawn());
    assert_eq!(rig.grant().pop().unwrap().1, Wish::Ring);
    rig.key(KeyCode::Char('a'), KeyModifiers::ALT);
    assert!(rig.shows("<bob> psst") && !rig.shows("1!"));
    let (key, wish) = rig.enter("what?").remove(0);
    let direct = Request::Direct { to: user("bob"), text: "what?".into() };
    assert!(matches!(wish, Wish::Ask(request, _) if request == direct));
    rig.answer(Some(key), Event::Ack { place: None, at: AT });
    rig.hear(Event::Renamed { user: user("bob"), to: user("rob"), at: AT });
    assert!(rig.shows("@rob") && !rig.shows("@bob"));
    rig.enter("/leave");
    assert!(!rig.shows("@rob"));
    rig.enter("/leave");
    assert!(rig.shows("the only room you are in"));
}

#[test]
fn days_are_told_apart() {
    let mut rig = Rig::inside(50, 10);
    for (id, ago) in [(1, 2 * DAY), (2, DAY), (3, DAY), (4, 0)] {
        let (from, text, at) = (user("bob"), format!("line {id}"), Timestamp(AT.0 - ago));
        let message = Message { room: RoomName::lobby(), id, from, text, at };
        rig.hear(Event::Message { message, replay: true });
    }
    let far = Message {
        room: RoomName::lobby(),
        id: 5,
        from: user("bob"),
        text: "?".into(),
        at: Timestamp(u64::MAX),
    };
    rig.hear(Event::Message { message: far, replay: false });
    assert_snapshot!(rig.drawn());
}

#[test]
fn a_lost_connection_is_told_quietly_and_keeps_what_was_typed() {
    let mut rig = Rig::inside(70, 8);
    rig.typed("half a sent");
    rig.screen.note(&Note::Lost, &user("alice")).unwrap();
    let status = Status { connected: Connected::Waiting(Duration::from_millis(1500)), presence: None };
    let drawn = rig.drawn_with(status).backend().to_string();
    assert!(drawn.contains("no connection, next try in 2 s") && drawn.contains("> half a sent"), "{drawn}");
    assert!(!drawn.contains("3 here"), "nobody knows: {drawn}");
    let status = Status { connected: Connected::Unanswered(Duration::from_secs(12)), presence: None };
    assert!(rig.drawn_with(status).backend().to_string().contains("connected, no answer for 12 s"));
    rig.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert_eq!(rig.enter("").remove(0).1, Wish::Retry, "Enter on an empty line does not wait");
    rig.typed("half a sent");
    rig.screen.note(&Note::Back, &user("alice")).unwrap();
    rig.hear(entered("lobby", &["bob"], 0));
    assert!(rig.shows("connected, 3 ms") && rig.shows("> half a sent"));
    assert_eq!(rig.drawn().matches("here").count(), 2, "who is here is told once, and in the status line");
}

#[test]
fn what_has_no_time_stands_out_by_its_dashes() {
    let mut rig = Rig::inside(40, 10);
    rig.screen.note(&Note::Lost, &user("alice")).unwrap();
    let drawn = rig.drawn();
    assert!(
        drawn.contains("\"-- the connection is lost; ") && drawn.contains("\"   until it is back "),
        "{drawn}"
    );
}

#[test]
fn a_narrow_status_line_leaves_out_whole_parts() {
    let rig = Rig::inside(80, 8);
    let latency = Some(Duration::from_millis(3));
    let presence = Some(Duration::from_secs(4));
    let well = Status { connected: Connected::Yes { latency }, presence };
    let lost = Status { connected: Connected::Waiting(Duration::from_secs(4)), presence };
    for (wide, status, words) in [
        (62, well, " #lobby · connected, 3 ms · 3 here · presence 4 s old   alice "),
        (61, well, " #lobby · connected, 3 ms · 3 here                     alice "),
        (42, well, " #lobby · connected, 3 ms · 3 here        "),
        (40, well, " #lobby · connected, 3 ms · 3 here      "),
        (30, well, " #lobby · connected, 3 ms     "),
        (20, well, " #lobby · connected "),
        (10, well, " #lobby   "),
        (6, well, " #lob…"),
        (50, lost, " #lobby · no connection, next try in 5 s          "),
        (40, lost, " #lobby · no connection, next try in 5 s"),
        (30, lost, " #lobby · no connection       "),
    ] {
        assert_eq!(rig.screen.status_words(&status, wide), words, "{wide}");
    }
}

#[test]
fn a_long_name_leaves_room_for_what_is_wrong_and_what_is_new() {
    let mut rig = Rig::inside(80, 8);
    let long = "x".repeat(32);
    rig.enter(&format!("/join {long}"));
    let lost = Status { connected: Connected::Waiting(Duration::from_secs(4)), presence: None };
    assert_eq!(rig.screen.status_words(&lost, 40).trim_end(), " #xxxxxxxxxxxxxxxxx… · no connection");
    rig.enter("/join lobby");
    rig.hear(message_in(&long, 1, "news"));
    let well = Status { connected: Connected::Yes { latency: None }, presence: None };
    let words = " #lobby · #xxxxxxxxxxx… 1 · connected";
    assert_eq!(rig.screen.status_words(&well, 40).trim_end(), words);
}

#[test]
fn people_come_go_and_are_counted() {
    let mut rig = Rig::inside(60, 6);
    let reason = LeaveReason::Lost;
    rig.hear(Event::Left { room: RoomName::lobby(), user: user("bob"), at: AT, reason });
    assert!(rig.shows("-- bob left (connection lost)") && rig.shows("2 here") && !rig.shows("│ bob"));
    rig.hear(Event::Members { room: RoomName::lobby(), joined: 10_000, left: 0, count: 10_230 });
    assert!(rig.shows("10230 here") && rig.shows("+ 10228 more"));
}
