//! The stack as processes, as an operator runs it.

use tests::info::Asker;
use tests::process::Process;
use tests::{admin, eventually};

#[tokio::test]
async fn the_stack_starts_finds_itself_and_ends_in_good_order() {
    let data = tempfile::tempdir().expect("a place for temporary files");
    let data = |name| data.path().join(name).display().to_string();
    let registry = Process::start("registry", &[]).await;
    let at = registry.place.addr.to_string();
    let chat = Process::start("chat", &["--registry", &at, "--data", &data("chat")]).await;
    let file = Process::start("file", &["--registry", &at, "--data", &data("file")]).await;
    let info = Process::start("info", &["--registry", &at]).await;
    let asker = Asker::new(info.place.addr).await;
    let all_up = |status: &serde_json::Value| {
        ["chat", "file", "info", "registry"].iter().all(|service| status["services"][service] == "up")
    };
    eventually("all services", async || asker.json("STATUS").await, all_up).await;
    for process in [&registry, &chat, &file, &info] {
        eventually("readiness", async || admin::is_ready(process.place.admin).await, |ready| *ready).await;
    }
    for process in [chat, file, info, registry] {
        assert_eq!(process.terminate().await, Some(0));
    }
}
