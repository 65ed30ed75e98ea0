//! One question over UDP, asked until it is answered or given up.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use engine::info::{Cookie, Question};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use wire::info::{MAX_REPLY, Reply, encode};

use crate::endpoint::Endpoint;
use crate::errors::Outcome;

/// A first try and three more: each datagram may be lost, there or back. The waits grow, in eighths of
/// the whole time-out, for a network that is slow must not be asked faster than it answers.
const WAITS: [u32; 4] = [1, 1, 2, 4];
/// Cookies taken up for one question: one is enough, a second when it ran out just then.
const COOKIES: u32 = 2;

/// An answer, and the very bytes of it.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) said: Vec<u8>,
}

/// Asks one question and waits for its answer, at most `patience`.
pub(crate) async fn ask(endpoint: &Endpoint, patience: Duration, question: &Question<'_>) -> Outcome<Answer> {
    let mut refused = None;
    for address in endpoint.resolve().await? {
        match ask_at(endpoint, address, patience, question).await {
            Ok(answer) => return answer,
            // The name may have addresses at which nothing listens, as localhost has two.
            Err(error) => refused = Some(error),
        }
    }
    Err(endpoint.unreachable(&refused.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into())))
}

/// Asks one address. The outer error is the system's: nobody can be reached there.
async fn ask_at(
    endpoint: &Endpoint,
    address: SocketAddr,
    patience: Duration,
    question: &Question<'_>,
) -> io::Result<Outcome<Answer>> {
    let socket = connect(address).await?;
    let mut cookie = None;
    let mut deadline = Instant::now();
    for eighths in WAITS {
        deadline += patience * eighths / 8;
        socket.send(encode(question, cookie).as_bytes()).await?;
        if let Some(heard) = listen(&socket, deadline, question, &mut cookie).await? {
            return Ok(heard.map_err(|garbled| endpoint.garbled(garbled)));
        }
    }
    Ok(Err(endpoint.no_answer(patience)))
}

/// A socket of its own for each question, so that a late answer to the one before is not taken for this
/// one's; connected, so that the system passes only datagrams of the address asked.
async fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// Waits for the answer until the deadline, and meanwhile repeats the question with the cookie it is
/// given; `None` when the time is up.
async fn listen(
    socket: &UdpSocket,
    deadline: Instant,
    question: &Question<'_>,
    cookie: &mut Option<Cookie>,
) -> io::Result<Option<Result<Answer, wire::info::Garbled>>> {
    let mut buffer = [0; MAX_REPLY + 1];
    let mut cookies = 0;
    loop {
        let Ok(received) = timeout_at(deadline, socket.recv(&mut buffer)).await else {
            return Ok(None);
        };
        let said = &buffer[..received?];
        match Reply::decode(said) {
            Ok(Reply::Cookie(given)) if *cookie != Some(given) && cookies < COOKIES => {
                cookies += 1;
                *cookie = Some(given);
                socket.send(encode(question, *cookie).as_bytes()).await?;
            }
            Ok(reply) if answers(&reply, question) => {
                return Ok(Some(Ok(Answer { reply, said: said.to_vec() })));
            }
            Ok(_) => {}
            Err(garbled) => return Ok(Some(Err(garbled))),
        }
    }
}

/// Whether this reply belongs to that question.
fn answers(reply: &Reply, question: &Question<'_>) -> bool {
    match (reply, question) {
        (Reply::Pong(said), Question::Ping(words)) => said == words.trim(),
        (Reply::Status(_), Question::Status)
        | (Reply::Time(_), Question::Time)
        | (Reply::Users(_), Question::Users { .. })
        | (Reply::Rooms(_), Question::Rooms { .. })
        | (Reply::Services(_), Question::Services { .. })
        // A service that does not offer this, as info does with `--users off`.
        | (Reply::Commands(_), _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Service;
    use crate::errors::Failure;

    const LONG: Duration = Duration::from_secs(60);

    /// A service that plays these replies, one a request, and then tells what it was asked.
    async fn scripted(replies: Vec<Vec<&'static str>>) -> (Endpoint, tokio::task::JoinHandle<Vec<String>>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(Service::Info, &socket.local_addr().unwrap().to_string()).unwrap();
        let playing = tokio::spawn(async move {
            let (mut asked, mut buffer) = (Vec::new(), [0; 600]);
            for burst in replies {
                let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                asked.push(String::from_utf8_lossy(&buffer[..len]).into_owned());
                for reply in burst {
                    socket.send_to(reply.as_bytes(), from).await.unwrap();
                }
            }
            asked
        });
        (endpoint, playing)
    }

    #[tokio::test]
    async fn a_cookie_is_answered_with_the_question_and_the_cookie() {
        let (endpoint, playing) =
            scripted(vec![vec!["COOKIE 00000000deadbeef"], vec!["2026-11-22 08:30:00"]]).await;
        let answer = ask(&endpoint, LONG, &Question::Time).await.unwrap();
        assert_eq!(answer.said, b"2026-11-22 08:30:00");
        assert_eq!(playing.await.unwrap(), ["TIME", "TIME 00000000deadbeef"]);
    }

    #[tokio::test]
    async fn a_lost_datagram_is_asked_again() {
        let (endpoint, playing) = scripted(vec![vec![], vec![], vec!["PONG x"]]).await;
        let answer = ask(&endpoint, Duration::from_secs(2), &Question::Ping("x")).await.unwrap();
        assert_eq!(answer.reply, Reply::Pong("x".into()));
        assert_eq!(playing.await.unwrap(), ["PING x", "PING x", "PING x"]);
    }

    #[tokio::test]
    async fn an_answer_to_something_else_is_passed_over() {
        let (endpoint, _playing) = scripted(vec![vec!["PONG old", "2026-11-22 08:30:00", "PONG new"]]).await;
        let answer = ask(&endpoint, LONG, &Question::Ping("new")).await.unwrap();
        assert_eq!(answer.reply, Reply::Pong("new".into()));
    }

    #[tokio::test]
    async fn silence_nonsense_and_nobody_are_told_apart() {
        let (silent, _playing) = scripted(vec![vec![]; 5]).await;
        let failure = ask(&silent, Duration::from_millis(80), &Question::Time).await.err().unwrap();
        assert!(matches!(failure, Failure::NoAnswer { .. }), "{failure:?}");

        let (other, _playing) = scripted(vec![vec!["HTTP/1.1 400"]]).await;
        let failure = ask(&other, LONG, &Question::Time).await.err().unwrap();
        assert!(matches!(failure, Failure::Garbled { .. }), "{failure:?}");

        let (gone, playing) = scripted(vec![]).await;
        playing.await.unwrap();
        let failure = ask(&gone, LONG, &Question::Time).await.err().unwrap();
        assert!(matches!(failure, Failure::NothingListens { .. }), "{failure:?}");
    }
}
