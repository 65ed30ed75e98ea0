//! Golden lines, and the trip there and back.

use engine::chat::{Entry, Event, Hello, LeaveReason, Message, Page, Ref, Replay, Request, Tagged, Told};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};
use proptest::prelude::*;

use super::*;

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn line(event: Event, reference: Option<&str>) -> String {
    let mut out = Vec::new();
    let reference = reference.map(|r| Ref::parse(r).unwrap());
    encode_event(&Told { reference, event }, &mut out);
    String::from_utf8(out).unwrap()
}

const AT: Timestamp = Timestamp(1_795_335_000_123);

#[test]
fn events_are_written_as_the_contract_shows_them() {
    let message =
        Message { room: room("lobby"), id: 1042, from: user("bob"), text: "he\"llo".into(), at: AT };
    let golden = [
        (
            line(Event::Message { message: message.clone(), replay: true }, None),
            r#"{"type":"message","room":"lobby","id":1042,"from":"bob","text":"he\"llo","at":"2026-11-22T08:10:00.123Z","replay":true}"#,
        ),
        (
            line(Event::Ack { place: Some((room("lobby"), 1044)), at: AT }, Some("7f3a-1")),
            r#"{"type":"ack","ref":"7f3a-1","room":"lobby","id":1044,"at":"2026-11-22T08:10:00.123Z"}"#,
        ),
        (line(Event::Ack { place: None, at: AT }, None), r#"{"type":"ack","at":"2026-11-22T08:10:00.123Z"}"#),
        (
            line(
                Event::Entered { room: room("lobby"), members: vec![user("bob")], last_id: 1043, gap: false },
                None,
            ),
            r#"{"type":"room","room":"lobby","members":["bob"],"last_id":1043,"gap":false}"#,
        ),
        (
            line(
                Event::Left { room: room("lobby"), user: user("carol"), at: AT, reason: LeaveReason::Quit },
                None,
            ),
            r#"{"type":"left","room":"lobby","user":"carol","at":"2026-11-22T08:10:00.123Z","reason":"quit"}"#,
        ),
        (
            line(Event::Members { room: room("lobby"), joined: 37, left: 5, count: 10230 }, None),
            r#"{"type":"members","room":"lobby","joined":37,"left":5,"count":10230}"#,
        ),
        (
            line(Event::History { room: room("lobby"), messages: vec![message] }, Some("h")),
            r#"{"type":"history","ref":"h","room":"lobby","messages":[{"room":"lobby","id":1042,"from":"bob","text":"he\"llo","at":"2026-11-22T08:10:00.123Z"}]}"#,
        ),
        (
            line(Event::Rooms { rooms: vec![(room("lobby"), 3)] }, None),
            r#"{"type":"rooms","rooms":[{"room":"lobby","users":3}]}"#,
        ),
        (line(Event::Pong, Some("p")), r#"{"type":"pong","ref":"p"}"#),
        (
            line(Event::Bye { retry_after_ms: 250 }, None),
            r#"{"type":"bye","reason":"shutdown","retry_after_ms":250}"#,
        ),
        (
            line(Event::Refused(Refusal::new(Code::NotInRoom, "join it first")), Some("x")),
            r#"{"type":"error","ref":"x","code":"not_in_room","message":"join it first"}"#,
        ),
    ];
    for (written, wanted) in golden {
        assert_eq!(written, format!("{wanted}\n"));
    }
}

#[test]
fn a_hello_is_read_whole() {
    let opening = decode_hello(
        r##"{"type":"hello","user":"alice","rooms":[{"room":"#lobby","since":1041},{"room":"dev","last":5}],"client":"bot/1.0","future":[1]}"##,
    )
    .unwrap();
    let rooms = vec![
        Entry { room: room("lobby"), replay: Replay::Since(1041) },
        Entry { room: room("dev"), replay: Replay::Last(5) },
    ];
    let wanted = Hello { user: user("alice"), rooms, echo: false, client: Some("bot/1.0".into()) };
    assert_eq!(opening.hello, wanted);
    assert_eq!(decode_hello(encode_hello(&opening).trim_end()), Ok(opening));
}

#[test]
fn what_is_wrong_is_told_with_the_key_where_there_is_one() {
    let cases = [
        ("{", None, Code::BadJson),
        ("{}", None, Code::BadRequest),
        (r#"{"type":"say"} x"#, None, Code::BadJson),
        (r#"[1]"#, None, Code::BadJson),
        (r#"{"type":7,"ref":"a"}"#, Some("a"), Code::BadRequest),
        (r#"{"type":"shout","ref":"a"}"#, Some("a"), Code::UnknownType),
        (r#"{"type":"say","room":"lobby","ref":"a"}"#, Some("a"), Code::BadRequest),
        (r#"{"type":"say","room":"lobby","text":7}"#, None, Code::BadRequest),
        (r#"{"type":"say","room":"LOBBY","text":"x"}"#, None, Code::BadRoom),
        (r#"{"type":"say","room":"lobby","text":"\u001b[2J"}"#, None, Code::BadText),
        (r#"{"type":"say","room":"lobby","text":"x","ref":""}"#, None, Code::BadRequest),
        (r#"{"type":"nick","user":"a b"}"#, None, Code::BadName),
        (r#"{"type":"history","room":"lobby","limit":-1}"#, None, Code::BadRequest),
        (r#"{"type":"history","room":"lobby","limit":5,"after":"x","ref":"h"}"#, Some("h"), Code::BadRequest),
        (r#"{"type":"history","room":"lobby","limit":5,"before":9,"after":1}"#, None, Code::BadRequest),
        (r#"{"type":"join","room":"lobby","since":1,"last":2}"#, None, Code::BadRequest),
        (r#"{"type":"hello","user":"x"}"#, None, Code::BadRequest),
    ];
    for (line, reference, code) in cases {
        let spoiled = decode_request(line).unwrap_err();
        assert_eq!(spoiled.refusal.code, code, "{line}");
        assert_eq!(spoiled.reference.as_ref().map(Ref::as_str), reference, "{line}");
    }
}

#[test]
fn where_json_goes_wrong_is_told_where_it_is_known() {
    for (line, words) in [
        ("{", "not one JSON object: it ends too early"),
        (r#"{"type":"ping","x":}"#, "not one JSON object: see column 20"),
        ("[1]", "not one JSON object"),
    ] {
        assert_eq!(decode_request(line).unwrap_err().refusal.words, words, "{line}");
    }
}

/// A lone half of a surrogate pair was called a wrong type, though the line itself is no JSON text.
#[test]
fn half_a_surrogate_pair_is_no_json() {
    for half in [r"\ud800", r"\udc00", r"\ud83ex", r"\ud83e\n", r"\udd80\ud83e"] {
        let line = format!(r#"{{"type":"say","room":"lobby","text":"{half}","ref":"a"}}"#);
        let spoiled = decode_request(&line).unwrap_err();
        assert_eq!(spoiled.refusal.code, Code::BadJson, "{line}");
        assert_eq!(spoiled.reference, Some(Ref::parse("a").unwrap()), "{line}");
        let codes = [
            format!(r#"{{"type":"nick","user":"{half}"}}"#),
            format!(r#"{{"type":"{half}"}}"#),
            format!(r#"{{"type":"ping","ref":"{half}"}}"#),
            format!(r#"{{"type":"ping","{half}":1}}"#),
        ]
        .map(|line| decode_request(&line).unwrap_err().refusal.code);
        assert_eq!(codes, [Code::BadJson; 4], "{half}");
    }
    let unread = decode_request(r#"{"type":"ping","x":"\ud800"}"#).unwrap();
    assert_eq!(unread.request, Request::Ping, "a field of no meaning is not looked into");
}

#[test]
fn numbers_are_whole_and_fit() {
    let history = |limit: &str| {
        decode_request(&format!(r#"{{"type":"history","room":"lobby","limit":{limit}}}"#))
            .map(|tagged| match tagged.request {
                Request::History { limit, .. } => limit,
                other => panic!("{other:?}"),
            })
            .map_err(|spoiled| spoiled.refusal.code)
    };
    for (limit, wanted) in [("0", 0), ("4294967295", u32::MAX), ("4294967296", u32::MAX)] {
        assert_eq!(history(limit), Ok(wanted));
    }
    assert_eq!(history(&u64::MAX.to_string()), Ok(u32::MAX), "very many are only very many");
    let long = "9".repeat(400);
    for bad in
        ["-1", "-0", "1e3", "1.0", "1.5", "18446744073709551616", "1e999", &long, "\"5\"", "true", "[]"]
    {
        assert_eq!(history(bad), Err(Code::BadRequest), "{bad}");
        for field in ["since", "last"] {
            let line = format!(r#"{{"type":"join","room":"lobby","{field}":{bad}}}"#);
            assert_eq!(decode_request(&line).unwrap_err().refusal.code, Code::BadRequest, "{line}");
        }
        let line = format!(r#"{{"type":"history","room":"lobby","limit":1,"before":{bad}}}"#);
        assert_eq!(decode_request(&line).unwrap_err().refusal.code, Code::BadRequest, "{line}");
    }
    for bad in ["01", "0x10", "+5", "١٢", "NaN", "1_000", "."] {
        assert_eq!(history(bad), Err(Code::BadJson), "{bad} is no JSON at all");
    }
}

/// Of two fields of one name the later counts, as with most readers of JSON.
#[test]
fn the_later_of_two_fields_counts() {
    let tagged = decode_request(r#"{"type":"say","text":"x","type":"ping","ref":"a","ref":"b"}"#).unwrap();
    assert_eq!(tagged, Tagged { reference: Some(Ref::parse("b").unwrap()), request: Request::Ping });
}

/// As deep as a line may be long: nothing that is not looked into is worth a stack.
#[test]
fn depth_costs_nothing() {
    for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
        let deep = open.repeat(2_000) + "0" + &close.repeat(2_000);
        let line = format!(r#"{{"type":"ping","x":{deep}}}"#);
        assert_eq!(decode_request(&line).unwrap().request, Request::Ping);
        for field in ["type", "ref"] {
            let line = format!(r#"{{"type":"ping","{field}":{deep}}}"#);
            assert_eq!(decode_request(&line).unwrap_err().refusal.code, Code::BadRequest);
        }
        let line = format!(r#"{{"type":"hello","user":"x","rooms":[{deep}]}}"#);
        assert!(matches!(decode_hello(&line).unwrap_err().refusal.code, Code::BadRequest));
        let unclosed = format!(r#"{{"type":"ping","x":{}"#, open.repeat(2_000));
        assert_eq!(decode_request(&unclosed).unwrap_err().refusal.code, Code::BadJson);
    }
}

#[test]
fn a_field_of_another_type_does_not_matter() {
    let tagged = decode_request(r#"{"type":"ping","room":7,"since":null,"ref":null}"#).unwrap();
    assert_eq!(tagged, Tagged { reference: None, request: Request::Ping });
}

#[test]
fn history_is_asked_for_both_ways() {
    let cases = [
        (r#"{"limit":5,"room":"lobby","type":"history"}"#, Page::Newest),
        (r#"{"before":1042,"limit":5,"room":"lobby","type":"history"}"#, Page::Before(1042)),
        (r#"{"after":1042,"limit":5,"room":"lobby","type":"history"}"#, Page::After(1042)),
    ];
    for (line, page) in cases {
        let request = Request::History { room: room("lobby"), page, limit: 5 };
        let tagged = Tagged { reference: None, request };
        assert_eq!(encode_request(&tagged), format!("{line}\n"));
        assert_eq!(decode_request(line), Ok(tagged));
    }
    let null = decode_request(r#"{"type":"history","room":"lobby","before":null,"after":7,"limit":5}"#);
    assert!(matches!(null.unwrap().request, Request::History { page: Page::After(7), .. }));
}

fn any_room() -> impl Strategy<Value = RoomName> + Clone {
    "[a-z0-9][a-z0-9_-]{0,31}".prop_map(|name| room(&name))
}

fn any_user() -> impl Strategy<Value = UserName> + Clone {
    "[a-zA-Z0-9_äöü][a-z0-9_.-]{0,20}".prop_map(|name| user(&name))
}

fn any_page() -> impl Strategy<Value = Page> {
    prop_oneof![Just(Page::Newest), any::<u64>().prop_map(Page::Before), any::<u64>().prop_map(Page::After),]
}

fn any_request() -> impl Strategy<Value = Request> {
    let text = "[a-z\"\\\\ünï日🦀\t]{0,20}x";
    prop_oneof![
        (any_room(), text).prop_map(|(room, text)| Request::Say { room, text }),
        (any_room(), any::<u64>())
            .prop_map(|(room, id)| Request::Join(Entry { room, replay: Replay::Since(id) })),
        (any_room(), any::<u32>())
            .prop_map(|(room, n)| Request::Join(Entry { room, replay: Replay::Last(n) })),
        any_room().prop_map(|room| Request::Leave { room }),
        (any_user(), text).prop_map(|(to, text)| Request::Direct { to, text }),
        (any_room(), any_page(), any::<u32>()).prop_map(|(room, page, limit)| Request::History {
            room,
            page,
            limit
        }),
        (text, proptest::option::of(any_room()), any::<u32>())
            .prop_map(|(query, room, limit)| Request::Search { query, room, limit }),
        proptest::option::of(any_room()).prop_map(|room| Request::Who { room }),
        Just(Request::Rooms),
        any_user().prop_map(|user| Request::Nick { user }),
        Just(Request::Ping),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let at = (0u64..4_000_000_000_000).prop_map(Timestamp);
    let message = (any_room(), any::<u64>(), any_user(), "\\PC{1,20}", at.clone())
        .prop_map(|(room, id, from, text, at)| Message { room, id, from, text, at });
    prop_oneof![
        (message.clone(), any::<bool>()).prop_map(|(message, replay)| Event::Message { message, replay }),
        proptest::collection::vec(message, 0..4).prop_map(|messages| Event::Search { messages }),
        (proptest::option::of((any_room(), any::<u64>())), at.clone())
            .prop_map(|(place, at)| Event::Ack { place, at }),
        (any_room(), any_user(), at.clone()).prop_map(|(room, user, at)| Event::Joined { room, user, at }),
        (any_user(), any_user(), at).prop_map(|(user, to, at)| Event::Renamed { user, to, at }),
        proptest::collection::vec((any_room(), any::<u32>()), 0..4).prop_map(|rooms| Event::Rooms { rooms }),
        (proptest::option::of(any_room()), proptest::collection::vec(any_user(), 0..4))
            .prop_map(|(room, users)| Event::Who { room, users }),
    ]
}

proptest! {
    #[test]
    fn requests_survive_the_trip(request in any_request(), reference in proptest::option::of("\\PC{1,64}")) {
        let reference = reference.map(|r| Ref::parse(&r).unwrap());
        let tagged = Tagged { reference, request };
        prop_assert_eq!(decode_request(encode_request(&tagged).trim_end_matches('\n')), Ok(tagged));
    }

    #[test]
    fn events_survive_the_trip(event in any_event()) {
        let told = Told { reference: None, event };
        let mut out = Vec::new();
        encode_event(&told, &mut out);
        prop_assert_eq!(out.iter().filter(|&&b| b == b'\n').count(), 1);
        prop_assert_eq!(decode_event(std::str::from_utf8(&out).unwrap().trim_end_matches('\n')), Ok(told));
    }

    #[test]
    fn no_line_makes_the_decoder_panic(line in "\\PC{0,80}") {
        let _ = (decode_request(&line), decode_hello(&line), decode_event(&line));
    }
}
