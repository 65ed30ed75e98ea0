//! What a command line means, and what is said of one that means nothing.

use std::time::Duration;

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

/// A file of flags that is gone at the end.
struct Scenario(std::path::PathBuf);

impl Scenario {
    fn new(name: &str, flags: &str) -> Self {
        let path = std::env::temp_dir().join(format!("loadgen-cli-{name}-{}.json", std::process::id()));
        std::fs::write(&path, flags).unwrap();
        Scenario(path)
    }

    fn read(&self, rest: &[&str]) -> Result<Task, Failure> {
        let args = ["loadgen", "--scenario", self.0.to_str().unwrap()];
        let args = args.into_iter().chain(rest.iter().copied());
        Cli::read(args.map(OsString::from)).map(Cli::task)
    }

    fn options(&self, rest: &[&str]) -> Options {
        let Task::Run(options) = self.read(rest).unwrap() else { panic!("no run") };
        *options
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn stages(options: &Options) -> String {
    options.messages.stages.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[test]
fn a_list_on_the_command_line_takes_the_place_of_the_file_s() {
    let flags = r#"{"run":"chat","stages":["1s:5","1s:7"],"bind":"127.0.0.2","assert":"chat.lost==0"}"#;
    let file = Scenario::new("lists", flags);
    let read = |rest: &[&str]| {
        let options = file.options(rest);
        (stages(&options), options.place.bind.len(), options.showing.assertions.len())
    };
    assert_eq!(read(&[]), ("1s:5,1s:7".into(), 1, 1));
    assert_eq!(read(&["--stages", "2s:9,3s:9"]), ("2s:9,3s:9".into(), 1, 1));
    assert_eq!(read(&["--stages=2s:9", "--bind=127.0.0.3,127.0.0.4"]), ("2s:9".into(), 2, 1));
    assert_eq!(read(&["--assert", "chat.late==0"]).2, 2, "promises add up");
}

#[test]
fn a_rate_takes_the_place_of_the_file_s_stages_and_the_other_way_round() {
    let rates = |flags: &str, rest: &[&str]| {
        let options = Scenario::new("rates", flags).options(rest);
        (options.messages.rate, stages(&options), options.timing.duration.as_secs())
    };
    let staged = r#"{"run":"chat","clients":10,"stages":"1s:5,1s:7"}"#;
    assert_eq!(rates(staged, &["--rate", "9"]), (9.0, String::new(), 30));
    assert_eq!(rates(staged, &["--rate-per-user=2", "--duration=7s"]), (20.0, String::new(), 7));
    let constant = r#"{"run":"chat","clients":10,"rate":5,"duration":"7s"}"#;
    assert_eq!(rates(constant, &["--stages", "2s:9"]).1, "2s:9");
    assert_eq!(rates(constant, &["--rate-per-user", "2"]), (20.0, String::new(), 7));
    let each = r#"{"run":"chat","clients":10,"rate_per_user":5}"#;
    assert_eq!(rates(each, &["--rate", "3"]).0, 3.0);
    assert_eq!(rates(each, &["--stages", "2s:9"]).1, "2s:9");
}

#[test]
fn a_file_holds_a_search_and_the_command_line_what_only_a_search_has() {
    let flags = r#"{"run":"find-max","slo":["chat.delivery.p99<50ms","lost==0"],"step":"7s","within":"10%","rate":5}"#;
    let file = Scenario::new("search", flags);
    let read = |rest: &[&str]| {
        let Task::FindMax(search) = file.read(rest).unwrap() else { panic!("no search") };
        (
            search.slo.len(),
            search.options.timing.duration.as_secs(),
            search.within,
            search.options.messages.rate,
        )
    };
    assert_eq!(read(&[]), (2, 7, 0.1, 5.0));
    assert_eq!(read(&["--step", "3s", "--slo=lost==0"]), (1, 3, 0.1, 5.0));
    assert_eq!(read(&["--within", "20%", "--rate", "8"]), (2, 7, 0.2, 8.0));
}

#[test]
fn a_file_of_flags_is_a_command_line_and_what_stands_behind_it_wins() {
    let flags = r#"{"run":"chat","clients":20,"rate":5,"assert":["chat.lost==0"],"reconnect":true}"#;
    let options = Scenario::new("flags", flags).options(&["--rate", "9"]);
    let people = options.people.as_ref().unwrap();
    assert_eq!((options.run, people.clients, people.reconnect), ("chat", 20, true));
    assert_eq!((options.messages.rate, options.showing.assertions.len()), (9.0, 1));
}

#[test]
fn a_file_that_is_no_command_line_is_refused() {
    for (wrong, words) in [("[]", "want a JSON object"), (r#"{"scenario":"x"}"#, "can't name another one")] {
        let failure = Scenario::new("wrong", wrong).read(&["--rate", "9"]).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn a_command_beside_a_file_is_refused_wherever_it_stands() {
    let file = Scenario::new("command", "{}");
    let path = file.0.to_str().unwrap();
    for command in ["chat", "find-max", "merge"] {
        for args in [[command, "--scenario", path], ["--scenario", path, command]] {
            let args = std::iter::once("loadgen").chain(args).map(OsString::from);
            let failure = Cli::read(args).unwrap_err();
            assert!(failure.to_string().ends_with("leave the command out"), "{failure}");
        }
    }
}

#[test]
fn a_file_is_offered_where_it_is_taken() {
    let offers = |command: &clap::Command| command.get_arguments().any(|arg| arg.get_id() == "scenario");
    let mut command = Cli::command();
    command.build();
    assert!(offers(&command));
    assert!(command.get_subcommands().all(|command| !offers(command)));
}
