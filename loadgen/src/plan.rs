//! What a run will do, worked out from the command line before anything is connected.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::cli::Options;
use crate::failure::Failure;
use crate::roster::Roster;
use crate::scenario::Scene;
use crate::schedule::{Action, Arrival, Schedule, Shape};

/// By default a room for each so many users.
const PER_ROOM: u32 = 50;
/// The most operations of a run; each takes about 40 bytes of memory.
const MAX_OPERATIONS: f64 = 50e6;
/// How many operations a dry run shows.
const SHOWN: usize = 10;

/// The plan in figures; what two runs must share to be compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Chat users.
    pub clients: u32,
    /// Rooms.
    pub rooms: u32,
    /// Messages a second.
    pub messages_per_second: f64,
    /// Queries a second.
    pub queries_per_second: f64,
    /// `constant` or `poisson`.
    pub arrival: &'static str,
    /// Bytes in a message.
    pub payload_bytes: u16,
    /// Where the random numbers begin.
    pub seed: u64,
    /// How long users take to join.
    pub ramp_seconds: f64,
    /// How long traffic runs before it is measured.
    pub warmup_seconds: f64,
    /// How long it is measured.
    pub steady_seconds: f64,
    /// How long to wait at the end at most.
    pub drain_seconds: f64,
}

impl Plan {
    /// The plan that a command line means.
    ///
    /// # Errors
    /// [`Failure::Usage`] for flags that do not go together.
    pub fn new(options: &Options) -> Result<Self, Failure> {
        let rooms = options.rooms.unwrap_or(options.clients.div_ceil(PER_ROOM).min(65_536));
        if rooms > options.clients {
            let problem =
                format!("there are only {} clients; give at most one room for each", options.clients);
            return Err(Failure::Usage { flag: "--rooms", value: rooms.to_string(), problem });
        }
        let seconds = (options.warmup + options.duration).as_secs_f64();
        if (options.rate + options.info_rate) * seconds > MAX_OPERATIONS {
            let problem =
                "a run of that rate and duration has more than 50 million operations; make either less";
            let value = humantime::format_duration(options.duration).to_string();
            return Err(Failure::Usage { flag: "--duration", value, problem: problem.into() });
        }
        Ok(Plan {
            clients: options.clients,
            rooms,
            messages_per_second: options.rate,
            queries_per_second: options.info_rate,
            arrival: match options.arrival {
                Arrival::Constant => "constant",
                Arrival::Poisson => "poisson",
            },
            payload_bytes: options.payload,
            seed: options.seed,
            ramp_seconds: options.ramp.map_or_else(|| usual_ramp(options.clients), |ramp| ramp.as_secs_f64()),
            warmup_seconds: options.warmup.as_secs_f64(),
            steady_seconds: options.duration.as_secs_f64(),
            drain_seconds: options.drain.as_secs_f64(),
        })
    }

    /// The scene of run number `run`, before anybody has come.
    pub fn scene(&self, options: &Options, run: u32) -> Scene {
        let schedule = Schedule::new(&Shape {
            users: self.clients,
            messages: self.messages_per_second,
            queries: self.queries_per_second,
            arrival: options.arrival,
            warmup: options.warmup,
            steady: options.duration,
            seed: self.seed,
        });
        let roster = Roster::new(run, self.clients, self.rooms, &schedule);
        Scene::new(schedule, roster, u64::try_from(options.drain.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The plan in a line.
    pub fn line(&self) -> String {
        format!(
            "{} clients in {} rooms, {} messages/s of {} bytes, {} queries/s, {}, seed {}, {} s steady (+{} s ramp, {} s \
             warm-up)",
            self.clients,
            self.rooms,
            self.messages_per_second,
            self.payload_bytes,
            self.queries_per_second,
            self.arrival,
            self.seed,
            self.steady_seconds,
            self.ramp_seconds,
            self.warmup_seconds,
        )
    }

    /// What a dry run prints: the plan, what follows from it, and its first operations.
    pub fn preview(&self, scene: &Scene) -> String {
        let Scene { schedule, roster, .. } = scene;
        let owed: u64 = (0..self.clients)
            .map(|user| u64::from(schedule.messages_of(user)) * u64::from(roster.audience(user)))
            .sum();
        let mut text = format!(
            "{}\n{} messages, {owed} deliveries owed, {} queries, {} connections\n",
            self.line(),
            schedule.messages(),
            schedule.queries(),
            self.clients,
        );
        for operation in schedule.operations().iter().take(SHOWN) {
            let due = Duration::from_nanos(operation.due).as_secs_f64();
            let action = match operation.action {
                Action::Say { user, sequence } => {
                    format!("user {user} says message {sequence} in room {}", roster.room_of(user))
                }
                Action::Ask { query } => format!("query {query} is asked"),
            };
            let _ = writeln!(text, "{due:10.6} s  {action}");
        }
        let rest = schedule.operations().len().saturating_sub(SHOWN);
        if rest > 0 {
            let _ = writeln!(text, "... and {rest} more");
        }
        text
    }
}

/// Five seconds, or longer when more than so many users would have to join in each.
fn usual_ramp(clients: u32) -> f64 {
    (f64::from(clients) / 500.0).ceil().max(5.0)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn plan(args: &str) -> (Options, Result<Plan, Failure>) {
        let options = Options::parse_from(std::iter::once("loadgen").chain(args.split_whitespace()));
        let plan = Plan::new(&options);
        (options, plan)
    }

    #[test]
    fn a_room_holds_fifty_unless_told_otherwise() {
        assert_eq!(plan("--clients 500").1.unwrap().rooms, 10);
        assert_eq!(plan("--clients 51").1.unwrap().rooms, 2);
        assert_eq!(plan("--clients 500 --rooms 1").1.unwrap().rooms, 1);
    }

    #[test]
    fn many_clients_take_longer_to_join() {
        assert_eq!(plan("--clients 500").1.unwrap().ramp_seconds, 5.0);
        assert_eq!(plan("--clients 15000").1.unwrap().ramp_seconds, 30.0);
        assert_eq!(plan("--clients 15000 --ramp 1s").1.unwrap().ramp_seconds, 1.0);
    }

    #[test]
    fn flags_that_do_not_go_together_are_named() {
        for (args, flag) in [("--clients 2 --rooms 3", "--rooms"), ("--rate 1e6 --duration 1h", "--duration")]
        {
            let failure = plan(args).1.unwrap_err();
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.to_string().starts_with(flag), "{failure}");
        }
    }

    #[test]
    fn a_dry_run_shows_what_will_be_owed() {
        let (options, plan) = plan("--clients 4 --rooms 2 --rate 2 --info-rate 0 --duration 3s --warmup 1s");
        let plan = plan.unwrap();
        let preview = plan.preview(&plan.scene(&options, 1));
        assert!(preview.contains("8 messages, 8 deliveries owed, 0 queries, 4 connections"), "{preview}");
        assert!(preview.contains("  0.500000 s  user "), "{preview}");
    }
}
