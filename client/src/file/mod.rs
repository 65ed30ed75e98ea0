//! Files: sending, fetching, listing.

mod body;
mod connection;
mod gather;
mod get;
mod hash;
mod left_out;
mod list;
mod partial;
mod progress;
mod put;
mod receive;
mod retry;
mod select;
mod several;

use std::io;
use std::path::Path;
use std::time::Duration;

use engine::Refusal;
use engine::file::{FileName, Hash};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use self::connection::Connection;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};
use crate::terminal::{report, safe_json};

pub(crate) use self::get::{get, get_memory};
pub(crate) use self::list::{delete, entries, ls, rm, stat};
pub(crate) use self::progress::Bars;
pub(crate) use self::put::{Done, put, put_memory};
pub(crate) use self::select::{Found, find};

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
    /// In bytes.
    pub(crate) size: u64,
    /// BLAKE3.
    pub(crate) hash: Hash,
    pub(crate) name: FileName,
}

impl Options {
    async fn open(&self) -> Outcome<Connection<'_>> {
        Connection::open(&self.endpoint, self.timeout).await
    }

    /// A file that is there now.
    fn print_there(&self, done: &Done) -> Outcome {
        let (how, Stored { size, hash, name }) = (done.how.as_str(), &done.stored);
        match self.json {
            true => self.object(&object(how, &done.stored)),
            false => self.bars.print(&format!("{how} {name}, {}, blake3 {hash}", HumanBytes(*size))),
        }
    }

    /// A file that is here now; `how` says how it came.
    fn print_here(&self, how: &str, stored: &Stored, target: &Path) -> Outcome {
        let path = target.display().to_string();
        if self.json {
            let mut object = object(how, stored);
            object["path"] = path.into();
            return self.object(&object);
        }
        let Stored { size, hash, .. } = stored;
        self.bars.print(&format!("{how} {path}, {}, blake3 {hash} verified", HumanBytes(*size)))
    }

    fn object(&self, object: &Value) -> Outcome {
        self.bars.print_object(&safe_json(&object.to_string()))
    }

    /// Says what went wrong with one of several files.
    fn tell(&self, failure: &Failure) {
        self.bars.above(|| report(failure, self.json));
    }
}

fn object(how: &str, stored: &Stored) -> Value {
    let Stored { size, hash, name } = stored;
    json!({"result": how, "name": name.as_str(), "size": size, "hash": hash.to_string()})
}

/// A file on this machine that can't be read or written.
fn local(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error)
}

/// Reads a name that somebody typed.
fn parse_name(written: &str) -> Outcome<FileName> {
    FileName::parse(written).map_err(|bad| {
        let Refusal { words, .. } = bad.into();
        Failure::Usage(format!("`{written}` is no name for the file service: {words}"))
    })
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
