//! All services once, step by step: what works is seen, and what does not is named.

use std::fmt::Display;
use std::time::Duration;

use engine::chat::{Entry, Event, Hello, Replay, Request, Tagged};
use engine::file::FileName;
use engine::info::Question;
use engine::names::{RoomName, UserName};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use wire::chat::json::{Opening, decode_event, encode_hello, encode_request};

use crate::chat::{Link, Options};
use crate::cli::{Common, JOBS};
use crate::errors::{Failure, Outcome, Tally};
use crate::file::{self, get_memory, put_memory};
use crate::info;
use crate::naming::{Naming, beside};
use crate::terminal::{print_json, print_words, safe};

/// Between two looks at who is here.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LINE: &str = "hello from the demo";

/// Runs every step; each that can be tried is tried, whatever became of the others.
pub(crate) async fn run(common: &Common) -> Outcome {
    let mut steps = Steps { json: common.json, done: 0, tally: Tally::default() };
    let dice = rand::random();
    let room = RoomName::parse(&format!("demo-{dice:04x}")).expect("letters, a hyphen and digits are a room");
    let [one, two] = ["demo-one", "demo-two"].map(|name| common.chat(naming(name, dice), room.clone()));
    let talkers = chat(&one, &two, &mut steps).await?;
    let names: Vec<&UserName> =
        if talkers.is_some() { vec![&one.naming.name, &two.naming.name] } else { Vec::new() };
    info(common, &names, &mut steps).await?;
    files(&common.file(JOBS), dice, &mut steps).await?;
    // Until here they stayed, so that info could count them.
    if let Some((one, other)) = talkers {
        one.link.close().await;
        other.link.close().await;
    }
    steps.verdict()
}

async fn chat<'a>(
    one: &'a Options,
    two: &'a Options,
    steps: &mut Steps,
) -> Outcome<Option<(Talker<'a>, Talker<'a>)>> {
    let meeting = async { Ok((Talker::enter(one).await?, Talker::enter(two).await?)) };
    let met =
        steps.step("chat", "two people meet in a room", meeting, |(one, _)| one.room.to_string()).await?;
    let Some((mut one, mut other)) = met else { return Ok(None) };
    steps
        .step("chat", "one speaks and is told that it is kept", one.say(LINE), |id| format!("id {id}"))
        .await?;
    steps.step("chat", "the other hears it", other.hear(LINE), |from| format!("from {from}")).await?;
    Ok(Some((one, other)))
}

async fn info(common: &Common, talkers: &[&UserName], steps: &mut Steps) -> Outcome {
    let options = common.info();
    steps.step("info", "ask for STATUS", info::services(&options), Clone::clone).await?;
    steps.step("info", "ask for TIME", options.ask(&Question::Time), said).await?;
    let seeing = seen(&options, talkers);
    steps.step("info", "see them in USERS", seeing, |count| format!("{count} here")).await?;
    Ok(())
}

fn said(answer: &info::Answer) -> String {
    String::from_utf8_lossy(&answer.said).into_owned()
}

/// Waits until info names all of them: they are told to it by chat through the registry, a little later.
async fn seen(options: &info::Options, talkers: &[&UserName]) -> Outcome<usize> {
    let looking = async {
        loop {
            let users = info::users(options).await?;
            if talkers.iter().all(|name| users.iter().any(|user| user == name.as_str())) {
                return Ok(users.len());
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    let late = refused("missing", "info does not name them; is the registry up?".to_owned());
    timeout(options.timeout, looking).await.unwrap_or(Err(late))
}

async fn files(options: &file::Options, dice: u16, steps: &mut Steps) -> Outcome {
    let name = FileName::parse(&format!("demo-{dice:04x}.txt")).expect("letters and digits are a name");
    let content = format!("{LINE}\n").repeat(1000).into_bytes();
    let putting = async { put_memory(options, &content, &name, true).await.map_err(without_flags) };
    let hash = |done: &file::Done| format!("blake3 {}", done.stored.hash);
    if steps.step("file", "upload a file", putting, hash).await?.is_none() {
        return Ok(());
    }
    steps.step("file", "see it in the list", listed(options, &name), Clone::clone).await?;
    let fetching = async { same(&get_memory(options, &name).await?, &content) };
    steps.step("file", "download it and compare", fetching, |size| format!("{size} bytes")).await?;
    steps.step("file", "delete it", file::delete(options, &name), |_| name.to_string()).await?;
    Ok(())
}

/// Whoever runs the demo has typed no flags and no name that another could take the place of.
fn without_flags(failure: Failure) -> Failure {
    match failure {
        Failure::Taken(name) => {
            let words = format!("{name} is there already; try again, the next demo's has another name");
            refused("taken", words)
        }
        other => other,
    }
}

async fn listed(options: &file::Options, name: &FileName) -> Outcome<String> {
    let entries = file::entries(options, name.as_str()).await?;
    match entries.iter().find(|entry| entry.name == *name) {
        Some(entry) => Ok(format!("{}, {} bytes", entry.name, entry.size)),
        None => Err(refused("missing", format!("{name} is not in the list"))),
    }
}

fn same(got: &[u8], sent: &[u8]) -> Outcome<usize> {
    match got == sent {
        true => Ok(got.len()),
        false => Err(refused("differs", "what was fetched is not what was sent".to_owned())),
    }
}

fn refused(code: &str, words: String) -> Failure {
    Failure::Refused { code: code.to_owned(), words }
}

fn naming(stem: &str, dice: u16) -> Naming {
    let stem = UserName::parse(stem).expect("letters and a hyphen are a name");
    Naming::chosen(beside(&stem, dice))
}

/// Prints what was tried and counts what failed.
struct Steps {
    json: bool,
    done: usize,
    tally: Tally,
}

impl Steps {
    /// Carries one step out. `detail` says what came of it.
    ///
    /// # Errors
    /// Only when nothing can be printed any more.
    async fn step<T, D: Display>(
        &mut self,
        service: &str,
        what: &str,
        work: impl Future<Output = Outcome<T>>,
        detail: impl Fn(&T) -> D,
    ) -> Outcome<Option<T>> {
        let outcome = work.await;
        self.done += 1;
        let words = match &outcome {
            Ok(came) => detail(came).to_string(),
            Err(failure) => failure.to_string(),
        };
        self.print(service, what, outcome.is_ok(), &words)?;
        Ok(outcome.map_err(|failure| self.tally.add(&failure)).ok())
    }

    fn print(&self, service: &str, what: &str, ok: bool, words: &str) -> Outcome {
        if self.json {
            return print_json(&json!({"service": service, "step": what, "ok": ok, "detail": words}));
        }
        let mark = if ok { "ok" } else { "failed" };
        print_words(&safe(&format!("{mark:<6} {service}: {what}: {words}")))
    }

    fn verdict(self) -> Outcome {
        let Steps { done, tally: Tally { failed, exit }, .. } = self;
        match failed {
            0 if self.json => Ok(()),
            0 => print_words(&format!("all {done} steps are ok")),
            _ => Err(Failure::Demo { failed, steps: done, exit }),
        }
    }
}

/// Somebody in a room.
struct Talker<'a> {
    options: &'a Options,
    room: &'a RoomName,
    link: Link<TcpStream>,
}

impl<'a> Talker<'a> {
    /// Connects, says the name and enters the room.
    async fn enter(options: &'a Options) -> Outcome<Self> {
        let link = Link::new(options.endpoint.dial(options.timeout).await?);
        let mut talker = Talker { options, room: &options.room, link };
        let hello = Hello {
            user: options.naming.name.clone(),
            rooms: vec![Entry { room: options.room.clone(), replay: Replay::Nothing }],
            echo: false,
            client: Some("parlance-demo".into()),
        };
        talker.link.send(&encode_hello(&Opening { reference: None, hello }));
        talker.until(|event| matches!(event, Event::Entered { .. }).then_some(())).await?;
        Ok(talker)
    }

    /// Says a line and waits for its id.
    async fn say(&mut self, text: &str) -> Outcome<u64> {
        let request = Request::Say { room: self.room.clone(), text: text.to_owned() };
        self.link.send(&encode_request(&Tagged { reference: None, request }));
        self.until(|event| match event {
            Event::Ack { place: Some((_, id)), .. } => Some(id),
            _ => None,
        })
        .await
    }

    /// Waits for a line and says whose it is.
    async fn hear(&mut self, text: &str) -> Outcome<UserName> {
        self.until(|event| match event {
            Event::Message { message, .. } if message.text == text => Some(message.from),
            _ => None,
        })
        .await
    }

    /// Listens until an event is the one; a refusal ends it.
    async fn until<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> Outcome<T> {
        let Options { endpoint, timeout: patience, .. } = self.options;
        let listening = async {
            loop {
                let line = self.link.next().await.ok().flatten();
                let line = line.ok_or_else(|| endpoint.lost("before all was said"))?;
                match decode_event(&line).map(|told| told.event) {
                    Ok(Event::Refused(refusal)) => return Err(refusal.into()),
                    Ok(event) => {
                        if let Some(found) = wanted(event) {
                            return Ok(found);
                        }
                    }
                    // The prompt for people, and whatever a later server may say.
                    Err(_) => {}
                }
            }
        };
        timeout(*patience, listening).await.unwrap_or_else(|_| Err(endpoint.no_answer(*patience)))
    }
}
