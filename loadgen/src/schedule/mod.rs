//! What falls due when: made before the run, the same for the same seed, and blind to every reply.
//!
//! That is what makes the loop open: a server that answers slowly changes nothing about what it is asked
//! next, so its slowness can't hide behind a load that waits for it.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::profile::Profile;

/// How the due times of one kind of operation follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrival {
    /// Evenly.
    Constant,
    /// With exponentially distributed gaps, as independent people come.
    Poisson,
}

/// What the plan is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The chat users who say something; those numbered from there up only listen.
    pub speakers: u32,
    /// All chat users.
    pub users: u32,
    /// The rate of messages, of all users together.
    pub messages: Profile,
    /// The rate of UDP queries, of all sockets together.
    pub queries: Profile,
    /// The rate of file transfers.
    pub transfers: Profile,
    /// The rate at which people enter in the registry.
    pub entries: Profile,
    /// The rate at which listeners leave and come back.
    pub departures: Profile,
    /// The listeners who do, in turns.
    pub restless: std::ops::Range<u32>,
    /// How all of them are spread over time.
    pub arrival: Arrival,
    /// How long traffic runs before it counts.
    pub warmup: Duration,
    /// Where the random numbers begin.
    pub seed: u64,
}

impl Shape {
    /// Nothing at all, to be filled in.
    pub fn empty(seed: u64) -> Self {
        let none = Profile::default;
        Shape {
            speakers: 0,
            users: 0,
            messages: none(),
            queries: none(),
            transfers: none(),
            entries: none(),
            departures: none(),
            restless: 0..0,
            arrival: Arrival::Constant,
            warmup: Duration::ZERO,
            seed,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A user says the next message.
    Say {
        /// Who.
        user: u32,
        /// Which of that user's messages, from 0.
        sequence: u32,
    },
    /// A query is asked.
    Ask {
        /// Which, from 0.
        query: u32,
    },
    /// A file is uploaded and fetched again.
    Transfer {
        /// Which, from 0.
        file: u32,
    },
    /// Somebody enters in the registry.
    Enter {
        /// Who, from 0.
        guest: u32,
    },
    /// A listener leaves its room and comes back.
    Leave {
        /// Who.
        user: u32,
    },
}

/// An action and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Nanoseconds from the first instant of the warm-up.
    pub due: u64,
    /// What.
    pub action: Action,
}

/// Every operation of a run in the order of its due time. An operation's number is its place in that order.
#[derive(Debug, PartialEq, Eq)]
pub struct Schedule {
    operations: Vec<Operation>,
    /// The numbers of all messages, user by user.
    said: Vec<u32>,
    /// Where each user's messages begin in `said`, with one more for the end.
    first: Vec<u32>,
    asked: Vec<u32>,
    transferred: Vec<u32>,
    entered: Vec<u32>,
    warmup: u64,
}

impl Schedule {
    /// Makes the plan. Each kind of operation begins at another part of its first step, so that evenly
    /// spaced ones of one rate never coincide.
    pub fn new(shape: &Shape) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(shape.seed);
        let says = arrivals(&shape.messages, 0.0, shape.arrival, &mut rng);
        let asks = arrivals(&shape.queries, 0.5, shape.arrival, &mut rng);
        let transfers = arrivals(&shape.transfers, 0.25, shape.arrival, &mut rng);
        let entries = arrivals(&shape.entries, 0.75, shape.arrival, &mut rng);
        let departures = arrivals(&shape.departures, 0.5, shape.arrival, &mut rng);
        let mut operations = says_by_turns(shape.speakers, &says, &mut rng);
        operations.extend(numbered(&asks, |query| Action::Ask { query }));
        operations.extend(numbered(&transfers, |file| Action::Transfer { file }));
        operations.extend(numbered(&entries, |guest| Action::Enter { guest }));
        let who = shape.restless.clone().cycle();
        let leaves = departures.iter().zip(who);
        operations.extend(leaves.map(|(&due, user)| Operation { due, action: Action::Leave { user } }));
        operations.sort_by_key(|operation| operation.due);
        Self::index(operations, shape.users, nanos(shape.warmup))
    }

    fn index(operations: Vec<Operation>, users: u32, warmup: u64) -> Self {
        let mut by_user = vec![Vec::new(); users as usize];
        let (mut asked, mut transferred, mut entered) = (Vec::new(), Vec::new(), Vec::new());
        for (number, operation) in (0u32..).zip(&operations) {
            match operation.action {
                Action::Say { user, .. } => by_user[user as usize].push(number),
                Action::Ask { .. } => asked.push(number),
                Action::Transfer { .. } => transferred.push(number),
                Action::Enter { .. } => entered.push(number),
                Action::Leave { .. } => {}
            }
        }
        let mut first = vec![0];
        first.extend(by_user.iter().scan(0, |end, said| {
            *end += said.len() as u32;
            Some(*end)
        }));
        Schedule { operations, said: by_user.concat(), first, asked, transferred, entered, warmup }
    }

    /// Every operation, in the order of its due time.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The number of a user's message; `None` when the plan has no such user or message.
    pub fn message(&self, user: u32, sequence: u32) -> Option<u32> {
        let end = *self.first.get(user as usize + 1)?;
        let at = self.first[user as usize].checked_add(sequence)?;
        (at < end).then(|| self.said[at as usize])
    }

    /// How many messages a user says.
    pub fn messages_of(&self, user: u32) -> u32 {
        self.first[user as usize + 1] - self.first[user as usize]
    }

    /// How many messages all users say.
    pub fn messages(&self) -> u32 {
        self.said.len() as u32
    }

    /// The operation number of a query; `None` when the plan has no such query.
    pub fn query(&self, query: u32) -> Option<u32> {
        self.asked.get(query as usize).copied()
    }

    /// How many queries are asked.
    pub fn queries(&self) -> u32 {
        self.asked.len() as u32
    }

    /// How many files are transferred.
    pub fn transfers(&self) -> u32 {
        self.transferred.len() as u32
    }

    /// The operation number of a transfer; `None` when the plan has no such transfer.
    pub fn transfer(&self, file: u32) -> Option<u32> {
        self.transferred.get(file as usize).copied()
    }

    /// How many people enter in the registry.
    pub fn entries(&self) -> u32 {
        self.entered.len() as u32
    }

    /// The operation number of an entry; `None` when the plan has no such guest.
    pub fn entry(&self, guest: u32) -> Option<u32> {
        self.entered.get(guest as usize).copied()
    }

    /// Whether an operation lies behind the warm-up.
    pub fn counts(&self, number: u32) -> bool {
        self.operations[number as usize].due >= self.warmup
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The due times of a profile, the first one `phase` of a step behind its beginning. A step is one
/// operation: evenly spaced operations have one each, those of independent people an exponentially
/// distributed part of one.
fn arrivals(profile: &Profile, phase: f64, arrival: Arrival, rng: &mut Xoshiro256PlusPlus) -> Vec<u64> {
    let mut due = Vec::with_capacity(profile.operations() as usize + 1);
    let mut step = phase;
    while let Some(second) = profile.when(step) {
        due.push((second * 1e9) as u64);
        step = match arrival {
            // Counted, not added up: a million roundings would drift.
            Arrival::Constant => due.len() as f64 + phase,
            Arrival::Poisson => step - (1.0 - rng.random::<f64>()).ln(),
        };
    }
    due
}

fn numbered(due: &[u64], action: impl Fn(u32) -> Action) -> impl Iterator<Item = Operation> {
    (0u32..).zip(due).map(move |(place, &due)| Operation { due, action: action(place) })
}

/// Gives each due time a speaker: in every round all users speak once, each round in another order.
fn says_by_turns(speakers: u32, due: &[u64], rng: &mut Xoshiro256PlusPlus) -> Vec<Operation> {
    let mut order: Vec<u32> = (0..speakers).collect();
    let mut operations = Vec::with_capacity(due.len());
    for (sequence, round) in (0u32..).zip(due.chunks(order.len().max(1))) {
        order.shuffle(rng);
        let round = round.iter().zip(&order);
        operations
            .extend(round.map(|(&due, &user)| Operation { due, action: Action::Say { user, sequence } }));
    }
    operations
}

#[cfg(test)]
mod tests;
