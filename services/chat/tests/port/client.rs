//! Line clients with patience.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// How long a test waits for what must come. Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines of [`Client::say_much`], 400 kB in all.
pub(crate) const MUCH: u64 = 100;

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// One end of a connection.
pub(crate) struct Client {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::over(within("a connection", TcpStream::connect(addr)).await.unwrap())
    }

    /// A client whose kernel takes little before its reader does.
    pub(crate) async fn narrow(addr: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(128 * 1024).unwrap();
        socket.connect(&addr.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self::over(TcpStream::from_std(socket.into()).unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        // What is sent apart goes apart.
        stream.set_nodelay(true).unwrap();
        let (read, write) = stream.into_split();
        Client { read: BufReader::new(read), write }
    }

    /// Sends a line.
    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes()).await;
    }

    /// Sends an object.
    pub(crate) async fn tell(&mut self, object: Value) {
        self.send(&object.to_string()).await;
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        within("a peer that reads", self.write.write_all(bytes)).await.unwrap();
    }

    /// Sends bytes to somebody who may have stopped listening; false when they have.
    pub(crate) async fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        within("a peer that reads", self.write.write_all(bytes)).await.is_ok()
    }

    /// Sends a byte now and then until the server closes; all that it said until then.
    pub(crate) async fn trickle(&mut self, byte: u8) -> String {
        let Client { read, write } = self;
        let mut said = String::new();
        let sending = async {
            while write.write_all(&[byte]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = within("the end", read.read_to_string(&mut said)) => ended.unwrap(),
            () = sending => unreachable!("it sends until the end"),
        };
        said
    }

    /// Sends bytes, and meanwhile reads so many lines.
    pub(crate) async fn exchange(&mut self, bytes: &[u8], count: usize) -> Vec<String> {
        let Client { read, write } = self;
        let reading = async {
            let mut lines = Vec::new();
            while lines.len() < count {
                let mut line = String::new();
                within("a line", read.read_line(&mut line)).await.unwrap();
                lines.push(line);
            }
            lines
        };
        let (sent, lines) = tokio::join!(write.write_all(bytes), reading);
        sent.unwrap();
        lines
    }

    /// Everything up to the end of the stream.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        within("the end", self.read.read_to_string(&mut rest)).await.unwrap();
        rest
    }

    /// Ends one's own side.
    pub(crate) async fn finish(&mut self) {
        self.write.shutdown().await.unwrap();
    }

    /// Goes away without an orderly end.
    pub(crate) fn reset(self) {
        let stream = self.read.into_inner().reunite(self.write).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// The next line without its end; `None` when the server has closed in good order.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = within("a line", self.read.read_line(&mut line)).await.unwrap();
        if read == 0 {
            return None;
        }
        Some(line.strip_suffix('\n').unwrap_or_else(|| panic!("{line:?} has no end")).to_owned())
    }

    /// The next line.
    pub(crate) async fn line(&mut self) -> String {
        self.next().await.expect("a line, but the stream has ended")
    }

    /// The next line must be this.
    pub(crate) async fn expect(&mut self, wanted: &str) {
        assert_eq!(self.line().await, wanted);
    }

    /// The next line must be an error of this code, with words for people.
    pub(crate) async fn expect_error(&mut self, code: &str) {
        self.expect_error_because(code, "").await;
    }

    /// The same; a failed test says why it should have been.
    pub(crate) async fn expect_error_because(&mut self, code: &str, why: &str) {
        let line = self.line().await;
        let words = line.strip_prefix(&format!("ERROR:{code} "));
        assert!(words.is_some_and(|words| !words.is_empty()), "{line:?} is no {code}; {why}");
    }

    /// The next line must be this object; moments are checked and left out.
    pub(crate) async fn expect_object(&mut self, wanted: Value) {
        assert_eq!(self.object().await, wanted);
    }

    /// The next line must be an error object of this code and key.
    pub(crate) async fn expect_refusal(&mut self, code: &str, reference: Option<&str>) {
        self.expect_refusal_because(code, reference, "").await;
    }

    /// The same; a failed test says why it should have been.
    pub(crate) async fn expect_refusal_because(&mut self, code: &str, reference: Option<&str>, why: &str) {
        let object = self.object().await;
        let shown = [&object["type"], &object["code"], &object["ref"]];
        assert_eq!(shown, [&json!("error"), &json!(code), &json!(reference)], "{object}; {why}");
        assert!(object["message"].as_str().is_some_and(|words| !words.is_empty()), "{object}; {why}");
    }

    /// The server must have nothing more to say than the end of the stream.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.next().await, None);
    }

    /// The next line as an object, without its moments, which are checked.
    pub(crate) async fn object(&mut self) -> Value {
        let line = self.line().await;
        assert!(line.starts_with('{'), "{line:?} is no object");
        let mut object: Value = serde_json::from_str(&line).unwrap();
        drop_moments(&mut object);
        object
    }

    /// Skips objects up to the next of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let object = self.object().await;
            if object["type"] == kind {
                return object;
            }
        }
    }

    /// Sends an object and returns the next one that comes.
    pub(crate) async fn ask(&mut self, object: Value) -> Value {
        self.tell(object).await;
        self.object().await
    }

    /// Says something as a program, and returns the id it got.
    pub(crate) async fn say(&mut self, room: &str, text: &str) -> u64 {
        self.tell(json!({"type": "say", "room": room, "text": text})).await;
        self.until("ack").await["id"].as_u64().unwrap()
    }

    /// Says [`MUCH`] long lines as a program.
    pub(crate) async fn say_much(&mut self, room: &str) {
        let say = json!({"type": "say", "room": room, "text": "x".repeat(3_900)}).to_string() + "\n";
        self.send_bytes(say.repeat(MUCH as usize).as_bytes()).await;
        for _ in 0..MUCH {
            self.until("ack").await;
        }
    }

    /// Waits, in text mode, until all that was sent has been answered; the lines until then.
    pub(crate) async fn settle(&mut self) -> Vec<String> {
        self.send("/who").await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line.starts_with("INFO:") && line.contains(": ") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Leaves, in text mode.
    pub(crate) async fn quit(mut self) {
        self.send("/quit").await;
        while self.next().await.is_some() {}
    }
}

/// Takes `at` out of an object and the messages in it, once it is RFC 3339 in UTC with milliseconds.
fn drop_moments(object: &mut Value) {
    if let Some(at) = object.as_object_mut().unwrap().remove("at") {
        let at = at.as_str().unwrap();
        let shape: String = at.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{at}");
    }
    if let Some(messages) = object.get_mut("messages").and_then(Value::as_array_mut) {
        messages.iter_mut().for_each(drop_moments);
    }
}

/// A message as a program gets it live.
pub(crate) fn message(room: &str, id: u64, from: &str, text: &str) -> Value {
    json!({"type": "message", "room": room, "id": id, "from": from, "text": text})
}

/// A message as a program gets it out of the past.
pub(crate) fn replayed(room: &str, id: u64, from: &str, text: &str) -> Value {
    json!({"type": "message", "room": room, "id": id, "from": from, "text": text, "replay": true})
}

/// A message as it stands in an answer.
pub(crate) fn kept(room: &str, id: u64, from: &str, text: &str) -> Value {
    json!({"room": room, "id": id, "from": from, "text": text})
}
