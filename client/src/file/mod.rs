//! Files: sending, fetching, listing.

mod body;
mod connection;
mod gather;
mod get;
mod list;
mod progress;
mod put;
mod receive;
mod select;

use std::io;
use std::path::Path;
use std::time::Duration;

use engine::file::{FileName, Hash};
use indicatif::HumanBytes;
use serde_json::json;

use self::connection::Connection;
use crate::endpoint::Endpoint;
use crate::errors::{Failure, Outcome};
use crate::terminal::{print, print_json, safe};

pub(crate) use self::get::{get, get_memory};
pub(crate) use self::list::{delete, entries, ls, rm, stat};
pub(crate) use self::put::{put, put_memory};

/// Where the service is, and how to show what it says.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
}

/// A file as the service has it.
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
            true => print_json(&json!({"name": name.as_str(), "size": size, "hash": hash.to_string()})),
            false => print(&safe(&format!("{done} {name}, {}, blake3 {hash}", HumanBytes(*size)))),
        }
    }

    fn print_fetched(&self, stored: &Stored, target: &Path) -> Outcome {
        let Stored { size, hash, name } = stored;
        let path = target.display().to_string();
        match self.json {
            true => print_json(
                &json!({"name": name.as_str(), "size": size, "hash": hash.to_string(), "path": path}),
            ),
            false => print(&safe(&format!("fetched {path}, {}, blake3 {hash} verified", HumanBytes(*size)))),
        }
    }
}

/// A file on this machine that can't be read or written.
fn local(path: &Path, error: &io::Error) -> Failure {
    Failure::local(path.display(), error)
}
