//! One chat user, from its first connection to its end.

use std::io;
use std::net::IpAddr;
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

use super::desk::{BUFFER, Desk};
use super::inbox::{Inbox, Standing};
use super::tally::Ended;
use super::voice::{Voice, Will};
use crate::endpoint::Endpoint;
use crate::recorder::Series;
use crate::roster::Roster;

/// How long a user waits to be in its room.
const JOIN: Duration = Duration::from_secs(10);
/// How long between two attempts to come back.
const RETRY: Duration = Duration::from_millis(100);
/// A socket's send buffer. Loopback's own grows to megabytes, in which seconds of a stalled server
/// disappear; with a small one the socket refuses, and the wait is seen for what it is.
const SEND_BUFFER: u32 = 16 * 1024;
/// What a slow reader reads at once, how often, and what its kernel keeps for it.
const SLOW: (usize, Duration, u32) = (1024, Duration::from_millis(250), 4 * 1024);

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

impl NotIn {
    /// Whether nobody was there; a server that turns somebody away has not moved.
    fn is_silence(&self) -> bool {
        matches!(self, NotIn::Unconnected(_) | NotIn::Silent)
    }
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
    pub chat: Endpoint,
    /// From which of this machine's addresses; any when `None`.
    pub from: Option<IpAddr>,
}

/// A user between its first arrival and its end.
pub(super) struct User {
    seat: Seat,
    desk: Arc<Desk>,
    voice: Arc<Voice>,
    inbox: Inbox,
    stream: Arc<TcpStream>,
}

impl User {
    /// Comes for the first time.
    ///
    /// # Errors
    /// [`NotIn`].
    pub(super) async fn arrive(seat: Seat, desk: Arc<Desk>) -> Result<Self, NotIn> {
        sleep(seat.after).await;
        let (voice, mut inbox) = (Arc::new(Voice::new(seat.user, Arc::clone(&desk))), Inbox::new(seat.user));
        let stream = join(&seat, &desk, &mut inbox, Replay::Nothing, Series::ChatJoin).await?;
        voice.resume(Arc::clone(&stream), 0);
        Ok(User { seat, desk, voice, inbox, stream })
    }

    /// Its mouth.
    pub(super) fn voice(&self) -> &Arc<Voice> {
        &self.voice
    }

    /// Hears everything until the run ends or the connection does; comes back if that is wanted.
    pub(super) async fn live(mut self) {
        loop {
            let why = self.listen().await;
            let back = match self.voice.hang_up(false) {
                Will::Return => self.come_back(Series::ChatJoin).await,
                Will::Stay if self.may_return() => {
                    self.desk.lock().tally.breaks += 1;
                    self.come_back(Series::ChatReconnect).await
                }
                _ => false,
            };
            if !back {
                return self.end(why);
            }
        }
    }

    fn may_return(&self) -> bool {
        self.desk.scene.reconnect && !self.desk.scene.roster.is_slow(self.seat.user)
    }

    async fn listen(&mut self) -> String {
        let slow = self.desk.scene.roster.is_slow(self.seat.user);
        let limit = if slow { SLOW.0 } else { BUFFER };
        loop {
            match read(&self.stream, &mut self.inbox, &self.desk, limit).await {
                Ok(0) => return "closed by the server".to_owned(),
                Ok(_) if slow => sleep(SLOW.1).await,
                Ok(_) if self.desk.scene.closed => self.voice.answered(self.inbox.answered()),
                Ok(_) => {}
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Comes back, again and again until it is in or nobody wants it any more.
    async fn come_back(&mut self, series: Series) -> bool {
        if let Standing::Dismissed(wait) = *self.inbox.standing() {
            sleep(Duration::from_millis(wait)).await;
        }
        loop {
            self.inbox.again();
            let replay = self.wish(series);
            let joined = join(&self.seat, &self.desk, &mut self.inbox, replay, series).await;
            if self.voice.will() == Will::End {
                return false;
            }
            match joined {
                Ok(stream) => {
                    self.note_return(series);
                    self.voice.resume(Arc::clone(&stream), self.inbox.answered());
                    self.stream = stream;
                    return true;
                }
                Err(why) => {
                    if why.is_silence() {
                        self.seat.chat.missed();
                    }
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn note_return(&self, series: Series) {
        let tally = &mut self.desk.lock().tally;
        tally.absences.back(self.seat.user, self.desk.scene.clock.now());
        tally.reconnects += u64::from(series == Series::ChatReconnect);
    }

    /// What to be told of the past. An attempt that broke may have brought a part of what was missed, so it is
    /// asked anew for each.
    fn wish(&self, series: Series) -> Replay {
        match series {
            Series::ChatReconnect => Replay::Since(self.inbox.newest_id().unwrap_or(0)),
            _ => Replay::Nothing,
        }
    }

    /// Notes how it ended.
    fn end(self, why: String) {
        self.voice.hang_up(true);
        let dismissed = matches!(self.inbox.standing(), Standing::Dismissed(_));
        let mut top = self.desk.lock();
        let slow = self.desk.scene.roster.is_slow(self.seat.user);
        top.tally.slow_closed += u64::from(slow);
        let ended = match (slow, dismissed) {
            (true, _) => Ended::TooSlow,
            (_, true) => Ended::Dismissed,
            _ => Ended::Lost(why),
        };
        top.tally.ended.insert(self.seat.user, ended);
    }
}

/// Connects and joins the room; how long that took is noted.
async fn join(
    seat: &Seat,
    desk: &Desk,
    inbox: &mut Inbox,
    replay: Replay,
    series: Series,
) -> Result<Arc<TcpStream>, NotIn> {
    let began = Instant::now();
    let stream = timeout(JOIN, enter(seat, desk, inbox, replay)).await.map_err(|_| NotIn::Silent)??;
    let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    desk.lock().tally.recorder.note(series, took);
    Ok(stream)
}

async fn enter(seat: &Seat, desk: &Desk, inbox: &mut Inbox, replay: Replay) -> Result<Arc<TcpStream>, NotIn> {
    let slow = desk.scene.roster.is_slow(seat.user);
    let mut stream = connect(seat, slow).await?;
    stream.write_all(hello(&desk.scene.roster, seat.user, replay).as_bytes()).await?;
    let stream = Arc::new(stream);
    loop {
        match inbox.standing() {
            Standing::Arriving => {}
            Standing::Rejected(refusal) => return Err(NotIn::Refused(refusal.clone())),
            Standing::Dismissed(_) => return Err(NotIn::Closed),
            Standing::Present => return Ok(stream),
        }
        if read(&stream, inbox, desk, BUFFER).await? == 0 {
            return Err(NotIn::Closed);
        }
    }
}

async fn connect(seat: &Seat, slow: bool) -> io::Result<TcpStream> {
    let chat = seat.chat.at();
    let socket = if chat.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    if slow {
        socket.set_recv_buffer_size(SLOW.2)?;
    }
    socket.set_nodelay(true)?;
    if let Some(from) = seat.from {
        socket.bind((from, 0).into())?;
    }
    socket.connect(chat).await
}

fn hello(roster: &Roster, user: u32, replay: Replay) -> String {
    let room = RoomName::parse(roster.room_name(roster.room_of(user))).expect("our room names are valid");
    let hello = Hello {
        user: UserName::parse(&roster.user_name(user)).expect("our user names are valid"),
        rooms: vec![Entry { room, replay }],
        echo: false,
        client: Some(concat!("loadgen/", env!("CARGO_PKG_VERSION")).to_owned()),
    };
    encode_hello(&Opening { hello, reference: None })
}

async fn read(stream: &TcpStream, inbox: &mut Inbox, desk: &Desk, limit: usize) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match desk.read(stream, inbox, limit) {
            Err(nothing) if nothing.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}
