//! The hash of a file that is here.

use std::path::Path;

use blake3::{Hash, Hasher};
use tokio::fs::File;

use super::body::Body;
use super::{Options, local};
use crate::errors::Outcome;

/// The hash of a file that must not become shorter meanwhile.
pub(super) async fn hash_of(options: &Options, path: &Path, size: u64) -> Outcome<Hash> {
    let file = File::open(path).await.map_err(|error| local(path, &error))?;
    Ok(hashed(options, file, size, path).await?.finalize())
}

/// The bytes of a file from where it stands, hashed.
pub(super) async fn hashed(options: &Options, file: File, size: u64, path: &Path) -> Outcome<Hasher> {
    let progress = options.bars.transfer("reading", Some(size), 0);
    let what = path.display().to_string();
    let mut body = Body::new(file, Some(size), &what);
    loop {
        match body.chunk().await?.len() {
            0 => return Ok(body.hasher),
            read => progress.moved(read),
        }
    }
}
