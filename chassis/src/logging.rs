//! Where the log goes: lines on standard error, counted by level.

use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::failure::Failure;
use crate::flags::{LogFlags, LogFormat};
use crate::metrics::LOG_MESSAGES;

/// Starts the process's log. A second call changes nothing.
///
/// # Errors
/// A `--log` that is no filter.
pub fn init(flags: &LogFlags) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&flags.log).map_err(|_| {
        Failure::config(
            "--log",
            &flags.log,
            "want error, warn, info, debug, trace or a filter such as chat=debug,info",
        )
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match flags.log_format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    // Only the first caller in a process sets the log up: tests start many services.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(CountByLevel).try_init();
    Ok(())
}

/// Counts what is logged, for `log_messages_total`.
struct CountByLevel;

impl<S: Subscriber> Layer<S> for CountByLevel {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        LOG_MESSAGES.with_label_values(&[&level]).inc();
    }
}
