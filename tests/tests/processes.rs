//! The stack as processes, as an operator runs it.

use tests::info::Asker;
use tests::process::{Process, run};
use tests::{admin, eventually};

#[tokio::test]
async fn the_stack_starts_finds_itself_and_ends_in_good_order() {
    let data = tempfile::tempdir().expect("a place for temporary files");
    let data = |name| data.path().join(name).display().to_string();
    let registry = Process::start("registry", &[]).await;
    let at = registry.place("registry").addr.to_string();
    let chat = Process::start("chat", &["--registry", &at, "--data", &data("chat")]).await;
    let file = Process::start("file", &["--registry", &at, "--data", &data("file")]).await;
    let info = Process::start("info", &["--registry", &at]).await;
    let asker = Asker::new(info.place("info").addr).await;
    let all_up = |status: &serde_json::Value| {
        ["chat", "file", "info", "registry"].iter().all(|service| status["services"][service] == "up")
    };
    eventually("all services", async || asker.json("STATUS").await, all_up).await;
    for (process, name) in [(&registry, "registry"), (&chat, "chat"), (&file, "file"), (&info, "info")] {
        let admin = process.place(name).admin;
        eventually("readiness", async || admin::is_ready(admin).await, |ready| *ready).await;
    }
    for process in [chat, file, info, registry] {
        assert_eq!(process.terminate().await, Some(0));
    }
}

/// What a newcomer does without Docker: one process, the client, the load tester.
#[tokio::test]
async fn one_process_serves_the_client_and_the_load_tester() {
    let data = tempfile::tempdir().expect("a place for temporary files");
    let parlance = Process::start_whole(data.path()).await;
    let addr = |service| parlance.place(service).addr.to_string();
    let (chat, info, file) = (addr("chat"), addr("info"), addr("file"));
    let places = ["--chat", &chat, "--info", &info, "--file", &file];
    let (code, said) = run("client", &[&places[..], &["demo"]].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    let short = ["--clients", "40", "--rate", "50", "--duration", "2s", "--ramp", "1s", "--warmup", "0s"];
    let load = [&places[..4], &short, &["--allow-client-limited", "--quiet"]].concat();
    let (code, said) = run("loadgen", &load).await;
    assert_eq!(code, Some(0), "{said}");
    // The report breaks its lines where the screen ends.
    let words: Vec<_> = said.split_whitespace().collect();
    assert!(words.join(" ").contains("the ledger held: none lost, doubled, out of order"), "{said}");
    assert_eq!(parlance.terminate().await, Some(0));
}

#[tokio::test]
async fn every_binary_says_what_it_is() {
    for name in ["registry", "chat", "info", "file", "parlance", "client", "loadgen"] {
        let (code, help) = run(name, &["--help"]).await;
        assert_eq!(code, Some(0), "{name}");
        assert!(help.contains("Usage: "), "{name} helps with {help}");
        let (code, version) = run(name, &["--version"]).await;
        assert_eq!(code, Some(0), "{name}");
        assert!(version.starts_with(&format!("{name} {}", chassis::VERSION)), "{version}");
        let (code, error) = run(name, &["--no-such-flag"]).await;
        assert_eq!(code, Some(2), "{name}");
        assert!(error.contains("--no-such-flag"), "{name} complains with {error}");
    }
}
