//! A server that plays what a test writes, and the client run against it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

/// One connection, from the server's side.
pub(crate) struct Peer {
    from: BufReader<TcpStream>,
    to: TcpStream,
}

impl Peer {
    /// The other side of a connection that was accepted.
    pub(crate) fn of(stream: TcpStream) -> Self {
        Peer { from: BufReader::new(stream.try_clone().unwrap()), to: stream }
    }

    /// The next line without its end; empty at the end of the stream.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next line as JSON.
    pub(crate) fn object(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// So many raw bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.from.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Everything to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.from.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Waits for the end, which is one in order or an error.
    pub(crate) fn end(&mut self) -> std::io::Result<usize> {
        self.from.read(&mut [0])
    }

    /// Sends these bytes. A client that has left already is none of the server's business.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.to.write_all(bytes.as_ref());
    }

    /// Ends the connection in order.
    pub(crate) fn close(self) {
        let _ = self.to.shutdown(Shutdown::Both);
    }

    /// The greeting of chat up to an empty lobby; the answer is the hello.
    pub(crate) fn welcome(&mut self, last_id: u64) -> serde_json::Value {
        self.say("USERNAME:\n");
        let hello = self.object();
        let user = hello["user"].as_str().unwrap();
        self.say(format!(
            "{{\"type\":\"welcome\",\"user\":\"{user}\",\"server\":\"chat-1\",\"version\":\"0\",\"session\":\"s\"}}\n\
             {{\"type\":\"room\",\"room\":\"lobby\",\"members\":[\"bob\"],\"last_id\":{last_id},\"gap\":false}}\n"
        ));
        hello
    }

    /// The next line that somebody says; what a screen asks beside that stays without an answer.
    pub(crate) fn said(&mut self) -> serde_json::Value {
        loop {
            let object = self.object();
            if object["type"] == "say" {
                return object;
            }
        }
    }

    /// Acks what a client said.
    pub(crate) fn ack(&mut self, said: &serde_json::Value, id: u64) {
        self.say(format!(
            "{{\"type\":\"ack\",\"ref\":{},\"room\":\"lobby\",\"id\":{id},\"at\":\"{AT}\"}}\n",
            said["ref"]
        ));
    }

    /// Somebody said something in the lobby; it comes as a repetition, for it is of another day.
    pub(crate) fn message(&mut self, id: u64, from: &str, text: &str) {
        let text = serde_json::Value::from(text);
        self.say(format!(
            "{{\"type\":\"message\",\"room\":\"lobby\",\"id\":{id},\"from\":\"{from}\",\"text\":{text},\"at\":\"{AT}\",\"replay\":true}}\n"
        ));
    }
}

/// The moment at which everything happens in these tests.
pub(crate) const AT: &str = "2026-11-22T08:30:00.000Z";

/// Serves each connection with the script in its place, one after the other. The answer is the address;
/// the handle ends with the last script, and panics as a script did.
pub(crate) fn serve(scripts: Vec<fn(Peer)>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let playing = std::thread::spawn(move || {
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            script(Peer::of(stream));
        }
    });
    (address, playing)
}

/// The client, with nothing of this machine's settings. It waits for an answer far longer than any machine
/// needs, unless a test says how long.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    if !args.contains(&"--timeout") {
        command.args(["--timeout", "10m"]);
    }
    command.args(args).env_clear().envs([("USER", "alice"), ("TZ", "UTC")]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the client.
pub(crate) fn start(args: &[&str]) -> Child {
    command(args).spawn().unwrap()
}

/// Runs the client to its end.
pub(crate) fn client(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = start(args);
    // A client that does not read its input is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// Runs the client and expects this exit code; the answers are its output and its errors.
pub(crate) fn expect(code: i32, args: &[&str], stdin: &[u8]) -> (String, String) {
    let output = client(args, stdin);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

/// A port at which nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Sends what Ctrl-C sends.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

/// Sends a signal by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}
