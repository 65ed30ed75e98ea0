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
    let mut options = first_step(search)?;
    let mut rate = stepped(&mut options)?.rate;
    let mut steps = Steps::new(search);
    for _ in 0..STEPS {
        *stepped(&mut options)? = Load::constant(rate);
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

/// The run of the first step.
///
/// # Errors
/// [`Failure::Usage`], when there is no single rate to step up.
pub fn first_step(search: &Search) -> Result<Options, Failure> {
    let mut options = search.options.clone();
    stepped(&mut options)?;
    Ok(options)
}

/// The load that is stepped up: messages, or else the only one there is.
fn stepped(options: &mut Options) -> Result<&mut Load, Failure> {
    let usage = |problem: &str| Failure::Usage { flag: "--rate", value: "0".into(), problem: problem.into() };
    if options.messages.is_some() {
        return Ok(&mut options.messages);
    }
    let others = [&mut options.queries, &mut options.transfers, &mut options.entries];
    let mut others = others.into_iter().filter(|load| load.is_some());
    match (others.next(), others.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(usage("find-max steps a rate up, and needs one to begin with")),
        _ => Err(usage(
            "without messages find-max steps the only other rate up; set the rest of --info-rate, --file-rate and \
             --registry-rate to 0",
        )),
    }
}
