//! From `main` to the exit code.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::admin::healthcheck;
use crate::failure::Failure;
use crate::flags::usage::explain;
use crate::flags::{Flags, command, forgiving};
use crate::logging;
use crate::running::Running;
use crate::service::{LONG_VERSION, Service};
use crate::words::complain;

/// Signals that come within this time are one.
const ONE_BREATH: Duration = Duration::from_millis(5);

/// Something that a service's binary does instead of serving, and then ends: `chat backup`, `file verify`.
#[derive(Debug)]
pub struct Errand<C> {
    /// How it is asked for: the subcommand.
    pub command: fn() -> Command,
    /// Does it, given the service's flags and its own, and says how the process ends.
    pub run: fn(C, &ArgMatches) -> Result<ExitCode, Failure>,
}

/// A service's whole `main`: reads the flags, starts it, ends it on SIGTERM or SIGINT.
pub fn main<C, F, Fut>(service: &'static Service, start: F) -> ExitCode
where
    C: Args,
    F: FnOnce(C, Flags) -> Fut,
    Fut: Future<Output = Result<Running, Failure>>,
{
    main_with(service, &[], start)
}

/// The same for a binary that does more than to serve.
pub fn main_with<C, F, Fut>(service: &'static Service, errands: &[Errand<C>], start: F) -> ExitCode
where
    C: Args,
    F: FnOnce(C, Flags) -> Fut,
    Fut: Future<Output = Result<Running, Failure>>,
{
    let mut command = errands
        .iter()
        .fold(command::<C>(service), |command, errand| command.subcommand(forgiving((errand.command)())));
    let read = command.try_get_matches_from_mut(std::env::args_os()).and_then(|matches| {
        let flags = Flags::from_arg_matches(&matches)?;
        Ok((C::from_arg_matches(&matches)?, flags, matches))
    });
    let (config, flags, matches) = match read {
        Ok(read) => read,
        Err(error) => return usage(&command, &error),
    };
    if let Some(matches) = matches.subcommand_matches(healthcheck::NAME) {
        return healthcheck::ask(flags.admin, matches);
    }
    let asked = |errand: &&Errand<C>| matches.subcommand_matches((errand.command)().get_name()).is_some();
    if let Some(errand) = errands.iter().find(asked) {
        let (_, matches) = matches.subcommand().expect("it was asked for");
        return (errand.run)(config, matches).unwrap_or_else(|failure| report(&failure));
    }
    if let Err(failure) = logging::init(&flags.logging) {
        return report(&failure);
    }
    block_on(
        service.workers,
        run_until_stopped(async {
            let running = start(config, flags).await?;
            info!(service = service.name, version = LONG_VERSION, "started");
            Ok(vec![running])
        }),
    )
}

/// Ends a process whose command line makes no sense, or only asks for `--help` or `--version`.
pub fn usage(command: &Command, error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    report(&Failure::Usage(explain(command, error)))
}

/// Runs a process's one future on a runtime of its own, of so many threads for the number of processors, and
/// turns its end into the exit code.
pub fn block_on(workers: fn(usize) -> usize, work: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    raise_descriptor_limit();
    let workers = workers(std::thread::available_parallelism().map_or(1, usize::from));
    let runtime = match Builder::new_multi_thread().worker_threads(workers).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::fatal(format!("no runtime: {error}"))),
    };
    let ended = runtime.block_on(work);
    // Threads that sit in a blocking call must not hold up the exit.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// Starts services, waits for a signal, or for one of them that ends by itself, and then drains them: all but
/// the last together, and then the last, which the others may need to their end. A second signal ends the
/// process at once.
///
/// # Errors
/// The first thing that broke.
pub async fn run_until_stopped(
    start: impl Future<Output = Result<Vec<Running>, Failure>>,
) -> Result<(), Failure> {
    // Whoever reads that a service listens may stop it in the same moment: be ready for it before.
    let stop = heed(Signals::listen()?);
    let mut services = start.await?;
    let mut last = services.pop();
    let early = tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = first_ended(&mut services, &mut last) => ended,
    };
    let drained = drain(services, last).await;
    early.and(drained)
}

/// Tells of the first signal, and ends the process at the second. It is a task of its own, for a start may take
/// long and keep the thread that waits for it.
fn heed(mut signals: Signals) -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        told.cancel();
        signals.next_after_a_breath().await;
        error!("a second signal: ending at once");
        std::process::exit(1);
    });
    stop
}

/// The end of whichever service ends first; it is taken out, for its end can be heard only once.
async fn first_ended(services: &mut Vec<Running>, last: &mut Option<Running>) -> Result<(), Failure> {
    let (index, ended) = std::future::poll_fn(|cx| {
        for (index, service) in services.iter_mut().chain(last.iter_mut()).enumerate() {
            let finished = std::pin::pin!(service.finished());
            if let std::task::Poll::Ready(ended) = finished.poll(cx) {
                return std::task::Poll::Ready((index, ended));
            }
        }
        std::task::Poll::Pending
    })
    .await;
    if index < services.len() {
        services.remove(index);
    } else {
        *last = None;
    }
    ended
}

async fn drain(services: Vec<Running>, last: Option<Running>) -> Result<(), Failure> {
    services.iter().for_each(Running::begin_drain);
    let mut result = Ok(());
    for service in services.into_iter().chain(last) {
        result = result.and(service.stop().await);
    }
    result
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::fatal(format!("no signals: {e}")));
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The next signal that is a wish of its own: some supervisors signal a process and its group in one
    /// breath, and that is one wish.
    async fn next_after_a_breath(&mut self) {
        let same_breath = async {
            loop {
                self.next().await;
            }
        };
        let _ = tokio::time::timeout(ONE_BREATH, same_breath).await;
        self.next().await;
    }
}

/// Every connection is a descriptor, and the usual soft limit of 1,024 is far below the hard one.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Tells why a process ends that could not do what it was started for, and how it ends.
pub fn report(failure: &Failure) -> ExitCode {
    complain(&format!("error: {failure}"));
    failure.exit_code()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use rustix::process::{Pid, kill_process};
    use tokio::sync::oneshot;

    use super::*;
    use crate::running::Life;
    use crate::service::{ECHO, one_each};

    #[derive(Debug, clap::Args)]
    struct NoConfig {}

    /// A service that does this once it has been told to end.
    async fn service(ends: impl Future<Output = ()> + Send + 'static) -> Running {
        let (_, flags) = crate::flags::parse::<NoConfig>(&ECHO, &[]).unwrap();
        let run = |life: Life| async move {
            life.drain.signaled().await;
            ends.await;
            Ok(())
        };
        Running::launch(&ECHO, &flags, flags.listen, run).await.unwrap()
    }

    /// Set in the process that is to be ended.
    const TO_BE_ENDED: &str = "PARLANCE_TEST_TO_BE_ENDED";
    /// How long it may take to end.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_second_signal_ends_also_what_is_still_starting() {
        if std::env::var_os(TO_BE_ENDED).is_some() {
            block_on(one_each, run_until_stopped(start_for_ever()));
            return;
        }
        let name = "process::tests::a_second_signal_ends_also_what_is_still_starting";
        let mut same = std::process::Command::new(std::env::current_exe().unwrap());
        same.args(["--exact", name, "--nocapture"]).env(TO_BE_ENDED, "1").stdout(Stdio::piped());
        let mut child = same.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line == "starting"));
        let began = Instant::now();
        let ended = loop {
            kill_process(Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
            match child.try_wait().unwrap() {
                Some(ended) => break ended.code(),
                None if began.elapsed() < PATIENCE => std::thread::sleep(ONE_BREATH),
                None => break child.kill().map(|()| None).unwrap(),
            }
        };
        assert_eq!(ended, Some(1));
    }

    /// A start that keeps its thread, as a database does that has to be upgraded first.
    async fn start_for_ever() -> Result<Vec<Running>, Failure> {
        println!("\nstarting");
        loop {
            std::thread::park();
        }
    }

    #[tokio::test]
    async fn all_but_the_last_are_told_at_once_and_the_last_when_they_have_ended() {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let note = |who| {
            let ended = ended.clone();
            move || ended.lock().unwrap().push(who)
        };
        let (tell, told) = oneshot::channel();
        let (first, second, last) = (note("first"), note("second"), note("last"));
        let services = vec![
            service(async move {
                told.await.unwrap();
                first();
            })
            .await,
            service(async move {
                second();
                tell.send(()).unwrap();
            })
            .await,
        ];
        drain(services, Some(service(async move { last() }).await)).await.unwrap();
        assert_eq!(*ended.lock().unwrap(), ["second", "first", "last"]);
    }

    /// Another one became the last then, and took work on until the rest had ended.
    #[tokio::test]
    async fn all_are_told_at_once_when_it_was_the_last_that_ended() {
        let (tell, told) = oneshot::channel();
        let first = service(async move { told.await.unwrap() }).await;
        let second = service(async move { tell.send(()).unwrap() }).await;
        let ends = service(async {}).await;
        ends.begin_drain();
        let (mut services, mut last) = (vec![first, second], Some(ends));
        first_ended(&mut services, &mut last).await.unwrap();
        drain(services, last).await.unwrap();
    }
}
