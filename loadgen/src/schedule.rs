//! What falls due when: made before the run, the same for the same seed, and blind to every reply.
//!
//! That is what makes the loop open: a server that answers slowly changes nothing about what it is asked
//! next, so its slowness can't hide behind a load that waits for it.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

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
    /// Chat users.
    pub users: u32,
    /// Messages a second, of all users together.
    pub messages: f64,
    /// UDP queries a second, of all sockets together.
    pub queries: f64,
    /// How both are spread over time.
    pub arrival: Arrival,
    /// How long traffic runs before it counts.
    pub warmup: Duration,
    /// How long it then counts.
    pub steady: Duration,
    /// Where the random numbers begin.
    pub seed: u64,
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
    warmup: u64,
}

impl Schedule {
    /// Makes the plan.
    pub fn new(shape: &Shape) -> Self {
        let total = nanos(shape.warmup + shape.steady);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(shape.seed);
        let says = arrivals(shape.messages, 0.0, shape.arrival, total, &mut rng);
        // Half a step behind, so that evenly spaced messages and queries of one rate never coincide.
        let asks = arrivals(shape.queries, 0.5, shape.arrival, total, &mut rng);
        let mut operations = says_by_turns(shape.users, &says, &mut rng);
        operations
            .extend((0u32..).zip(asks).map(|(query, due)| Operation { due, action: Action::Ask { query } }));
        operations.sort_by_key(|operation| operation.due);
        Self::index(operations, shape.users, nanos(shape.warmup))
    }

    fn index(operations: Vec<Operation>, users: u32, warmup: u64) -> Self {
        let mut by_user = vec![Vec::new(); users as usize];
        let mut asked = Vec::new();
        for (number, operation) in (0u32..).zip(&operations) {
            match operation.action {
                Action::Say { user, .. } => by_user[user as usize].push(number),
                Action::Ask { .. } => asked.push(number),
            }
        }
        let mut first = vec![0];
        first.extend(by_user.iter().scan(0, |end, said| {
            *end += said.len() as u32;
            Some(*end)
        }));
        Schedule { operations, said: by_user.concat(), first, asked, warmup }
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

    /// Whether an operation lies behind the warm-up.
    pub fn counts(&self, number: u32) -> bool {
        self.operations[number as usize].due >= self.warmup
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Due times at `rate` a second until `total` nanoseconds, the first one `phase` of a step behind zero.
fn arrivals(rate: f64, phase: f64, arrival: Arrival, total: u64, rng: &mut Xoshiro256PlusPlus) -> Vec<u64> {
    if rate <= 0.0 {
        return Vec::new();
    }
    let step = 1e9 / rate;
    let mut next = phase * step;
    let mut due = Vec::new();
    while next < total as f64 {
        due.push(next as u64);
        next = match arrival {
            // Multiplied, not added up: a million roundings would drift.
            Arrival::Constant => (due.len() as f64 + phase) * step,
            Arrival::Poisson => next - (1.0 - rng.random::<f64>()).ln() * step,
        };
    }
    due
}

/// Gives each due time a speaker: in every round all users speak once, each round in another order.
fn says_by_turns(users: u32, due: &[u64], rng: &mut Xoshiro256PlusPlus) -> Vec<Operation> {
    let mut order: Vec<u32> = (0..users).collect();
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(users: u32, messages: f64, queries: f64, arrival: Arrival, seed: u64) -> Shape {
        let (warmup, steady) = (Duration::from_secs(1), Duration::from_secs(4));
        Shape { users, messages, queries, arrival, warmup, steady, seed }
    }

    #[test]
    fn constant_arrivals_are_evenly_spaced() {
        let plan = Schedule::new(&shape(3, 2.0, 0.0, Arrival::Constant, 1));
        let due: Vec<u64> = plan.operations().iter().map(|operation| operation.due).collect();
        let wanted: Vec<u64> = (0..10).map(|step| step * 500_000_000).collect();
        assert_eq!(due, wanted);
        assert!(!plan.counts(1) && plan.counts(2), "the warm-up ends with the first second");
    }

    #[test]
    fn a_rate_of_nothing_is_no_operation() {
        let plan = Schedule::new(&shape(3, 0.0, 0.0, Arrival::Poisson, 1));
        assert_eq!((plan.messages(), plan.queries(), plan.operations().len()), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn a_seed_is_a_plan(users in 1u32..40, poisson: bool, seed: u64) {
            let arrival = if poisson { Arrival::Poisson } else { Arrival::Constant };
            let shape = shape(users, 70.0, 30.0, arrival, seed);
            prop_assert_eq!(Schedule::new(&shape), Schedule::new(&shape));
        }

        #[test]
        fn every_operation_is_found_again_and_users_take_turns(
            users in 1u32..40, messages in 0u32..200, queries in 0u32..50, poisson: bool, seed: u64,
        ) {
            let arrival = if poisson { Arrival::Poisson } else { Arrival::Constant };
            let plan = Schedule::new(&shape(users, f64::from(messages), f64::from(queries), arrival, seed));
            prop_assert!(plan.operations().is_sorted_by_key(|operation| operation.due));
            for (number, operation) in (0u32..).zip(plan.operations()) {
                prop_assert!(operation.due < 5_000_000_000);
                let found = match operation.action {
                    Action::Say { user, sequence } => plan.message(user, sequence),
                    Action::Ask { query } => plan.query(query),
                };
                prop_assert_eq!(found, Some(number));
            }
            let said: Vec<u32> = (0..users).map(|user| plan.messages_of(user)).collect();
            prop_assert_eq!(said.iter().sum::<u32>(), plan.messages());
            prop_assert!(said.iter().max().unwrap() - said.iter().min().unwrap() <= 1);
            prop_assert_eq!(plan.message(0, said[0]), None);
            prop_assert_eq!(plan.message(users, 0), None);
            prop_assert_eq!((plan.messages() + plan.queries()) as usize, plan.operations().len());
        }

        #[test]
        fn poisson_arrivals_keep_the_rate(seed: u64) {
            let plan = Schedule::new(&shape(5, 2000.0, 0.0, Arrival::Poisson, seed));
            // 10,000 expected, standard deviation 100: ten of them never happen.
            prop_assert!((9_000..11_000).contains(&plan.messages()));
        }
    }
}
