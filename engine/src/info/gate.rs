//! Who gets an answer, who has to prove where they are first, and who gets nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::limiter::Limited;
use super::{Cookie, Cookies, Limiter, Limits};

/// Ports of services that answer whatever reaches them (echo, daytime, quotd, chargen, DNS, NTP), and the
/// port that cannot be answered: a forged datagram from there would make two services talk for ever.
const ODD_PORTS: [u16; 7] = [0, 7, 13, 17, 19, 53, 123];

/// Why a datagram is not answered: the label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing, or white space alone.
    Empty,
    /// More bytes than a request may have.
    Oversize,
    /// Not UTF-8.
    BadUtf8,
    /// A reply of this service, or of another of its kind.
    OwnReply,
    /// A source port that no asker has.
    SourcePort,
    /// A source address that is nobody's: multicast, broadcast, unspecified.
    SourceAddress,
    /// Sent to more hosts than this one: broadcast, multicast. All of them would answer the one who asked.
    Broadcast,
    /// The source's network has had its answers.
    RateLimited,
    /// All strangers together have had theirs.
    GlobalLimit,
}

impl Silence {
    /// Every reason, in the order of their declaration: `ALL[reason as usize] == reason`.
    pub const ALL: [Silence; 9] = [
        Silence::Empty,
        Silence::Oversize,
        Silence::BadUtf8,
        Silence::OwnReply,
        Silence::SourcePort,
        Silence::SourceAddress,
        Silence::Broadcast,
        Silence::RateLimited,
        Silence::GlobalLimit,
    ];

    /// The reason in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Silence::Empty => "empty",
            Silence::Oversize => "oversize",
            Silence::BadUtf8 => "bad_utf8",
            Silence::OwnReply => "own_reply",
            Silence::SourcePort => "source_port",
            Silence::SourceAddress => "source_address",
            Silence::Broadcast => "broadcast",
            Silence::RateLimited => "rate_limited",
            Silence::GlobalLimit => "global_limit",
        }
    }
}

impl From<Limited> for Silence {
    fn from(limited: Limited) -> Self {
        match limited {
            Limited::Source => Silence::RateLimited,
            Limited::Global => Silence::GlobalLimit,
        }
    }
}

/// Checks that a source can be an asker at all, trusted or not.
///
/// # Errors
/// [`Silence::SourcePort`], also for the service's own port; [`Silence::SourceAddress`].
pub fn check_source(from: SocketAddr, own_port: u16) -> Result<(), Silence> {
    if from.port() == own_port || ODD_PORTS.contains(&from.port()) {
        return Err(Silence::SourcePort);
    }
    if is_nobody(from.ip().to_canonical()) {
        return Err(Silence::SourceAddress);
    }
    Ok(())
}

fn is_nobody(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    broadcast || address.is_multicast() || address.is_unspecified()
}

/// What a stranger gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The answer: the cookie proved the address.
    Answer,
    /// This cookie, to ask again with; never more bytes than three times the request's.
    Prove(Cookie),
}

/// Decides for sources that are not trusted; the trusted ones never come here.
pub struct Gate {
    cookies: Cookies,
    limiter: Limiter,
}

impl Gate {
    /// A gate whose cookies and buckets hang on a secret key, new for each run.
    pub fn new(limits: Limits, key: [u8; 32]) -> Self {
        let derived = |context| *blake3::keyed_hash(&key, context).as_bytes();
        Gate {
            cookies: Cookies::new(derived(b"info cookies")),
            limiter: Limiter::new(limits, derived(b"info buckets")),
        }
    }

    /// Decides one datagram; `now` counts from any fixed moment. The limit comes before the cookie, so that
    /// a flood is refused before any of its cookies is looked at.
    ///
    /// # Errors
    /// [`Silence::RateLimited`], [`Silence::GlobalLimit`].
    pub fn admit(&self, from: IpAddr, cookie: Option<Cookie>, now: Duration) -> Result<Admission, Silence> {
        self.limiter.take(from, now)?;
        if cookie.is_some_and(|cookie| self.cookies.holds(cookie, from, now)) {
            return Ok(Admission::Answer);
        }
        Ok(Admission::Prove(self.cookies.issue(from, now)))
    }

    /// Takes an answer for a stranger whose address a connection has proved.
    ///
    /// # Errors
    /// [`Silence::RateLimited`], [`Silence::GlobalLimit`].
    pub fn admit_proven(&self, from: IpAddr, now: Duration) -> Result<(), Silence> {
        Ok(self.limiter.take(from, now)?)
    }

    /// How many source networks are past their limit now.
    pub fn limited_sources(&self, now: Duration) -> usize {
        self.limiter.limited_sources(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn source(written: &str) -> SocketAddr {
        written.parse().unwrap()
    }

    #[test]
    fn a_reason_is_its_place_in_the_list() {
        for (at, reason) in Silence::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at, "{}", reason.as_str());
        }
    }

    #[test]
    fn nobody_asks_from_an_odd_port() {
        for port in [0, 7, 13, 17, 19, 53, 123, 9002] {
            let from = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
            assert_eq!(check_source(from, 9002), Err(Silence::SourcePort), "{port}");
        }
        assert_eq!(check_source(source("127.0.0.1:9001"), 9002), Ok(()));
    }

    #[test]
    fn nobody_asks_from_everybodys_address() {
        for from in ["224.0.0.1:4000", "255.255.255.255:4000", "0.0.0.0:4000", "[ff02::1]:4000", "[::]:4000"]
        {
            assert_eq!(check_source(source(from), 9002), Err(Silence::SourceAddress), "{from}");
        }
        assert_eq!(check_source(source("[::ffff:239.1.2.3]:4000"), 9002), Err(Silence::SourceAddress));
        assert_eq!(check_source(source("[2001:db8::1]:4000"), 9002), Ok(()));
    }

    #[test]
    fn a_stranger_proves_the_address_and_is_answered() {
        let gate = Gate::new(Limits::default(), [3; 32]);
        let (home, away) = (source("198.51.100.7:1").ip(), source("203.0.113.1:1").ip());
        let Ok(Admission::Prove(cookie)) = gate.admit(home, None, NOW) else { panic!("no cookie") };
        assert_eq!(gate.admit(home, Some(cookie), NOW), Ok(Admission::Answer));
        assert_eq!(gate.admit(home, Some(Cookie(cookie.0 ^ 1)), NOW), Ok(Admission::Prove(cookie)));
        assert_ne!(gate.admit(away, Some(cookie), NOW), Ok(Admission::Answer));
    }

    #[test]
    fn a_proof_does_not_lift_the_limit() {
        let gate = Gate::new(Limits { per_source: 2, global: 3 }, [3; 32]);
        let (home, away) = (source("198.51.100.7:1").ip(), source("203.0.113.1:1").ip());
        let Ok(Admission::Prove(cookie)) = gate.admit(home, None, NOW) else { panic!("no cookie") };
        assert_eq!(gate.admit(home, Some(cookie), NOW), Ok(Admission::Answer));
        assert_eq!(gate.admit(home, Some(cookie), NOW), Err(Silence::RateLimited));
        assert!(gate.admit(away, None, NOW).is_ok());
        assert_eq!(gate.admit(away, None, NOW), Err(Silence::GlobalLimit));
        assert_eq!(gate.limited_sources(NOW), 2);
    }
}
