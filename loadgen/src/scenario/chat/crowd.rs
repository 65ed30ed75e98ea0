//! All chat users of a run, over all shards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::chat::{Request, Tagged};
use tokio::sync::mpsc;
use wire::chat::json::encode_request;

use super::account::Account;
use super::desk::Desk;
use super::frame::Frame;
use super::tally::Ended;
use super::user::{NotIn, Seat, arrive, listen};
use super::voice::Voice;
use crate::payload::Header;
use crate::recorder::Recorder;
use crate::scenario::Scene;
use crate::shard::Shard;

/// How long a user may be silent before it shows that it lives, in nanoseconds: a server closes who says
/// nothing for 75 s.
const SILENCE: u64 = 45_000_000_000;

type Arrival = (u32, Result<Arc<Voice>, NotIn>);

/// Users on their way to their rooms.
#[derive(Debug)]
pub struct Gathering {
    scene: Arc<Scene>,
    desks: Vec<Arc<Desk>>,
    voices: Vec<Option<Arc<Voice>>>,
    present: u32,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Gathering {
    /// Lets every user come, evenly over `ramp`.
    pub fn start(scene: &Arc<Scene>, chat: SocketAddr, ramp: Duration, shards: &[Shard]) -> Self {
        let (tell, arrivals) = mpsc::unbounded_channel();
        let desks: Vec<_> = shards.iter().map(|_| Arc::new(Desk::new(Arc::clone(scene)))).collect();
        let users = scene.roster.users();
        for user in 0..users {
            let place = user as usize % shards.len();
            let after = ramp * user / users;
            let desk = Arc::clone(&desks[place]);
            let tell = tell.clone();
            shards[place].handle().spawn(live(Seat { user, after, chat }, desk, tell));
        }
        let voices = (0..users).map(|_| None).collect();
        Gathering { scene: Arc::clone(scene), desks, voices, present: 0, arrivals }
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

    /// The crowd, once it is complete: what it says has `payload` bytes a message.
    pub fn crowd(self, payload: usize) -> Crowd {
        let Gathering { scene, desks, voices, .. } = self;
        let frames = (0..scene.roster.rooms()).map(|room| Frame::new(scene.roster.room_name(room), payload));
        Crowd { frames: frames.collect(), voices: voices.into_iter().flatten().collect(), scene, desks }
    }
}

async fn live(seat: Seat, desk: Arc<Desk>, tell: mpsc::UnboundedSender<Arrival>) {
    let user = seat.user;
    let arrived = arrive(seat, &desk).await;
    // Whoever waits for the arrivals may have given up; then nobody needs to know.
    match arrived {
        Err(why) => _ = tell.send((user, Err(why))),
        Ok((voice, inbox)) => {
            let _ = tell.send((user, Ok(Arc::clone(&voice))));
            drop(tell);
            listen(voice, inbox, user, desk).await;
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
    /// Lets a user say the message that is operation `number`, woken for it at `woken`.
    pub fn say(&mut self, number: u32, user: u32, sequence: u32, woken: u64) {
        let room = self.scene.roster.room_of(user);
        let header = Header {
            run: self.scene.roster.run(),
            room: room as u16,
            sender: user,
            sequence,
            due: self.scene.due(number),
        };
        let line = self.frames[room as usize].stamp(&header);
        self.voices[user as usize].say(number, line, woken);
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
        sent.waiting() == 0 && answered && account.counts.arrived() + account.unowed == sent.owed()
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
        self.voices.iter().for_each(|voice| voice.say_no_more());
        let all_gone = async {
            while self.ended() < self.voices.len() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Whoever has not gone by then is cut off with the shard.
        let _ = tokio::time::timeout(patience, all_gone).await;
    }

    /// Whose connection ended before the run did.
    pub fn departures(&self) -> Vec<(u32, Ended)> {
        let of = |desk: &Arc<Desk>| desk.lock().tally.ended.clone().into_iter().collect::<Vec<_>>();
        self.desks.iter().flat_map(of).collect()
    }
}
