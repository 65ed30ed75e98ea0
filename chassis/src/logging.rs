//! Where the log goes: lines on standard error, counted by level.

use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
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
    let filter = filter(&flags.log).ok_or_else(|| {
        Failure::config(
            "--log",
            &flags.log,
            "want error, warn, info, debug, trace, off or a filter such as chat=debug,info",
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

/// A filter's library takes a bare word for the name of a module, so that a misspelt level would silence
/// the log: here a bare word is a level.
fn filter(written: &str) -> Option<EnvFilter> {
    let is_good =
        |part: &str| !part.is_empty() && (part.contains('=') || part.parse::<LevelFilter>().is_ok());
    written.split(',').all(is_good).then(|| EnvFilter::try_new(written).ok()).flatten()
}

/// Counts what is logged, for `log_messages_total`.
struct CountByLevel;

impl<S: Subscriber> Layer<S> for CountByLevel {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        LOG_MESSAGES.with_label_values(&[&level]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_filter_and_nothing_else() {
        for good in ["info", "WARN", "off", "chat=debug,info"] {
            assert!(filter(good).is_some(), "{good}");
        }
        for bad in ["", "loud", "chat=debgu", "info,loud"] {
            assert!(filter(bad).is_none(), "{bad:?}");
        }
    }
}
