//! What a command line means, and what is said of one that means nothing.

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
fn a_list_on_the_command_line_takes_the_place_of_the_file_s() {
    let folder = std::env::temp_dir().join(format!("loadgen-cli-lists-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("scenario.json");
    let file = r#"{"run":"chat","stages":["1s:5","1s:7"],"bind":"127.0.0.2","assert":"chat.lost==0"}"#;
    std::fs::write(&path, file).unwrap();
    let read = |rest: &[&str]| {
        let args = ["loadgen", "--scenario", path.to_str().unwrap()].into_iter().chain(rest.iter().copied());
        let Task::Run(options) = Cli::read(args.map(OsString::from)).unwrap().task() else {
            panic!("no run")
        };
        let stages = options.messages.stages.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        (stages, options.place.bind.len(), options.showing.assertions.len())
    };
    assert_eq!(read(&[]), ("1s:5,1s:7".into(), 1, 1));
    assert_eq!(read(&["--stages", "2s:9,3s:9"]), ("2s:9,3s:9".into(), 1, 1));
    assert_eq!(read(&["--stages=2s:9", "--bind=127.0.0.3,127.0.0.4"]), ("2s:9".into(), 2, 1));
    assert_eq!(read(&["--assert", "chat.late==0"]).2, 2, "promises add up");
    std::fs::remove_dir_all(folder).unwrap();
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

    for (wrong, words) in [("[]", "want a JSON object"), (r#"{"scenario":"x"}"#, "can't name another one")] {
        std::fs::write(&path, wrong).unwrap();
        let failure = Cli::read(args.iter().map(OsString::from)).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
