//! Several files at once: how many, in which order, and what becomes of the others when one fails.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Options;
use crate::errors::{Failure, Outcome, Tally};

/// Does a job for each of the files, so many at a time and begun in their order. What is wrong with one
/// file is told and stops no other; when the service can't be reached, or what reads the output is gone,
/// no more are begun.
///
/// # Errors
/// The failure of a file that is alone; of several, how many failed.
pub(super) async fn each<F>(options: &Options, files: impl IntoIterator<Item = F>) -> Outcome
where
    F: Future<Output = Outcome>,
{
    let mut waiting: Vec<F> = files.into_iter().collect();
    waiting.reverse();
    let (count, mut tally) = (waiting.len(), Tally::default());
    let bar = options.bars.files(count);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < options.jobs {
            let Some(next) = waiting.pop() else { break };
            running.push(next);
        }
        let Some(done) = running.next().await else { return verdict(&tally, count) };
        bar.moved(1);
        if let Err(failure) = done {
            if count == 1 || matches!(failure, Failure::NobodyReads | Failure::Interrupted) {
                return Err(failure);
            }
            if !is_of_one_file(&failure) {
                waiting.clear();
            }
            options.tell(&failure);
            tally.add(&failure);
        }
    }
}

fn verdict(&Tally { failed, exit }: &Tally, count: usize) -> Outcome {
    if failed == 0 { Ok(()) } else { Err(Failure::SomeFiles { failed, count, exit }) }
}

/// Whether the next file may fare better.
fn is_of_one_file(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Refused { .. } | Failure::Usage(_) | Failure::Mismatch { .. } | Failure::Taken(_)
    )
}
