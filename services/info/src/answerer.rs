//! From a datagram to its answer: the whole service but for sockets and clocks.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chassis::trust::Trusted;
use engine::info::{Admission, Cookie, Gate, Kind, Silence, check_source};
use wire::info::{Answers, Request, cookie};

/// What becomes of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// The answer to its question.
    Answer(Kind, &'a [u8]),
    /// The proof of address that a stranger has to bring.
    Cookie(Kind, &'a [u8]),
    /// Nothing is said to a question that could be read.
    Refused(Kind, Silence),
    /// Nothing is said to what is no question.
    Unread(Silence),
}

/// Answers datagrams, for as many workers as there are.
pub(crate) struct Answerer {
    trusted: Trusted,
    own_port: u16,
    /// Only strangers wait for it.
    gate: Mutex<Gate>,
}

impl Answerer {
    /// An answerer for the service at a port.
    pub(crate) fn new(trusted: Trusted, own_port: u16, gate: Gate) -> Self {
        Answerer { trusted, own_port, gate: Mutex::new(gate) }
    }

    /// Decides what a datagram gets. `now` counts from the start of the service; what is said stands in
    /// `answers`, or in `space`.
    pub(crate) fn answer<'a>(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        now: Duration,
        answers: &'a Answers,
        space: &'a mut Vec<u8>,
    ) -> Outcome<'a> {
        let request = match Request::decode(datagram) {
            Ok(request) => request,
            Err(why) => return Outcome::Unread(why),
        };
        let stranger = !self.trusted.contains(from.ip());
        let question = request.question(stranger);
        match self.admit(from, stranger, request.cookie(), now) {
            Ok(Admission::Answer) => Outcome::Answer(question.kind(), answers.reply(&question, space)),
            Ok(Admission::Prove(proof)) => Outcome::Cookie(question.kind(), cookie(proof, space)),
            Err(why) => Outcome::Refused(question.kind(), why),
        }
    }

    /// How many source networks are past their limit now.
    pub(crate) fn limited_sources(&self, now: Duration) -> usize {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).limited_sources(now)
    }

    fn admit(
        &self,
        from: SocketAddr,
        stranger: bool,
        cookie: Option<Cookie>,
        now: Duration,
    ) -> Result<Admission, Silence> {
        check_source(from, self.own_port)?;
        if stranger { self.admit_stranger(from.ip(), cookie, now) } else { Ok(Admission::Answer) }
    }

    fn admit_stranger(
        &self,
        from: IpAddr,
        cookie: Option<Cookie>,
        now: Duration,
    ) -> Result<Admission, Silence> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).admit(from, cookie, now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use engine::Timestamp;
    use engine::info::{Limits, Picture, UsersMode};
    use engine::names::UserName;
    use proptest::prelude::*;
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

    #[test]
    fn the_trusted_are_answered_at_once() {
        let (answers, mut space) = (crowd(), Vec::new());
        let answerer = answerer("127.0.0.0/8");
        let from = source("127.0.0.1:4000");
        for _ in 0..100 {
            let outcome = answerer.answer(b"TIME", from, NOW, &answers, &mut space);
            assert_eq!(outcome, Outcome::Answer(Kind::Time, b"1970-01-01 00:00:00"));
        }
        let mapped = source("[::ffff:127.0.0.1]:4000");
        let outcome = answerer.answer(b"?", mapped, NOW, &answers, &mut space);
        assert!(matches!(outcome, Outcome::Answer(Kind::Unknown, _)));
    }

    #[test]
    fn a_stranger_asks_again_with_the_cookie() {
        let (answers, mut space) = (crowd(), Vec::new());
        let answerer = answerer("none");
        let from = source("198.51.100.7:4000");
        let Outcome::Cookie(Kind::Ping, said) = answerer.answer(b"PING a", from, NOW, &answers, &mut space)
        else {
            panic!("no cookie")
        };
        let proof = String::from_utf8(said.to_vec()).unwrap().replace("COOKIE ", "");
        let again = format!("PING a {proof}");
        let outcome = answerer.answer(again.as_bytes(), from, NOW, &answers, &mut space);
        assert_eq!(outcome, Outcome::Answer(Kind::Ping, b"PONG a"));
        let other_port = source("198.51.100.7:4001");
        let outcome = answerer.answer(again.as_bytes(), other_port, NOW, &answers, &mut space);
        assert_eq!(outcome, Outcome::Answer(Kind::Ping, b"PONG a"), "the port is no part of the proof");
        let neighbour = source("198.51.100.8:4000");
        let outcome = answerer.answer(again.as_bytes(), neighbour, NOW, &answers, &mut space);
        assert!(matches!(outcome, Outcome::Cookie(Kind::Ping, _)), "the address is");
    }

    #[test]
    fn not_even_the_trusted_are_answered_from_an_odd_port() {
        let (answers, mut space) = (crowd(), Vec::new());
        let answerer = answerer("127.0.0.0/8");
        for port in [0, 7, 13, 17, 19, 53, 123, OWN_PORT] {
            let from = SocketAddr::new(source("127.0.0.1:1").ip(), port);
            let outcome = answerer.answer(b"STATUS", from, NOW, &answers, &mut space);
            assert_eq!(outcome, Outcome::Refused(Kind::Status, Silence::SourcePort), "{port}");
        }
    }

    #[test]
    fn two_services_never_talk_to_each_other() {
        let (answers, mut space, mut unused) = (crowd(), Vec::new(), Vec::new());
        let answerer = answerer("127.0.0.0/8,198.51.100.0/24");
        for (asks, from) in [("STATUS", "127.0.0.1:1"), ("USERS", "127.0.0.1:1"), ("?", "203.0.113.1:1")] {
            let (Outcome::Answer(_, said) | Outcome::Cookie(_, said)) =
                answerer.answer(asks.as_bytes(), source(from), NOW, &answers, &mut space)
            else {
                panic!("{asks} is answered")
            };
            let echoed = answerer.answer(said, source("198.51.100.7:4000"), NOW, &answers, &mut unused);
            let silent =
                Outcome::Unread(if said.len() > 512 { Silence::Oversize } else { Silence::OwnReply });
            assert_eq!(echoed, silent, "{asks}");
        }
    }

    /// A datagram of an untrusted source: from one of a few addresses, at some moment.
    fn datagrams() -> impl Strategy<Value = (Vec<u8>, SocketAddr, u64)> {
        let words = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            (500..600usize).prop_map(|len| vec![b'x'; len]),
            prop_oneof![
                Just("STATUS"),
                Just("USERS"),
                Just("x"),
                Just("PING 0123456789abcdef"),
                Just("ROOMS")
            ]
            .prop_map(|words| words.as_bytes().to_vec()),
        ];
        let port = prop_oneof![Just(7), Just(53), 1024..u16::MAX];
        let host = prop_oneof![
            (0..4u8).prop_map(|host| IpAddr::from([203, 0, 113, host])),
            (0..4u16).prop_map(|host| IpAddr::from([0x2001, 0xdb8, 0, host, 0, 0, 0, 1])),
        ];
        (words, (host, port).prop_map(SocketAddr::from), 0..100_000u64)
    }

    proptest! {
        // Each case is a hundred datagrams.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However strangers without a valid cookie ask: for each datagram one at most goes out, and never
        /// more than three times its bytes, counted with the UDP and IP headers (28, or 48 for IPv6).
        #[test]
        fn never_an_amplifier(sent in proptest::collection::vec(datagrams(), 1..200)) {
            let (answers, mut space) = (&*CROWD, Vec::new());
            let answerer = answerer("none");
            let mut now = Duration::ZERO;
            for (datagram, from, later) in sent {
                now += Duration::from_millis(later);
                let headers = if from.is_ipv4() { 28 } else { 48 };
                match answerer.answer(&datagram, from, now, answers, &mut space) {
                    Outcome::Answer(..) => prop_assert!(false, "nobody has guessed a cookie"),
                    Outcome::Cookie(_, said) => {
                        prop_assert!(said.len() + headers <= 3 * (datagram.len() + headers));
                    }
                    Outcome::Refused(..) | Outcome::Unread(_) => {}
                }
            }
        }
    }
}
