//! Strangers with every cookie but a good one: what they get is never more than they could get by asking
//! themselves.

use allocation_counter::measure;
use proptest::prelude::*;

use super::*;

/// The key of every gate here, and another one.
const KEYS: [[u8; 32]; 2] = [[5; 32], [6; 32]];
/// Low enough to be met.
const LIMITS: Limits = Limits { per_source: 3, global: 10 };

/// What a stranger brings as a proof of address. None is one.
#[derive(Debug, Clone, Copy)]
enum Claim {
    Nothing,
    Guess(u64),
    OfANeighbour,
    Flipped(u32),
    Expired,
    OfTheFuture,
    OfAnotherKey,
}

impl Claim {
    /// The cookie, as a stranger who listens elsewhere, or listened in vain, could have it.
    fn cookie(self, from: IpAddr, now: Duration) -> Option<Cookie> {
        let slots = Duration::from_secs(600);
        Some(match self {
            Claim::Nothing => return None,
            Claim::Guess(bits) => Cookie(bits),
            Claim::OfANeighbour => issued(KEYS[0], neighbour(from), now),
            Claim::Flipped(bit) => Cookie(issued(KEYS[0], from, now).0 ^ (1 << bit)),
            Claim::Expired => issued(KEYS[0], from, now.checked_sub(slots)?),
            Claim::OfTheFuture => issued(KEYS[0], from, now + slots),
            Claim::OfAnotherKey => issued(KEYS[1], from, now),
        })
    }

    /// A question with it behind.
    fn behind(self, question: &str, from: IpAddr, now: Duration) -> String {
        self.cookie(from, now).map_or_else(|| question.to_owned(), |Cookie(c)| format!("{question} {c:016x}"))
    }
}

/// The cookie that a service with this key gives to an address.
fn issued(key: [u8; 32], from: IpAddr, now: Duration) -> Cookie {
    match Gate::new(Limits::default(), key).admit(from, None, now) {
        Ok(Admission::Prove(cookie)) => cookie,
        other => panic!("{other:?}"),
    }
}

/// The next address of the same network.
fn neighbour(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => (v4.to_bits() ^ 1).to_be_bytes().into(),
        IpAddr::V6(v6) => (v6.to_bits() ^ 1).to_be_bytes().into(),
    }
}

#[test]
fn no_cookie_but_ones_own_of_now_is_any_good() {
    let from = source("198.51.100.7:4000");
    let own = issued(KEYS[0], from.ip(), NOW);
    let flipped = (0..64).map(Claim::Flipped);
    let claims = [Claim::Nothing, Claim::Guess(0), Claim::OfANeighbour, Claim::Expired, Claim::OfTheFuture];
    for claim in claims.into_iter().chain([Claim::OfAnotherKey]).chain(flipped) {
        let (answerer, mut space) = (answerer("none"), Vec::new());
        let asked = claim.behind("STATUS", from.ip(), NOW);
        let outcome = ask(&answerer, asked.as_bytes(), from, NOW, &mut space);
        let expected = format!("COOKIE {:016x}", own.0);
        assert_eq!(outcome, Outcome::Cookie(Kind::Status, expected.as_bytes()), "{claim:?}");
        let asked = format!("STATUS {:016X}", own.0);
        let outcome = ask(&answerer, asked.as_bytes(), from, NOW, &mut space);
        assert!(matches!(outcome, Outcome::Answer(Kind::Status, _)), "the right one, also in capitals");
    }
}

#[test]
fn a_mapped_address_has_the_limit_and_the_cookie_of_the_plain_one() {
    let (plain, mapped) = (source("198.51.100.7:4000"), source("[::ffff:198.51.100.7]:4000"));
    let (answerer, mut space) = (answerer("none"), Vec::new());
    let asked = format!("TIME {:016x}", issued(KEYS[0], plain.ip(), NOW).0);
    let mut answered = 0;
    for n in 0..100 {
        let from = if n % 2 == 0 { plain } else { mapped };
        match ask(&answerer, asked.as_bytes(), from, NOW, &mut space) {
            Outcome::Answer(Kind::Time, _) => answered += 1,
            refused => assert_eq!(refused, Outcome::Refused(Kind::Time, Silence::RateLimited)),
        }
    }
    assert_eq!(answered, Limits::default().per_source);
}

/// From a million networks, the /24s from 10.0.0.0 on.
#[test]
fn a_sweep_of_a_million_sources_takes_no_memory_and_stays_under_the_cap() {
    let answerer = answerer("none");
    let mut space = Vec::with_capacity(wire::info::MAX_REPLY);
    let (mut sent, mut limited) = (0, 0);
    let second = Duration::from_secs(1).as_nanos() as u64;
    let swept = measure(|| {
        for n in 0..1_000_000_u32 {
            // Ten seconds long.
            let now = NOW + Duration::from_nanos(u64::from(n) * second / 100_000);
            let from = SocketAddr::new(IpAddr::from((0x0a00_0000 + (n << 8)).to_be_bytes()), 4000);
            match ask(&answerer, b"x", from, now, &mut space) {
                Outcome::Cookie(..) => sent += 1,
                Outcome::Refused(_, Silence::RateLimited | Silence::GlobalLimit) => limited += 1,
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!((swept.count_total, swept.bytes_max), (0, 0), "no source is remembered");
    // A second's worth at once, and then ten seconds' worth.
    let cap = 11 * Limits::default().global;
    assert!(sent <= cap && sent > cap - 100, "{sent}");
    assert_eq!(sent + limited, 1_000_000);
}

fn claims() -> impl Strategy<Value = Claim> {
    prop_oneof![
        Just(Claim::Nothing),
        any::<u64>().prop_map(Claim::Guess),
        Just(Claim::OfANeighbour),
        (0..64_u32).prop_map(Claim::Flipped),
        Just(Claim::Expired),
        Just(Claim::OfTheFuture),
        Just(Claim::OfAnotherKey),
    ]
}

/// What is asked: something, or anything.
fn questions() -> impl Strategy<Value = Result<(&'static str, Claim), Vec<u8>>> {
    let asked = ["STATUS", "USERS", "USERS AFTER user00001", "ROOMS", "SERVICES", "TIME", "PING x", "x"];
    let said = ["COOKIE 0123456789abcdef", "PONG x", "2026-11-22 08:30:00", "Available commands: STATUS"];
    let words = proptest::sample::select([&asked[..], &said[..]].concat());
    prop_oneof![
        3 => (words, claims()).prop_map(Ok),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Err),
        1 => prop_oneof![Just(0), Just(1), Just(512), Just(513), Just(65_507), 500..600_usize]
            .prop_map(|len| Err(vec![b'x'; len])),
    ]
}

/// From where: a few neighbours in a few networks, both families, one in the other's clothes, and nobody.
fn sources() -> impl Strategy<Value = SocketAddr> {
    let port = prop_oneof![Just(0), Just(7), Just(53), Just(OWN_PORT), 1024..u16::MAX];
    let host = prop_oneof![
        (0..4_u8).prop_map(|host| IpAddr::from([203, 0, 113, host])),
        (0..4_u16).prop_map(|host| IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7100 + host])),
        any::<[u8; 4]>().prop_map(IpAddr::from),
        (0..4_u16).prop_map(|host| IpAddr::from([0x2001, 0xdb8, 0, host, 0, 0, 0, 1])),
        Just(IpAddr::from([255, 255, 255, 255])),
        Just(IpAddr::from([239, 1, 2, 3])),
    ];
    (host, port).prop_map(SocketAddr::from)
}

proptest! {
    // Each case is a hundred datagrams.
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However strangers without a valid cookie ask: for each datagram one at most goes out, and never
    /// more than three times its bytes, counted with the UDP and IP headers.
    #[test]
    fn never_an_amplifier(
        sent in proptest::collection::vec((questions(), sources(), 0..1_000_u64), 1..200),
        began in 0..2_000_u64,
    ) {
        let answerer = Answerer::new("none".parse().unwrap(), OWN_PORT, Gate::new(LIMITS, KEYS[0]));
        let (mut space, began) = (Vec::new(), Duration::from_secs(began));
        let (mut now, mut answers, mut total_in, mut total_out) = (began, 0, 0, 0);
        for (question, from, later) in sent {
            now += Duration::from_millis(later);
            let datagram = match question {
                Ok((words, claim)) => claim.behind(words, from.ip(), now).into_bytes(),
                Err(anything) => anything,
            };
            let headers = Peer { addr: from, to: None }.headers();
            let bytes_in = headers + datagram.len();
            total_in += bytes_in;
            match ask(&answerer, &datagram, from, now, &mut space) {
                Outcome::Answer(..) => prop_assert!(false, "nobody has a cookie that is good"),
                Outcome::Cookie(_, said) => {
                    prop_assert!(headers + said.len() <= 3 * bytes_in);
                    total_out += headers + said.len();
                    answers += 1;
                }
                Outcome::Refused(..) | Outcome::Unread(_) => {}
            }
        }
        prop_assert!(total_out <= 3 * total_in);
        prop_assert!(answers <= u64::from(LIMITS.global) * ((now - began).as_secs() + 2));
    }
}
