//! Chat in lines, as `--plain` wants it: for pipes, for scripts, and for who wants no screen.

use std::pin::pin;
use std::time::Duration;

use engine::chat::{Replay, Request};

use super::command::HISTORY;
use super::model::End;
use super::printer::Printer;
use super::session::{Manner, Session};
use super::{Options, verdict};
use crate::errors::{Failure, Outcome};
use crate::input::{Input, Typed};
use crate::signals::interrupted;

/// How long a pipe waits for a lost connection, at least: a restarted server is back by then.
pub(super) const PIPE_PATIENCE: Duration = Duration::from_secs(30);

/// Chats until the person leaves, or until all of a pipe is said and acked.
pub(crate) async fn run(options: &Options, input: &mut Input, at_terminal: bool) -> Outcome {
    let patience = (!at_terminal).then(|| options.timeout.max(PIPE_PATIENCE));
    let manner = Manner { replay: Replay::Last(HISTORY), many: false, patience };
    let mut session = Session::open(options, manner).await?;
    let mut printer = Printer::new(options.json, at_terminal);
    match drive(&mut session, &mut printer, Some(input)).await? {
        End::Done { refused } if refused > 0 && !at_terminal => Err(Failure::SomeRefused(refused)),
        end => verdict(end, options, printer.refusal),
    }
}

/// Says one line, and waits until it is kept.
pub(crate) async fn say(options: &Options, text: String) -> Outcome {
    engine::text::check_message(&text).map_err(|refusal| Failure::Usage(refusal.words.into_owned()))?;
    let manner = Manner { replay: Replay::Nothing, many: false, patience: Some(options.timeout) };
    let mut session = Session::open(options, manner).await?;
    let mut printer = Printer::for_acks(options.json);
    session.model.ask(Request::Say { room: options.room.clone(), text });
    session.model.finish();
    let end = drive(&mut session, &mut printer, None).await?;
    verdict(end, options, printer.refusal)
}

/// Shows what is said in a room, from `replay` on, until it is interrupted; a lost connection is made
/// again, without a gap and without a double.
pub(crate) async fn tail(options: &Options, replay: Replay) -> Outcome {
    let mut session = Session::open(options, Manner { replay, many: false, patience: None }).await?;
    let mut printer = Printer::for_messages(options.json);
    let end = drive(&mut session, &mut printer, None).await?;
    verdict(end, options, printer.refusal)
}

/// Goes on until it is over.
async fn drive(
    session: &mut Session<'_>,
    printer: &mut Printer,
    mut input: Option<&mut Input>,
) -> Outcome<End> {
    // One for the whole run: a signal must not fall between two.
    let mut interrupted = pin!(interrupted());
    loop {
        if let Some(end) = session.carry_out(printer)? {
            session.say_goodbye().await;
            return Ok(end);
        }
        let wants_input = session.model.wants_input();
        tokio::select! {
            () = session.turn() => {}
            typed = next_typed(&mut input), if wants_input => match typed {
                Typed::Line(line) => session.model.typed(&line),
                Typed::End => session.model.finish(),
            },
            failure = &mut interrupted => {
                session.say_goodbye().await;
                return Err(failure);
            }
        }
    }
}

async fn next_typed(input: &mut Option<&mut Input>) -> Typed {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}
