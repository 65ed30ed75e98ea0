//! A service of one's own, as the registry sees it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::lines::Lines;

/// A session with the registry.
pub struct Session(pub Lines);

impl Session {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> Self {
        Session(Lines::connect(addr).await)
    }

    /// Asks and returns the answer.
    ///
    /// # Panics
    /// When it is not JSON.
    pub async fn ask(&mut self, request: &Value) -> Value {
        self.0.send(&request.to_string()).await;
        let line = self.0.line().await;
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request}: {line}"))
    }

    /// Registers as an instance of a service and returns the lease.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn register(&mut self, service: &str, instance: &str) -> u64 {
        let request = json!({"op": "register", "service": service, "instance": instance, "addr": "here:1"});
        let granted = self.ask(&request).await;
        granted["lease"].as_u64().unwrap_or_else(|| panic!("{granted}"))
    }
}
