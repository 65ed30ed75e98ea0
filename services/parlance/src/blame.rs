//! What a service says of its own flags, in the words of whoever has only their environment variables.

use chassis::{Failure, Service};
use clap::{Args, Command, CommandFactory};

use crate::flags::{Flags, Ports};

/// A service blames its own flags; here they have other names.
pub(crate) fn in_our_words<C: Args>(service: &Service, flags: &Flags, failure: Failure) -> Failure {
    match failure {
        Failure::Config { flag: "--listen" | "--admin", value, problem } => {
            let hint =
                if flags.ports == Ports::Default { "; --ports free takes those that are free" } else { "" };
            Failure::config(
                "--bind",
                flags.bind,
                format!("{} can't have {value}: {problem}{hint}", service.name),
            )
        }
        Failure::Config { flag, value, problem } => {
            Failure::Usage(by_variable::<C>(&format!("{flag} {value}: {problem}")))
        }
        Failure::Usage(words) => Failure::Usage(by_variable::<C>(&words)),
        Failure::Fatal(words) => Failure::Fatal(by_variable::<C>(&words)),
    }
}

/// The words with each flag that only the service has by the name of its variable.
fn by_variable<C: Args>(words: &str) -> String {
    let theirs = chassis::Flags::augment_args(C::augment_args(Command::new("service")));
    let mut names: Vec<(String, String)> = theirs
        .get_arguments()
        .filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg.get_env()?.to_str()?.to_owned())))
        .filter(|(flag, _)| !is_ours(flag))
        .collect();
    // No flag may be taken for the beginning of another.
    names.sort_by_key(|(flag, _)| std::cmp::Reverse(flag.len()));
    names.iter().fold(words.to_owned(), |words, (flag, variable)| words.replace(flag, variable))
}

fn is_ours(flag: &str) -> bool {
    Flags::command().get_arguments().any(|arg| arg.get_long() == flag.strip_prefix("--"))
}
