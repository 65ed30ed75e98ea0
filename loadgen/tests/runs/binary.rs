//! The command itself, as a shell sees it.

use std::process::{Command, Output, Stdio};

use tokio::task::spawn_blocking;

use crate::fake;

pub(crate) async fn loadgen(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(args).env_remove("PARLANCE_HOST").env_remove("PARLANCE_CHAT").env_remove("PARLANCE_INFO");
    command.stdin(Stdio::null());
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) fn words(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A port on which nothing listens: it was free a moment ago.
pub(crate) fn nowhere() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn help_and_version_succeed() {
    for flag in ["--help", "--version"] {
        let output = loadgen(&[flag]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(words(&output.stdout).contains("loadgen") || flag == "--help");
    }
    assert!(words(&loadgen(&["--help"]).await.stdout).contains("Exit codes: 0 held"));
}

#[tokio::test]
async fn a_bad_flag_is_named() {
    for (args, named) in
        [(&["--clients", "-3"][..], "--clients"), (&["--clients", "2", "--rooms", "3"], "--rooms 3: ")]
    {
        let output = loadgen(args).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(words(&output.stderr).contains(named), "{}", words(&output.stderr));
    }
}

#[tokio::test]
async fn when_nothing_listens_it_says_how_to_start_it() {
    let chat = nowhere();
    let output = loadgen(&["--chat", &chat, "--clients", "2"]).await;
    assert_eq!(output.status.code(), Some(1));
    let wanted = format!(
        "loadgen: nothing listens on {chat}; start it with `docker compose up` or `cargo run --release`\n"
    );
    assert_eq!(words(&output.stderr), wanted);
}

#[tokio::test]
async fn a_dry_run_needs_no_server() {
    let output = loadgen(&["--dry-run", "--chat", &nowhere()]).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(words(&output.stdout).contains("3300 messages, 161700 deliveries owed, 3300 queries"));
}

#[tokio::test]
async fn a_search_can_be_planned_without_a_server_too() {
    let output = loadgen(&["find-max", "--slo", "lost==0", "--dry-run", "--chat", &nowhere()]).await;
    assert_eq!(output.status.code(), Some(0), "{}", words(&output.stderr));
    assert!(words(&output.stdout).contains("1300 messages"), "{}", words(&output.stdout));
}

#[tokio::test]
async fn a_search_that_has_no_single_rate_to_step_is_refused() {
    let search = ["find-max", "--slo", "lost==0", "--dry-run", "--chat", &nowhere()];
    for (flags, named) in [
        (&["--stages", "1s:5"][..], "--stages"),
        (&["--duration", "5s"], "as --step says"),
        (&["--rate", "0", "--info-rate", "0"], "--rate 0: "),
        (&["--rate", "0", "--file-rate", "5"], "--rate 0: "),
    ] {
        let output = loadgen(&[&search, flags].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", words(&output.stdout));
        assert!(words(&output.stderr).contains(named), "{}", words(&output.stderr));
    }
}

#[tokio::test]
async fn whoever_can_t_be_told_gets_the_exit_code_all_the_same() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["--chat", &nowhere()]).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let status = spawn_blocking(move || command.status().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_tells_its_best_run_as_json() {
    let (chat, _) = fake::chat(&[]).await;
    let flags = "find-max --slo chat.sent<=5 --clients 2 --rate 10 --info-rate 0 --step 400ms --ramp 0s --warmup 0s \
                 --within 100% --metrics-of none --quiet --json";
    let args: Vec<&str> = flags.split_whitespace().chain(["--chat"]).collect();
    let chat = chat.to_string();
    let output = loadgen(&[&args[..], &[&chat]].concat()).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema_version"], 2, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_report() {
    let (chat, _) = fake::chat(&[]).await;
    let info = fake::info(|_| 1).await;
    let (chat, info) = (chat.to_string(), info.to_string());
    let flags = ["--clients=6", "--rooms=2", "--ramp=0s", "--warmup=100ms", "--duration=200ms"];
    let base: Vec<&str> =
        ["--chat", &chat, "--info", &info, "--metrics-of", "none", "--allow-client-limited"]
            .into_iter()
            .chain(flags)
            .collect();

    let output = loadgen(&base).await;
    assert_eq!(output.status.code(), Some(0), "{}", words(&output.stdout));
    let summary = words(&output.stdout);
    assert!(summary.starts_with("VALID") || summary.starts_with("INVALID"), "{summary}");
    assert!(summary.contains("ledger   sent 30  acked 30  owed 60  ok 60 (100.00%)  lost 0"), "{summary}");
    assert!(summary.contains("queries  sent 30  answered 30 (100.00%)"), "{summary}");
    assert!(words(&output.stderr).contains("drain"), "a line a second, and one at the end");

    let quiet: Vec<&str> = base.iter().copied().chain(["--json", "--quiet"]).collect();
    let output = loadgen(&quiet).await;
    assert_eq!(words(&output.stderr), "");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema_version"], 2);
    assert_eq!(report["environment"]["flags"][0], "--chat");
    assert_eq!((&report["chat"]["owed"], &report["chat"]["ok"]), (&60.into(), &60.into()));
    assert_eq!(report["exit_code"], 0);
}
