//! `--replicas`: several chat servers in one data folder, each in a place of its own.
//!
//! Containers of one service are all given the same flags and the same volume. Whoever comes first takes the
//! first place, which is the folder itself; the second is `replica-2` in it, and so on. A place is held by a
//! lock that the system lets go of when the process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use chassis::Failure;
use engine::registry::Label;

use crate::config::Config;

/// A place of this server's own while this lives.
#[derive(Debug)]
pub(crate) struct Place {
    _lock: Option<File>,
}

impl Place {
    /// Takes the first free place of `--replicas`, and makes it the data folder and the number of the
    /// instance. A single server has the folder to itself and takes nothing.
    ///
    /// # Errors
    /// [`Failure::Config`]: every place is taken, or the folder can't be written.
    pub(crate) fn take(config: &mut Config) -> Result<Self, Failure> {
        if config.replicas == 1 {
            return Ok(Place { _lock: None });
        }
        for number in 1..=config.replicas {
            if let Some(lock) = try_lock(&config.data, number)? {
                settle(config, number);
                return Ok(Place { _lock: Some(lock) });
            }
        }
        Err(Failure::config(
            "--replicas",
            config.replicas,
            format!("so many chat servers use {} already; give a higher number", config.data.display()),
        ))
    }
}

/// The lock of a place, unless another process has it.
fn try_lock(data: &Path, number: u16) -> Result<Option<File>, Failure> {
    let lock = fs::create_dir_all(data)
        .and_then(|()| File::create(data.join(format!("place-{number}.lock"))))
        .map_err(TryLockError::Error)
        .and_then(|file| file.try_lock().map(|()| file));
    match lock {
        Ok(file) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Failure::config(
            "--data",
            data.display(),
            format!("can't lock a place there: {error}; give a folder that this user owns"),
        )),
    }
}

fn settle(config: &mut Config, number: u16) {
    if number > 1 {
        config.data.push(format!("replica-{number}"));
    }
    let name = || Label::parse(&format!("chat-{number}")).expect("letters and digits are a label");
    config.presence.instance.get_or_insert_with(name);
}
