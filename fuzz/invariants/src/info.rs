//! Info: every question has one short answer, and no answer is a question.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use engine::Timestamp;
use engine::info::{Admission, Cookie, Gate, Instance, Limits, Picture, Question, Silence, State, UsersMode};
use engine::names::{RoomName, UserName};
use wire::info::{Answers, MAX_PING, MAX_REPLY, MAX_REQUEST, Names, Reply, Request, cookie, encode, status};

/// More users and instances than one datagram names.
static ANSWERS: LazyLock<Answers> = LazyLock::new(|| {
    let users = (0..200).map(|n| UserName::parse(&format!("user{n:03}")).expect("a good name"));
    let instance = |n| Instance {
        service: "chat".to_owned(),
        instance: format!("chat-{n:02}"),
        addr: "chat:9001".to_owned(),
        state: State::Up,
        age: Duration::from_secs(n),
    };
    let picture = Picture {
        users: users.collect(),
        rooms: [(RoomName::lobby(), 200)].into(),
        services: (0..40).map(instance).collect(),
        age: Some(Duration::ZERO),
        ..Picture::unseen()
    };
    let status = picture.status("0.1.0", Timestamp(0), Duration::ZERO);
    Answers::new(&picture, &status, Arc::new(Names::new(&picture, UsersMode::Names)))
});

/// Of a service that gives as many answers as it is asked for.
static GATE: LazyLock<Gate> =
    LazyLock::new(|| Gate::new(Limits { per_source: u32::MAX, global: u32::MAX }, [7; 32]));

/// A datagram: silence for what the protocol says, and otherwise one short answer that ends the exchange.
pub fn requests(input: &[u8]) {
    let blank = std::str::from_utf8(input).map(|text| text.trim().is_empty());
    match Request::decode(input) {
        Err(Silence::Oversize) => assert!(input.len() > MAX_REQUEST),
        Err(Silence::BadUtf8) => assert!(blank.is_err()),
        Err(Silence::Empty) => assert_eq!(blank, Ok(true)),
        Err(why) => assert_eq!(why, Silence::OwnReply),
        Ok(request) => {
            assert!(input.len() <= MAX_REQUEST && blank == Ok(false));
            for proven in [false, true] {
                let question = request.question(proven);
                survives(&question);
                answered(&question);
            }
            prove(request.cookie(), input.len());
        }
    }
}

/// A question is the same with a cookie behind it or without one.
fn survives(question: &Question) {
    if let Question::Ping(words) = question {
        assert!(words.len() <= MAX_PING, "{words:?}");
    }
    for (cookie, proven) in [(None, false), (Some(Cookie(0x1f3a)), true)] {
        let sent = encode(question, cookie);
        let again = Request::decode(sent.as_bytes()).expect("a question");
        assert_eq!(
            (again.question(proven), again.cookie().filter(|_| proven)),
            (*question, cookie),
            "{sent}"
        );
    }
}

/// The answer fits a datagram, a client can read it, and another service says nothing to it.
fn answered(question: &Question) {
    let mut space = Vec::new();
    let said = ANSWERS.reply(question, &mut space);
    assert!(said.len() <= MAX_REPLY, "{} bytes", said.len());
    assert!(Reply::decode(said).is_ok(), "{}", String::from_utf8_lossy(said));
    ends(said);
}

fn ends(said: &[u8]) {
    let silence = Request::decode(said).expect_err("no answer is a question");
    assert!(matches!(silence, Silence::OwnReply | Silence::Oversize), "{silence:?}");
}

/// A stranger is sent no more than three times what came, counted with the headers, and can read it. Nobody
/// has guessed the cookie; with the one that is sent the same question is answered.
fn prove(behind: Option<Cookie>, came: usize) {
    const HEADERS: usize = 28;
    const NOW: Duration = Duration::from_secs(1_000);
    let stranger = IpAddr::from([198, 51, 100, 7]);
    let admitted = GATE.admit(stranger, behind, NOW);
    let Ok(Admission::Prove(proof)) = admitted else { panic!("{behind:?} got {admitted:?}") };
    let mut space = Vec::new();
    let said = cookie(proof, &mut space);
    assert!(said.len() + HEADERS <= 3 * (came + HEADERS));
    assert!(matches!(Reply::decode(said), Ok(Reply::Cookie(again)) if again == proof));
    ends(said);
    assert_eq!(GATE.admit(stranger, Some(proof), NOW), Ok(Admission::Answer));
}

/// A datagram as a client reads it: a status goes there and back, and what is no reply is told briefly.
pub fn replies(input: &[u8]) {
    match Reply::decode(input) {
        Ok(Reply::Status(seen)) => {
            let said = status(&seen);
            let Ok(Reply::Status(again)) = Reply::decode(said.as_bytes()) else { panic!("{said}") };
            assert_eq!(status(&again), said);
        }
        Ok(_) => {}
        Err(garbled) => assert!(garbled.said.chars().count() <= 80),
    }
}
