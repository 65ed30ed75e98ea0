//! Sessions over a pipe of eight bytes, on a clock that runs when nothing else does.

use chassis::Life;
use engine::Timestamp;
use engine::info::{Gate, Limits, Picture, UsersMode};
use engine::names::UserName;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::info::Names;

use super::*;
use crate::SERVICE;

/// Smaller than any answer, so that everything comes and goes in pieces.
const PIPE: usize = 8;
const IDLE: Duration = Duration::from_secs(75);
const SLOW: Duration = Duration::from_secs(10);

/// A session with a trusted peer, and how to drain it.
struct Talk {
    peer: DuplexStream,
    session: JoinHandle<Ended>,
    drain: oneshot::Sender<()>,
}

impl Talk {
    /// Begins to talk about so many users.
    fn about(users: usize, mode: UsersMode) -> Self {
        let picture = Picture {
            users: (0..users).map(|n| UserName::parse(&format!("user{n:06}")).unwrap()).collect(),
            age: Some(Duration::ZERO),
            ..Picture::unseen()
        };
        let status = picture.status("0.1.0", Timestamp(0), Duration::ZERO);
        let answers = Answers::new(&picture, &status, Arc::new(Names::new(&picture, mode)));
        let gate = Gate::new(Limits::default(), [5; 32]);
        let life = Life::new(&SERVICE);
        let terms = Terms {
            answerer: Arc::new(Answerer::new("127.0.0.0/8".parse().unwrap(), 9002, gate)),
            answers: watch::channel(Arc::new(answers)).1,
            tally: Tally::new(&life.metrics),
            started: Instant::now(),
            idle: IDLE,
            slow: SLOW,
        };
        let (peer, stream) = duplex(PIPE);
        let (drain, drained) = oneshot::channel::<()>();
        let drained = async {
            if drained.await.is_err() {
                std::future::pending().await
            }
        };
        let session = tokio::spawn(async move {
            let ended = serve(stream, [127, 0, 0, 1].into(), terms, drained).await;
            let counted = format!("info_disconnects_total{{reason=\"{}\"}} 1\n", ended.as_str());
            let told = life.metrics.render(true);
            assert!(told.contains(&counted), "{counted} is not in {told}");
            ended
        });
        Talk { peer, session, drain }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).await.unwrap();
    }

    /// The next line without its end; nothing at the end of the stream.
    async fn next(&mut self) -> String {
        let mut line = Vec::new();
        while let Ok(byte) = self.peer.read_u8().await {
            if byte == b'\n' {
                break;
            }
            line.push(byte);
        }
        String::from_utf8(line).unwrap()
    }

    async fn ended(self) -> Ended {
        self.session.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_whole_however_slowly_it_is_asked_for() {
    let mut talk = Talk::about(1_000, UsersMode::Names);
    for byte in b"USERS AFTER user000989\n" {
        talk.send(&[*byte]).await;
        sleep(Duration::from_secs(1)).await;
    }
    let names: Vec<String> = (990..1_000).map(|n| format!("\"user{n:06}\"")).collect();
    let whole = format!(r#"{{"users":[{}],"total":1000,"next":null,"rev":0}}"#, names.join(","));
    assert_eq!(talk.next().await, whole);
    drop(talk.peer);
    assert_eq!(talk.session.await.unwrap(), Ended::Quit);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_never_make_a_line_do_not_keep_a_connection() {
    let talk = Talk::about(0, UsersMode::Names);
    let (mut reading, mut writing) = tokio::io::split(talk.peer);
    let dripping = tokio::spawn(async move {
        for _ in 0..1_000 {
            sleep(IDLE / 10).await;
            writing.write_all(b"x").await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let mut heard = String::new();
    reading.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "ERROR:idle_timeout nothing was asked for long\n");
    assert_eq!(talk.session.await.unwrap(), Ended::Idle);
    assert!(dripping.await.unwrap().is_err(), "it could not go on");
}

#[tokio::test(start_paused = true)]
async fn every_line_begins_the_idle_time_anew() {
    let mut talk = Talk::about(0, UsersMode::Names);
    for _ in 0..10 {
        sleep(IDLE - Duration::from_secs(1)).await;
        talk.send(b"PING\n").await;
        assert_eq!(talk.next().await, "PONG");
    }
    assert!(talk.next().await.starts_with("ERROR:idle_timeout "));
    assert_eq!(talk.ended().await, Ended::Idle);
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_let_go() {
    let mut talk = Talk::about(0, UsersMode::Names);
    talk.send(b"STATUS\n").await;
    let asked = tokio::time::Instant::now();
    assert_eq!(talk.ended().await, Ended::Slow);
    assert_eq!(asked.elapsed().as_secs(), SLOW.as_secs());
}

#[tokio::test(start_paused = true)]
async fn who_sips_at_a_list_is_let_go_and_who_drinks_is_not() {
    let mut sipping = Talk::about(10_000, UsersMode::Names);
    sipping.send(b"USERS\n").await;
    let mut sips = 0;
    while sipping.peer.read_u8().await.is_ok() {
        sips += 1;
        sleep(SLOW / 100).await;
    }
    assert_eq!(sipping.ended().await, Ended::Slow);
    assert!(sips < PIECE, "{sips} bytes of a list of 130,000 were waited for");
    let mut drinking = Talk::about(10_000, UsersMode::Names);
    drinking.send(b"USERS\n").await;
    let mut heard = 0;
    while heard < 10_000 * r#""user000000","#.len() {
        heard += drinking.peer.read(&mut [0; PIPE]).await.unwrap();
        // A little more than the least.
        sleep(SLOW / (PIECE / PIPE * 5 / 4) as u32).await;
    }
    assert!(!drinking.session.is_finished());
    drop(drinking.peer);
    assert!(matches!(drinking.session.await.unwrap(), Ended::Quit | Ended::Lost));
}

#[tokio::test(start_paused = true)]
async fn a_line_too_long_is_told_of_to_a_peer_that_goes_on_sending() {
    let talk = Talk::about(0, UsersMode::Names);
    let (mut reading, mut writing) = tokio::io::split(talk.peer);
    let sending = tokio::spawn(async move { writing.write_all(&[b'x'; 3 * MAX_LINE]).await });
    let mut heard = String::new();
    reading.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "ERROR:line_too_long the line is longer than this port takes\n");
    assert_eq!(talk.session.await.unwrap(), Ended::LineTooLong);
    // What it said after its last words were read may or may not have found the pipe open.
    let _ = sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_its_own_end_of_the_stream_a_peer_still_hears_all_answers() {
    let mut talk = Talk::about(100, UsersMode::Names);
    talk.send(b"PING 1\n").await;
    let (mut reading, mut writing) = tokio::io::split(talk.peer);
    let asking = async {
        writing.write_all(b"USERS AFTER user000098\nPING 2\nPING 3").await.unwrap();
        writing.shutdown().await.unwrap();
    };
    let mut heard = String::new();
    let (_, read) = tokio::join!(asking, reading.read_to_string(&mut heard));
    read.unwrap();
    let list = r#"{"users":["user000099"],"total":100,"next":null,"rev":0}"#;
    assert_eq!(heard, format!("PONG 1\n{list}\nPONG 2\nPONG 3\n"));
    assert_eq!(talk.session.await.unwrap(), Ended::Quit);
}

#[tokio::test(start_paused = true)]
async fn who_breaks_off_in_the_middle_of_an_answer_is_lost() {
    let mut talk = Talk::about(1_000, UsersMode::Names);
    talk.send(b"USERS\n").await;
    talk.peer.read_u8().await.unwrap();
    drop(talk.peer);
    assert_eq!(talk.session.await.unwrap(), Ended::Lost);
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_goodbye() {
    let mut talk = Talk::about(0, UsersMode::Names);
    talk.send(b"PING\n").await;
    assert_eq!(talk.next().await, "PONG");
    talk.drain.send(()).unwrap();
    let mut heard = String::new();
    talk.peer.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard.as_bytes(), GOING_AWAY);
    drop(talk.peer);
    assert_eq!(talk.session.await.unwrap(), Ended::Drain);
}

#[tokio::test(start_paused = true)]
async fn a_line_tells_no_more_of_people_than_a_datagram() {
    let mut counted = Talk::about(3, UsersMode::Count);
    counted.send(b"USERS\n").await;
    assert_eq!(counted.next().await, r#"{"users":[],"total":3,"next":null,"rev":0}"#);
    let mut off = Talk::about(3, UsersMode::Off);
    for question in ["USERS\n", "USERS AFTER user000001\n"] {
        off.send(question.as_bytes()).await;
        assert_eq!(off.next().await, "Available commands: STATUS, TIME, ROOMS, SERVICES, PING");
    }
}
