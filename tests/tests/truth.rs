//! What info says of a registry that dies, and of presence that grows old. By hand, to see how soon:
//!
//!     PARLANCE_ROUNDS=20 cargo test -p tests --test truth -- --nocapture

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use strike::rounds;
use tests::info::Asker;
use tests::process::Process;
use tests::{Kind, World, admin, eventually};

/// Presence that is older is not shown as fresh.
const STALE_AFTER_MS: u64 = 10_000;

/// Waits until info says this of the registry, and returns how long that took.
async fn told(asker: &Asker, state: &str) -> Duration {
    let began = Instant::now();
    let said = async || asker.json("STATUS").await["services"]["registry"].clone();
    eventually(state, said, |said| said == state).await;
    began.elapsed()
}

#[tokio::test]
async fn a_registry_that_is_killed_and_returns_is_told_each_time() {
    let mut registry = Process::start("registry", &[]).await;
    let at = registry.place("registry").addr.to_string();
    let info = Process::start("info", &["--registry", &at]).await;
    let asker = Asker::new(info.place("info").addr).await;
    told(&asker, "up").await;
    let (rounds, mut death, mut back) = (rounds(2), Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        registry.signal(Signal::KILL);
        death = death.max(told(&asker, "down").await);
        registry.ended().await;
        registry = Process::start_at("registry", &at, &[]).await;
        back = back.max(told(&asker, "up").await);
    }
    println!("{rounds} times: its death was told after {death:?} at most, its return after {back:?}");
    assert_eq!(info.terminate().await, Some(0));
}

/// Whether an answer shows nothing as known that it is too late to know.
fn is_honest(status: &Value) -> bool {
    let services = status["services"].as_object().expect("services");
    let age = status["presence_age_ms"].as_u64().expect("it has been seen");
    age <= STALE_AFTER_MS || services.values().all(|state| state == "unknown")
}

#[tokio::test]
async fn presence_that_grows_old_is_told_as_old_and_then_as_unknown() {
    let mut world = World::new();
    let registry = world.start(Kind::Registry, &[]).await;
    let info = world.start(Kind::Info, &[]).await;
    let asker = Asker::new(info.addr).await;
    let age = async || admin::metric(info.admin, "info_presence_age_seconds").await;
    told(&asker, "up").await;
    eventually("itself", async || asker.json("STATUS").await, |said| said["services"]["info"] == "up").await;
    world.stop_one("registry-1").await;
    told(&asker, "down").await;
    let honestly = async || {
        let status = asker.json("STATUS").await;
        assert!(is_honest(&status), "{status}");
        status
    };
    let status = eventually("its age", &honestly, |said| said["services"]["info"] == "unknown").await;
    assert!(status["presence_age_ms"].as_u64() > Some(STALE_AFTER_MS), "{status}");
    assert_eq!(status["services"]["registry"], "unknown", "{status}");
    let services = asker.json("SERVICES").await;
    assert_eq!(services["services"][0]["state"], "unknown", "{services}");
    assert!(age().await > 10.0, "the operator is told too");
    assert!(admin::is_ready(info.admin).await, "it answers all the same");
    world.start_as(Kind::Registry, "registry-1", registry.addr, &[]).await;
    eventually("its return", &honestly, |said| said["services"]["info"] == "up").await;
    eventually("a new sight", age, |age| *age < 10.0).await;
    world.stop().await;
}
