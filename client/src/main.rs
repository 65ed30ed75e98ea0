//! The client: a menu for people, subcommands for scripts.

mod alternate;
mod backoff;
mod chat;
mod cli;
mod config;
mod demo;
mod discovery;
mod endpoint;
mod errors;
mod file;
mod fold;
mod folders;
mod info;
mod input;
mod manual;
mod menu;
mod naming;
mod signals;
mod skew;
mod terminal;
mod time;

use std::io::IsTerminal;
use std::process::ExitCode;

use self::cli::{Cli, Command, Common, JOBS};
use self::errors::{Failure, Outcome};
use self::input::Input;
use self::signals::or_interrupted;

fn main() -> ExitCode {
    let Cli { mut common, command } = Cli::read();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match &runtime {
        Ok(runtime) => common.configure().and_then(|()| runtime.block_on(run(&common, command))),
        Err(error) => Err(Failure::local("can't start", error)),
    };
    // A read of standard input may still wait; the process does not.
    runtime.map(tokio::runtime::Runtime::shutdown_background).ok();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::report(&failure, common.json);
            ExitCode::from(failure.exit())
        }
    }
}

async fn run(common: &Common, command: Option<Command>) -> Outcome {
    match command {
        None => menu::run(common, &mut Input::open()).await,
        Some(Command::Chat(wanted)) => {
            let options = common.chat(common.naming(), wanted.room);
            if wanted.plain || common.json || !terminal::takes_a_screen() {
                return chat::run_plain(&options, &mut Input::open(), std::io::stdin().is_terminal()).await;
            }
            let taste = common.taste().with(wanted.bell, wanted.no_mouse);
            chat::run_window(&options, taste, common.info()).await
        }
        Some(Command::Say { room, text }) => {
            chat::say(&common.chat(common.naming(), room), text.join(" ")).await
        }
        Some(Command::Tail(tail)) => {
            let options = common.chat(common.naming(), tail.room.clone());
            match tail.no_follow {
                true => chat::read_past(&options, tail.replay()).await,
                false => chat::tail(&options, tail.replay()).await,
            }
        }
        Some(other) => or_interrupted(run_once(common, other)).await,
    }
}

/// The commands that may be dropped where they stand when the person has enough of them.
async fn run_once(common: &Common, command: Command) -> Outcome {
    match command {
        Command::Info { request } => info::run(&common.info(), &request.join(" ")).await,
        Command::Status { watch: None } => info::status(&common.info()).await,
        Command::Status { watch: Some(every) } => info::watch(&common.info(), every).await,
        Command::Time => info::run(&common.info(), "TIME").await,
        Command::Users => info::run(&common.info(), "USERS").await,
        Command::Rooms => info::run(&common.info(), "ROOMS").await,
        Command::Services => info::run(&common.info(), "SERVICES").await,
        Command::Put(wanted) => file::put(&common.file(wanted.jobs), &wanted).await,
        Command::Get(wanted) => file::get(&common.file(wanted.jobs), &wanted).await,
        Command::Ls { prefix, long } => file::ls(&common.file(JOBS), &prefix, long).await,
        Command::Rm { names } => file::rm(&common.file(JOBS), &names).await,
        Command::Stat { names } => file::stat(&common.file(JOBS), &names).await,
        Command::Demo => demo::run(common).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { command } => manual::page(command.as_deref()),
        Command::Chat(_) | Command::Say { .. } | Command::Tail(_) => {
            unreachable!("chat says goodbye by itself")
        }
    }
}
