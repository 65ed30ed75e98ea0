//! Files: sending, fetching, listing.

mod body;
mod connection;
mod gather;
mod get;
mod left_out;
mod list;
mod partial;
mod progress;
mod put;
mod receive;
mod select;
mod several;

use std::io;
use std::path::Path;
use std::time::Duration;

use engine::file::{FileName, Hash};
use indicatif::HumanBytes;
use serde_json::json;

use self::connection::Connection;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};
use crate::terminal::{report, safe_json};

pub(crate) use self::get::{get, get_memory};
pub(crate) use self::list::{delete, entries, ls, rm, stat};
pub(crate) use self::progress::Bars;
pub(crate) use self::put::{put, put_memory};

/// Where the service is, and how to show what it says.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
    /// How many files are on their way at once.
    pub(crate) jobs: usize,
    pub(crate) bars: Bars,
}

/// A file as the service has it.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) size: u64,
    pub(crate) hash: Hash,
    pub(crate) name: FileName,
}

impl Options {
    async fn open(&self) -> Outcome<Connection<'_>> {
        Connection::open(&self.endpoint, self.timeout).await
    }

    fn print_stored(&self, done: &str, stored: &Stored) -> Outcome {
        let Stored { size, hash, name } = stored;
        match self.json {
            true => self.object(&json!({"name": name.as_str(), "size": size, "hash": hash.to_string()})),
            false => self.bars.print(&format!("{done} {name}, {}, blake3 {hash}", HumanBytes(*size))),
        }
    }

    /// `done` says how it came here.
    fn print_here(&self, done: &str, stored: &Stored, target: &Path) -> Outcome {
        let Stored { size, hash, name } = stored;
        let path = target.display().to_string();
        match self.json {
            true => self.object(
                &json!({"name": name.as_str(), "size": size, "hash": hash.to_string(), "path": path}),
            ),
            false => {
                self.bars.print(&format!("{done} {path}, {}, blake3 {hash} verified", HumanBytes(*size)))
            }
        }
    }

    fn object(&self, object: &serde_json::Value) -> Outcome {
        self.bars.print_object(&safe_json(&object.to_string()))
    }

    /// Says what went wrong with one of several files.
    fn tell(&self, failure: &Failure) {
        self.bars.above(|| report(failure, self.json));
    }
}

/// A file on this machine that can't be read or written.
fn local(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bars, Options};
    use crate::endpoint::{Endpoint, Service};

    /// Options of somebody who asks nobody.
    pub(super) fn options() -> Options {
        let endpoint = Endpoint::on(Service::File, "127.0.0.1");
        Options { endpoint, timeout: Duration::from_secs(5), json: false, jobs: 4, bars: Bars::default() }
    }
}
