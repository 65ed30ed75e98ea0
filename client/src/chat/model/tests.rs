//! The machine against a server that the test plays.

mod resume;
mod rooms;

use engine::chat::{Event, Hello, Message, Tagged, Told};
use engine::{Code, Timestamp};
use proptest::prelude::*;
use wire::chat::json::{decode_hello, decode_request, encode_event};

use super::life::QUIET;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);
const AT: Timestamp = Timestamp(1_795_335_000_123);

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn start(chosen: bool, patience: Option<Duration>) -> Start {
    Start {
        naming: Naming { name: user("alice"), chosen },
        room: RoomName::lobby(),
        replay: Replay::Last(20),
        many: false,
        timeout: TIMEOUT,
        patience,
        run: 0x7f3a,
        dice: 0x3f2a,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn line(event: Event, reference: Option<&Ref>) -> String {
    let mut out = Vec::new();
    encode_event(&Told { reference: reference.cloned(), event }, &mut out);
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

fn welcome(name: &str) -> String {
    let (server, version, session) = ("chat-1".into(), "0".into(), "s".into());
    line(Event::Welcome { user: user(name), server, version, session }, None)
}

fn entered(room: &str, last_id: u64) -> Event {
    Event::Entered { room: RoomName::parse(room).unwrap(), members: vec![], last_id, gap: false }
}

fn message(id: u64, from: &str, text: &str) -> String {
    let message = Message { room: RoomName::lobby(), id, from: user(from), text: text.into(), at: AT };
    line(Event::Message { message, replay: false }, None)
}

fn refused(code: Code, reference: Option<&Ref>) -> String {
    line(Event::Refused(Refusal::new(code, "no")), reference)
}

/// A machine under test, with what it sent and showed since the last look.
struct Rig(Model);

impl Rig {
    fn new(chosen: bool, patience: Option<Duration>) -> Self {
        let mut rig = Rig(Model::new(start(chosen, patience)));
        rig.0.connected(Duration::ZERO);
        rig
    }

    /// A machine that is in the lobby, whose newest message is `last_id`.
    fn inside(last_id: u64) -> Self {
        let mut rig = Rig::new(true, None);
        rig.enter(last_id, Duration::ZERO);
        rig
    }

    fn enter(&mut self, last_id: u64, now: Duration) {
        self.0.received("USERNAME:", now, 0.0);
        self.0.received(&welcome("alice"), now, 0.0);
        self.0.received(&line(entered("lobby", last_id), None), now, 0.0);
    }

    fn hear(&mut self, line: &str) -> Vec<Effect> {
        self.0.take();
        self.0.received(line, Duration::ZERO, 0.0);
        self.0.take()
    }

    /// The requests sent since the last look.
    fn sent(&mut self) -> Vec<Tagged> {
        self.0.take().iter().filter_map(request).collect()
    }

    /// Loses the connection, and connects again after the wait; the answer is the new hello.
    fn reconnect(&mut self, now: Duration) -> Hello {
        self.0.lost(now, 0.5);
        let wake = self.0.deadline().unwrap();
        self.0.take();
        self.0.tick(wake, 0.5);
        assert_eq!(self.0.take(), [Effect::Dial]);
        self.0.connected(wake);
        match &self.0.take()[..] {
            [Effect::Send(line)] => decode_hello(line.trim_end()).unwrap().hello,
            other => panic!("{other:?}"),
        }
    }
}

fn request(effect: &Effect) -> Option<Tagged> {
    match effect {
        Effect::Send(line) => decode_request(line.trim_end()).ok(),
        _ => None,
    }
}

fn texts(requests: &[Tagged]) -> Vec<&str> {
    requests
        .iter()
        .map(|tagged| match &tagged.request {
            Request::Say { text, .. } | Request::Direct { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn shown(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Show(Told { event: Event::Message { message, .. }, .. }) => Some(message.text.clone()),
            _ => None,
        })
        .collect()
}

fn ack(tagged: &Tagged, id: u64) -> String {
    let place = Some((RoomName::lobby(), id));
    line(Event::Ack { place, at: AT }, tagged.reference.as_ref())
}

#[test]
fn the_hello_asks_for_the_newest_lines_and_waits_for_the_welcome() {
    let mut rig = Rig::new(true, None);
    rig.0.typed("early");
    let effects = rig.0.take();
    let [Effect::Send(hello)] = &effects[..] else { panic!("{effects:?}") };
    let hello = decode_hello(hello.trim_end()).unwrap().hello;
    assert_eq!((hello.user, hello.rooms[0].replay), (user("alice"), Replay::Last(20)));
    rig.enter(3, Duration::ZERO);
    assert_eq!(texts(&rig.sent()), ["early"]);
}

#[test]
fn a_login_name_that_is_taken_gets_digits_and_a_chosen_one_is_told() {
    let mut rig = Rig::new(false, None);
    let effects = rig.hear(&refused(Code::NameTaken, None));
    let renaming = Note::Renaming { taken: user("alice"), to: user("alice-3f2a") };
    assert_eq!(effects[0], Effect::Note(renaming));
    assert!(matches!(&effects[1], Effect::Send(line) if line.contains("alice-3f2a")));
    let effects = rig.hear(&refused(Code::NameTaken, None));
    assert!(matches!(&effects[..], [Effect::End(End::Refused(r))] if r.code == Code::NameTaken));
}

#[test]
fn a_full_server_says_so_in_text() {
    let effects = Rig::new(true, None).hear("ERROR:too_many_connections come back later");
    let refusal = Refusal::new(Code::TooManyConnections, "come back later");
    assert_eq!(effects, [Effect::End(End::Refused(refusal))]);
}

#[test]
fn who_was_never_in_does_not_wait() {
    let mut rig = Rig::new(true, None);
    rig.0.take();
    rig.0.lost(secs(1), 0.5);
    assert_eq!(rig.0.take(), [Effect::End(End::NeverIn)]);
    let mut rig = Rig::new(true, None);
    rig.0.take();
    assert_eq!(rig.0.deadline(), Some(TIMEOUT));
    rig.0.tick(TIMEOUT, 0.5);
    assert_eq!(rig.0.take(), [Effect::End(End::Silent)]);
}

#[test]
fn the_own_name_may_still_be_held_by_the_connection_that_is_gone() {
    let mut rig = Rig::inside(0);
    rig.reconnect(secs(1));
    assert_eq!(rig.hear(&refused(Code::NameTaken, None)), [Effect::Hang]);
    assert!(rig.0.deadline().is_some(), "another try follows");
}

#[test]
fn a_server_that_goes_away_says_when_to_come_back() {
    let mut rig = Rig::inside(0);
    rig.hear(&line(Event::Bye { retry_after_ms: 1234 }, None));
    rig.0.lost(secs(10), 0.5);
    assert_eq!(rig.0.deadline(), Some(secs(10) + Duration::from_millis(1234)));
    let mut rig = Rig::inside(0);
    rig.hear(&line(Event::Bye { retry_after_ms: u64::MAX }, None));
    rig.0.lost(secs(10), 0.5);
    assert_eq!(rig.0.deadline(), Some(secs(70)), "no server may ask for more than a minute");
}

#[test]
fn a_quiet_connection_is_asked_and_a_dead_one_is_left() {
    let mut rig = Rig::inside(0);
    rig.0.take();
    assert_eq!(rig.0.deadline(), Some(QUIET));
    rig.0.tick(QUIET, 0.5);
    assert_eq!(rig.sent()[0].request, Request::Ping);
    rig.0.received(&line(Event::Pong, None), QUIET, 0.5);
    assert_eq!(rig.0.deadline(), Some(QUIET * 2));
    rig.0.tick(QUIET * 2, 0.5);
    rig.0.take();
    rig.0.tick(QUIET * 2 + TIMEOUT, 0.5);
    assert_eq!(rig.0.take(), [Effect::Hang, Effect::Note(Note::Lost)]);
}

#[test]
fn a_new_name_is_kept_for_the_next_hello() {
    let mut rig = Rig::inside(0);
    rig.hear(&line(Event::Renamed { user: user("alice"), to: user("ally"), at: AT }, None));
    assert_eq!(rig.reconnect(secs(1)).user, user("ally"));
}

#[test]
fn a_pipe_ends_when_all_is_acked_and_counts_what_was_refused() {
    let mut rig = Rig::inside(0);
    rig.0.typed("good");
    rig.0.typed("/nonsense");
    let sent = rig.sent();
    rig.0.finish();
    assert!(!rig.0.wants_input());
    assert_eq!(rig.0.take(), []);
    let effects = rig.hear(&ack(&sent[0], 1));
    assert_eq!(effects.last(), Some(&Effect::End(End::Done { refused: 1 })));
}

#[test]
fn a_pipe_waits_for_a_lost_connection_only_so_long() {
    let mut rig = Rig::new(true, Some(secs(30)));
    rig.enter(0, Duration::ZERO);
    rig.0.typed("unheard");
    rig.0.finish();
    rig.0.take();
    let mut now = secs(1);
    rig.0.lost(now, 0.9);
    let end = loop {
        match rig.0.take().pop() {
            Some(Effect::End(end)) => break end,
            Some(Effect::Dial) => rig.0.lost(now, 0.9),
            _ => {
                now = rig.0.deadline().unwrap();
                rig.0.tick(now, 0.9);
            }
        }
    };
    assert_eq!((end, now), (End::Lost { open: 1 }, secs(31)));
}

#[test]
fn a_line_that_the_server_would_hang_up_on_is_not_sent() {
    let mut rig = Rig::inside(0);
    rig.0.take();
    rig.0.typed(&"x".repeat(4096));
    let effects = rig.0.take();
    assert!(matches!(&effects[..], [Effect::Note(Note::Mistake(r))] if r.code == Code::LineTooLong));
}

#[test]
fn input_waits_while_too_much_has_no_answer() {
    let mut rig = Rig::inside(0);
    (0..WINDOW).for_each(|n| rig.0.typed(&format!("line {n}")));
    assert!(!rig.0.wants_input());
    let sent = rig.sent();
    rig.hear(&ack(&sent[0], 1));
    assert!(rig.0.wants_input());
}

#[test]
fn a_screen_knows_how_far_away_the_server_is() {
    let mut rig = Rig(Model::new(Start { many: true, ..start(true, None) }));
    assert_eq!(rig.0.connection(), Connection::Coming);
    rig.0.connected(Duration::ZERO);
    rig.0.take();
    rig.0.received(&welcome("alice"), secs(1), 0.5);
    assert_eq!(rig.sent()[0].request, Request::Ping);
    rig.0.received(&line(Event::Pong, None), secs(1) + Duration::from_millis(3), 0.5);
    assert_eq!(
        rig.0.connection(),
        Connection::Up { latency: Some(Duration::from_millis(3)), waiting: false }
    );
    rig.0.lost(secs(2), 0.0);
    assert_eq!(rig.0.connection(), Connection::Waiting { until: secs(2) });
}
