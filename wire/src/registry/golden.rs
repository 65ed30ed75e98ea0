//! Whole conversations, byte for byte: what is sent, and what the machine's answers look like.
//!
//! `C:` is a client's line and `S:` the server's, in the order in which a session writes them.

use engine::Timestamp;
use engine::registry::{Answer, Denied, Feed, Moment, Registry, Request, Settings, Watcher};
use proptest::prelude::*;

use super::client::{Said, write_request};
use super::*;
use crate::lines::{MAX_REGISTRY_LINE, Splitter};

const SERVICES: &str = r#"
C: {"op":"register","service":"chat","instance":"chat-1","addr":"chat:9001","ttl_ms":5000,"meta":{}}
S: {"ok":true,"lease":17,"ttl_ms":5000,"rev":1,"epoch":"9c0e"}
C: {"op":"register","service":"chat","instance":"chat-1","addr":"chat:9001","lease":17,"ttl_ms":0}
S: {"ok":true,"lease":17,"ttl_ms":1000,"rev":1,"epoch":"9c0e"}
C: {"op":"register","service":"info","instance":"info-1","addr":"info:9002","ttl_ms":1000000000,"meta":{"zone":"b"}}
S: {"ok":true,"lease":18,"ttl_ms":60000,"rev":2,"epoch":"9c0e"}
C: {"op":"register","service":"file","instance":"file-1","addr":"file:9003","ttl_ms":-1,"id":[1]}
S: {"ok":true,"lease":19,"ttl_ms":1000,"rev":3,"epoch":"9c0e","id":[1]}
C: {"op":"register","service":"file","instance":"file-2","addr":"file:9003","lease":19}
S: {"ok":false,"code":"unknown_lease","message":"the lease is over or another instance's: register again"}
C: {"op":"keepalive","lease":17,"stats":{"messages":120}}
S: {"ok":true}
C: {"op":"keepalive","lease":1}
S: {"ok":false,"code":"unknown_lease","message":"the lease is over or another instance's: register again"}
C: {"op":"keepalive","lease":17,"id":1180591620717411303424}
S: {"ok":true,"id":1180591620717411303424}
C: {"op":"keepalive","lease":17,"id":1.50e400}
S: {"ok":true,"id":1.50e400}
C: {"op":"keepalive","lease":17,"id":{"b": 1, "a":"\u00e4"}}
S: {"ok":true,"id":{"b": 1, "a":"\u00e4"}}
C: {"op":"drop","lease":19,"id":"x"}
S: {"ok":true,"rev":4,"id":"x"}
C: {"op":"list","what":"services"}
S: {"ok":true,"rev":4,"epoch":"9c0e","services":[{"service":"chat","instance":"chat-1","addr":"chat:9001","state":"up","age_ms":0,"stats":{"messages":120},"meta":{}},{"service":"file","instance":"file-1","addr":"file:9003","state":"down","age_ms":0,"stats":{},"meta":{}},{"service":"info","instance":"info-1","addr":"info:9002","state":"up","age_ms":0,"stats":{},"meta":{"zone":"b"}}]}
"#;

const USERS: &str = r##"
C: {"op":"register","service":"chat","instance":"chat-1","addr":"chat:9001"}
S: {"ok":true,"lease":17,"ttl_ms":10000,"rev":1,"epoch":"9c0e"}
C: {"op":"register","service":"chat","instance":"chat-2","addr":"chat:9001"}
S: {"ok":true,"lease":18,"ttl_ms":10000,"rev":2,"epoch":"9c0e"}
C: {"op":"watch"}
S: {"ok":true,"rev":2,"epoch":"9c0e"}
S: {"event":"snapshot","rev":2,"epoch":"9c0e","age_ms":0,"users":[],"services":[{"service":"chat","instance":"chat-1","addr":"chat:9001","state":"up","age_ms":0,"stats":{},"meta":{}},{"service":"chat","instance":"chat-2","addr":"chat:9001","state":"up","age_ms":0,"stats":{},"meta":{}}]}
C: {"op":"join","lease":17,"user":"alice","room":"#lobby"}
S: {"ok":true,"rev":3,"generation":3}
S: {"event":"joined","rev":3,"user":"alice","room":"lobby","instance":"chat-1","since":"2026-11-22T08:30:00.000Z"}
C: {"op":"join","lease":17,"user":"ALICE","room":"lobby"}
S: {"ok":true,"rev":3,"generation":3}
C: {"op":"join","lease":18,"user":"alice","room":"tea","id":7}
S: {"ok":false,"code":"name_taken","message":"somebody has that name, or one that looks the same","holder":"chat-1","id":7}
C: {"op":"join","lease":17,"user":"alice","room":"tea"}
S: {"ok":true,"rev":4,"generation":3}
S: {"event":"joined","rev":4,"user":"alice","room":"tea","instance":"chat-1","since":"2026-11-22T08:30:00.000Z"}
C: {"op":"rename","lease":17,"user":"alice","to":"Alice"}
S: {"ok":true,"rev":5,"generation":5}
S: {"event":"renamed","rev":5,"user":"alice","to":"Alice","instance":"chat-1"}
C: {"op":"hold","lease":18,"user":"bob"}
S: {"ok":true,"rev":6,"generation":6}
S: {"event":"held","rev":6,"user":"bob","instance":"chat-2","since":"2026-11-22T08:30:00.000Z","held":true}
C: {"op":"join","lease":18,"user":"carol","room":"tea","hold":true}
S: {"ok":true,"rev":7,"generation":7}
S: {"event":"joined","rev":7,"user":"carol","room":"tea","instance":"chat-2","since":"2026-11-22T08:30:00.000Z","held":true}
C: {"op":"leave","lease":18,"user":"carol","room":"tea"}
S: {"ok":true,"rev":8}
S: {"event":"left","rev":8,"user":"carol","room":"tea","instance":"chat-2","held":true}
C: {"op":"list","what":"users"}
S: {"ok":true,"rev":8,"epoch":"9c0e","users":[{"user":"Alice","rooms":["lobby","tea"],"instance":"chat-1","since":"2026-11-22T08:30:00.000Z","generation":5},{"user":"bob","rooms":[],"instance":"chat-2","since":"2026-11-22T08:30:00.000Z","generation":6,"held":true},{"user":"carol","rooms":[],"instance":"chat-2","since":"2026-11-22T08:30:00.000Z","generation":7,"held":true}]}
C: {"op":"release","lease":18,"user":"carol"}
S: {"ok":true,"rev":9}
S: {"event":"released","rev":9,"user":"carol","instance":"chat-2"}
C: {"op":"leave","lease":17,"user":"alice","room":"lobby"}
S: {"ok":true,"rev":10}
S: {"event":"left","rev":10,"user":"Alice","room":"lobby","instance":"chat-1"}
C: {"op":"leave","lease":17,"user":"alice","room":"lobby"}
S: {"ok":false,"code":"not_in_room","message":"the user is not in that room"}
C: {"op":"leave","lease":18,"user":"alice","room":"tea"}
S: {"ok":false,"code":"no_such_user","message":"the lease holds no such user"}
C: {"op":"drop","lease":17}
S: {"ok":true,"rev":12}
S: {"event":"left","rev":11,"user":"Alice","room":"tea","instance":"chat-1"}
S: {"event":"down","rev":12,"service":"chat","instance":"chat-1","addr":"chat:9001"}
C: {"op":"watch","epoch":"9c0e","since":10}
S: {"ok":true,"rev":12,"epoch":"9c0e"}
S: {"event":"left","rev":11,"user":"Alice","room":"tea","instance":"chat-1"}
S: {"event":"down","rev":12,"service":"chat","instance":"chat-1","addr":"chat:9001"}
"##;

const BAD: &str = r#"
C: 
S: {"ok":false,"code":"bad_json","message":"a line must be one JSON object"}
C: []
S: {"ok":false,"code":"bad_json","message":"a line must be one JSON object"}
C: {"op":"list","what":"users"} {}
S: {"ok":false,"code":"bad_json","message":"a line must be one JSON object"}
C: {"id":1}
S: {"ok":false,"code":"bad_request","message":"\"op\" is missing","id":1}
C: {"op":null}
S: {"ok":false,"code":"bad_request","message":"\"op\" is missing"}
C: {"op":7,"id":null}
S: {"ok":false,"code":"bad_request","message":"\"op\" must be a string","id":null}
C: {"op":"invalid"}
S: {"ok":false,"code":"unknown_op","message":"there is no such op"}
C: {"op":"JOIN"}
S: {"ok":false,"code":"unknown_op","message":"there is no such op"}
C: {"op":"join","lease":17,"user":"alice"}
S: {"ok":false,"code":"bad_request","message":"\"room\" is missing"}
C: {"op":"join","user":"alice","room":"lobby"}
S: {"ok":false,"code":"bad_request","message":"\"lease\" is missing"}
C: {"op":"join","lease":"17","user":"alice","room":"lobby"}
S: {"ok":false,"code":"bad_request","message":"\"lease\" must be a whole number from 0 up"}
C: {"op":"join","lease":17,"user":"a b","room":"lobby"}
S: {"ok":false,"code":"bad_name","message":"a name is letters, digits, _, - and ."}
C: {"op":"join","lease":17,"user":"alice","room":"Lobby"}
S: {"ok":false,"code":"bad_room","message":"a room is 1 to 32 of a-z, 0-9, _ and -, beginning with a letter or a digit"}
C: {"op":"keepalive","lease":17,"stats":[]}
S: {"ok":false,"code":"bad_request","message":"\"stats\" must be an object"}
C: {"op":"list","what":"rooms"}
S: {"ok":false,"code":"bad_request","message":"\"what\" must be \"users\" or \"services\""}
C: {"op":"register","service":"chat","instance":"","addr":"a:1"}
S: {"ok":false,"code":"bad_name","message":"a service, an instance and an address have 1 to 255 bytes, no white space and no control characters"}
C: {"op":"register","service":"chat","instance":"chat-1","addr":"a:1","ttl_ms":"5s"}
S: {"ok":false,"code":"bad_request","message":"\"ttl_ms\" must be a whole number"}
C: {"op":"watch","epoch":1}
S: {"ok":false,"code":"bad_request","message":"\"epoch\" must be a string"}
"#;

/// A registry behind the wire, without a socket: bytes in, bytes out.
struct Server {
    registry: Registry,
    splitter: Splitter,
    inbox: Vec<u8>,
    watcher: Option<Watcher>,
}

impl Server {
    fn new() -> Self {
        let settings = Settings { ttl_default: 10_000, ttl_max: 60_000 };
        let (registry, splitter) = (Registry::new("9c0e", settings, 0), Splitter::new(MAX_REGISTRY_LINE));
        Server { registry, splitter, inbox: Vec::new(), watcher: None }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.inbox.extend_from_slice(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let mut at = 0;
        while let Some((line, used)) = self.splitter.next(&inbox[at..]) {
            at += used;
            match line.text() {
                Ok(text) => self.line(text, &mut out),
                Err(refusal) => write_denied(&mut out, &refusal.into(), None),
            }
        }
        self.inbox.extend_from_slice(&inbox[at..]);
        out
    }

    fn line(&mut self, line: &str, out: &mut Vec<u8>) {
        let Incoming { id, op, request } = decode(line);
        assert!(OPS.contains(&op));
        let moment = Moment { now: 0, at: Timestamp(1_795_336_200_000), random: 16 };
        match request.map_err(Denied::from).and_then(|request| self.registry.answer(request, moment)) {
            Err(denied) => write_denied(out, &denied, id),
            Ok(answer) => {
                write_answer(out, &answer, self.registry.epoch(), id);
                if let Answer::Watching { watcher, .. } = answer {
                    self.watcher = Some(watcher);
                }
            }
        }
        self.tell(out);
    }

    fn tell(&mut self, out: &mut Vec<u8>) {
        let Some(watcher) = &mut self.watcher else { return };
        loop {
            match self.registry.feed(watcher, 0) {
                Feed::Nothing => return,
                Feed::Events(events) => events.iter().for_each(|event| write_event(out, event)),
                Feed::Snapshot { age, roster, services, .. } => {
                    Snapshot::new(self.registry.epoch().clone(), age, roster, services).write(out);
                }
            }
        }
    }
}

/// The lines of one side of a transcript, each with its end.
fn side(transcript: &str, mark: &str) -> String {
    transcript.lines().filter_map(|line| line.strip_prefix(mark)).map(|line| format!("{line}\n")).collect()
}

#[track_caller]
fn holds(transcript: &str) {
    let mut server = Server::new();
    let mut seen = String::from("\n");
    for line in side(transcript, "C: ").lines() {
        seen += &format!("C: {line}\n");
        let said = String::from_utf8(server.feed(format!("{line}\n").as_bytes())).unwrap();
        said.lines().for_each(|line| seen += &format!("S: {line}\n"));
    }
    assert_eq!(seen, transcript);
}

#[test]
fn services_come_and_go() {
    holds(SERVICES);
}

#[test]
fn users_come_and_go_and_are_watched() {
    holds(USERS);
}

#[test]
fn bad_requests_say_what_is_wrong() {
    holds(BAD);
}

#[test]
fn it_does_not_matter_how_the_bytes_arrive() {
    for transcript in [SERVICES, USERS, BAD] {
        let (asked, said) = (side(transcript, "C: "), side(transcript, "S: "));
        let replies = Server::new().feed(asked.as_bytes());
        assert_eq!(String::from_utf8(replies).unwrap(), said, "whole");
        let mut server = Server::new();
        let bytewise: Vec<u8> = asked.bytes().flat_map(|byte| server.feed(&[byte])).collect();
        assert_eq!(String::from_utf8(bytewise).unwrap(), said, "byte by byte");
        let crlf = Server::new().feed(asked.replace('\n', "\r\n").as_bytes());
        assert_eq!(String::from_utf8(crlf).unwrap(), said, "with CR");
    }
}

#[test]
fn a_conversation_cut_short_is_a_beginning_of_the_whole_one() {
    for transcript in [SERVICES, USERS, BAD] {
        let (asked, said) = (side(transcript, "C: "), side(transcript, "S: "));
        for cut in 0..asked.len() {
            let replies = String::from_utf8(Server::new().feed(&asked.as_bytes()[..cut])).unwrap();
            assert!(said.starts_with(&replies), "cut at {cut}");
        }
    }
}

#[test]
fn what_a_client_writes_is_what_a_server_reads() {
    for line in side(SERVICES, "C: ").lines().chain(side(USERS, "C: ").lines()) {
        let request = decode(line).request.unwrap();
        let mut written = Vec::new();
        write_request(&mut written, &request);
        let again = decode(std::str::from_utf8(&written).unwrap().trim_end());
        assert_eq!(again.request.as_ref(), Ok(&request), "{line}");
    }
}

/// A figure passes from a service through the registry to info and is the same everywhere.
#[test]
fn figures_are_passed_on_to_the_last_digit() {
    for figures in [r#"{"rate":8.261199883003538e-19}"#, r#"{"rate":8.075676977333617e-16}"#] {
        let line = format!(r#"{{"op":"keepalive","lease":17,"stats":{figures}}}"#);
        let wanted = Request::Keepalive { lease: 17, stats: Some(figures.into()) };
        assert_eq!(decode(&line).request, Ok(wanted));
    }
}

#[test]
fn what_a_server_writes_is_what_a_client_reads() {
    let mut roster = None;
    for line in side(USERS, "S: ").lines() {
        match client::decode(line).unwrap() {
            Said::Snapshot { roster: snapshot, epoch, services, age: 0 } => {
                assert_eq!((&*epoch, services.len()), ("9c0e", 2));
                roster = Some(snapshot);
            }
            Said::Event(event) => {
                let mut written = Vec::new();
                write_event(&mut written, &event);
                assert_eq!(std::str::from_utf8(&written).unwrap().trim_end(), line);
                // The last two come twice: once live and once to the one who came back.
                let roster = roster.as_mut().unwrap();
                let next = event.rev == roster.rev + 1;
                assert_eq!(roster.apply(&event).is_ok(), next);
            }
            Said::Reply(reply) => assert_eq!(reply.is_ok(), line.starts_with("{\"ok\":true")),
            other => panic!("{other:?}"),
        }
    }
    let roster = roster.unwrap();
    let left: Vec<_> = roster.users.keys().map(|name| name.as_str()).collect();
    assert_eq!((roster.rev, left), (12, vec!["bob"]));
}

#[test]
fn a_reply_carries_what_its_request_asked_for() {
    let replies: Vec<_> = side(SERVICES, "S: ").lines().map(client::decode).collect();
    let Ok(Said::Reply(Ok(registered))) = &replies[0] else { panic!("{:?}", replies[0]) };
    assert_eq!((registered.lease, registered.ttl_ms, registered.rev), (Some(17), Some(5_000), Some(1)));
    let Ok(Said::Reply(Err(denied))) = &replies[4] else { panic!("{:?}", replies[4]) };
    assert_eq!(denied.refusal.code, engine::Code::UnknownLease);
    let Some(Ok(Said::Reply(Ok(listed)))) = replies.last() else { panic!("no list") };
    let services = listed.services.as_ref().unwrap();
    assert_eq!((services.len(), services[1].up, &*services[0].stats), (3, false, "{\"messages\":120}"));
}

#[test]
fn a_client_passes_over_what_a_later_version_says_and_not_over_nonsense() {
    let unknown = client::decode("{\"event\":\"moved\",\"rev\":9,\"user\":\"alice\",\"extra\":{}}");
    assert_eq!(unknown, Ok(Said::Unknown { rev: 9 }));
    assert_eq!(client::decode("{\"event\":\"bookmark\",\"rev\":9}"), Ok(Said::Bookmark { rev: 9 }));
    for nonsense in
        ["", "{}", "[]", "{\"event\":\"joined\",\"rev\":1}", "{\"event\":\"up\",\"rev\":1}", "{\"rev\":1}"]
    {
        assert!(client::decode(nonsense).is_err(), "{nonsense}");
    }
}

#[test]
fn a_goodbye_says_when_to_come_back() {
    let mut written = Vec::new();
    write_bye(&mut written, 250);
    let line = r#"{"event":"bye","reason":"shutdown","retry_after_ms":250}"#;
    assert_eq!(String::from_utf8(written).unwrap(), format!("{line}\n"));
    assert_eq!(client::decode(line), Ok(Said::Bye { retry_after_ms: 250 }));
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_are_refused() {
    let said = String::from_utf8(Server::new().feed(b"\xff\n")).unwrap();
    assert!(said.contains("\"code\":\"bad_utf8\""));
    let longest = format!("{{\"op\":\"list\",\"what\":\"users\",\"pad\":\"{}\"}}\n", "x".repeat(65_500));
    let (fits, over) = (&longest.replace("xx", "x").len(), longest.len());
    assert!(*fits < MAX_REGISTRY_LINE && over > MAX_REGISTRY_LINE);
    let said = String::from_utf8(Server::new().feed(longest.as_bytes())).unwrap();
    assert!(said.contains("\"code\":\"line_too_long\""));
}

proptest! {
    #[test]
    fn no_line_is_too_strange(line in "\\PC*") {
        let mut out = Vec::new();
        Server::new().line(&line, &mut out);
        prop_assert!(out.ends_with(b"\n"));
        prop_assert!(client::decode(std::str::from_utf8(&out).unwrap().trim_end()).is_ok());
    }

    #[test]
    fn no_server_line_is_too_strange(line in "\\{\\PC*\\}") {
        let json = serde_json::from_str::<serde_json::Value>(&line);
        prop_assert!(json.is_ok() || client::decode(&line).is_err());
    }
}
