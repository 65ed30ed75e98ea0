//! `<binary> healthcheck`: containers have no shell and no curl.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};

use crate::net;
use crate::words::complain;

/// Its name on the command line.
pub(crate) const NAME: &str = "healthcheck";

const PATIENCE: Duration = Duration::from_secs(3);

/// How it is asked for. Another path makes it good for another program's port as well: Prometheus' image
/// has nothing of its own to be asked with.
pub(crate) fn command() -> Command {
    let path = Arg::new("path")
        .long("path")
        .value_name("PATH")
        .default_value("/readyz")
        .value_parser(path)
        .help("What to ask for; any answer but 200 is a failure");
    Command::new(NAME).about("Ask the admin port whether the service is ready; exit 0 or 1").arg(path)
}

fn path(written: &str) -> Result<String, &'static str> {
    let is_path = written.starts_with('/') && written.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path { Ok(written.to_owned()) } else { Err("want a path that begins with / and has no spaces") }
}

/// Asks the admin port: exit 0 when the answer is 200, 1 and the reason when it is not.
pub(crate) fn ask(admin: SocketAddr, matches: &ArgMatches) -> ExitCode {
    let path = matches.get_one::<String>("path").expect("it has a default");
    match get(SocketAddr::new(net::reachable(admin.ip()), admin.port()), path) {
        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => ExitCode::SUCCESS,
        Ok(answer) => {
            complain(&format!("not ready: {}", answer.lines().last().unwrap_or_default()));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("no answer from {admin}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn get(admin: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
