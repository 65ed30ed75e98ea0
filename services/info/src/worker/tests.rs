//! One worker at a socket of this host, asked by another.

use std::net::SocketAddr;
use std::sync::LazyLock;

use allocation_counter::measure;
use chassis::Life;
use engine::Timestamp;
use engine::info::{Gate, Limits, Picture, UsersMode};
use engine::names::UserName;
use wire::info::Names;

use super::*;
use crate::{SERVICE, sockets};

/// What is allocated to receive a batch, however many datagrams it brings: the headers' three parts and the
/// size of one. They serve once, as [`Inbox::receive`] says.
const FOR_A_BATCH: u64 = 4;
/// More than one batch; the answers to so many still fit where the asker finds them.
const MANY: usize = 70;

static CROWD: LazyLock<Arc<Answers>> = LazyLock::new(crowd);

fn crowd() -> Arc<Answers> {
    let users = (0..100_000).map(|n| UserName::parse(&format!("user{n:06}")).unwrap()).collect();
    let picture = Picture { users, age: Some(Duration::ZERO), ..Picture::unseen() };
    let status = picture.status("0.1.0", Timestamp(0), Duration::ZERO);
    Arc::new(Answers::new(&picture, &status, Arc::new(Names::new(&picture, UsersMode::Names))))
}

fn worker(trusted: &str) -> Worker {
    let gate = Gate::new(Limits { per_source: 100_000, global: 100_000 }, [5; 32]);
    Worker {
        answerer: Arc::new(Answerer::new(trusted.parse().unwrap(), 9002, gate)),
        answers: watch::channel(CROWD.clone()).1,
        tally: Tally::new(&Life::new(&SERVICE).metrics),
        started: Instant::now(),
    }
}

/// A worker's two halves, and somebody who asks.
struct Desk<'a> {
    inbox: Inbox<SockaddrIn>,
    batch: Batch<'a>,
    asker: UdpSocket,
    service: SocketAddr,
}

impl<'a> Desk<'a> {
    fn new(socket: &'a UdpSocket, trusted: &str) -> Self {
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let batch = Batch::new(worker(trusted), socket, false);
        Desk { inbox: Inbox::new(), batch, asker, service: socket.local_addr().unwrap() }
    }

    /// Asks so many times, has it answered, and returns how many batches that took and what was allocated.
    fn ask(&mut self, question: &str, times: usize) -> (u64, u64) {
        for _ in 0..times {
            self.asker.send_to(question.as_bytes(), self.service).unwrap();
        }
        let (mut batches, mut answered) = (0, 0);
        let socket = self.batch.socket;
        let allocated = measure(|| {
            while answered < times {
                let taken = self.inbox.receive(socket, |arrivals| {
                    let counted = arrivals.inspect(|_| answered += 1);
                    self.batch.answer(counted);
                });
                taken.unwrap();
                batches += 1;
            }
        });
        for _ in 0..times {
            self.asker.recv(&mut [0; MAX_REPLY]).unwrap();
        }
        (batches, allocated.count_total)
    }
}

#[tokio::test]
async fn a_request_allocates_nothing_and_a_batch_its_headers() {
    let opened = sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    for trusted in ["127.0.0.0/8", "none"] {
        let mut desk = Desk::new(&opened.udp[0], trusted);
        for question in
            ["STATUS", "TIME", "USERS", "USERS AFTER user050000", "ROOMS", "SERVICES", "PING a", "?"]
        {
            // The first pages may be longer than the space that is there for them.
            desk.ask(question, MANY);
            for times in [1, 2, MANY] {
                let (batches, allocated) = desk.ask(question, times);
                assert_eq!(allocated, batches * FOR_A_BATCH, "{times} of {question}, trusted {trusted}");
            }
        }
    }
}

#[tokio::test]
async fn what_changes_is_said_from_the_next_batch_on() {
    let opened = sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let (to, answers) = watch::channel(CROWD.clone());
    let mut desk = Desk::new(&opened.udp[0], "127.0.0.0/8");
    desk.batch.worker.answers = answers;
    desk.ask("TIME", 1);
    let picture = Picture::unseen();
    let status = picture.status("0.1.0", Timestamp(1_795_336_200_004), Duration::ZERO);
    let names = Arc::new(Names::new(&picture, UsersMode::Off));
    to.send_replace(Arc::new(Answers::new(&picture, &status, names)));
    desk.asker.send_to(b"TIME", desk.service).unwrap();
    desk.inbox.receive(desk.batch.socket, |arrivals| desk.batch.answer(arrivals)).unwrap();
    let mut said = [0; 64];
    let len = desk.asker.recv(&mut said).unwrap();
    assert_eq!(&said[..len], b"2026-11-22 08:30:00");
}
