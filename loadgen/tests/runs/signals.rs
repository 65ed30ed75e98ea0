//! A run at a terminal that Ctrl-Z stops, while it is shown and afterwards, and that Ctrl-C ends.

use std::env;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::task::spawn_blocking;

use crate::fake;
use crate::namespace::{self, UNSHARE};

/// How long the test waits for something before it gives up: far longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(20);

/// To the terminal's other screen, and back.
const TAKEN: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

/// The load tester at a terminal, which keeps what is written on it.
struct Session {
    loadgen: Child,
    written: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Session {
    /// A small run against this chat, which lingers at its end for longer than any test.
    fn start(chat: SocketAddr, duration: &str) -> Self {
        let args = format!(
            "chat --chat {chat} --clients 2 --rooms 1 --rate 10 --ramp 0s --warmup 0s --duration {duration} \
             --metrics-of none --allow-client-limited --metrics 127.0.0.1:0 --linger 10m"
        );
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::from(open(theirs, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.args(args.split_whitespace()).env("TERM", "xterm").stdin(Stdio::null());
        // As a shell with job control starts it.
        command.process_group(0);
        let loadgen = command.stdout(theirs.try_clone().unwrap()).stderr(theirs).spawn().unwrap();
        let (tell, written) = mpsc::channel();
        thread::spawn(move || {
            let (mut terminal, mut piece) = (File::from(ours), [0; 4096]);
            while let Ok(read @ 1..) = terminal.read(&mut piece) {
                // A test that has failed listens no more.
                let _ = tell.send(piece[..read].to_vec());
            }
        });
        Session { loadgen, written, text: String::new() }
    }

    /// Waits until something is written, and forgets all up to its end; what was written before it.
    fn until(&mut self, wanted: &str) -> String {
        while !self.text.contains(wanted) {
            let piece = self.written.recv_timeout(PATIENCE);
            let piece = piece.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.text));
            self.text += &String::from_utf8_lossy(&piece);
        }
        let text = std::mem::take(&mut self.text);
        let (before, after) = text.split_once(wanted).unwrap();
        after.clone_into(&mut self.text);
        before.to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Does what a terminal does at Ctrl-Z, and waits until the process is stopped.
    fn suspend(&mut self) {
        self.signal(Signal::TSTP);
        let looks = PATIENCE.div_duration_f64(BETWEEN) as u32;
        let is_stopped = (0..looks).any(|_| {
            thread::sleep(BETWEEN);
            self.is_stopped()
        });
        assert!(is_stopped, "Ctrl-Z did nothing");
    }

    /// Whether it has stopped since this was last asked. That it has ended instead is an error that tells how.
    fn is_stopped(&mut self) -> bool {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        waitid(WaitId::Pid(self.pid()), options).map(|found| found.is_some()).unwrap_or_else(|why| {
            let end = self.loadgen.wait();
            let words: Vec<u8> = self.written.iter().flatten().collect();
            panic!("{why}: {end:?}\nafter {:?}{:?}", self.text, String::from_utf8_lossy(&words))
        })
    }

    /// Waits until it has ended; the exit code, when it did so by itself.
    fn end(&mut self) -> Option<i32> {
        loop {
            match self.written.recv_timeout(PATIENCE) {
                Ok(_) => {}
                // Nobody is left at the terminal.
                Err(RecvTimeoutError::Disconnected) => return self.loadgen.wait().unwrap().code(),
                Err(RecvTimeoutError::Timeout) => panic!("it goes on"),
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.loadgen)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.loadgen.kill();
        let _ = self.loadgen.wait();
    }
}

/// Does this while a chat serves.
async fn beside_a_chat(act: fn(SocketAddr)) {
    let (chat, _) = fake::chat(&[]).await;
    spawn_blocking(move || act(chat)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_z_stops_a_run_at_every_moment() {
    beside_a_chat(suspend_again_and_again).await;
}

fn suspend_again_and_again(chat: SocketAddr) {
    let mut session = Session::start(chat, "8s");
    session.until("steady");
    session.suspend();
    session.until(GIVEN_BACK);
    session.signal(Signal::CONT);
    session.until(TAKEN);
    session.until("steady");
    session.until(GIVEN_BACK);
    session.until("; exit ");
    session.suspend();
    session.signal(Signal::CONT);
    session.suspend();
}

/// In a process namespace whose session began outside of it, as a sandbox makes one, Ctrl-Z did nothing and the run
/// ended a second later.
#[test]
fn ctrl_z_stops_a_run_in_a_session_of_another_namespace() {
    let name = "signals::ctrl_z_stops_a_run_at_every_moment";
    if !namespace::is_to_be_had() {
        return;
    }
    let own = env::current_exe().unwrap();
    let script = format!("{UNSHARE} \"$0\" --exact \"$1\" --nocapture");
    let ran = Command::new("sh").args(["-c", &script, own.to_str().unwrap(), name]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(said.contains(" 1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

/// One alone did nothing then.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_wait_for_a_last_scrape() {
    beside_a_chat(interrupt_the_wait).await;
}

fn interrupt_the_wait(chat: SocketAddr) {
    let mut session = Session::start(chat, "200ms");
    session.until("; exit 0");
    session.signal(Signal::INT);
    assert_eq!(session.end(), Some(0), "the run itself had ended well");
}

/// What a run came to that was cut short is there to be scraped, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ctrl_c_ends_waits_for_its_last_scrape() {
    beside_a_chat(interrupt_the_run).await;
}

fn interrupt_the_run(chat: SocketAddr) {
    let mut session = Session::start(chat, "10m");
    session.until("metrics at http://");
    let at = session.until("/metrics");
    session.until("steady");
    session.signal(Signal::INT);
    session.until("interrupted; exit 130");
    let mut scrape = TcpStream::connect(at).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(session.end(), Some(130));
    let mut told = String::new();
    scrape.read_to_string(&mut told).unwrap();
    assert!(told.contains("loadgen_messages_sent_total"), "{told}");
}
