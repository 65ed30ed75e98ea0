//! The panel as a person sees it: in a real terminal, which becomes smaller and larger meanwhile.

use std::io::Write;
use std::process::{Command, Output};
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::fake::{self, Blunders, Slips};

/// How often the screen is looked at before the test gives up: far longer than any machine needs.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(50);

/// A terminal of its own, in tmux, which ends with the test.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs the load tester in a terminal of 80 columns and 24 rows; when it ends, its exit code is printed.
    /// `None`, and loudly so, where there is no tmux.
    fn open(args: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            // Not by a macro, whose words the test harness would keep to itself.
            let words = b"SKIPPED: there is no tmux here, so nobody watched a run as a person would\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        }
        let terminal = Terminal { socket: format!("parlance-loadgen-{}", std::process::id()) };
        // A program of the shell's own keeps the terminal open, so that its last state can be seen.
        let script =
            format!("'{}' {args}; echo \"exit code $?\"; read -r REPLY", env!("CARGO_BIN_EXE_loadgen"));
        let output = terminal.tmux(&["new-session", "-d", "-s", "one", "-x", "80", "-y", "24", &script]);
        assert!(output.status.success(), "{output:?}");
        Some(terminal)
    }

    fn resize(&self, wide: u32, high: u32) {
        let (wide, high) = (wide.to_string(), high.to_string());
        let resized = self.tmux(&["resize-window", "-t", "one", "-x", &wide, "-y", &high]);
        assert!(resized.status.success());
    }

    fn interrupt(&self) {
        assert!(self.tmux(&["send-keys", "-t", "one", "C-c"]).status.success());
    }

    /// What is on the screen, and what has scrolled out of it.
    fn screen(&self) -> String {
        let captured = self.tmux(&["capture-pane", "-p", "-S", "-", "-t", "one"]);
        String::from_utf8(captured.stdout).unwrap()
    }

    /// Whether a program has the other screen, and whether the cursor is visible.
    fn state(&self) -> String {
        let shown = self.tmux(&["display-message", "-p", "-t", "one", "#{alternate_on} #{cursor_flag}"]);
        String::from_utf8(shown.stdout).unwrap().trim().to_owned()
    }

    /// Waits until the screen is as wanted, and gives it.
    fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..LOOKS {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            std::thread::sleep(BETWEEN);
        }
        panic!("the screen did not become what was wanted:\n{}", self.screen());
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.socket, "-f", "/dev/null"])
            .args(args)
            .env_clear()
            .envs([("LANG", "C.UTF-8"), ("TERM", "xterm-256color")])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

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
    let Some(terminal) = Terminal::open(args) else { return };
    let wide = ["chat.delivery ", "info.query ", "file.upload ", "registry.seen "];
    let narrow = ["chat ", "info ", "file "];
    terminal.until(|screen| is_clean(screen, &wide) && screen.contains("registry p99 ms"));
    assert_eq!(terminal.state(), "1 0");
    terminal.resize(60, 12);
    terminal
        .until(|screen| is_clean(screen, &wide) && screen.contains("run p99") && !screen.contains("run max"));
    terminal.resize(20, 5);
    terminal.until(|screen| is_clean(screen, &narrow) && !screen.contains("delivery"));
    terminal.resize(40, 10);
    terminal.until(|screen| is_clean(screen, &wide) && screen.contains("wake") && !screen.contains("socket"));
    terminal.resize(80, 24);
    terminal.until(|screen| is_clean(screen, &wide) && screen.contains("registry p99 ms"));
    terminal.interrupt();
    let last = terminal.until(|screen| screen.contains("exit code "));
    assert!(last.contains("interrupted; exit 130") && last.contains("exit code 130"), "{last}");
    for remains in ["not yet", "per s", "━", "^C"] {
        assert!(!last.contains(remains), "{remains}:\n{last}");
    }
    assert_eq!(terminal.state(), "0 1", "the first screen, and a cursor on it");
}
