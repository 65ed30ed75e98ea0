//! A terminal as a person has one, for tests: in tmux, with keys to type and a screen to look at.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

use std::env;
use std::io::{self, Write};
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How often the screen is looked at before the test gives up: far longer than any machine needs.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(50);

/// A terminal of its own, which ends with the test.
#[derive(Debug)]
pub struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs a script of the shell in a terminal of so many columns and rows, which stays when the script ends.
    /// The environment is alice's, in UTC. `None`, and loudly so, where there is no tmux.
    ///
    /// # Panics
    /// When tmux does not start.
    pub fn open(script: &str, wide: u32, high: u32) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("tmux").arg("-V").output().is_err() {
            // Unlike what is printed, this is seen of a test that passes.
            let words = b"SKIPPED: there is no tmux here, so nobody looked at a screen as a person would\n";
            io::stderr().write_all(words).unwrap();
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { socket: format!("parlance-{}-{count}", process::id()) };
        let (wide, high) = (wide.to_string(), high.to_string());
        // Whoever reads keeps the terminal open, so that its last state can be seen.
        let script = format!("{script}; read -r REPLY");
        terminal.does(&["new-session", "-d", "-s", "one", "-x", &wide, "-y", &high, &script]);
        Some(terminal)
    }

    /// Types text.
    pub fn types(&self, text: &str) {
        self.does(&["send-keys", "-t", "one", "-l", text]);
    }

    /// Presses keys by the names that tmux has for them.
    pub fn press(&self, keys: &[&str]) {
        self.does(&[&["send-keys", "-t", "one"], keys].concat());
    }

    /// Gives it so many columns and rows.
    pub fn resize(&self, wide: u32, high: u32) {
        self.does(&["resize-window", "-t", "one", "-x", &wide.to_string(), "-y", &high.to_string()]);
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.does(&["capture-pane", "-p", "-t", "one"])
    }

    /// The same with the rows joined again that the terminal itself has broken, as it does for a selection.
    pub fn joined(&self) -> String {
        self.does(&["capture-pane", "-p", "-J", "-t", "one"])
    }

    /// What is on the screen, after what has scrolled out of it.
    pub fn scrolled(&self) -> String {
        self.does(&["capture-pane", "-p", "-S", "-", "-t", "one"])
    }

    /// Whether the program has the mouse.
    pub fn has_mouse(&self) -> bool {
        self.told("mouse_any_flag") == "1"
    }

    /// Whether the program has the alternate screen.
    pub fn is_alternate(&self) -> bool {
        self.told("alternate_on") == "1"
    }

    /// Whether there is a cursor to be seen.
    pub fn has_cursor(&self) -> bool {
        self.told("cursor_flag") == "1"
    }

    /// The number of the process that the script runs.
    pub fn process(&self) -> String {
        let children = Command::new("pgrep").args(["-P", &self.told("pane_pid")]).output().unwrap();
        String::from_utf8(children.stdout).unwrap().trim().to_owned()
    }

    /// Waits until the screen is as wanted, and gives it.
    ///
    /// # Panics
    /// When it does not become so.
    pub fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.until_in(Terminal::screen, wanted)
    }

    /// Waits until the screen shows a text, and gives it.
    pub fn shows(&self, text: &str) -> String {
        self.until(|screen| screen.contains(text))
    }

    /// Waits until a view, as [`Terminal::scrolled`] is one, is as wanted, and gives it.
    ///
    /// # Panics
    /// When it does not become so.
    pub fn until_in(&self, view: impl Fn(&Self) -> String, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..LOOKS {
            let seen = view(self);
            if wanted(&seen) {
                return seen;
            }
            sleep(BETWEEN);
        }
        panic!("the screen did not become what was wanted:\n{}", view(self));
    }

    /// The value of a format's variable.
    fn told(&self, variable: &str) -> String {
        let format = format!("#{{{variable}}}");
        self.does(&["display-message", "-p", "-t", "one", &format]).trim().to_owned()
    }

    /// What tmux says when it has done something.
    fn does(&self, args: &[&str]) -> String {
        let output = self.tmux(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn tmux(&self, args: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.socket, "-f", "/dev/null"])
            .args(args)
            .env_clear()
            .envs([("USER", "alice"), ("TZ", "UTC"), ("LANG", "C.UTF-8"), ("TERM", "xterm-256color")])
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .output()
            .unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
