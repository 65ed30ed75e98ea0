//! All chat users of a run, over all shards.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::chat::{Request, Tagged};
use tokio::sync::mpsc;
use wire::chat::json::encode_request;

use super::account::Account;
use super::desk::Desk;
use super::frame::Frame;
use super::user::{NotIn, Seat, User};
use super::voice::{Voice, Will};
use crate::endpoint::Endpoint;
use crate::recorder::Recorder;
use crate::scenario::Scene;
use crate::shard::Shard;

/// How long a user may be silent before it shows that it lives, in nanoseconds: a server closes who says
/// nothing for 75 s.
const SILENCE: u64 = 45_000_000_000;

type Arrival = (u32, Result<Arc<Voice>, NotIn>);

/// Where a crowd gathers.
#[derive(Debug, Clone)]
pub struct Venue {
    /// The chat service.
    pub chat: Endpoint,
    /// This machine's addresses to come from, in turns; any when empty.
    pub sources: Vec<IpAddr>,
    /// How long the users take to come.
    pub ramp: Duration,
    /// Bytes in a message.
    pub payload: usize,
}

/// Users on their way to their rooms.
#[derive(Debug)]
pub struct Gathering {
    scene: Arc<Scene>,
    frames: Arc<[Frame]>,
    desks: Vec<Arc<Desk>>,
    voices: Vec<Option<Arc<Voice>>>,
    present: u32,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Gathering {
    /// Lets every user come, evenly over the ramp.
    pub fn start(scene: &Arc<Scene>, venue: &Venue, shards: &[Shard]) -> Self {
        let (tell, arrivals) = mpsc::unbounded_channel();
        let rooms = 0..scene.roster.rooms();
        let frames: Arc<[Frame]> =
            rooms.map(|room| Frame::new(scene.roster.room_name(room), venue.payload)).collect();
        let desk = |_| Arc::new(Desk::new(Arc::clone(scene), Arc::clone(&frames)));
        let desks: Vec<_> = shards.iter().map(desk).collect();
        let users = scene.roster.users();
        for user in 0..users {
            let place = user as usize % shards.len();
            let from = venue.sources.get(user as usize % venue.sources.len().max(1)).copied();
            let seat = Seat { user, after: venue.ramp * user / users, chat: venue.chat.clone(), from };
            shards[place].handle().spawn(live(seat, Arc::clone(&desks[place]), tell.clone()));
        }
        let voices = (0..users).map(|_| None).collect();
        Gathering { scene: Arc::clone(scene), frames, desks, voices, present: 0, arrivals }
    }

    /// How many are in their rooms.
    pub fn present(&self) -> u32 {
        self.present
    }

    /// Waits until `wanted` users are in their rooms; may be dropped and called again.
    ///
    /// # Errors
    /// Whoever could not get in first, and why.
    pub async fn reach(&mut self, wanted: u32) -> Result<(), (u32, NotIn)> {
        while self.present < wanted {
            let (user, arrived) = self.arrivals.recv().await.expect("each user reports before it ends");
            self.voices[user as usize] = Some(arrived.map_err(|why| (user, why))?);
            self.present += 1;
        }
        Ok(())
    }

    /// The crowd, once it is complete.
    pub fn crowd(self) -> Crowd {
        let Gathering { scene, frames, desks, voices, .. } = self;
        Crowd { frames: frames.to_vec(), voices: voices.into_iter().flatten().collect(), scene, desks }
    }
}

async fn live(seat: Seat, desk: Arc<Desk>, tell: mpsc::UnboundedSender<Arrival>) {
    let user = seat.user;
    let arrived = User::arrive(seat, desk).await;
    // Whoever waits for the arrivals may have given up; then nobody needs to know.
    match arrived {
        Err(why) => _ = tell.send((user, Err(why))),
        Ok(present) => {
            let _ = tell.send((user, Ok(Arc::clone(present.voice()))));
            drop(tell);
            present.live().await;
        }
    }
}

/// Users in their rooms.
#[derive(Debug, Clone)]
pub struct Crowd {
    scene: Arc<Scene>,
    desks: Vec<Arc<Desk>>,
    voices: Vec<Arc<Voice>>,
    frames: Vec<Frame>,
}

impl Crowd {
    /// Lets a user say the message that is operation `number`, woken for it at `woken`; whether its socket took
    /// it at once.
    pub fn say(&mut self, number: u32, user: u32, sequence: u32, woken: u64) -> bool {
        let header = self.scene.header(number, user, sequence);
        let line = self.frames[usize::from(header.room)].stamp(&header);
        self.voices[user as usize].say(number, sequence, line, woken)
    }

    /// Lets a listener leave its room; it comes back at once.
    pub fn leave(&self, user: u32) {
        let desk = &self.desks[user as usize % self.desks.len()];
        desk.lock().tally.absences.leave(user, self.scene.clock.now());
        self.voices[user as usize].leave(Will::Return);
    }

    /// Lets users who have not said anything for long show that they live: a tenth of them a call.
    pub(crate) fn stay(&self, call: u64) {
        let now = self.scene.clock.now();
        let Some(silent_since) = now.checked_sub(SILENCE) else { return };
        let line = encode_request(&Tagged { reference: None, request: Request::Ping });
        let tenth = self.voices.iter().skip((call % 10) as usize).step_by(10);
        tenth.for_each(|voice| voice.stay(line.as_bytes(), silent_since, now));
    }

    /// Whether nothing more can come: every message was answered and every delivery is there, or nobody is.
    pub fn is_settled(&self) -> bool {
        if self.ended() == self.voices.len() {
            return true;
        }
        let sent = &self.scene.sent;
        let account = self.account();
        let answered = account.acked + account.refused == sent.messages();
        if sent.waiting() > 0 || !answered {
            return false;
        }
        let all_came = account.counts.arrived() + account.unowed == sent.owed();
        all_came || self.somebody_left() && self.settle().lost == 0
    }

    fn somebody_left(&self) -> bool {
        self.desks.iter().any(|desk| !desk.lock().tally.absences.is_empty())
    }

    /// Gives up what still waits to be said: the run is over, and what was due till then counts.
    pub fn fall_silent(&self) {
        self.voices.iter().for_each(|voice| voice.fall_silent());
    }

    /// How many connections have ended.
    pub fn ended(&self) -> usize {
        self.desks.iter().map(|desk| desk.lock().tally.ended.len()).sum()
    }

    /// Takes away what the shards have recorded since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        let mut spare = Recorder::default();
        for desk in &self.desks {
            std::mem::swap(&mut desk.lock().tally.recorder, &mut spare);
            into.merge(&spare);
            spare.clear();
        }
    }

    /// What came so far.
    pub fn account(&self) -> Account {
        let mut account = Account::default();
        for desk in &self.desks {
            account.add(&desk.lock().tally, &self.scene);
        }
        account
    }

    /// What came in the end, and what did not.
    pub fn settle(&self) -> Account {
        let mut account = self.account();
        for (place, desk) in self.desks.iter().enumerate() {
            let receivers = (place as u32..self.scene.roster.users()).step_by(self.desks.len());
            account.settle(receivers, &desk.lock().tally, &self.scene);
        }
        account
    }

    /// Ends everybody's connection in an orderly way, and waits at most `patience` for the server's end.
    pub async fn disperse(&self, patience: Duration) {
        self.voices.iter().for_each(|voice| voice.leave(Will::End));
        let all_gone = async {
            while self.ended() < self.voices.len() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Whoever has not gone by then is cut off with the shard.
        let _ = tokio::time::timeout(patience, all_gone).await;
    }
}
