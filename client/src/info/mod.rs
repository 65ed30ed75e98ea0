//! Asking the info service.

mod ask;
mod show;

use std::io::IsTerminal;
use std::time::Duration;

use engine::info::{Instance, Question};
use serde_json::json;
use tokio::time::sleep;
use wire::info::{MAX_PING, Page, Reply};

use self::ask::ask;
use self::show::{Listing, states, table};
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};
use crate::fold::folded;
use crate::terminal::{note, print, print_json, print_words, prompt, safe, safe_json};
use crate::time::now;

pub(crate) use self::ask::Answer;

/// Where to ask, and how to show the answer.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
}

/// Asks a request as it was typed, follows its pages, and prints the answer.
pub(crate) async fn run(options: &Options, words: &str) -> Outcome {
    let question = parse(words)?;
    let Answer { reply, said } = options.ask(&question).await?;
    let listing = match reply {
        Reply::Users(page) => Listing::Users(options.rest(page, |after| Question::Users { after }).await?),
        Reply::Rooms(page) => Listing::Rooms(options.rest(page, |after| Question::Rooms { after }).await?),
        Reply::Services(page) => {
            Listing::Services(options.rest(page, |after| Question::Services { after }).await?)
        }
        other => return options.print_plain(&other, &said),
    };
    match options.json {
        true => print_json(&listing.object()),
        false => listing.lines().iter().try_for_each(|line| print_words(line)),
    }
}

/// Prints how all services are.
pub(crate) async fn status(options: &Options) -> Outcome {
    options.status_rows().await?.iter().try_for_each(|row| print(row))
}

/// Prints how all services are, again and again, until it is interrupted. What fails is told, and tried
/// again. At a terminal the new table takes the place of the old one.
pub(crate) async fn watch(options: &Options, every: Duration) -> Outcome {
    let in_place = std::io::stdout().is_terminal() && !options.json;
    let mut shown = 0;
    loop {
        let rows = match options.status_rows().await {
            Ok(rows) => rows,
            Err(failure) if in_place => rows(&safe(&failure.to_string())),
            Err(failure) => {
                note(&safe(&format!("-- {failure}")));
                Vec::new()
            }
        };
        if in_place && shown > 0 {
            prompt(&format!("\x1b[{shown}A\x1b[J"))?;
        }
        rows.iter().try_for_each(|row| print(row))?;
        shown = rows.len();
        sleep(every).await;
    }
}

/// A line as it is broken on this terminal.
fn rows(line: &str) -> Vec<String> {
    folded(line, &std::io::stdout()).lines().map(str::to_owned).collect()
}

/// The names of all who are here.
pub(crate) async fn users(options: &Options) -> Outcome<Vec<String>> {
    match options.ask(&Question::Users { after: None }).await?.reply {
        Reply::Users(page) => options.rest(page, |after| Question::Users { after }).await,
        _ => Err(options.endpoint.garbled("no list of users")),
    }
}

/// All services that are known.
pub(crate) async fn instances(options: &Options) -> Outcome<Vec<Instance>> {
    match options.ask(&Question::Services { after: None }).await?.reply {
        Reply::Services(page) => options.rest(page, |after| Question::Services { after }).await,
        _ => Err(options.endpoint.garbled("no list of services")),
    }
}

/// How each service is, in one line.
pub(crate) async fn services(options: &Options) -> Outcome<String> {
    match options.ask(&Question::Status).await?.reply {
        Reply::Status(status) => Ok(states(&status)),
        _ => Err(options.endpoint.garbled("no status")),
    }
}

impl Options {
    /// Asks one question; a service that does not offer it refuses.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Outcome<Answer> {
        let answer = ask(&self.endpoint, self.timeout, question).await?;
        match &answer.reply {
            Reply::Commands(offered) => Err(Failure::Refused {
                code: "unknown_command".into(),
                words: format!("this service answers only {offered}"),
            }),
            _ => Ok(answer),
        }
    }

    /// The status in rows as the terminal has them, so that they can be counted.
    async fn status_rows(&self) -> Outcome<Vec<String>> {
        let Answer { reply, said } = self.ask(&Question::Status).await?;
        match reply {
            Reply::Status(status) if !self.json => {
                Ok(table(&status, now()).iter().flat_map(|line| rows(line)).collect())
            }
            _ => {
                let object: serde_json::Value =
                    serde_json::from_slice(&said).map_err(|error| self.endpoint.garbled(error))?;
                Ok(vec![safe_json(&object.to_string()).into_owned()])
            }
        }
    }

    /// All entries of a list, from its first page on.
    async fn rest<T: Entries>(
        &self,
        first: Page<T>,
        question: impl Fn(Option<&str>) -> Question<'_>,
    ) -> Outcome<Vec<T>> {
        let Page { mut entries, mut next, .. } = first;
        while let Some(after) = next {
            let answer = self.ask(&question(Some(&after))).await?;
            let page =
                T::page(answer.reply).ok_or_else(|| self.endpoint.garbled("a page of another list"))?;
            if page.entries.is_empty() || page.next.as_ref() == Some(&after) {
                return Err(self.endpoint.garbled("its pages go round in a circle"));
            }
            entries.extend(page.entries);
            next = page.next;
        }
        Ok(entries)
    }

    fn print_plain(&self, reply: &Reply, said: &[u8]) -> Outcome {
        let said = String::from_utf8_lossy(said);
        match reply {
            _ if !self.json => print(&safe(&said)),
            Reply::Time(time) => print_json(&json!({"time": time})),
            Reply::Pong(words) => print_json(&json!({"pong": words})),
            _ => print_json(&serde_json::from_str(&said).map_err(|error| self.endpoint.garbled(error))?),
        }
    }
}

/// What a list consists of.
trait Entries: Sized {
    /// The page, if the reply is one of this list.
    fn page(reply: Reply) -> Option<Page<Self>>;
}

macro_rules! entries {
    ($($entry:ty = $reply:ident),*) => {
        $(impl Entries for $entry {
            fn page(reply: Reply) -> Option<Page<Self>> {
                if let Reply::$reply(page) = reply { Some(page) } else { None }
            }
        })*
    };
}

entries!(String = Users, wire::info::Room = Rooms, Instance = Services);

/// Reads a request as it was typed.
fn parse(words: &str) -> Outcome<Question<'_>> {
    let words = words.trim();
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let after = || after(rest.trim());
    Ok(match word.to_ascii_uppercase().as_str() {
        "STATUS" if rest.is_empty() => Question::Status,
        "TIME" if rest.is_empty() => Question::Time,
        "USERS" => Question::Users { after: after()? },
        "ROOMS" => Question::Rooms { after: after()? },
        "SERVICES" => Question::Services { after: after()? },
        "PING" if rest.len() > MAX_PING => {
            return Err(Failure::Usage(format!("PING takes at most {MAX_PING} bytes of text")));
        }
        "PING" => Question::Ping(rest),
        _ => return Err(unknown(words)),
    })
}

/// What stands behind the name of a list: nothing, or `AFTER <name>`.
fn after(rest: &str) -> Outcome<Option<&str>> {
    match rest.split_once(char::is_whitespace) {
        None if rest.is_empty() => Ok(None),
        Some((word, name)) if word.eq_ignore_ascii_case("AFTER") => Ok(Some(name.trim())),
        _ => Err(unknown(rest)),
    }
}

fn unknown(words: &str) -> Failure {
    Failure::Usage(format!(
        "info does not know `{words}`; ask for STATUS, TIME, USERS, ROOMS, SERVICES or PING TEXT"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_any_case() {
        assert_eq!(parse(" status ").unwrap(), Question::Status);
        assert_eq!(parse("users").unwrap(), Question::Users { after: None });
        assert_eq!(parse("Rooms after lobby").unwrap(), Question::Rooms { after: Some("lobby") });
        assert_eq!(parse("PING a b").unwrap(), Question::Ping("a b"));
    }

    #[test]
    fn what_info_does_not_know_is_not_asked() {
        let long = format!("PING {}", "x".repeat(65));
        for bad in ["", "STATUS x", "users alice", "HELP", &long] {
            assert_eq!(parse(bad).unwrap_err().exit(), 2, "{bad}");
        }
    }
}
