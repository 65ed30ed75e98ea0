//! What files there are.

use engine::file::{Entry, FileName, Prefix};
use engine::{Code, Refusal};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use wire::file::{Reply, Request, decode_entry};
use wire::time::rfc3339;

use super::Options;
use super::connection::Connection;
use super::select::{Selection, is_pattern, matching, select};
use crate::errors::{Failure, Outcome};
use crate::terminal::{print, print_json, safe};
use crate::time::to_the_minute;

/// Lists the names that begin with `prefix`, or that are like a pattern, as the service sorts them.
pub(crate) async fn ls(options: &Options, prefix: &str, long: bool) -> Outcome {
    if is_pattern(prefix) {
        let found = matching(options, prefix).await?;
        return found.iter().try_for_each(|entry| print_entry(options, entry, long));
    }
    let mut connection = options.open().await?;
    let mut left = begin(&mut connection, prefix).await?;
    while left > 0 {
        print_entry(options, &next(&mut connection, options).await?, long)?;
        left -= 1;
    }
    Ok(())
}

fn print_entry(options: &Options, entry: &Entry, long: bool) -> Outcome {
    match options.json {
        true => print_json(&object(entry)),
        false if long => print(&safe(&row(entry))),
        false => print(&safe(entry.name.as_str())),
    }
}

/// All entries whose names begin with `prefix`.
pub(crate) async fn entries(options: &Options, prefix: &str) -> Outcome<Vec<Entry>> {
    let mut connection = options.open().await?;
    let count = begin(&mut connection, prefix).await?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(next(&mut connection, options).await?);
    }
    Ok(entries)
}

/// A name that is no file may be that of a folder, and then the person is told what is done with one.
pub(super) async fn or_folder(options: &Options, name: &FileName, failure: Failure, advice: &str) -> Failure {
    match is_folder(options, name, &failure).await {
        true => {
            let words = format!("{name} is a folder; {advice}");
            Failure::Refused { code: failure.code().to_owned(), words }
        }
        false => failure,
    }
}

/// Whether a name that was refused with this is that of a folder.
pub(super) async fn is_folder(options: &Options, name: &FileName, failure: &Failure) -> bool {
    let missing = failure.code() == Code::NotFound.as_str();
    missing && count(options, &format!("{name}/")).await.is_ok_and(|count| count > 0)
}

/// How many names begin with `prefix`.
async fn count(options: &Options, prefix: &str) -> Outcome<u64> {
    begin(&mut options.open().await?, prefix).await
}

/// Deletes files; the first that can't be deleted ends it.
pub(crate) async fn rm(options: &Options, names: &[String]) -> Outcome {
    for written in names {
        let names = match select(options, written, false).await? {
            Selection::One(name) => vec![name],
            Selection::Many(entries) => entries.into_iter().map(|entry| entry.name).collect(),
        };
        for name in names {
            remove(options, &name).await?;
        }
    }
    Ok(())
}

async fn remove(options: &Options, name: &FileName) -> Outcome {
    match delete(options, name).await {
        Ok(name) if options.json => print_json(&json!({"deleted": name.as_str()})),
        Ok(name) => print(&format!("deleted {}", safe(name.as_str()))),
        Err(failure) => {
            let deletes = format!("`client rm '{name}/**'` deletes all that is in it");
            Err(or_folder(options, name, failure, &deletes).await)
        }
    }
}

/// Deletes a file, quietly.
pub(crate) async fn delete(options: &Options, name: &FileName) -> Outcome<FileName> {
    let mut connection = options.open().await?;
    let answer = connection.ask(&Request::Delete { name: name.clone() }).await;
    match answer.map_err(|failure| failure.naming(name))? {
        Reply::Deleted { name } => Ok(name),
        reply => Err(connection.unexpected(&reply)),
    }
}

/// Shows what is known about files.
pub(crate) async fn stat(options: &Options, names: &[String]) -> Outcome {
    let mut first = true;
    for written in names {
        let entries = match select(options, written, false).await? {
            Selection::One(name) => vec![entry_or_folder(options, name).await?],
            Selection::Many(entries) => entries,
        };
        for entry in entries {
            if !std::mem::take(&mut first) && !options.json {
                print("")?;
            }
            print_stat(options, &entry)?;
        }
    }
    Ok(())
}

async fn entry_or_folder(options: &Options, name: FileName) -> Outcome<Entry> {
    match options.open().await?.stat(&name).await {
        Ok(entry) => Ok(entry),
        Err(failure) => {
            let shows = format!("`client stat '{name}/**'` shows all that is in it");
            Err(or_folder(options, &name, failure, &shows).await)
        }
    }
}

fn print_stat(options: &Options, entry: &Entry) -> Outcome {
    if options.json {
        return print_json(&object(entry));
    }
    let Entry { size, hash, modified, name } = entry;
    print(&format!("name      {}", safe(name.as_str())))?;
    print(&format!("size      {size} bytes ({})", HumanBytes(*size)))?;
    print(&format!("modified  {}", to_the_minute(*modified)))?;
    print(&format!("blake3    {hash}"))
}

async fn begin(connection: &mut Connection<'_>, prefix: &str) -> Outcome<u64> {
    let prefix = Prefix::parse(prefix).map_err(|bad| {
        let Refusal { words, .. } = bad.into();
        Failure::Usage(words.into_owned())
    })?;
    match connection.ask(&Request::List { prefix }).await? {
        Reply::List { count } => Ok(count),
        reply => Err(connection.unexpected(&reply)),
    }
}

async fn next(connection: &mut Connection<'_>, options: &Options) -> Outcome<Entry> {
    let line = connection.line().await?;
    decode_entry(&line).map_err(|bad| options.endpoint.garbled(bad))
}

fn object(entry: &Entry) -> Value {
    json!({
        "name": entry.name.as_str(),
        "size": entry.size,
        "hash": entry.hash.to_string(),
        "modified": rfc3339(entry.modified),
    })
}

fn row(entry: &Entry) -> String {
    let size = HumanBytes(entry.size).to_string();
    format!("{size:>12}  {}  {}", to_the_minute(entry.modified), entry.name)
}
