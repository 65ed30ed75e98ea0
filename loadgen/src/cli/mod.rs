//! The command line.

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
use values::{rate, share, some_time};

const EXIT_CODES: &str = "Exit codes: 0 held, 1 could not run, 2 usage, 3 an assertion failed, 4 the ledger \
is broken, 5 the run is invalid because the generator was the limit, 130 interrupted (and still reports).";

/// Loads the services with an open loop, measures from the due time, and accounts for every delivery.
///
/// Users join rooms over the ramp; then messages and queries fall due on a schedule that no slow answer
/// delays. The warm-up is accounted for but not measured. At the end it waits until every delivery has come.
/// Without a command it is `mix`.
#[derive(Debug, Clone, Parser)]
#[command(name = "loadgen", version, after_help = EXIT_CODES, allow_negative_numbers = true,
          args_override_self = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    mix: Mix,
    /// A file of flags as JSON: {"run":"chat","clients":500,"assert":["chat.lost==0"]}. Those on the command
    /// line come behind it.
    #[arg(long, value_name = "FILE", global = true)]
    scenario: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Chat and info together, and files and the registry when asked for: the default
    Mix(Box<Mix>),
    /// People in rooms: each delivery, the last recipient's, acks, joins, reconnects
    Chat(Box<Chat>),
    /// Queries over UDP
    Info(Info),
    /// Uploads, resumed ones too, fetched again and compared
    File(File),
    /// People who enter, as the registry's watchers see it
    Registry(Registry),
    /// Steps the rate up until a promise breaks, and says which and why
    FindMax(Box<FindMax>),
    /// Compares two reports; exits 3 when the second is worse
    Compare(Compare),
    /// Adds up the reports of several load testers that ran at once
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

#[derive(Debug, Clone, Args)]
struct FindMax {
    /// What must hold, such as chat.delivery.p99<50ms,lost==0.
    #[arg(long, value_name = "ASSERTION,...", value_delimiter = ',', required = true)]
    slo: Vec<Assertion>,
    /// How long each step is measured.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    step: Duration,
    /// How near the limit is found.
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    within: f64,
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
        let cli = Cli::parse_from(&args);
        let Some(path) = &cli.scenario else { return Ok(cli) };
        if cli.command.is_some() {
            let problem = "the file says which command it is; leave the command out".into();
            return Err(Failure::Usage { flag: "--scenario", value: path.display().to_string(), problem });
        }
        Ok(Cli::parse_from(file::expand(path, args)?))
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
        let mut options = self.mix.into_options();
        options.timing.duration = self.step;
        Search { options, slo: self.slo, within: self.within }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, String> {
        let args = std::iter::once(&"loadgen").chain(args);
        Cli::try_parse_from(args).map_err(|error| error.to_string())
    }

    /// The options of a run.
    pub(crate) fn options(args: &str) -> Options {
        let args: Vec<&str> = args.split_whitespace().collect();
        match parse(&args).unwrap().task() {
            Task::Run(options) => *options,
            task => panic!("{task:?} is no run"),
        }
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_but_the_number_of_clients_is_needed() {
        let options = options("--clients 500");
        let people = options.people.as_ref().unwrap();
        assert_eq!((people.clients, people.rooms, people.payload), (500, None, 128));
        assert_eq!((options.run, options.messages.rate, options.queries.rate), ("mix", 100.0, 100.0));
        assert_eq!(
            (options.timing.duration, options.warmup()),
            (Duration::from_secs(30), Duration::from_secs(3))
        );
        assert!(!options.transfers.is_some() && !options.entries.is_some());
    }

    #[test]
    fn each_command_asks_for_its_own_service_alone() {
        let rates = |args| {
            let options = options(args);
            let loads = [&options.messages, &options.queries, &options.transfers, &options.entries];
            (options.people.is_some(), loads.map(|load| load.rate))
        };
        assert_eq!(rates("chat --rate 7"), (true, [7.0, 0.0, 0.0, 0.0]));
        assert_eq!(rates("info --rate 7"), (false, [0.0, 7.0, 0.0, 0.0]));
        assert_eq!(rates("file --rate 7"), (false, [0.0, 0.0, 7.0, 0.0]));
        assert_eq!(rates("registry --rate 7"), (false, [0.0, 0.0, 0.0, 7.0]));
        assert_eq!(rates("mix --rate 7 --file-rate 2 --registry-rate 3"), (true, [7.0, 100.0, 2.0, 3.0]));
    }

    #[test]
    fn bad_values_are_refused_by_the_name_of_their_flag() {
        for (flag, value) in [
            ("--clients", "0"),
            ("--clients", "many"),
            ("--rooms", "0"),
            ("--rate", "-1"),
            ("--rate", "NaN"),
            ("--rate", "inf"),
            ("--rate-per-user", "-1"),
            ("--stages", "10s:100,5"),
            ("--info-rate", "1e99"),
            ("--idle", "200%"),
            ("--churn", "5%"),
            ("--duration", "30"),
            ("--duration", "0s"),
            ("--payload", "55"),
            ("--payload", "4096"),
            ("--size", "0"),
            ("--watchers", "0"),
            ("--arrival", "never"),
            ("--seed", "x"),
            ("--bind", "localhost"),
            ("--metrics-of", "chat"),
            ("--metrics", "9100"),
            ("--assert", "chat.lost"),
        ] {
            let error = parse(&[&format!("{flag}={value}")]).unwrap_err();
            assert!(error.contains(flag), "{flag} {value}: {error}");
        }
    }

    #[test]
    fn a_refused_value_is_told_what_would_be_right() {
        for (arg, right) in [
            ("--clients=x", "want a number of users, 1 to 1,000,000"),
            ("--clients=0", "want a number of users, 1 to 1,000,000"),
            ("--rooms=65537", "want a number of rooms, 1 to 65,536"),
            ("--payload=big", "want a number of bytes, 56 to "),
            ("--seed=-1", "want a whole number"),
            ("--duration=0s", "want more than no time, such as 30s"),
            ("--stages=5", "want TIME:RATE, such as 30s:500"),
            ("--churn=5", "such as 5%/min"),
        ] {
            let error = parse(&[arg]).unwrap_err();
            assert!(error.contains(right), "{arg}: {error}");
        }
        assert!(parse(&["--warmup=0s", "--ramp=0s", "--drain=0s"]).is_ok());
    }

    #[test]
    fn flags_that_exclude_each_other_are_refused() {
        for args in [
            &["--rate=5", "--stages=1s:5"][..],
            &["--duration=5s", "--stages=1s:5"],
            &["--rate=5", "--rate-per-user=1"],
            &["--linger=5s"],
            &["find-max"],
            &["compare", "a.json"],
            &["merge"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn a_file_of_flags_is_a_command_line_and_what_stands_behind_it_wins() {
        let folder = std::env::temp_dir().join(format!("loadgen-cli-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("scenario.json");
        let file = r#"{"run":"chat","clients":20,"rate":5,"assert":["chat.lost==0"],"reconnect":true}"#;
        std::fs::write(&path, file).unwrap();
        let args = ["loadgen", "--scenario", path.to_str().unwrap(), "--rate", "9"];
        let cli = Cli::read(args.iter().map(OsString::from)).unwrap();
        let Task::Run(options) = cli.task() else { panic!("no run") };
        let people = options.people.as_ref().unwrap();
        assert_eq!((options.run, people.clients, people.reconnect), ("chat", 20, true));
        assert_eq!((options.messages.rate, options.showing.assertions.len()), (9.0, 1));

        std::fs::write(&path, "[]").unwrap();
        let failure = Cli::read(args.iter().map(OsString::from)).unwrap_err();
        assert!(failure.to_string().contains("want a JSON object"), "{failure}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
