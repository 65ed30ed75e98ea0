//! The menu, for who does not want to remember commands.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use engine::names::{RoomName, UserName};

use crate::cli::{Common, Get, JOBS, Put};
use crate::config::remember_name;
use crate::errors::{Failure, Outcome};
use crate::file::{self, Found};
use crate::fold::folded;
use crate::input::{Input, Typed};
use crate::naming::Naming;
use crate::signals::or_interrupted;
use crate::terminal::{self, note, print, print_words, prompt, safe};
use crate::{chat, demo, info};

const CHOICES: &str = "
  1  chat
  2  info
  3  upload a file
  4  download a file
  5  list files
  6  demo of all services
  q  quit
";

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Chat,
    Info,
    Upload,
    Download,
    List,
    Demo,
    Quit,
}

/// Asks what to do, and does it, until the person leaves. What goes wrong is told and ends nothing; the
/// end of the input does, and a Ctrl-C at the menu itself.
pub(crate) async fn run(common: &Common, input: &mut Input) -> Outcome {
    let mut menu = Menu { common, input, naming: common.naming() };
    loop {
        print(CHOICES)?;
        let Some(line) = menu.ask("your choice: ").await? else { return print("") };
        match parse(&line) {
            Some(Choice::Quit) => return Ok(()),
            Some(choice) => tell(menu.carry_out(choice).await)?,
            None => print_words("that is none of them: 1 to 6, or q")?,
        }
    }
}

/// Tells what went wrong; only an output that nobody reads is passed on.
fn tell(outcome: Outcome) -> Outcome {
    match outcome {
        Err(Failure::NobodyReads) => return Err(Failure::NobodyReads),
        Err(failure) => note(&safe(&format!("-- {failure}"))),
        Ok(()) => {}
    }
    Ok(())
}

fn parse(line: &str) -> Option<Choice> {
    Some(match line.trim().to_lowercase().as_str() {
        "1" | "chat" => Choice::Chat,
        "2" | "info" => Choice::Info,
        "3" | "upload" | "put" => Choice::Upload,
        "4" | "download" | "get" => Choice::Download,
        "5" | "list" | "ls" => Choice::List,
        "6" | "demo" => Choice::Demo,
        "q" | "quit" | "exit" => Choice::Quit,
        _ => return None,
    })
}

struct Menu<'a> {
    common: &'a Common,
    input: &'a mut Input,
    /// The name that is offered: that of the last chat of this run, or one from before.
    naming: Naming,
}

impl Menu<'_> {
    async fn carry_out(&mut self, choice: Choice) -> Outcome {
        match choice {
            Choice::Chat => self.chat().await,
            Choice::Info => self.info().await,
            Choice::Upload => self.upload().await,
            Choice::Download => self.download().await,
            Choice::List => or_interrupted(file::ls(&self.common.file(JOBS), "", true)).await,
            Choice::Demo => or_interrupted(demo::run(self.common)).await,
            Choice::Quit => Ok(()),
        }
    }

    /// Chats under a name that nobody else has: here another is typed, where a command line has a flag for it.
    async fn chat(&mut self) -> Outcome {
        loop {
            let Some(naming) = self.name().await? else { return Ok(()) };
            match self.chat_as(naming.clone()).await {
                Err(Failure::NameTaken(name)) => {
                    note(&format!("-- somebody is called {name} already; choose another"));
                }
                done => {
                    self.naming = naming;
                    return done;
                }
            }
        }
    }

    async fn chat_as(&mut self, naming: Naming) -> Outcome {
        let options = self.common.chat(naming, RoomName::lobby());
        match terminal::takes_a_screen() && !self.common.json {
            true => chat::run_window(&options, self.common.taste(), self.common.info()).await,
            false => chat::run_plain(&options, self.input, std::io::stdin().is_terminal()).await,
        }
    }

    /// Asks for a name until it is one; Enter takes the one from before.
    async fn name(&mut self) -> Outcome<Option<Naming>> {
        loop {
            let question = format!("your name [{}]: ", self.naming.name);
            match self.ask(&question).await? {
                None => return Ok(None),
                Some(line) if line.is_empty() => return Ok(Some(self.naming.clone())),
                Some(line) => match UserName::parse(&line) {
                    Ok(name) => {
                        // Whoever can't be remembered, as in a container, chats all the same.
                        let _ = remember_name(&name);
                        return Ok(Some(Naming::chosen(name)));
                    }
                    Err(refusal) => print_words(&refusal.words)?,
                },
            }
        }
    }

    async fn info(&mut self) -> Outcome {
        print("STATUS, TIME, USERS, ROOMS, SERVICES")?;
        let Some(request) = self.ask("or PING TEXT [STATUS]: ").await? else { return Ok(()) };
        let options = self.common.info();
        match request.is_empty() {
            true => or_interrupted(info::status(&options)).await,
            false => or_interrupted(info::run(&options, &request)).await,
        }
    }

    async fn upload(&mut self) -> Outcome {
        let Some(path) = self.ask("file to send: ").await?.filter(|path| !path.is_empty()) else {
            return Ok(());
        };
        let files = vec![PathBuf::from(path)];
        let wanted = Put { files, name: None, recursive: true, no_clobber: false, jobs: JOBS };
        or_interrupted(file::put(&self.common.file(JOBS), &wanted)).await
    }

    async fn download(&mut self) -> Outcome {
        let Some(name) = self.ask("file to fetch: ").await?.filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let options = self.common.file(JOBS);
        let found = or_interrupted(file::find(&options, &name)).await?;
        let (question, usual) = match found {
            Found::File => ("save it as", name.rsplit('/').next().unwrap_or(&name)),
            Found::Files | Found::Folder => ("save them in the folder", "."),
        };
        let Some(to) = self.ask(&format!("{question} [{usual}]: ")).await? else { return Ok(()) };
        let mut to = PathBuf::from(if to.is_empty() { usual } else { &to });
        if found == Found::File && to.is_dir() {
            to.push(usual);
        }
        let force = found == Found::File && to.is_file();
        if force && !self.may_replace(&to).await? {
            return Ok(());
        }
        let recursive = found == Found::Folder;
        let wanted = Get { names: vec![name], to: Some(to), force, recursive, jobs: JOBS };
        or_interrupted(file::get(&options, &wanted)).await
    }

    async fn may_replace(&mut self, path: &Path) -> Outcome<bool> {
        let answer = self.ask(&format!("{} is there already; replace it? [y/N]: ", path.display())).await?;
        Ok(answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes")))
    }

    /// Asks one question; `None` when the input ends.
    async fn ask(&mut self, question: &str) -> Outcome<Option<String>> {
        prompt(&folded(&safe(question), &std::io::stdout()))?;
        match or_interrupted(async { Ok(self.input.next().await) }).await? {
            Typed::Line(line) => Ok(Some(line.trim().to_owned())),
            Typed::End => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_choose() {
        assert_eq!(parse(" 1 "), Some(Choice::Chat));
        assert_eq!(parse("Demo"), Some(Choice::Demo));
        assert_eq!(parse("Q"), Some(Choice::Quit));
        for none in ["", "0", "7", "11", "help"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn only_a_gone_reader_ends_the_menu() {
        assert!(tell(Err(Failure::Interrupted)).is_ok());
        assert!(tell(Err(Failure::SomeRefused(1))).is_ok());
        assert!(matches!(tell(Err(Failure::NobodyReads)), Err(Failure::NobodyReads)));
    }
}
