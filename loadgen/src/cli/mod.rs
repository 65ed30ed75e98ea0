//! The command line.

mod examples;
mod file;
mod flags;
mod options;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub use flags::{Files, People, Place, Showing, Speech, Timing, Watchers};
pub use options::{Load, Options, Search};

use crate::assertion::Assertion;
use crate::failure::Failure;
use crate::profile::Stage;
use values::{no_duration, no_stages, rate, share};

const LONG_VERSION: &str = concat!(env!("PARLANCE_VERSION"), " (", env!("PARLANCE_REVISION"), ")");

/// Loads the services with an open loop, measures from the due time, and accounts for every delivery.
///
/// Users join rooms over the ramp; then messages and queries fall due on a schedule that no slow answer
/// delays. The warm-up is accounted for but not measured. At the end it waits until every delivery has come.
/// Without a command it is `mix`.
#[derive(Debug, Clone, Parser)]
#[command(name = "loadgen", version = LONG_VERSION, after_help = format!("{}\n{}", examples::ALL, examples::EXIT_CODES), allow_negative_numbers = true,
          args_override_self = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    mix: Mix,
    /// A file of flags as JSON: {"run":"chat","clients":500,"assert":["chat.lost==0"]}. Those on the command
    /// line take the place of its own; --assert adds to them.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Chat and info together, and files and the registry when asked for: the default
    #[command(after_help = examples::MIX)]
    Mix(Box<Mix>),
    /// People in rooms: each delivery, the last recipient's, acks, joins, reconnects
    #[command(after_help = examples::CHAT)]
    Chat(Box<Chat>),
    /// Queries over UDP
    #[command(after_help = examples::INFO)]
    Info(Info),
    /// Uploads, resumed ones too, fetched again and compared
    #[command(after_help = examples::FILE)]
    File(File),
    /// People who enter, as the registry's watchers see it
    #[command(after_help = examples::REGISTRY)]
    Registry(Registry),
    /// Steps the rate up until a promise breaks, and says which and why
    #[command(after_help = examples::FIND_MAX)]
    FindMax(Box<FindMax>),
    /// Compares two reports; exits 3 when the second is worse
    #[command(after_help = examples::COMPARE)]
    Compare(Compare),
    /// Adds up the reports of several load testers that ran at once
    #[command(after_help = examples::MERGE)]
    Merge(Merge),
}

#[derive(Debug, Clone, Args)]
struct Mix {
    #[command(flatten)]
    people: People,
    #[command(flatten)]
    speech: Speech,
    /// UDP queries a second, all together; 0 to leave info alone.
    #[arg(long, value_name = "Q_PER_S", default_value_t = 100.0, value_parser = rate, help_heading = "Rates")]
    info_rate: f64,
    /// File transfers a second.
    #[arg(long, value_name = "FILES_PER_S", default_value_t = 0.0, value_parser = rate, help_heading = "Rates")]
    file_rate: f64,
    /// People a second who enter in the registry.
    #[arg(long, value_name = "GUESTS_PER_S", default_value_t = 0.0, value_parser = rate, help_heading = "Rates")]
    registry_rate: f64,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    watchers: Watchers,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    showing: Showing,
}

#[derive(Debug, Clone, Args)]
struct Chat {
    #[command(flatten)]
    people: People,
    #[command(flatten)]
    speech: Speech,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    showing: Showing,
}

/// Declares a command that has nothing but a rate of its own and flags of its own.
macro_rules! simple {
    ($name:ident, $doc:literal, $default:literal $(, $field:ident: $flags:ty)?) => {
        #[derive(Debug, Clone, Args)]
        struct $name {
            #[doc = $doc]
            #[arg(long, value_name = "PER_S", default_value_t = $default, value_parser = rate)]
            rate: f64,
            /// The rate over time, instead of --rate and --duration, such as 10s:100,30s:500,10s:0.
            #[arg(long, value_name = "TIME:RATE,...", value_delimiter = ',',
                  conflicts_with_all = ["rate", "duration"])]
            stages: Vec<Stage>,
            $(#[command(flatten)] $field: $flags,)?
            #[command(flatten)]
            timing: Timing,
            #[command(flatten)]
            place: Place,
            #[command(flatten)]
            showing: Showing,
        }
    };
}

simple!(Info, "Queries a second, all together.", 100.0);
simple!(File, "Transfers a second.", 2.0, files: Files);
simple!(Registry, "People a second who enter.", 20.0, watchers: Watchers);

/// A run of each step: its length has a name of its own, and only a single rate can be stepped.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("duration", |arg| arg.long("step").default_value("10s").help("How long each step is measured")),
          mut_arg("warmup", |arg| arg.help("How long traffic runs before each step is measured [default: 3s]")),
          mut_arg("stages", |arg| arg.hide(true).value_parser(no_stages)))]
struct FindMax {
    /// What must hold, such as chat.delivery.p99<50ms,lost==0.
    #[arg(long, value_name = "ASSERTION,...", value_delimiter = ',', required = true)]
    slo: Vec<Assertion>,
    /// How near the limit is found.
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    within: f64,
    /// Refused, and not taken for another flag that is misspelt.
    #[arg(id = "no-duration", long = "duration", hide = true, value_name = "TIME", value_parser = no_duration)]
    _no_duration: Option<Duration>,
    #[command(flatten)]
    mix: Mix,
}

/// Two reports to compare.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// The report, as --json writes it, that is measured against.
    pub before: PathBuf,
    /// The report that is judged.
    pub after: PathBuf,
    /// By how much a figure may differ and still be the same.
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    pub noise: f64,
}

/// Reports to add up.
#[derive(Debug, Clone, Args)]
pub struct Merge {
    /// The reports, as --json writes them.
    #[arg(required = true, num_args = 1..)]
    pub reports: Vec<PathBuf>,
    /// Adds them up also when they were not measured at once, or on machines whose clocks differ.
    #[arg(long)]
    pub not_at_once: bool,
    /// Prints the sum as JSON, or writes it to a file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Task {
    /// A run.
    Run(Box<Options>),
    /// Many runs.
    FindMax(Box<Search>),
    /// Two reports.
    Compare(Compare),
    /// Several reports.
    Merge(Merge),
}

impl Cli {
    /// Reads a command line, and the file of flags that it may name; what is wrong with it ends the process.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file that holds no flags.
    pub fn read(args: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let args: Vec<OsString> = args.collect();
        match Cli::try_parse_from(&args) {
            Ok(cli) if cli.scenario.is_none() => Ok(cli),
            // Beside a file there may be flags that only its own command has.
            read => match file::named(&args) {
                Some((path, others)) => Ok(Cli::parse_from(file::expand(&path, others)?)),
                None => read.or_else(|error| error.exit()),
            },
        }
    }

    /// What it asks for.
    pub fn task(self) -> Task {
        let run = |options| Task::Run(Box::new(options));
        match self.command {
            None => run(self.mix.into_options()),
            Some(Command::Mix(mix)) => run(mix.into_options()),
            Some(Command::Chat(chat)) => run(chat.into_options()),
            Some(Command::Info(info)) => run(info.into_options()),
            Some(Command::File(file)) => run(file.into_options()),
            Some(Command::Registry(registry)) => run(registry.into_options()),
            Some(Command::FindMax(search)) => Task::FindMax(Box::new(search.into_search())),
            Some(Command::Compare(compare)) => Task::Compare(compare),
            Some(Command::Merge(merge)) => Task::Merge(merge),
        }
    }
}

impl Mix {
    fn into_options(self) -> Options {
        Options {
            messages: self.speech.load(&self.people),
            queries: Load::constant(self.info_rate),
            transfers: Load::constant(self.file_rate),
            entries: Load::constant(self.registry_rate),
            people: Some(self.people),
            files: Some(self.files),
            watchers: Some(self.watchers),
            ..Options::silent("mix", self.timing, self.place, self.showing)
        }
    }
}

impl Chat {
    fn into_options(self) -> Options {
        Options {
            messages: self.speech.load(&self.people),
            people: Some(self.people),
            ..Options::silent("chat", self.timing, self.place, self.showing)
        }
    }
}

impl Info {
    fn into_options(self) -> Options {
        Options {
            queries: Load { rate: self.rate, stages: self.stages },
            ..Options::silent("info", self.timing, self.place, self.showing)
        }
    }
}

impl File {
    fn into_options(self) -> Options {
        Options {
            transfers: Load { rate: self.rate, stages: self.stages },
            files: Some(self.files),
            ..Options::silent("file", self.timing, self.place, self.showing)
        }
    }
}

impl Registry {
    fn into_options(self) -> Options {
        Options {
            entries: Load { rate: self.rate, stages: self.stages },
            watchers: Some(self.watchers),
            ..Options::silent("registry", self.timing, self.place, self.showing)
        }
    }
}

impl FindMax {
    fn into_search(self) -> Search {
        Search { options: self.mix.into_options(), slo: self.slo, within: self.within }
    }
}

#[cfg(test)]
pub(crate) mod tests;
