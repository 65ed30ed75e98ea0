//! The `loadgen` command.

use std::future::Future;
use std::io::{IsTerminal, Stderr, Write, stderr, stdout};
use std::pin::pin;
use std::process::{ExitCode, exit};

use loadgen::audience::{Audience, Panel, Screen, View, give_back};
use loadgen::cli::{Cli, Compare, Merge, Options, Search, Showing, Task};
use loadgen::compare::{compare, read};
use loadgen::exposition::Exposition;
use loadgen::failure::Failure;
use loadgen::find_max::{find_max, first_step};
use loadgen::merge::merge;
use loadgen::output;
use loadgen::plan::Plan;
use loadgen::run::run;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

fn main() -> ExitCode {
    let outcome = Cli::read(std::env::args_os()).and_then(|cli| match cli.task() {
        Task::Run(options) if options.showing.dry_run => dry_run(&options),
        Task::Run(options) => on_a_runtime(wet_run(&options)),
        Task::FindMax(search) if search.options.showing.dry_run => dry_run(&first_step(&search)?),
        Task::FindMax(search) => on_a_runtime(search_for(&search)),
        Task::Compare(files) => compare_files(&files),
        Task::Merge(files) => merge_files(&files),
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // Whoever can't hear it has the exit code.
            let _ = writeln!(stderr(), "loadgen: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn on_a_runtime(work: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(system)?;
    let outcome = runtime.block_on(work);
    // A name that is being looked up holds nobody up: it may take as long as a resolver has patience.
    runtime.shutdown_background();
    outcome
}

fn system(why: std::io::Error) -> Failure {
    Failure::System { doing: "starting", why }
}

fn dry_run(options: &Options) -> Result<u8, Failure> {
    let plan = Plan::new(options)?;
    print(&plan.preview(&plan.scene(options, 0)));
    Ok(0)
}

async fn wet_run(options: &Options) -> Result<u8, Failure> {
    let showing = &options.showing;
    let mut audience = audience(showing, view(options)?).await?;
    let interrupt = interrupted().map_err(system)?;
    let report = run(options, &mut audience, pin!(interrupt.clone().came())).await?;
    audience.show(View::Nothing);
    print(&output::shown(&report, showing, is_colourful(&stdout())));
    output::write(&report, showing)?;
    linger(&audience, showing, interrupt).await;
    Ok(report.exit_code)
}

async fn search_for(search: &Search) -> Result<u8, Failure> {
    let showing = &search.options.showing;
    let mut audience = audience(showing, if showing.quiet { View::Nothing } else { View::Steps }).await?;
    let interrupt = interrupted().map_err(system)?;
    let found = find_max(search, &mut audience, pin!(interrupt.clone().came())).await?;
    let json = found.report.as_ref().and_then(|report| output::json_shown(report, showing));
    print(&json.unwrap_or(found.text));
    if let Some(report) = &found.report {
        output::write(report, showing)?;
    }
    linger(&audience, showing, interrupt).await;
    Ok(found.exit_code)
}

fn compare_files(files: &Compare) -> Result<u8, Failure> {
    let found = compare(&read(&files.before)?, &read(&files.after)?, files.noise)?;
    print(&found.text);
    Ok(if found.worse { 3 } else { 0 })
}

fn merge_files(files: &Merge) -> Result<u8, Failure> {
    let reports: Result<Vec<_>, _> = files.reports.iter().map(|path| read(path)).collect();
    let sum = merge(&reports?, files.not_at_once)?;
    print(&output::sum(&sum, files.json.as_deref(), is_colourful(&stdout()))?);
    Ok(sum.exit_code)
}

/// How a run is shown.
fn view(options: &Options) -> Result<View, Failure> {
    if options.showing.quiet {
        return Ok(View::Nothing);
    }
    if !is_screen() {
        return Ok(View::Lines);
    }
    let panel = Panel::new(options.lasts().as_secs(), is_colourful(&stderr()));
    Screen::new(panel).map(View::Panel).map_err(system)
}

/// Whoever the flags want told about it while it runs.
async fn audience(showing: &Showing, view: View) -> Result<Audience<Stderr>, Failure> {
    output::check(showing)?;
    let mut audience = Audience::new(stderr(), view);
    audience.log = showing.hlog.as_deref().map(output::log).transpose()?;
    if let Some(at) = showing.metrics {
        let served = Exposition::serve(at).await;
        let usage = |why: std::io::Error| Failure::Usage {
            flag: "--metrics",
            value: at.to_string(),
            problem: why.to_string(),
        };
        let (exposition, at) = served.map_err(usage)?;
        audience.line(&format!("metrics at http://{at}/metrics"));
        audience.exposition = Some(exposition);
    }
    Ok(audience)
}

/// Whether lines on standard error can be drawn over.
fn is_screen() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether colour is welcome there (no-color.org).
fn is_colourful(out: &impl IsTerminal) -> bool {
    out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn print(text: &str) {
    // Whoever closed the pipe has read enough; the exit code still says how it went.
    let _ = stdout().write_all(text.as_bytes());
}

/// Waits for a last scrape, as long as nobody wants that to end. Whoever has ended the run has not ended this: what
/// it came to is yet to be told.
async fn linger(audience: &Audience<Stderr>, showing: &Showing, interrupt: Interrupt) {
    let has_ended_the_run = interrupt.has_come();
    tokio::select! {
        () = audience.linger(showing.linger) => {}
        () = interrupt.came(), if !has_ended_the_run => {}
    }
}

/// The wish that it ends. Clones are the same wish.
#[derive(Clone)]
struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it has come.
    async fn came(mut self) {
        // The sender lives as long as the runtime.
        let _ = self.0.wait_for(|came| *came).await;
    }
}

/// Comes at the first SIGINT or SIGTERM; the second ends the process at once.
fn interrupted() -> std::io::Result<Interrupt> {
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
        tell.send_replace(true);
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
        give_back();
        exit(130);
    });
    Ok(Interrupt(told))
}
