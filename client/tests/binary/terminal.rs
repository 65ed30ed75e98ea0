//! A terminal as a person has one: tmux, with keys to type and a screen to read.

use std::io::Write;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often the screen is looked at before the test gives up: far longer than any machine needs.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(50);

/// A terminal of its own, which ends with the test.
pub(crate) struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs the client in a terminal of this size; when it ends, its exit code and the terminal's modes
    /// are printed. `None`, and loudly so, where there is no tmux.
    pub(crate) fn open(args: &[&str], wide: u32, high: u32) -> Option<Self> {
        Terminal::open_with(&[], args, wide, high)
    }

    /// The same, with these variables in the client's environment.
    pub(crate) fn open_with(variables: &[&str], args: &[&str], wide: u32, high: u32) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            // Not by a macro, whose words the test harness would keep to itself.
            let words = b"SKIPPED: there is no tmux here, so nobody tried the client as a person would\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { socket: format!("parlance-{}-{count}", std::process::id()) };
        let client = [&["env"], variables, &[env!("CARGO_BIN_EXE_client")], args].concat();
        let client: Vec<String> = client.iter().map(|word| format!("'{word}'")).collect();
        // A program of the shell's own keeps the terminal open, so that its last state can be seen.
        let modes = "stty -a | tr ' ' '\\n' | grep -xE -e '-?(icanon|echo)' | tr '\\n' ' '";
        let script = format!("{}; echo \"exit $?\"; {modes}; read -r REPLY", client.join(" "));
        let (wide, high) = (wide.to_string(), high.to_string());
        let session = ["new-session", "-d", "-s", "one", "-x", &wide, "-y", &high, &script];
        let output = terminal.tmux(&session);
        assert!(output.status.success(), "{output:?}");
        Some(terminal)
    }

    /// Types text.
    pub(crate) fn types(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-t", "one", "-l", text]).status.success());
    }

    /// Presses keys by the names that tmux has for them.
    pub(crate) fn press(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys", "-t", "one"], keys].concat()).status.success());
    }

    pub(crate) fn resize(&self, wide: u32, high: u32) {
        let (wide, high) = (wide.to_string(), high.to_string());
        let resized = self.tmux(&["resize-window", "-t", "one", "-x", &wide, "-y", &high]);
        assert!(resized.status.success());
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        let captured = self.tmux(&["capture-pane", "-p", "-t", "one"]);
        String::from_utf8(captured.stdout).unwrap()
    }

    /// The same with the rows joined again that the terminal itself has broken, as it does for a selection.
    pub(crate) fn joined(&self) -> String {
        let captured = self.tmux(&["capture-pane", "-p", "-J", "-t", "one"]);
        String::from_utf8(captured.stdout).unwrap()
    }

    /// Whether the program has the mouse.
    pub(crate) fn has_mouse(&self) -> bool {
        let shown = self.tmux(&["display-message", "-p", "-t", "one", "#{mouse_any_flag}"]);
        shown.stdout.starts_with(b"1")
    }

    /// Whether the program has the alternate screen.
    pub(crate) fn is_alternate(&self) -> bool {
        let shown = self.tmux(&["display-message", "-p", "-t", "one", "#{alternate_on}"]);
        shown.stdout.starts_with(b"1")
    }

    /// The process that runs in it.
    pub(crate) fn client(&self) -> String {
        let shown = self.tmux(&["display-message", "-p", "-t", "one", "#{pane_pid}"]);
        let shell = String::from_utf8(shown.stdout).unwrap();
        let children = Command::new("pgrep").args(["-P", shell.trim()]).output().unwrap();
        String::from_utf8(children.stdout).unwrap().trim().to_owned()
    }

    /// Waits until the screen is as wanted, and gives it.
    pub(crate) fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..LOOKS {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            std::thread::sleep(BETWEEN);
        }
        panic!("the screen did not become what was wanted:\n{}", self.screen());
    }

    /// Waits until the screen shows a text.
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(|screen| screen.contains(text))
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.socket, "-f", "/dev/null"])
            .args(args)
            .env_clear()
            .envs([("USER", "alice"), ("TZ", "UTC"), ("LANG", "C.UTF-8"), ("TERM", "xterm-256color")])
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
