//! The real client while the services behind it stand still, die and come back: nothing is lost, nothing
//! is said or shown twice.
//!
//! `cargo test` lets chat stand still for as long as it takes to type a line. By hand it is as many seconds
//! as wanted, and more than the client waits for an answer:
//!
//!     PARLANCE_PAUSE=35 cargo test -p tests --test client

use std::env;
use std::fs::{File, read_to_string};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tests::process::Process;
use tests::{admin, binaries, eventually};

/// Between two looks into a file.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A client that runs beside the test, with what it prints in files. It does not outlive its test.
struct Client {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Client {
    fn start(folder: &Path, name: &str, args: &[&str]) -> Self {
        let (out, err) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let file = |path| File::create(path).expect("a file in a folder of its own");
        let mut command = Command::new(binaries::path("client"));
        command.args(args).stdin(Stdio::piped()).stdout(file(&out)).stderr(file(&err));
        Client { child: command.spawn().expect("a binary that runs"), out, err }
    }

    fn says(&mut self, line: &str) {
        let typed = self.child.stdin.as_mut().expect("a pipe was asked for");
        typed.write_all(format!("{line}\n").as_bytes()).expect("a client that reads");
    }

    /// The messages that were heard, as the objects that they came in.
    fn heard(&self) -> Vec<Value> {
        let out = read_to_string(&self.out).expect("a file of ours");
        let whole = out.rfind('\n').map_or("", |end| &out[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    }

    async fn hears(&self, text: &str) {
        let last = async || {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            (self.heard().last().map(|message| message["text"].clone()), self.notes())
        };
        eventually("a line", last, |(last, _)| last.as_ref().is_some_and(|last| last == text)).await;
    }

    /// How often it has told that the connection was lost.
    fn losses(&self) -> usize {
        self.notes().matches("the connection is lost").count()
    }

    /// What it said beside that: of connections that were lost and made again.
    fn notes(&self) -> String {
        read_to_string(&self.err).expect("a file of ours")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pause() -> Duration {
    let asked = env::var("PARLANCE_PAUSE").ok();
    Duration::from_secs(asked.map_or(0, |seconds| seconds.parse().expect("PARLANCE_PAUSE is seconds")))
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_is_doubled_whatever_ends_behind_a_client() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let registry = Process::start("registry", &[]).await;
    let registry_at = registry.place("registry").addr.to_string();
    let data = folder.path().join("chat").display().to_string();
    let flags = ["--registry", &registry_at, "--data", &data];
    let chat = Process::start("chat", &flags).await;
    let chat_at = chat.place("chat").addr.to_string();
    let client = |name, args: &[&str]| {
        Client::start(folder.path(), name, &[&["--chat", &chat_at, "--user", name], args].concat())
    };
    let bob = client("bob", &["tail", "lobby", "-n", "0", "--json"]);
    let mut alice = client("alice", &["chat"]);
    let users = async || admin::metric(chat.place("chat").admin, "chat_users").await;
    eventually("both", users, |users| *users == 2.0).await;
    // What they hear shows that they know it, too.
    alice.says("said before anything happens");
    bob.hears("said before anything happens").await;

    chat.signal(Signal::STOP);
    alice.says("said while chat stands still");
    tokio::time::sleep(pause()).await;
    chat.signal(Signal::CONT);
    bob.hears("said while chat stands still").await;

    let lost = (alice.losses(), bob.losses());
    registry.signal(Signal::KILL);
    registry.ended().await;
    alice.says("said without a registry");
    bob.hears("said without a registry").await;
    let registry = Process::start_at("registry", &registry_at, &[]).await;
    let known = async || admin::metric(registry.place("registry").admin, "registry_users").await;
    eventually("both in the registry", known, |users| *users == 2.0).await;
    alice.says("said to a new registry");
    bob.hears("said to a new registry").await;
    assert_eq!((alice.losses(), bob.losses()), lost, "nobody notices that the registry is another");

    chat.signal(Signal::KILL);
    chat.ended().await;
    alice.says("said to nobody, for chat is gone");
    let chat = Process::start_at("chat", &chat_at, &flags).await;
    bob.hears("said to nobody, for chat is gone").await;
    alice.says("said to a new chat");
    bob.hears("said to a new chat").await;
    assert!(bob.notes().contains("connected again"), "{}", bob.notes());

    let heard = bob.heard();
    let texts: Vec<&str> = heard.iter().filter_map(|message| message["text"].as_str()).collect();
    let said = [
        "said before anything happens",
        "said while chat stands still",
        "said without a registry",
        "said to a new registry",
        "said to nobody, for chat is gone",
        "said to a new chat",
    ];
    assert_eq!(texts, said);
    let ids: Vec<Option<u64>> = heard.iter().map(|message| message["id"].as_u64()).collect();
    assert!(
        ids.is_sorted_by(|one, next| next.zip(*one).is_some_and(|(next, one)| next == one + 1)),
        "{ids:?}"
    );
    drop((alice, bob));
    assert_eq!(chat.terminate().await, Some(0));
}
