//! The panel as a person sees it: in a real terminal, which becomes smaller and larger meanwhile.

use tmux::Terminal;
use tokio::task::spawn_blocking;

use crate::fake::{self, Blunders, Slips};
use crate::namespace::{self, UNSHARE};

/// The ledger, the table's head and a row for each of these services, all of them once.
fn is_clean(screen: &str, services: &[&str]) -> bool {
    let is_once = |begin: &&str| screen.lines().filter(|line| line.starts_with(*begin)).count() == 1;
    screen.matches("not yet ").count() == 1 && services.iter().chain(&["ms "]).all(is_once)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_is_whole_at_every_size_and_leaves_nothing_behind() {
    let (chat, _) = fake::chat(&[]).await;
    let (info, file) = (fake::info(|_| 1).await, fake::file(Blunders::default()).await);
    let registry = fake::registry(Slips::default()).await;
    let args = format!(
        "mix --chat {chat} --info {info} --file {file} --registry {registry} --clients 4 --rooms 1 --rate 20 \
         --info-rate 20 --file-rate 20 --registry-rate 20 --ramp 0s --warmup 0s --duration 10m --metrics-of none"
    );
    spawn_blocking(move || watch(&args)).await.unwrap();
}

fn watch(args: &str) {
    let script = format!("'{}' {args}; echo \"exit code $?\"", env!("CARGO_BIN_EXE_loadgen"));
    let Some(terminal) = Terminal::open(&script, 80, 24) else { return };
    let wide = ["chat.delivery ", "info.query ", "file.upload ", "registry.seen "];
    let narrow = ["chat ", "info ", "file "];
    until(&terminal, |screen| is_clean(screen, &wide) && screen.contains("registry p99 ms"));
    assert!(terminal.is_alternate() && !terminal.has_cursor());
    terminal.resize(60, 12);
    until(&terminal, |screen| {
        is_clean(screen, &wide) && screen.contains("run p99") && !screen.contains("run max")
    });
    terminal.resize(20, 5);
    until(&terminal, |screen| is_clean(screen, &narrow) && !screen.contains("delivery"));
    terminal.resize(40, 10);
    until(&terminal, |screen| {
        is_clean(screen, &wide) && screen.contains("wake") && !screen.contains("socket")
    });
    terminal.resize(80, 24);
    until(&terminal, |screen| is_clean(screen, &wide) && screen.contains("registry p99 ms"));
    // There is no shell here that could let it go on.
    terminal.press(&["C-z"]);
    until(&terminal, |screen| is_clean(screen, &wide) && screen.contains("registry p99 ms"));
    terminal.press(&["C-c"]);
    let last = until(&terminal, |screen| screen.contains("exit code "));
    assert!(last.contains("interrupted; exit 130") && last.contains("exit code 130"), "{last}");
    for remains in ["not yet", "per s", "━", "^C"] {
        assert!(!last.contains(remains), "{remains}:\n{last}");
    }
    assert!(!terminal.is_alternate() && terminal.has_cursor(), "the first screen, and a cursor on it");
}

/// Ctrl-Z stopped it for ever there.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_stops_nothing_that_no_shell_can_let_go_on() {
    let (chat, _) = fake::chat(&[]).await;
    let args = format!(
        "chat --chat {chat} --clients 2 --rooms 1 --rate 10 --ramp 0s --warmup 0s --duration 10m --metrics-of none"
    );
    spawn_blocking(move || stop_in_vain(&args)).await.unwrap();
}

/// In a process namespace, where nobody is known to be outside of the group.
fn stop_in_vain(args: &str) {
    if !namespace::is_to_be_had() {
        return;
    }
    // The first process of a namespace could not be stopped anyhow.
    let script = format!("{UNSHARE} sh -c \"'{}' {args}; true\"", env!("CARGO_BIN_EXE_loadgen"));
    let Some(terminal) = Terminal::open(&script, 80, 24) else { return };
    let at_first = seconds(&terminal.until(|screen| seconds(screen).is_some()));
    terminal.press(&["C-z"]);
    terminal.until(|screen| seconds(screen) > at_first.map(|second| second + 1));
}

/// How many seconds of the run are over.
fn seconds(screen: &str) -> Option<u32> {
    screen.split_once(" of 600 s")?.0.rsplit(' ').next()?.parse().ok()
}

/// What has scrolled out of the screen counts, too: nothing may.
fn until(terminal: &Terminal, wanted: impl Fn(&str) -> bool) -> String {
    terminal.until_in(Terminal::scrolled, wanted)
}
