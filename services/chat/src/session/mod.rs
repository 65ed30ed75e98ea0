//! One connection: first who it is, then what it says, then why it ended.

mod input;
mod login;
mod past;
mod talk;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::Refusal;
use engine::chat::Event;
use tracing::{debug, info};

use crate::Chat;
use crate::delivery::{Member, Socket};
use crate::ended::Ended;
use crate::store::now;
use input::Input;
use login::Newcomer;
use talk::Talk;

/// Whoever is told to come back does so after up to so many milliseconds.
const RETRY_SPREAD_MS: u64 = 5_000;

/// Serves one connection to its end.
pub(crate) fn serve(
    chat: Arc<Chat>,
    socket: Arc<dyn Socket>,
    peer: SocketAddr,
) -> impl Future<Output = Ended> {
    // What is done once, at the beginning and at the end, is on the heap while it lasts: an idle session
    // must not hold the room for it.
    let arriving = Box::pin(arrive(chat, socket, peer));
    async move {
        match arriving.await {
            Ok(mut talk) => {
                let ended = talk.converse().await;
                Box::pin(leave(talk, ended)).await
            }
            Err(ended) => ended,
        }
    }
}

/// From the first word to the first room.
async fn arrive(chat: Arc<Chat>, socket: Arc<dyn Socket>, peer: SocketAddr) -> Result<Box<Talk>, Ended> {
    let mut input = Input::new(socket.clone(), &chat);
    let Newcomer { member, name, rooms, client } = match login::login(&chat, &mut input, &socket).await {
        Ok(newcomer) => newcomer,
        Err((member, ended)) => {
            note_stranger(peer, ended);
            return Err(end(&chat, &member, &mut input, ended).await);
        }
    };
    debug!(user = %name, client, "logged in");
    let mut talk = Box::new(Talk::new(chat, input, member, name, peer));
    talk.arrive(rooms).await;
    Ok(talk)
}

/// A peer who has taken the port for another one is no ordinary end.
fn note_stranger(peer: SocketAddr, ended: Ended) {
    if let Ended::Foreign(_) = ended {
        info!(%peer, reason = ended.as_str(), "connection ended: that is not what this port speaks");
    }
}

/// From the last word on.
async fn leave(talk: Box<Talk>, ended: Ended) -> Ended {
    let Talk { chat, mut input, member, .. } = *talk;
    for room in chat.hub.logout(member.id, ended, now()) {
        room.wait().await;
    }
    end(&chat, &member, &mut input, ended).await
}

async fn end(chat: &Chat, member: &Member, input: &mut Input, ended: Ended) -> Ended {
    if ended != Ended::Lost {
        say_goodbye(member, ended);
        // Whoever does not take the words within the time has had the chance.
        let _ = tokio::time::timeout(chat.config.farewell(ended), see_off(member, input, ended)).await;
    }
    chat.metrics.disconnected(ended);
    debug!(reason = ended.as_str(), "connection ended");
    ended
}

fn say_goodbye(member: &Member, ended: Ended) {
    if ended == Ended::Shutdown {
        member.answer(None, Event::Bye { retry_after_ms: rand::random_range(0..RETRY_SPREAD_MS) });
    }
    if let Some((code, words)) = ended.last_words() {
        member.answer(None, Event::Refused(Refusal::new(code, words)));
    }
}

/// Lets the last words out. Where the peer has sent, or may have, what nobody has read, it also waits for
/// the peer to see the end: a socket closed over unread bytes is reset, and the reset would overtake the
/// words.
async fn see_off(member: &Member, input: &mut Input, ended: Ended) -> io::Result<()> {
    while member.flush().is_some() {
        member.writable().await?;
    }
    member.finish();
    if ended.last_words().is_some() || input.has_more() { input.discard().await } else { Ok(()) }
}
