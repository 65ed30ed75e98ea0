//! Chat in lines: for a person at a terminal, and for pipes.

mod command;
mod line;
mod link;
mod model;
mod printer;

use std::pin::Pin;
use std::time::{Duration, Instant};

use engine::chat::Request;
use engine::names::RoomName;
use engine::{Code, Refusal};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use self::command::HISTORY;
use self::model::{Effect, End, Model, Start};
use self::printer::Printer;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};
use crate::input::{Input, Typed};
use crate::naming::Naming;
use crate::signals::interrupted;

pub(crate) use self::link::Link;

/// How long a pipe waits for a lost connection, at least: a restarted server is back by then.
const PIPE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// Where to chat, and as whom.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) naming: Naming,
    pub(crate) room: RoomName,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
}

/// Chats until the person leaves, or until all of a pipe is said and acked.
pub(crate) async fn run(options: &Options, input: &mut Input, at_terminal: bool) -> Outcome {
    let patience = (!at_terminal).then(|| options.timeout.max(PIPE_PATIENCE));
    let printer = Printer::new(options.json);
    let mut session = Session::open(options, HISTORY, patience, printer).await?;
    match session.drive(Some(input)).await? {
        End::Done { refused } if refused > 0 && !at_terminal => Err(Failure::SomeRefused(refused)),
        end => session.verdict(end, options),
    }
}

/// Says one line, and waits until it is kept.
pub(crate) async fn say(options: &Options, text: String) -> Outcome {
    engine::text::check_message(&text).map_err(|refusal| Failure::Usage(refusal.words.into_owned()))?;
    let printer = Printer::for_acks(options.json);
    let mut session = Session::open(options, 0, Some(options.timeout), printer).await?;
    session.model.ask(Request::Say { room: options.room.clone(), text });
    session.model.finish();
    let end = session.drive(None).await?;
    session.verdict(end, options)
}

type Dialing<'a> = Pin<Box<dyn Future<Output = Outcome<TcpStream>> + 'a>>;

/// The machine with its connection, its clock and its screen.
struct Session<'a> {
    endpoint: &'a Endpoint,
    timeout: Duration,
    model: Model,
    link: Option<Link<TcpStream>>,
    dialing: Option<Dialing<'a>>,
    printer: Printer,
    began: Instant,
}

impl<'a> Session<'a> {
    /// Connects for the first time; who can't get there at all is told so and does not wait.
    async fn open(
        options: &'a Options,
        history: u32,
        patience: Option<Duration>,
        printer: Printer,
    ) -> Outcome<Self> {
        let stream = options.endpoint.dial(options.timeout).await?;
        let mut model = Model::new(Start {
            naming: options.naming.clone(),
            room: options.room.clone(),
            history,
            timeout: options.timeout,
            patience,
            run: rand::random(),
            dice: rand::random(),
        });
        model.connected(Duration::ZERO);
        Ok(Session {
            endpoint: &options.endpoint,
            timeout: options.timeout,
            model,
            link: Some(Link::new(stream)),
            dialing: None,
            printer,
            began: Instant::now(),
        })
    }

    /// Goes on until it is over.
    async fn drive(&mut self, mut input: Option<&mut Input>) -> Outcome<End> {
        loop {
            if let Some(end) = self.carry_out()? {
                self.say_goodbye().await;
                return Ok(end);
            }
            tokio::select! {
                heard = hear(&mut self.link) => self.heard(heard),
                dialed = arrive(&mut self.dialing) => self.dialed(dialed),
                typed = next_typed(&mut input), if self.model.wants_input() => match typed {
                    Typed::Line(line) => self.model.typed(&line),
                    Typed::End => self.model.finish(),
                },
                () = wake(self.began, self.model.deadline()) => self.model.tick(self.began.elapsed(), roll()),
                failure = interrupted() => {
                    self.say_goodbye().await;
                    return Err(failure);
                }
            }
        }
    }

    /// Does what the machine wants done.
    fn carry_out(&mut self) -> Outcome<Option<End>> {
        for effect in self.model.take() {
            match effect {
                Effect::Dial => self.dialing = Some(Box::pin(self.endpoint.dial(self.timeout))),
                Effect::Send(line) => {
                    if let Some(link) = &mut self.link {
                        link.send(&line);
                    }
                }
                Effect::Hang => self.link = None,
                Effect::Show(told) => self.printer.told(&told, self.model.name())?,
                Effect::Note(note) => self.printer.note(&note, self.model.name())?,
                Effect::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    fn heard(&mut self, heard: std::io::Result<Option<String>>) {
        let now = self.began.elapsed();
        match heard {
            Ok(Some(line)) => self.model.received(&line, now, roll()),
            // An orderly end and a broken connection are the same to a person: both are tried again.
            Ok(None) | Err(_) => {
                self.link = None;
                self.model.lost(now, roll());
            }
        }
    }

    fn dialed(&mut self, dialed: Outcome<TcpStream>) {
        self.dialing = None;
        let now = self.began.elapsed();
        match dialed {
            Ok(stream) => {
                self.link = Some(Link::new(stream));
                self.model.connected(now);
            }
            Err(_) => self.model.lost(now, roll()),
        }
    }

    async fn say_goodbye(&mut self) {
        if let Some(link) = self.link.take() {
            // A peer that does not read any more is left without one.
            let _ = timeout(GOODBYE, link.close()).await;
        }
    }

    /// What the end means for whoever asked.
    fn verdict(&mut self, end: End, options: &Options) -> Outcome {
        match end {
            End::Done { .. } => self.printer.refusal.take().map_or(Ok(()), |refusal| Err(refusal.into())),
            End::Refused(refusal) => Err(unwelcome(refusal, &options.naming)),
            End::NeverIn => Err(self.endpoint.lost("before the chat began")),
            End::Silent => Err(self.endpoint.no_answer(self.timeout)),
            End::Lost { open: 0 } => Err(self.endpoint.lost("and did not come back")),
            End::Lost { open } => {
                Err(self.endpoint.lost(format!("and did not come back; {open} lines were not confirmed")))
            }
        }
    }
}

/// The refusal of a name says how to choose another.
fn unwelcome(refusal: Refusal, naming: &Naming) -> Failure {
    match refusal.code {
        Code::NameTaken => {
            let words =
                format!("somebody is called {} already; choose another with --user NAME", naming.name);
            Failure::Refused { code: refusal.code.as_str().to_owned(), words }
        }
        _ => refusal.into(),
    }
}

async fn hear(link: &mut Option<Link<TcpStream>>) -> std::io::Result<Option<String>> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn arrive(dialing: &mut Option<Dialing<'_>>) -> Outcome<TcpStream> {
    match dialing {
        Some(dialing) => dialing.await,
        None => std::future::pending().await,
    }
}

async fn next_typed(input: &mut Option<&mut Input>) -> Typed {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

async fn wake(began: Instant, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => sleep_until((began + deadline).into()).await,
        None => std::future::pending().await,
    }
}

fn roll() -> f64 {
    rand::random()
}
