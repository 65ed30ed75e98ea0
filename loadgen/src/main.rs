//! The `loadgen` command.

use std::io::{Write, stderr, stdout};
use std::process::{ExitCode, exit};

use clap::Parser;
use loadgen::cli::Options;
use loadgen::failure::Failure;
use loadgen::plan::Plan;
use loadgen::progress::Progress;
use loadgen::report::{Report, text};
use loadgen::run::run;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = if options.dry_run { dry_run(&options) } else { wet_run(&options) };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("loadgen: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dry_run(options: &Options) -> Result<u8, Failure> {
    let plan = Plan::new(options)?;
    print(&plan.preview(&plan.scene(options, 0)));
    Ok(0)
}

fn wet_run(options: &Options) -> Result<u8, Failure> {
    let system = |why| Failure::System { doing: "starting the runtime", why };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(system)?;
    let progress = Progress::to((!options.quiet).then(stderr));
    let report = runtime.block_on(async { run(options, progress, interrupted().map_err(system)?).await })?;
    print(&shown(&report, options.json));
    Ok(report.exit_code)
}

fn shown(report: &Report, json: bool) -> String {
    if json {
        serde_json::to_string_pretty(report).expect("a report holds only what JSON can") + "\n"
    } else {
        text::summary(report)
    }
}

fn print(text: &str) {
    // Whoever closed the pipe has read enough; the exit code still says how it went.
    let _ = stdout().write_all(text.as_bytes());
}

/// Resolves at the first SIGINT or SIGTERM; the second ends the process at once.
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
        let _ = tell.send(());
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
        exit(130);
    });
    Ok(async move {
        // The sender lives as long as the runtime, so this is always the first signal.
        let _ = told.await;
    })
}
