//! The core against a registry played by hand, on a clock moved by hand.

mod connection;
mod copy;
mod names;

use engine::names::RoomName;
use serde_json::{Value, json};
use tokio::sync::oneshot::error::TryRecvError;

use super::*;

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

/// A core and the clock.
struct Play {
    core: Core,
    now: Instant,
}

impl Play {
    fn begin() -> Self {
        let label = |written: &str| Label::parse(written).unwrap();
        let me = Me { service: label("chat"), instance: label("chat-1"), addr: label("chat:9001") };
        Play { core: Core::new(me), now: Instant::now() }
    }

    /// One that is known under lease 17, with everything said and answered.
    fn known() -> Self {
        let mut play = Play::begin();
        play.core.connected(play.now);
        assert_eq!(play.ops(), ["register"]);
        play.registered(17);
        assert_eq!(play.ops(), ["keepalive"]);
        play.ok();
        play
    }

    /// What was said since the last look.
    fn said(&mut self) -> Vec<Value> {
        let out = std::mem::take(&mut self.core.out);
        out.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn ops(&mut self) -> Vec<String> {
        self.said().iter().map(|request| request["op"].as_str().unwrap().to_owned()).collect()
    }

    /// The rooms that were said of somebody since the last look; nothing else was.
    fn rooms_of(&mut self, name: &str) -> Vec<String> {
        let room = |said: &Value| {
            assert_eq!((&said["op"], &said["user"]), (&json!("join"), &json!(name)));
            said["room"].as_str().unwrap().to_owned()
        };
        self.said().iter().map(room).collect()
    }

    fn hear(&mut self, line: Value) {
        self.core.line(&line.to_string(), self.now).unwrap();
    }

    fn ok(&mut self) {
        self.hear(json!({"ok": true, "rev": 1}));
    }

    fn registered(&mut self, lease: u64) {
        self.hear(json!({"ok": true, "lease": lease, "ttl_ms": 10_000, "epoch": "e", "rev": 1}));
    }

    fn refused(&mut self, code: &str) {
        self.hear(json!({"ok": false, "code": code, "message": "no"}));
    }

    fn tell(&mut self, command: Command) {
        self.core.command(command, self.now);
    }

    fn claim(&mut self, name: &str) -> oneshot::Receiver<Claim> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Claim { user: user(name), room: Some(RoomName::lobby()), answer });
        answered
    }

    fn rename(&mut self, name: &str, to: &str) -> oneshot::Receiver<Claim> {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Rename { user: user(name), to: user(to), answer });
        answered
    }

    fn pass(&mut self, ms: u64) -> Result<(), Broken> {
        self.now += Duration::from_millis(ms);
        self.core.tick(self.now)
    }
}
