//! People and programs in chat.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::lines::Lines;

/// Somebody in text mode.
pub struct Person(pub Lines);

impl Person {
    /// Enters the lobby; returns when the room knows it.
    pub async fn enter(addr: SocketAddr, name: &str) -> Self {
        let mut person = Person(Lines::connect(addr).await);
        person.0.until(|line| line == "USERNAME:").await;
        person.0.send(name).await;
        person.ask("/who", "INFO:").await;
        person
    }

    /// Says a line to the room.
    pub async fn say(&mut self, line: &str) {
        self.0.send(line).await;
    }

    /// Sends a command and returns the first line that begins as its answer does.
    pub async fn ask(&mut self, command: &str, answer: &str) -> String {
        self.0.send(command).await;
        self.0.until(|line| line.starts_with(answer)).await
    }

    /// Waits for a line.
    pub async fn hear(&mut self, wanted: &str) {
        self.0.until(|line| line == wanted).await;
    }

    /// Leaves in good order.
    pub async fn quit(mut self) {
        self.0.send("/quit").await;
        while self.0.next().await.is_some() {}
    }
}

/// A program in JSON mode.
pub struct Program(pub Lines);

impl Program {
    /// Says hello and returns when it is in all the rooms.
    pub async fn enter(addr: SocketAddr, user: &str, rooms: &[&str]) -> Self {
        let mut program = Program(Lines::connect(addr).await);
        let rooms_wanted: Vec<Value> = rooms.iter().map(|room| json!({"room": room})).collect();
        program.send(&json!({"type": "hello", "user": user, "rooms": rooms_wanted, "client": "tests"})).await;
        program.until("welcome").await;
        for _ in rooms {
            program.until("room").await;
        }
        program
    }

    /// Sends an object.
    pub async fn send(&mut self, object: &Value) {
        self.0.send(&object.to_string()).await;
    }

    /// The next object of a type; others are skipped, and so is what is no object.
    ///
    /// # Panics
    /// When the stream ends first.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let line = self.0.line().await;
            let object: Value = serde_json::from_str(&line).unwrap_or_default();
            if object["type"] == kind {
                return object;
            }
        }
    }

    /// Says something and returns the ack.
    pub async fn say(&mut self, room: &str, text: &str) -> Value {
        self.send(&json!({"type": "say", "room": room, "text": text})).await;
        self.until("ack").await
    }
}
