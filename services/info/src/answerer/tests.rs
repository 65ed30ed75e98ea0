//! Datagrams from the trusted, from strangers, and from nobody.

mod strangers;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use engine::Timestamp;
use engine::info::{Limits, Picture, UsersMode};
use engine::names::UserName;
use wire::info::Names;

use super::*;

const OWN_PORT: u16 = 9002;
const NOW: Duration = Duration::from_secs(1_000);

static CROWD: LazyLock<Answers> = LazyLock::new(crowd);

fn crowd() -> Answers {
    let users = (0..10_000).map(|n| UserName::parse(&format!("user{n:05}")).unwrap()).collect();
    let picture = Picture { users, age: Some(Duration::ZERO), ..Picture::unseen() };
    let status = picture.status("0.1.0", Timestamp(0), Duration::ZERO);
    Answers::new(&picture, &status, Arc::new(Names::new(&picture, UsersMode::Names)))
}

fn answerer(trusted: &str) -> Answerer {
    Answerer::new(trusted.parse().unwrap(), OWN_PORT, Gate::new(Limits::default(), [5; 32]))
}

fn source(written: &str) -> SocketAddr {
    written.parse().unwrap()
}

/// Asks as the worker does.
fn ask<'a>(
    answerer: &Answerer,
    datagram: &[u8],
    addr: SocketAddr,
    now: Duration,
    space: &'a mut Vec<u8>,
) -> Outcome<'a> {
    let from = (Peer { addr, to: None }, answerer.is_stranger(addr.ip()));
    answerer.answer(datagram, from, now, &CROWD, space)
}

#[test]
fn the_trusted_are_answered_at_once() {
    let (answerer, mut space) = (answerer("127.0.0.0/8"), Vec::new());
    let from = source("127.0.0.1:4000");
    for _ in 0..100 {
        let outcome = ask(&answerer, b"TIME", from, NOW, &mut space);
        assert_eq!(outcome, Outcome::Answer(Kind::Time, b"1970-01-01 00:00:00"));
    }
    let mapped = source("[::ffff:127.0.0.1]:4000");
    let outcome = ask(&answerer, b"?", mapped, NOW, &mut space);
    assert!(matches!(outcome, Outcome::Answer(Kind::Unknown, _)));
}

#[test]
fn a_stranger_asks_again_with_the_cookie() {
    let (answerer, mut space) = (answerer("none"), Vec::new());
    let from = source("198.51.100.7:4000");
    let Outcome::Cookie(Kind::Ping, said) = ask(&answerer, b"PING a", from, NOW, &mut space) else {
        panic!("no cookie")
    };
    let proof = String::from_utf8(said.to_vec()).unwrap().replace("COOKIE ", "");
    let again = format!("PING a {proof}");
    let outcome = ask(&answerer, again.as_bytes(), from, NOW, &mut space);
    assert_eq!(outcome, Outcome::Answer(Kind::Ping, b"PONG a"));
    let other_port = source("198.51.100.7:4001");
    let outcome = ask(&answerer, again.as_bytes(), other_port, NOW, &mut space);
    assert_eq!(outcome, Outcome::Answer(Kind::Ping, b"PONG a"), "the port is no part of the proof");
    let neighbour = source("198.51.100.8:4000");
    let outcome = ask(&answerer, again.as_bytes(), neighbour, NOW, &mut space);
    assert!(matches!(outcome, Outcome::Cookie(Kind::Ping, _)), "the address is");
    let much_later = NOW + Duration::from_secs(601);
    let outcome = ask(&answerer, again.as_bytes(), from, much_later, &mut space);
    assert!(matches!(outcome, Outcome::Cookie(Kind::Ping, _)), "and so is the time");
}

#[test]
fn not_even_the_trusted_are_answered_from_an_odd_port() {
    let (answerer, mut space) = (answerer("127.0.0.0/8"), Vec::new());
    for port in [0, 7, 13, 17, 19, 53, 123, OWN_PORT] {
        let from = SocketAddr::new(source("127.0.0.1:1").ip(), port);
        let outcome = ask(&answerer, b"STATUS", from, NOW, &mut space);
        assert_eq!(outcome, Outcome::Refused(Kind::Status, Silence::SourcePort), "{port}");
    }
}

#[test]
fn two_services_never_talk_to_each_other() {
    let (mut space, mut unused) = (Vec::new(), Vec::new());
    let answerer = answerer("127.0.0.0/8,198.51.100.0/24");
    let asked = ["STATUS", "TIME", "USERS", "USERS AFTER user00001", "ROOMS", "SERVICES", "PING a", "?"];
    let trusted = asked.map(|question| (question, "127.0.0.1:1"));
    for (question, from) in trusted.into_iter().chain([("?", "203.0.113.1:1")]) {
        let (Outcome::Answer(_, said) | Outcome::Cookie(_, said)) =
            ask(&answerer, question.as_bytes(), source(from), NOW, &mut space)
        else {
            panic!("{question} is answered")
        };
        let echoed = ask(&answerer, said, source("198.51.100.7:4000"), NOW, &mut unused);
        let silent = Outcome::Unread(if said.len() > 512 { Silence::Oversize } else { Silence::OwnReply });
        assert_eq!(echoed, silent, "{question}");
    }
}
