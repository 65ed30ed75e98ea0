//! A running binary, and a client that waits for it without a runtime.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};
use socket2::SockRef;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary with these flags, and an environment that has none.
pub(crate) fn chat(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
    command.args(args).env_clear();
    command
}

/// Flags to serve this folder on free ports.
pub(crate) fn serving(data: &Path) -> [&str; 8] {
    let data = data.to_str().unwrap();
    ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry", "none", "--data", data]
}

/// Runs it to its end.
pub(crate) fn output(args: &[&str]) -> Output {
    chat(args).output().unwrap()
}

/// Runs it on free ports to its end, which must be the exit code 2 and one line that names the flag.
pub(crate) fn refused(flag: &str, args: &[&str]) -> String {
    let usual = ["--admin", "127.0.0.1:0", "--registry", "none", "--log", "error"];
    let mut command = chat(&[&usual, args].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
    }
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{args:?}: {line}{said}");
    let is_one_line = said.starts_with("error: ") && said.lines().count() == 1;
    assert!(is_one_line && said.contains(flag), "{flag} is not named by: {said}");
    said
}

/// A running binary; it does not outlive its test.
pub(crate) struct Process {
    child: Child,
    /// Held open, so that printing stays possible.
    _said: BufReader<ChildStdout>,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Process {
    /// Starts it on free ports and this folder, and waits until it listens.
    pub(crate) fn start(data: &Path, args: &[&str]) -> Self {
        Self::run(&mut chat(&[&serving(data), args].concat()))
    }

    /// Runs a command that becomes it, and waits until it listens.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening service=chat addr="), "{line}");
        let field = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap();
        let (addr, admin) = (field("addr=").parse().unwrap(), field("admin=").parse().unwrap());
        Process { child, _said: said, addr, admin }
    }

    /// The same, with its log to be read.
    pub(crate) fn start_logging(data: &Path, args: &[&str]) -> (Self, BufReader<ChildStderr>) {
        let mut process = Self::run(chat(&[&serving(data), args].concat()).stderr(Stdio::piped()));
        let log = process.child.stderr.take().unwrap();
        (process, BufReader::new(log))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal, without waiting for what follows.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Leaves it so many descriptors beside those that it has.
    pub(crate) fn spare_descriptors(&self, count: u64) {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count() as u64;
        let limit = Some(open + count);
        prlimit(Some(self.pid()), Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    }

    /// How often it has a file of this name open.
    pub(crate) fn open_files(&self, name: &str) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = open.filter_map(|entry| entry.unwrap().path().read_link().ok());
        links.filter(|link| link.ends_with(name)).count()
    }

    /// Waits for its end and returns the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Asks it to end again and again, and returns the exit code.
    pub(crate) fn signal_until_ended(&mut self) -> Option<i32> {
        loop {
            self.terminate();
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
        }
    }

    /// Ends it as a power button would end a process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The value of one sample.
    pub(crate) fn metric(&self, sample: &str) -> f64 {
        let mut client = Client::connect(self.admin).unwrap();
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r").unwrap();
        while let Some(line) = client.next().unwrap() {
            if let Some(value) = line.strip_prefix(sample).and_then(|rest| rest.strip_prefix(' ')) {
                return value.parse().unwrap();
            }
        }
        panic!("{sample} is not exported")
    }

    /// Waits until a sample is as wanted.
    pub(crate) fn metric_is(&self, sample: &str, wanted: impl Fn(f64) -> bool) {
        let began = Instant::now();
        loop {
            let now = self.metric(sample);
            if wanted(now) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{sample} stays {now}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One end of a connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client(BufReader::new(stream)))
    }

    /// A program in the lobby with this wish for its past; the answer is also what the room is.
    pub(crate) fn program(addr: SocketAddr, user: &str, wish: Value) -> io::Result<(Self, Value)> {
        let mut entry = wish;
        entry["room"] = "lobby".into();
        Self::enter(addr, user, entry)
    }

    /// A program in one room; the answer is also what the room is. A name that is refused is an error.
    pub(crate) fn enter(addr: SocketAddr, user: &str, entry: Value) -> io::Result<(Self, Value)> {
        let mut client = Client::connect(addr)?;
        client.send(&json!({"type": "hello", "user": user, "rooms": [entry]}).to_string())?;
        loop {
            let object = client.object()?;
            match object["type"].as_str() {
                Some("room") => return Ok((client, object)),
                Some("error") => return Err(io::Error::other(object.to_string())),
                _ => {}
            }
        }
    }

    pub(crate) fn send(&mut self, line: &str) -> io::Result<()> {
        self.send_bytes(format!("{line}\n").as_bytes())
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Reads some bytes; none at the end of the stream.
    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }

    /// Goes away without an orderly end.
    pub(crate) fn reset(self) {
        SockRef::from(self.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// The next whole line; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.strip_suffix('\n').map(str::to_owned))
    }

    /// The next line, which must come.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        self.next()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The next object; what is for people is skipped.
    pub(crate) fn object(&mut self) -> io::Result<Value> {
        loop {
            let line = self.line()?;
            if line.starts_with('{') {
                return Ok(serde_json::from_str(&line)?);
            }
        }
    }

    /// Skips objects up to the next of this type.
    pub(crate) fn until(&mut self, kind: &str) -> io::Result<Value> {
        loop {
            let object = self.object()?;
            if object["type"] == kind {
                return Ok(object);
            }
        }
    }
}
