//! Chat is restarted again and again under load: what was acked is there, and who was sent away comes back.
//!
//! `cargo test` does it a few times. By hand it is as often as wanted, and what was seen is printed:
//!
//!     PARLANCE_ROUNDS=50 cargo test -p tests --test restarts -- --nocapture

use std::env;
use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;
use tests::process::{Process, Started};
use tests::{admin, eventually};

const PEOPLE: f64 = 20.0;

fn rounds() -> usize {
    let asked = env::var("PARLANCE_ROUNDS").ok();
    asked.map_or(3, |rounds| rounds.parse().expect("PARLANCE_ROUNDS is a number"))
}

async fn chat(data: &Path, listen: &str) -> Process {
    let data = data.display().to_string();
    Process::start_at("chat", listen, &["--registry", "none", "--data", &data, "--log", "warn"]).await
}

async fn everybody_is_here(chat: &Process) {
    let admin = chat.place("chat").admin;
    let users = async || admin::metric(admin, "chat_users").await;
    eventually("everybody's return", users, |users| *users == PEOPLE).await;
}

#[tokio::test]
async fn restarts_under_load_lose_nothing() {
    let data = tempfile::tempdir().expect("a place for temporary files");
    let mut server = chat(data.path(), "127.0.0.1:0").await;
    let at = server.place("chat").addr.to_string();
    let flags =
        ["chat", "--chat", &at, "--clients", "20", "--rooms", "2", "--rate", "50", "--duration", "1h"];
    let manner = ["--ramp", "1s", "--warmup", "0s", "--drain", "30s", "--reconnect", "--quiet"];
    let load = Started::new("loadgen", &[&flags[..], &manner, &["--metrics-of", "none"]].concat());
    everybody_is_here(&server).await;
    let rounds = rounds();
    for round in 1..=rounds {
        let began = Instant::now();
        assert_eq!(server.terminate().await, Some(0), "round {round}");
        let drained = began.elapsed();
        server = chat(data.path(), &at).await;
        everybody_is_here(&server).await;
        println!("round {round}: drained in {drained:.1?}, everybody back after {:.1?}", began.elapsed());
    }
    load.signal(Signal::INT);
    let said = load.output().await;
    println!("{said}");
    // The report breaks its lines where the screen ends.
    let words: Vec<_> = said.split_whitespace().collect();
    assert!(words.join(" ").contains("the ledger held: none lost, doubled, out of order"), "{said}");
    assert!(said.contains("reconnect"), "those who came back are in the report: {said}");
    assert_eq!(server.terminate().await, Some(0));
}
