//! What a run will do, worked out from the command line before anything is connected.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::{Load, Options, People};
use crate::failure::Failure;
use crate::profile::Profile;
use crate::roster::Roster;
use crate::scenario::Scene;
use crate::schedule::{Action, Arrival, Schedule, Shape};

/// By default a room for each so many users.
const PER_ROOM: u32 = 50;
/// The most operations of a run; each takes about 50 bytes of memory.
const MAX_OPERATIONS: f64 = 50e6;
/// How many operations a dry run shows.
const SHOWN: usize = 10;

/// How much of one kind of operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Operations a second, when there are no stages.
    pub per_second: f64,
    /// The rate over time, as it was written.
    pub stages: Vec<String>,
}

impl Flow {
    fn of(load: &Load) -> Self {
        let stages: Vec<String> = load.stages.iter().map(ToString::to_string).collect();
        Flow { per_second: if stages.is_empty() { load.rate } else { 0.0 }, stages }
    }

    fn is_some(&self) -> bool {
        self.per_second > 0.0 || !self.stages.is_empty()
    }

    /// In words, such as `100 messages/s of 128 bytes`.
    fn words(&self, what: &str, each: &str) -> Option<String> {
        match (self.stages.as_slice(), self.per_second) {
            ([], 0.0) => None,
            ([], rate) => Some(format!("{rate} {what}/s{each}")),
            (stages, _) => Some(format!("{what}/s{each} by stages {}", stages.join(","))),
        }
    }
}

/// The plan in figures; what two runs must share to be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The command.
    pub run: String,
    /// Chat users.
    pub clients: u32,
    /// Rooms.
    pub rooms: u32,
    /// How many of the users say something.
    pub speakers: u32,
    /// How many of the users read slowly on purpose.
    pub slow_readers: u32,
    /// How many of the users leave and come back each minute.
    pub churn_per_minute: f64,
    /// Whether those whose connection breaks come back.
    pub reconnect: bool,
    /// Whether users wait for their acks, so that the tail is understated.
    pub closed: bool,
    /// Messages.
    pub messages: Flow,
    /// Bytes in a message.
    pub payload_bytes: u16,
    /// UDP queries.
    pub queries: Flow,
    /// File transfers.
    pub transfers: Flow,
    /// Bytes in a file.
    pub file_bytes: u64,
    /// Which share of the uploads breaks and goes on.
    #[serde(default)]
    pub resumed_share: f64,
    /// Entries in the registry.
    pub entries: Flow,
    /// Who watches the registry.
    pub watchers: u32,
    /// `constant` or `poisson`.
    pub arrival: String,
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
        check_length(options)?;
        let timing = &options.timing;
        let steady = options.lasts().saturating_sub(options.warmup());
        let mut plan = Plan {
            run: options.run.to_owned(),
            messages: Flow::of(&options.messages),
            queries: Flow::of(&options.queries),
            transfers: Flow::of(&options.transfers),
            file_bytes: options.files.as_ref().map_or(0, |files| files.size),
            resumed_share: options.files.as_ref().map_or(0.0, |files| files.resumed),
            entries: Flow::of(&options.entries),
            watchers: options.watchers.as_ref().map_or(0, |watchers| watchers.watchers),
            arrival: match timing.arrival {
                Arrival::Constant => "constant",
                Arrival::Poisson => "poisson",
            }
            .to_owned(),
            seed: timing.seed,
            warmup_seconds: options.warmup().as_secs_f64(),
            steady_seconds: steady.as_secs_f64(),
            drain_seconds: timing.drain.as_secs_f64(),
            ..Plan::default()
        };
        if let Some(people) = &options.people {
            plan.seat(people)?;
            plan.ramp_seconds =
                timing.ramp.map_or_else(|| usual_ramp(people.clients), |ramp| ramp.as_secs_f64());
        }
        Ok(plan)
    }

    /// Gives people their rooms and their parts.
    fn seat(&mut self, people: &People) -> Result<(), Failure> {
        let clients = people.clients;
        let usage = |flag, value, problem| Err(Failure::Usage { flag, value, problem });
        self.rooms = people.rooms.unwrap_or(clients.div_ceil(PER_ROOM).min(65_536));
        if self.rooms > clients {
            let problem = format!("there are only {clients} clients; give at most one room for each");
            return usage("--rooms", self.rooms.to_string(), problem);
        }
        let percent = |share: f64| format!("{}%", share * 100.0);
        if people.listeners() + people.slow() > clients {
            let problem = "with --slow-readers that is more than all users".into();
            return usage("--idle", percent(people.idle), problem);
        }
        if people.churn > 0.0 && people.listeners() == 0 {
            let problem = "only listeners come and go; make some of the users listeners, such as --idle 20%";
            return usage("--churn", format!("{}/min", percent(people.churn * 60.0)), problem.into());
        }
        self.clients = clients;
        self.speakers = people.speakers();
        self.slow_readers = people.slow();
        self.churn_per_minute = people.churn * 60.0 * f64::from(clients);
        self.payload_bytes = people.payload;
        (self.reconnect, self.closed) = (people.reconnect, people.closed);
        Ok(())
    }

    /// The scene of run number `run`, before anybody has come.
    pub fn scene(&self, options: &Options, run: u32) -> Scene {
        let lasts = options.lasts();
        let schedule = Schedule::new(&Shape {
            speakers: self.speakers,
            users: self.clients,
            messages: options.messages.profile(lasts),
            queries: options.queries.profile(lasts),
            transfers: options.transfers.profile(lasts),
            entries: options.entries.profile(lasts),
            departures: Profile::constant(self.churn_per_minute / 60.0, lasts),
            restless: self.speakers..self.clients - self.slow_readers,
            arrival: options.timing.arrival,
            warmup: options.warmup(),
            seed: self.seed,
        });
        let roster = Roster::new(run, self.clients, self.slow_readers, self.rooms);
        let patience = u64::try_from(options.timing.drain.as_nanos()).unwrap_or(u64::MAX);
        let (closed, reconnect, churn) = (self.closed, self.reconnect, self.churn_per_minute > 0.0);
        Scene { closed, reconnect, churn, ..Scene::new(schedule, roster, patience) }
    }

    /// The services that are part of it, by the names with which their metrics begin.
    pub fn services(&self) -> BTreeSet<&'static str> {
        let all = [
            ("chat", self.clients > 0),
            ("info", self.queries.is_some()),
            ("file", self.transfers.is_some()),
            ("registry", self.entries.is_some()),
        ];
        all.into_iter().filter(|(_, part)| *part).map(|(service, _)| service).collect()
    }

    /// The plan in a line.
    pub fn line(&self) -> String {
        let people = (self.clients > 0).then(|| format!("{} clients in {}", self.clients, rooms(self.rooms)));
        let silent = self.clients - self.speakers - self.slow_readers;
        let listeners = (silent > 0).then(|| format!("{silent} of them idle"));
        let slow = (self.slow_readers > 0).then(|| format!("{} reading slowly", self.slow_readers));
        let churn = (self.churn_per_minute > 0.0).then(|| format!("{} leaving/min", self.churn_per_minute));
        let bytes = |bytes: u64| format!(" of {bytes} bytes");
        let flows = [
            self.messages.words("messages", &bytes(self.payload_bytes.into())),
            self.queries.words("queries", ""),
            self.transfers.words("files", &bytes(self.file_bytes)),
            self.entries.words("entries", ""),
        ];
        let closed = self.closed.then(|| "CLOSED LOOP: the tail is understated".to_owned());
        let parts = [people, listeners, slow, churn].into_iter().chain(flows).chain([closed]).flatten();
        format!(
            "{}, {}, seed {}, {} s steady (+{} s ramp, {} s warm-up)",
            parts.collect::<Vec<_>>().join(", "),
            self.arrival,
            self.seed,
            self.steady_seconds,
            self.ramp_seconds,
            self.warmup_seconds,
        )
    }

    /// The fields in which another plan differs, each with both values.
    pub fn differences(&self, other: &Plan) -> Vec<String> {
        let fields = |plan| match serde_json::to_value(plan) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let (mine, theirs) = (fields(self), fields(other));
        let differing = mine.into_iter().zip(theirs).filter(|((_, mine), (_, theirs))| mine != theirs);
        differing.map(|((name, mine), (_, theirs))| format!("{name} {mine} and {theirs}")).collect()
    }

    /// What a dry run prints: the plan, what follows from it, and its first operations.
    pub fn preview(&self, scene: &Scene) -> String {
        let Scene { schedule, roster, .. } = scene;
        let owed: u64 = (0..self.speakers)
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
                Action::Transfer { file } => format!("file {file} is uploaded and fetched"),
                Action::Enter { guest } => format!("guest {guest} enters in the registry"),
                Action::Leave { user } => format!("user {user} leaves and comes back"),
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

fn rooms(number: u32) -> String {
    if number == 1 { "1 room".into() } else { format!("{number} rooms") }
}

/// Refuses a run that would not fit in memory, and stages that end within the warm-up.
fn check_length(options: &Options) -> Result<(), Failure> {
    let lasts = options.lasts();
    let loads = [&options.messages, &options.queries, &options.transfers, &options.entries];
    let operations: f64 = loads.iter().map(|load| load.profile(lasts).operations()).sum();
    if operations > MAX_OPERATIONS {
        let problem = "a run of that rate and duration has more than 50 million operations; make either less";
        let value = humantime::format_duration(options.timing.duration).to_string();
        return Err(Failure::Usage { flag: "--duration", value, problem: problem.into() });
    }
    if options.warmup() >= lasts {
        let value = humantime::format_duration(options.warmup()).to_string();
        let problem = "the stages end within it, so nothing would be measured".into();
        return Err(Failure::Usage { flag: "--warmup", value, problem });
    }
    Ok(())
}

/// Five seconds, or longer when more than so many users would have to join in each.
fn usual_ramp(clients: u32) -> f64 {
    (f64::from(clients) / 500.0).ceil().max(5.0)
}

#[cfg(test)]
pub(crate) mod tests;
