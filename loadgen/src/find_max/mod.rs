//! The highest rate at which a promise still holds: doubled until it breaks, then narrowed down.

mod bracket;
mod steps;

use std::future::Future;
use std::io::Write;
use std::pin::Pin;

pub use bracket::Bracket;
pub use steps::Found;
use steps::Steps;

use crate::audience::Audience;
use crate::cli::{Load, Options, Search};
use crate::failure::Failure;
use crate::run::run;

/// The most steps: doubling from 1 a second to the highest rate takes 24.
const STEPS: u32 = 48;

/// Searches, from the rate that the options give.
///
/// # Errors
/// [`Failure`], when the first step could not run, or there is no single rate to step up.
pub async fn find_max<W: Write>(
    search: &Search,
    audience: &mut Audience<W>,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> Result<Found, Failure> {
    let mut options = search.options.clone();
    let mut rate = rate(&mut options)?.rate;
    let mut steps = Steps::new(search);
    for _ in 0..STEPS {
        *self::rate(&mut options)? = Load::constant(rate);
        match run(&options, audience, interrupt.as_mut()).await {
            Ok(report) if report.interrupted => return Ok(steps.cut_off(rate, report)),
            Ok(report) => audience.line(&steps.step(rate, report, &search.slo)),
            Err(failure) if steps.are_none() => return Err(failure),
            Err(failure) => return Ok(steps.failed(rate, &failure)),
        }
        match steps.next(rate) {
            Some(next) => rate = next,
            None => break,
        }
    }
    Ok(steps.end())
}

/// The load that is stepped up: messages, or else the only one there is.
fn rate(options: &mut Options) -> Result<&mut Load, Failure> {
    let is_one = |load: &Load| load.is_some() && load.stages.is_empty();
    let loads = [&mut options.messages, &mut options.queries, &mut options.transfers, &mut options.entries];
    loads.into_iter().find(|load| is_one(load)).ok_or_else(|| Failure::Usage {
        flag: "--rate",
        value: "0".into(),
        problem: "find-max steps a rate up, and needs one to begin with".into(),
    })
}
