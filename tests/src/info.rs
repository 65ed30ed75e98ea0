//! Somebody who asks info.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::UdpSocket;

use crate::patiently;

/// A socket of one's own, towards one service.
pub struct Asker(UdpSocket);

impl Asker {
    /// Opens it.
    ///
    /// # Panics
    /// When it can't be had.
    pub async fn new(addr: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        socket.connect(addr).await.expect("an address of this machine");
        Asker(socket)
    }

    /// Asks and returns the answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn ask(&self, question: &str) -> String {
        self.0.send(question.as_bytes()).await.expect("a datagram that fits");
        let mut reply = [0; wire::info::MAX_REPLY];
        let len = patiently(question, self.0.recv(&mut reply)).await.expect("an answer");
        String::from_utf8(reply[..len].to_vec()).expect("an answer in UTF-8")
    }

    /// Asks for what is answered in JSON.
    ///
    /// # Panics
    /// When the answer is not.
    pub async fn json(&self, question: &str) -> Value {
        let answer = self.ask(question).await;
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{question}: {answer}"))
    }

    /// Every user's name, from all pages.
    ///
    /// # Panics
    /// When an answer is none of `USERS`.
    pub async fn users(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut question = "USERS".to_owned();
        loop {
            let page = self.json(&question).await;
            let users = page["users"].as_array().unwrap_or_else(|| panic!("{page}"));
            names.extend(users.iter().filter_map(|name| name.as_str().map(str::to_owned)));
            match page["next"].as_str() {
                Some(next) => question = format!("USERS AFTER {next}"),
                None => return names,
            }
        }
    }
}
