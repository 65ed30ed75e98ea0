//! One chat user, from its connection to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::Refusal;
use engine::chat::{Entry, Hello, Replay};
use engine::names::{RoomName, UserName};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use wire::chat::json::{Opening, encode_hello};

use super::desk::Desk;
use super::inbox::{Inbox, Standing};
use super::tally::Ended;
use super::voice::Voice;
use crate::recorder::Series;
use crate::roster::Roster;

/// How long a user waits to be in its room.
const JOIN: Duration = Duration::from_secs(10);
/// A socket's send buffer. Loopback's own grows to megabytes, in which seconds of a stalled server
/// disappear; with a small one the socket refuses, and the wait is seen for what it is.
const SEND_BUFFER: u32 = 16 * 1024;

/// Why a user is not in its room.
#[derive(Debug, Error)]
pub enum NotIn {
    /// There is no connection.
    #[error("{0}")]
    Unconnected(io::Error),
    /// The server refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The connection ended first.
    #[error("the server closed the connection")]
    Closed,
    /// It took too long.
    #[error("no answer within {} s", JOIN.as_secs())]
    Silent,
}

impl From<io::Error> for NotIn {
    fn from(error: io::Error) -> Self {
        NotIn::Unconnected(error)
    }
}

/// A user about to come.
#[derive(Debug)]
pub(super) struct Seat {
    /// Who.
    pub user: u32,
    /// How long after the start of the ramp.
    pub after: Duration,
    /// Where the chat service is.
    pub chat: SocketAddr,
}

/// Comes and joins its room; the voice goes on living while [`listen`] reads.
///
/// # Errors
/// [`NotIn`].
pub(super) async fn arrive(seat: Seat, desk: &Arc<Desk>) -> Result<(Arc<Voice>, Inbox), NotIn> {
    sleep(seat.after).await;
    let began = Instant::now();
    let arrived = timeout(JOIN, join(&seat, desk)).await.map_err(|_| NotIn::Silent)??;
    let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    desk.lock().tally.recorder.note(Series::Join, took);
    Ok(arrived)
}

async fn join(seat: &Seat, desk: &Arc<Desk>) -> Result<(Arc<Voice>, Inbox), NotIn> {
    let mut stream = connect(seat.chat).await?;
    stream.write_all(hello(&desk.scene.roster, seat.user).as_bytes()).await?;
    let voice = Arc::new(Voice::new(seat.user, stream, Arc::clone(desk)));
    let mut inbox = Inbox::new(seat.user);
    loop {
        match inbox.standing() {
            Standing::Arriving => {}
            Standing::Rejected(refusal) => return Err(NotIn::Refused(refusal.clone())),
            Standing::Dismissed => return Err(NotIn::Closed),
            Standing::Present => return Ok((voice, inbox)),
        }
        if read(&voice, &mut inbox, desk).await? == 0 {
            return Err(NotIn::Closed);
        }
    }
}

async fn connect(chat: SocketAddr) -> io::Result<TcpStream> {
    let socket = if chat.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_nodelay(true)?;
    socket.connect(chat).await
}

fn hello(roster: &Roster, user: u32) -> String {
    let room = RoomName::parse(roster.room_name(roster.room_of(user))).expect("our room names are valid");
    let hello = Hello {
        user: UserName::parse(&roster.user_name(user)).expect("our user names are valid"),
        rooms: vec![Entry { room, replay: Replay::Nothing }],
        echo: false,
        client: Some(concat!("loadgen/", env!("CARGO_PKG_VERSION")).to_owned()),
    };
    encode_hello(&Opening { hello, reference: None })
}

/// Hears everything until the connection ends, and notes how it did.
pub(super) async fn listen(voice: Arc<Voice>, mut inbox: Inbox, user: u32, desk: Arc<Desk>) {
    let why = loop {
        match read(&voice, &mut inbox, &desk).await {
            Ok(0) => break "closed by the server".to_owned(),
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    voice.hang_up();
    let dismissed = *inbox.standing() == Standing::Dismissed;
    let ended = if dismissed { Ended::Dismissed } else { Ended::Lost(why) };
    desk.lock().tally.ended.insert(user, ended);
}

async fn read(voice: &Voice, inbox: &mut Inbox, desk: &Desk) -> io::Result<usize> {
    loop {
        voice.stream().readable().await?;
        match desk.read(voice.stream(), inbox) {
            Err(nothing) if nothing.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}
