//! What the answers are drawn from: presence as it was last seen.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Timestamp;
use crate::names::{RoomName, UserName};

/// Presence that is older is not shown as fresh: one default TTL of the registry.
pub const STALE_AFTER: Duration = Duration::from_secs(10);

/// The services that register themselves; before the first sight of presence nothing is known of them.
const EXPECTED: [&str; 3] = ["chat", "file", "info"];
/// The name under which the registry itself is shown beside them.
const REGISTRY: &str = "registry";

/// How much `USERS` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsersMode {
    /// Nothing: it is no command.
    Off,
    /// How many there are.
    Count,
    /// Who they are.
    #[default]
    Names,
}

/// Whether a service is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nobody can tell: presence has not been seen, or not for too long.
    Unknown,
    /// It was up and is gone.
    Down,
    /// It holds a lease.
    Up,
}

impl State {
    /// The state as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Down => "down",
            State::Up => "up",
        }
    }
}

/// One running service, as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What it does: `chat`, `file`, `info`.
    pub service: String,
    /// Its own name, which no other one has at a time.
    pub instance: String,
    /// Where it says that it can be reached.
    pub addr: String,
    /// Whether it is there.
    pub state: State,
    /// How long ago it was last heard.
    pub age: Duration,
}

/// Presence at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Who is here, sorted.
    pub users: Vec<UserName>,
    /// How many are in each room.
    pub rooms: BTreeMap<RoomName, u64>,
    /// Every instance that is up, or was.
    pub services: Vec<Instance>,
    /// Whether the registry answers.
    pub registry: State,
    /// Messages that the chat services have taken.
    pub messages: u64,
    /// Files that the file services hold.
    pub files: u64,
    /// How old all this is; none before the first sight.
    pub age: Option<Duration>,
    /// Rises whenever a user, a room or an instance has come or gone.
    pub rev: u64,
}

impl Picture {
    /// Before anything was seen.
    pub fn unseen() -> Self {
        Picture {
            users: Vec::new(),
            rooms: BTreeMap::new(),
            services: Vec::new(),
            registry: State::Unknown,
            messages: 0,
            files: 0,
            age: None,
            rev: 0,
        }
    }

    /// Whether this is too old to be shown as the truth of now.
    pub fn is_stale(&self) -> bool {
        self.age.is_none_or(|age| age > STALE_AFTER)
    }

    /// The state of an instance, as far as it can be told.
    pub fn state_of(&self, instance: &Instance) -> State {
        if self.is_stale() { State::Unknown } else { instance.state }
    }

    /// The answer to `STATUS`, by whom it is given, when, and after which uptime.
    pub fn status(&self, version: &str, server_time: Timestamp, uptime: Duration) -> Status {
        Status {
            active_clients: self.users.len() as u64,
            messages_sent: self.messages,
            server_time,
            uptime,
            rooms: self.rooms.len() as u64,
            files: self.files,
            version: version.to_owned(),
            presence_age: self.age,
            services: self.states(),
        }
    }

    /// The best state that any instance of a service is in.
    fn states(&self) -> BTreeMap<String, State> {
        let mut states = BTreeMap::new();
        if self.age.is_none() {
            states.extend(EXPECTED.map(|service| (service.to_owned(), State::Unknown)));
        }
        let registry = if self.is_stale() { State::Unknown } else { self.registry };
        states.insert(REGISTRY.to_owned(), registry);
        for instance in &self.services {
            let best = states.entry(instance.service.clone()).or_insert(State::Unknown);
            *best = self.state_of(instance).max(*best);
        }
        states
    }
}

/// The answer to `STATUS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How many users there are.
    pub active_clients: u64,
    /// How many messages the chat services have taken.
    pub messages_sent: u64,
    /// The wall clock of whoever answers.
    pub server_time: Timestamp,
    /// For how long whoever answers has been running.
    pub uptime: Duration,
    /// How many rooms have somebody in them.
    pub rooms: u64,
    /// How many files there are.
    pub files: u64,
    /// The version of whoever answers.
    pub version: String,
    /// How old the picture of presence is; none before the first sight.
    pub presence_age: Option<Duration>,
    /// Service to state.
    pub services: BTreeMap<String, State>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(service: &str, number: u32, state: State) -> Instance {
        Instance {
            service: service.into(),
            instance: format!("{service}-{number}"),
            addr: String::new(),
            state,
            age: Duration::ZERO,
        }
    }

    fn seen(age: Duration) -> Picture {
        Picture {
            services: vec![
                instance("chat", 1, State::Down),
                instance("chat", 2, State::Up),
                instance("file", 1, State::Down),
            ],
            registry: State::Up,
            age: Some(age),
            ..Picture::unseen()
        }
    }

    fn states(picture: &Picture) -> Vec<(String, State)> {
        picture.status("1", Timestamp(0), Duration::ZERO).services.into_iter().collect()
    }

    fn named(pairs: &[(&str, State)]) -> Vec<(String, State)> {
        pairs.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
    }

    #[test]
    fn before_the_first_sight_nothing_is_known() {
        let unknown = ["chat", "file", "info", "registry"].map(|name| (name, State::Unknown));
        assert_eq!(states(&Picture::unseen()), named(&unknown));
        assert!(Picture::unseen().is_stale());
    }

    #[test]
    fn a_service_is_up_when_any_instance_is() {
        let expected = [("chat", State::Up), ("file", State::Down), ("registry", State::Up)];
        assert_eq!(states(&seen(STALE_AFTER)), named(&expected));
    }

    #[test]
    fn what_is_stale_is_not_shown_as_the_truth() {
        let picture = seen(STALE_AFTER + Duration::from_millis(1));
        assert!(picture.is_stale());
        let unknown = ["chat", "file", "registry"].map(|name| (name, State::Unknown));
        assert_eq!(states(&picture), named(&unknown));
        assert!(picture.services.iter().all(|i| picture.state_of(i) == State::Unknown));
    }
}
