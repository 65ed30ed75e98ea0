//! The client: a menu for people, subcommands for scripts.

mod chat;
mod cli;
mod endpoint;
mod errors;
mod input;
mod naming;
mod signals;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use engine::names::RoomName;

use self::cli::{Cli, Command, Common};
use self::endpoint::Service;
use self::errors::{Failure, Outcome};
use self::input::Input;

fn main() -> ExitCode {
    let Cli { common, command } = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match &runtime {
        Ok(runtime) => runtime.block_on(run(&common, command)),
        Err(error) => Err(Failure::local("can't start", error)),
    };
    // A read of standard input may still wait; the process does not.
    runtime.map(tokio::runtime::Runtime::shutdown_background).ok();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, common.json);
            ExitCode::from(failure.exit())
        }
    }
}

async fn run(common: &Common, command: Option<Command>) -> Outcome {
    match command {
        None => Ok(()),
        Some(Command::Chat { room }) => {
            let at_terminal = std::io::stdin().is_terminal();
            chat::run(&chat_options(common, room), &mut Input::open(), at_terminal).await
        }
        Some(Command::Say { room, text }) => chat::say(&chat_options(common, room), text.join(" ")).await,
        _ => Ok(()),
    }
}

fn chat_options(common: &Common, room: RoomName) -> chat::Options {
    chat::Options {
        endpoint: common.endpoint(Service::Chat),
        naming: common.naming(),
        room,
        timeout: common.timeout,
        json: common.json,
    }
}

/// Says on standard error what went wrong.
fn report(failure: &Failure, json: bool) {
    let words = failure.to_string();
    match (failure, json) {
        (Failure::NobodyReads, _) => {}
        (_, true) => {
            let object = serde_json::json!({"type": "error", "code": failure.code(), "message": words});
            terminal::note(&terminal::safe_json(&object.to_string()));
        }
        (_, false) => terminal::note(&terminal::safe(&format!("client: {words}"))),
    }
}
