//! What a join costs the machine while somebody holds a snapshot of the moment before.
//! `cargo bench -p registry --bench held`.
//!
//! The machine alone, without sessions, with 100,000 users; `PARLANCE_BENCH_USERS=1000` for fewer.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on says so")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::Timestamp;
use engine::names::{RoomName, UserName};
use engine::registry::{Answer, Label, Moment, Register, Registry, Request, Settings};

/// Joins of either kind.
const TIMES: usize = 100;

fn main() {
    let users = std::env::var("PARLANCE_BENCH_USERS").map_or(100_000, |users| users.parse().unwrap());
    let mut machine = Machine::start();
    let began = Instant::now();
    for n in 0..users {
        machine.join(&format!("user{n}x"));
    }
    println!("{users} joins: {:.2?}", began.elapsed());
    let plain = (0..TIMES).map(|n| machine.join(&format!("plain{n}x"))).collect();
    show("a join", plain);
    let held = (0..TIMES).map(|n| machine.join_while_held(&format!("held{n}x"))).collect();
    show("a join while a snapshot is held", held);
}

struct Machine {
    registry: Registry,
    lease: u64,
}

impl Machine {
    fn start() -> Self {
        let mut registry = Registry::new("run", Settings { ttl_default: 10_000, ttl_max: 60_000 }, 0);
        let label = |written| Label::parse(written).unwrap();
        let (service, instance, addr) = (label("chat"), label("chat-1"), label("chat:1"));
        let register = Register { service, instance, addr, ttl_ms: None, lease: None, meta: "{}".into() };
        let answer = registry.answer(Request::Register(register), moment());
        let Ok(Answer::Registered { lease, .. }) = answer else { panic!("it is the first") };
        Machine { registry, lease }
    }

    fn join(&mut self, name: &str) -> Duration {
        let (user, room) = (UserName::parse(name).unwrap(), RoomName::lobby());
        let request = Request::Join { lease: self.lease, user, room, hold: true, age: 0 };
        let began = Instant::now();
        self.registry.answer(request, moment()).unwrap();
        began.elapsed()
    }

    fn join_while_held(&mut self, name: &str) -> Duration {
        let _snapshot = Arc::clone(self.registry.roster());
        self.join(name)
    }
}

fn moment() -> Moment {
    Moment { now: 0, at: Timestamp(0), random: 1 }
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{what}: p50 {:.2?}, most {:.2?}, {TIMES} times", times[TIMES / 2], times[TIMES - 1]);
}
