//! From the tables of an earlier version to those of this one, in one transaction: an upgrade that is killed
//! has not been begun.

use rusqlite::{Connection, Result, Transaction, params};

use super::schema::{REFS, SETTINGS, VERSION};

/// Brings a database of this earlier version up to date.
///
/// # Errors
/// A database that can't be written.
pub(super) fn upgrade(db: &mut Connection, from: i64) -> Result<()> {
    let transaction = db.transaction()?;
    if from < 2 {
        remember_what_refs_stand_for(&transaction)?;
        transaction.execute_batch(SETTINGS)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Version 1 looked the text up in the message itself, which retention may have removed: a key whose message
/// is gone stood for nothing there, and stays behind.
fn remember_what_refs_stand_for(transaction: &Transaction<'_>) -> Result<()> {
    transaction.execute_batch("DROP INDEX refs_by_age; ALTER TABLE refs RENAME TO refs_1;")?;
    transaction.execute_batch(REFS)?;
    let mut old = transaction.prepare(
        "SELECT r.user, r.ref, r.key, r.at, m.text FROM refs_1 r JOIN messages m ON m.key = r.key",
    )?;
    let mut new =
        transaction.prepare("INSERT INTO refs (user, ref, key, at, digest) VALUES (?, ?, ?, ?, ?)")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let (user, reference, text): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let (key, at): (i64, i64) = (row.get(2)?, row.get(3)?);
        new.execute(params![user, reference, key, at, super::commit::digest(&text)])?;
    }
    drop(rows);
    drop((old, new));
    transaction.execute_batch("DROP TABLE refs_1;")
}
