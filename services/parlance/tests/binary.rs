//! The real binary: what it says of itself, and what it says of flags that can't be followed.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Output, Stdio};

fn parlance(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlance")).args(args).env_remove("PARLANCE_SYNC").output().unwrap()
}

/// The one line of a refusal.
fn refusal(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!((output.status.code(), errors.len()), (Some(2), 1), "{said}");
    errors[0].to_owned()
}

#[test]
fn it_says_what_it_is() {
    let help = String::from_utf8(parlance(&["--help"]).stdout).unwrap();
    for flag in ["--data", "--bind", "--ports", "--drain-secs", "--log"] {
        assert!(help.contains(flag), "{flag} is missing in {help}");
    }
    assert!(String::from_utf8(parlance(&["--version"]).stdout).unwrap().starts_with("parlance "));
}

#[test]
fn a_flag_that_makes_no_sense_is_named() {
    assert!(refusal(&parlance(&["--ports", "some"])).starts_with("error: --ports some: want one of"));
    assert!(refusal(&parlance(&["--bind", "here"])).starts_with("error: --bind here: "));
    let far = parlance(&["--bind", "192.0.2.1", "--ports", "free", "--log", "off"]);
    assert!(refusal(&far).starts_with("error: --bind 192.0.2.1: chat can't have 192.0.2.1:0: "), "{far:?}");
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    for (variable, value) in [
        ("PARLANCE_SYNC", "maybe"),
        ("PARLANCE_UNTERMINATED_AFTER", "0"),
        ("PARLANCE_ROOMS_PER_CONNECTION", "0"),
        ("PARLANCE_TRUSTED", "lan"),
        ("PARLANCE_TTL_MAX", "5m"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command
            .args(["--ports", "free", "--log", "off", "--data", &data.path().display().to_string()])
            .env(variable, value);
        let said = refusal(&command.output().unwrap());
        assert!(said.starts_with(&format!("error: {variable} {value}: ")) && !said.contains("--"), "{said}");
    }
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    // Whoever has the first of the usual ports stands in the way; one may be there already.
    let _held = TcpListener::bind("127.0.0.1:9000");
    let line = refusal(&parlance(&["--log", "off"]));
    assert!(
        line.contains("127.0.0.1:9000") && line.contains("in use") && line.contains("--ports free"),
        "{line}"
    );
}

#[test]
fn a_name_from_the_environment_makes_no_two_services_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.env("PARLANCE_INSTANCE", "foo").stdout(Stdio::null());
    assert_eq!(known(command), ["chat-1", "file-1", "info-1"].map(String::from).into());
}

/// The first line to nobody ended it.
#[test]
fn it_serves_though_nobody_reads_where_it_listens() {
    let (nobody, output) = std::io::pipe().unwrap();
    drop(nobody);
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.stdout(output);
    assert_eq!(known(command).len(), 3);
}

/// Whom the registry knows of a stack, as far as it got.
fn known(mut command: Command) -> BTreeSet<String> {
    let data = tempfile::tempdir().unwrap();
    command.args(["--ports", "free", "--data", &data.path().display().to_string()]).env_remove("NO_COLOR");
    let mut stack = Stack(command.stderr(Stdio::piped()).spawn().unwrap());
    let log = BufReader::new(stack.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let known = log.filter_map(|line| {
        let (_, known) = line.split_once("known to the registry ")?;
        Some(known.split_once("instance=")?.1.split(' ').next()?.to_owned())
    });
    known.take(3).collect()
}

/// A stack that does not outlive its test.
struct Stack(Child);

impl Drop for Stack {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a stack that listens there tells people to type: the commands, without what they are for.
fn proposals(bind: &str) -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.args(["--bind", bind, "--ports", "free", "--log", "off"]);
    command.args(["--data", &data.path().display().to_string()]);
    let mut stack = Stack(command.stdout(Stdio::piped()).spawn().unwrap());
    let said = BufReader::new(stack.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let proposals = said.skip_while(|line| !line.ends_with("in another terminal:")).skip(1).take(4);
    proposals.map(|line| line.trim_start().split("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn what_to_type_is_where_it_listens() {
    for (bind, host) in [("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")] {
        let proposals = proposals(bind);
        assert_eq!(proposals.len(), 4, "{proposals:?}");
        let [chat, info, file] = ["nc ", "nc -u -w1 ", "nc -N "].map(|nc| format!("{nc}{host} "));
        for (proposal, wanted) in proposals.iter().zip([chat, info, file]) {
            assert!(proposal.contains(&wanted), "{bind}: no {wanted:?} in {proposal}");
        }
        let client = proposals[3].split_once(" --chat ").unwrap().1;
        let host = if host.contains(':') { format!("[{host}]:") } else { format!("{host}:") };
        assert_eq!(client.matches(&host).count(), 3, "{bind}: {client}");
    }
}

#[test]
fn a_folder_that_could_not_be_handed_on_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command
        .args(["--ports", "free", "--log", "off", "--data"])
        .arg(parent.path().join(OsStr::from_bytes(b"\xff")));
    let mut stack = Stack(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let served = BufReader::new(stack.0.stdout.take().unwrap()).lines().next();
    let folders: Vec<_> = parent.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(served.is_none(), "it serves from {folders:?}");
    let mut said = String::new();
    stack.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("error: --data ") && said.contains("UTF-8"), "{said}");
    assert_eq!(stack.0.wait().unwrap().code(), Some(2));
}
