//! A room is a log, a member is a cursor.
//!
//! What a room is told is encoded once for each dialect and appended; everybody reads on from where they
//! are, all that has piled up at once. Nothing is lost by itself: whoever keeps the log lets go of those who
//! are behind its [tail](Log::tail), and of what nobody needs any more.

use std::collections::{BTreeSet, VecDeque};

use super::{MemberId, Skip};

/// How a member is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Lines for people.
    Text,
    /// JSON objects for programs.
    Json,
}

/// Who reads: the lines that skip this member are left out.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Who.
    pub member: MemberId,
    /// In which dialect.
    pub dialect: Dialect,
}

/// Lines that are appended together, in both dialects.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<Line>,
    /// Every member that some line skips, so that all others can be spared the look at each line.
    skipped: BTreeSet<MemberId>,
    text: Vec<u8>,
    json: Vec<u8>,
}

#[derive(Debug)]
struct Line {
    skip: Skip,
    text_end: usize,
    json_end: usize,
}

impl Batch {
    /// Appends a line; `encode` writes it, with its end, behind what is there. A dialect that nobody in
    /// the room reads may be left empty.
    pub fn push(&mut self, skip: Skip, encode: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) {
        encode(&mut self.text, &mut self.json);
        match &skip {
            Skip::Nobody => {}
            Skip::One(one) => self.skipped.extend([*one]),
            Skip::Many(many) => self.skipped.extend(many.iter()),
        }
        self.lines.push(Line { skip, text_end: self.text.len(), json_end: self.json.len() });
    }

    /// How many lines it has.
    pub fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn bytes(&self, dialect: Dialect) -> &[u8] {
        match dialect {
            Dialect::Text => &self.text,
            Dialect::Json => &self.json,
        }
    }

    fn size(&self) -> usize {
        self.text.len().max(self.json.len())
    }

    /// Bytes of memory that it takes.
    fn footprint(&self) -> usize {
        self.text.capacity() + self.json.capacity() + self.lines.capacity() * size_of::<Line>()
    }

    /// Where line `index` begins.
    fn start(&self, index: usize, dialect: Dialect) -> usize {
        index.checked_sub(1).map_or(0, |before| self.end(before, dialect))
    }

    fn end(&self, index: usize, dialect: Dialect) -> usize {
        match dialect {
            Dialect::Text => self.lines[index].text_end,
            Dialect::Json => self.lines[index].json_end,
        }
    }
}

/// What a member gets next.
#[derive(Debug, PartialEq, Eq)]
pub struct Gathered<'a> {
    /// Whole lines; empty when all that is left skips the member.
    pub bytes: &'a [u8],
    /// How many lines these are.
    pub lines: u64,
    /// Where the member is once it has them.
    pub cursor: u64,
}

/// A room's log. Positions count lines from the room's first.
#[derive(Debug)]
pub struct Log {
    batches: VecDeque<Placed>,
    head: u64,
    size: usize,
    limit: usize,
    /// Memory that all batches of all times took.
    footprint: u64,
}

/// A batch in its place.
#[derive(Debug)]
struct Placed {
    first: u64,
    /// Memory that all batches before it took.
    footprint: u64,
    batch: Batch,
}

impl Placed {
    /// The position behind its last line.
    fn end(&self) -> u64 {
        self.first + self.batch.len()
    }
}

impl Log {
    /// Bytes that are gathered for one write at most, unless one batch is larger.
    const WRITE: usize = 64 * 1024;

    /// An empty log; `limit` bytes of a dialect behind is where the [tail](Log::tail) is.
    pub fn new(limit: usize) -> Self {
        Log { batches: VecDeque::new(), head: 0, size: 0, limit, footprint: 0 }
    }

    /// The position behind the last line.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Appends.
    pub fn append(&mut self, batch: Batch) {
        let (first, footprint) = (self.head, self.footprint);
        self.head += batch.len();
        self.size += batch.size();
        self.footprint += batch.footprint() as u64;
        self.batches.push_back(Placed { first, footprint, batch });
    }

    /// The position that is just within the limit; whoever is before it is too far behind. The newest batch
    /// is always within.
    pub fn tail(&self) -> u64 {
        let mut size = self.size;
        for placed in self.batches.iter().take(self.batches.len().saturating_sub(1)) {
            if size <= self.limit {
                return placed.first;
            }
            size -= placed.batch.size();
        }
        self.batches.back().map_or(self.head, |newest| newest.first)
    }

    /// Bytes of memory that are kept because somebody has still to read on from `cursor`.
    pub fn kept_for(&self, cursor: u64) -> usize {
        let oldest = self.batches.get(self.batches.partition_point(|placed| placed.end() <= cursor));
        oldest.map_or(0, |placed| (self.footprint - placed.footprint) as usize)
    }

    /// Forgets everything before a position that nobody needs any more.
    pub fn forget_before(&mut self, position: u64) {
        while self.batches.front().is_some_and(|placed| placed.end() <= position) {
            if let Some(placed) = self.batches.pop_front() {
                self.size -= placed.batch.size();
            }
        }
    }

    /// The next bytes for a reader at `cursor`: one batch as it stands where possible, else copied
    /// together in `scratch`.
    ///
    /// # Panics
    /// When what the reader needs has been forgotten.
    pub fn gather<'a>(&'a self, cursor: u64, reader: Reader, scratch: &'a mut Vec<u8>) -> Gathered<'a> {
        if cursor == self.head {
            return Gathered { bytes: &[], lines: 0, cursor };
        }
        let at = self.batch_of(cursor);
        let Placed { first, batch, .. } = &self.batches[at];
        let is_last = at + 1 == self.batches.len();
        if is_last && !batch.skipped.contains(&reader.member) {
            let bytes =
                &batch.bytes(reader.dialect)[batch.start((cursor - first) as usize, reader.dialect)..];
            return Gathered { bytes, lines: self.head - cursor, cursor: self.head };
        }
        scratch.clear();
        let (lines, cursor) = self.copy_from(at, cursor, reader, scratch);
        Gathered { bytes: scratch, lines, cursor }
    }

    /// Where a reader at `cursor`, who has not read everything, is after `count` lines that do not skip it.
    ///
    /// # Panics
    /// When what the reader needs has been forgotten.
    pub fn after_lines(&self, cursor: u64, reader: Reader, count: u64) -> u64 {
        let mut left = count;
        for Placed { first, batch, .. } in self.batches.range(self.batch_of(cursor)..) {
            let from = cursor.saturating_sub(*first) as usize;
            for (index, line) in batch.lines.iter().enumerate().skip(from) {
                if left == 0 {
                    return first + index as u64;
                }
                left -= u64::from(!line.skip.covers(reader.member));
            }
        }
        self.head
    }

    /// How many lines a reader at `cursor` has still to get.
    ///
    /// # Panics
    /// When what the reader needs has been forgotten.
    pub fn lines_for(&self, cursor: u64, reader: Reader) -> u64 {
        if cursor >= self.head {
            return 0;
        }
        let rest = self.batches.range(self.batch_of(cursor)..).flat_map(|Placed { first, batch, .. }| {
            batch.lines.iter().skip(cursor.saturating_sub(*first) as usize)
        });
        rest.filter(|line| !line.skip.covers(reader.member)).count() as u64
    }

    fn batch_of(&self, cursor: u64) -> usize {
        let after = self.batches.partition_point(|placed| placed.first <= cursor);
        after.checked_sub(1).expect("what somebody has still to read is not forgotten")
    }

    fn copy_from(&self, at: usize, cursor: u64, reader: Reader, out: &mut Vec<u8>) -> (u64, u64) {
        let (mut lines, mut position) = (0, cursor);
        for Placed { first, batch, .. } in self.batches.range(at..) {
            if out.len() >= Self::WRITE {
                break;
            }
            let from = (position - first) as usize;
            lines += copy_runs(batch, from, reader, out);
            position = first + batch.len();
        }
        (lines, position)
    }
}

/// Copies a batch's lines from `from` on but those that skip the reader, neighbours together.
fn copy_runs(batch: &Batch, from: usize, reader: Reader, out: &mut Vec<u8>) -> u64 {
    let bytes = batch.bytes(reader.dialect);
    let (mut lines, mut run) = (0, batch.start(from, reader.dialect));
    for (index, line) in batch.lines.iter().enumerate().skip(from) {
        if line.skip.covers(reader.member) {
            out.extend_from_slice(&bytes[run..batch.start(index, reader.dialect)]);
            run = batch.end(index, reader.dialect);
        } else {
            lines += 1;
        }
    }
    out.extend_from_slice(&bytes[run..]);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader(member: u64) -> Reader {
        Reader { member: MemberId(member), dialect: Dialect::Text }
    }

    /// A batch of lines `n\n`, each skipping the member of that number.
    fn batch(numbers: &[u64]) -> Batch {
        let mut batch = Batch::default();
        for &n in numbers {
            batch.push(Skip::One(MemberId(n)), |text, json| {
                text.extend_from_slice(format!("{n}\n").as_bytes());
                json.extend_from_slice(format!("{{{n}}}\n").as_bytes());
            });
        }
        batch
    }

    fn read(log: &Log, cursor: u64, member: u64) -> (String, u64) {
        let mut scratch = Vec::new();
        let gathered = log.gather(cursor, reader(member), &mut scratch);
        (String::from_utf8(gathered.bytes.to_vec()).unwrap(), gathered.cursor)
    }

    #[test]
    fn one_reads_on_without_ones_own_lines() {
        let mut log = Log::new(1000);
        log.append(batch(&[1, 2, 1]));
        assert_eq!(read(&log, 0, 9), ("1\n2\n1\n".into(), 3));
        assert_eq!(read(&log, 1, 9), ("2\n1\n".into(), 3));
        assert_eq!(read(&log, 0, 1), ("2\n".into(), 3));
        log.append(batch(&[3]));
        assert_eq!(read(&log, 2, 9), ("1\n3\n".into(), 4));
        assert_eq!(read(&log, 4, 9), (String::new(), 4));
        assert_eq!([0, 1, 2, 4].map(|cursor| log.lines_for(cursor, reader(1))), [2, 2, 1, 0]);
    }

    #[test]
    fn dialects_do_not_mix() {
        let mut log = Log::new(1000);
        log.append(batch(&[1, 2]));
        let json = Reader { member: MemberId(2), dialect: Dialect::Json };
        let mut scratch = Vec::new();
        assert_eq!(log.gather(0, json, &mut scratch).bytes, b"{1}\n");
    }

    #[test]
    fn the_limit_says_who_is_too_far_behind_and_forgets_nothing() {
        let mut log = Log::new(16);
        assert_eq!(log.tail(), 0);
        for n in 0..10 {
            log.append(batch(&[n]));
        }
        // A line is four bytes long in the longer dialect.
        assert_eq!(log.tail(), 6);
        assert_eq!(read(&log, 0, 99).1, 10);
        log.forget_before(9);
        assert_eq!((log.tail(), read(&log, 9, 99)), (9, ("9\n".into(), 10)));
        log.forget_before(10);
        assert_eq!((log.tail(), read(&log, 10, 99)), (10, (String::new(), 10)));
        log.append(batch(&[1, 2, 3, 4, 5, 6]));
        assert_eq!(log.tail(), 10, "the newest batch is within, however large it is");
    }

    #[test]
    fn it_knows_what_it_keeps_for_whom() {
        let mut log = Log::new(16);
        assert_eq!(log.kept_for(0), 0);
        let all: usize = [batch(&[1, 2]), batch(&[3])].map(|batch| batch.footprint()).iter().sum();
        log.append(batch(&[1, 2]));
        log.append(batch(&[3]));
        let newest = batch(&[3]).footprint();
        assert!(newest > 4, "what a line takes beside its bytes counts");
        assert_eq!([0, 1, 2, 3].map(|cursor| log.kept_for(cursor)), [all, all, newest, 0]);
        log.forget_before(2);
        assert_eq!([2, 3].map(|cursor| log.kept_for(cursor)), [newest, 0]);
    }

    proptest! {
        /// However the lines are batched and however little is taken at a time, everybody gets every
        /// line of the others once and in order.
        #[test]
        fn nothing_is_lost_or_doubled(
            batches in proptest::collection::vec(proptest::collection::vec(0..4u64, 1..6), 1..8),
            takes in proptest::collection::vec(1..5u64, 200),
            member in 0..5u64,
        ) {
            let mut log = Log::new(usize::MAX);
            let (mut cursor, mut got, mut scratch) = (0, String::new(), Vec::new());
            let mut takes = takes.into_iter();
            for numbers in &batches {
                log.append(batch(numbers));
                let gathered = log.gather(cursor, reader(member), &mut scratch);
                let taken = takes.next().unwrap().min(gathered.lines);
                let text = std::str::from_utf8(gathered.bytes).unwrap();
                prop_assert_eq!(text.lines().count() as u64, gathered.lines);
                got.extend(text.split_inclusive('\n').take(taken as usize));
                cursor = if taken == gathered.lines { gathered.cursor } else { log.after_lines(cursor, reader(member), taken) };
            }
            let owed = log.lines_for(cursor, reader(member));
            let rest = log.gather(cursor, reader(member), &mut scratch);
            prop_assert_eq!(owed, rest.lines);
            got.push_str(std::str::from_utf8(rest.bytes).unwrap());
            let wanted: String =
                batches.concat().iter().filter(|&&n| n != member).map(|n| format!("{n}\n")).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}
