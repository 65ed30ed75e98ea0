//! Somebody who moves files.

use std::net::SocketAddr;

use crate::lines::Lines;

/// A connection to the file service.
pub struct Courier(pub Lines);

impl Courier {
    /// Connects.
    pub async fn new(addr: SocketAddr) -> Self {
        Courier(Lines::connect(addr).await)
    }

    /// Sends a request line and returns the first line of the answer.
    pub async fn ask(&mut self, request: &str) -> String {
        self.0.send(request).await;
        self.0.line().await
    }

    /// Uploads and returns the answer.
    pub async fn upload(&mut self, name: &str, bytes: &[u8]) -> String {
        self.0.send(&format!("UPLOAD {} {name}", bytes.len())).await;
        self.0.send_bytes(bytes).await;
        self.0.line().await
    }

    /// Downloads a file.
    ///
    /// # Panics
    /// When there is none of that name.
    pub async fn download(&mut self, name: &str) -> Vec<u8> {
        let head = self.ask(&format!("DOWNLOAD {name}")).await;
        let size = head.strip_prefix("FILE ").and_then(|rest| rest.split(' ').next());
        let size = size.and_then(|size| size.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        self.0.bytes(size).await
    }

    /// The lines of `LIST`.
    ///
    /// # Panics
    /// When the answer is none.
    pub async fn list(&mut self) -> Vec<String> {
        let head = self.ask("LIST").await;
        let count = head.strip_prefix("LIST ").and_then(|count| count.parse().ok());
        let count: usize = count.unwrap_or_else(|| panic!("{head}"));
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            lines.push(self.0.line().await);
        }
        lines
    }
}
