//! The database in memory: there a lock is one of our own threads'.

use std::thread;

use super::super::schema::Location;
use super::*;

/// The writer gave up after ten seconds, and the history was gone with it.
#[test]
fn the_writer_waits_for_whoever_reads_as_long_as_it_takes() {
    let location = Location::of(Path::new(""), Sync::Off).unwrap();
    let (writer, reader) = (location.open_writer().unwrap(), location.open_reader().unwrap());
    for db in [&writer, &reader] {
        let patience: i64 = db.pragma_query_value(None, "busy_timeout", |row| row.get(0)).unwrap();
        assert_eq!(patience, i64::from(i32::MAX), "milliseconds");
    }
    reader.execute_batch("BEGIN; SELECT count(*) FROM rooms").unwrap();
    let (tell, told) = mpsc::channel();
    let writing = thread::spawn(move || {
        let begun = writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO rooms VALUES (1, 'a', 0, 0)");
        tell.send(begun).unwrap();
        writer.execute_batch("COMMIT")
    });
    assert_eq!(told.recv().unwrap(), Ok(()));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(writing.join().unwrap(), Ok(()));
    let rooms = reader.query_row("SELECT count(*) FROM rooms", [], |row| row.get(0));
    assert_eq!(rooms, Ok(1));
}
